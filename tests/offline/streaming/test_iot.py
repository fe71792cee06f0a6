import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.streaming.bench import BUCKET, content, keys_under, plain, put_bucket, put_delivery, put_stream
from tests.offline.support import ACCOUNT, REGION, ROLE, bodies_of, events_of, put_queue, put_recorder


def put_rule(cloud: OfflineCloud, name: str, sql: str, *actions: dict[str, Any], **more: Any) -> None:
    cloud.context.client("iot").create_topic_rule(
        ruleName=name, topicRulePayload={"sql": sql, "actions": list(actions), **more}
    )


def publish(cloud: OfflineCloud, topic: str, payload: Any) -> None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    cloud.context.client("iot-data").publish(topic=topic, payload=body)
    functions.settle()


def queue_action(cloud: OfflineCloud, name: str, **more: Any) -> dict[str, Any]:
    put_queue(cloud, name)
    url = cloud.context.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]
    return {"sqs": {"roleArn": ROLE, "queueUrl": url, **more}}


def test_a_message_reaches_every_kind_of_target(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    put_stream(cloud, "devices", shards=1)
    put_delivery(cloud, "devices", plain("devices"))
    arn = put_recorder(cloud, "devices", "iot.amazonaws.com")
    _table(cloud, "devices")
    topic = cloud.context.client("sns").create_topic(Name="devices")["TopicArn"]
    queue = put_queue(cloud, "by-topic")
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    put_rule(
        cloud,
        "everything",
        "SELECT *, topic(2) AS cell FROM 'all/+/kpi'",
        {"kinesis": {"roleArn": ROLE, "streamName": "devices", "partitionKey": "${topic(2)}"}},
        {"firehose": {"roleArn": ROLE, "deliveryStreamName": "devices", "separator": "\n"}},
        {"lambda": {"functionArn": arn}},
        queue_action(cloud, "by-rule"),
        {"sns": {"roleArn": ROLE, "targetArn": topic, "messageFormat": "RAW"}},
        {"s3": {"roleArn": ROLE, "bucketName": BUCKET, "key": "iot/${cell}/${timestamp()}.json"}},
        {"dynamoDBv2": {"roleArn": ROLE, "putItem": {"tableName": "devices"}}},
        {"republish": {"roleArn": ROLE, "topic": "again/${topic(2)}"}},
    )
    put_rule(cloud, "republished", "SELECT topic() AS at FROM 'again/#'", queue_action(cloud, "again"))

    publish(cloud, "all/7/kpi", {"pk": "a", "drops": 0.5})
    cloud.clock.advance(65)

    wanted = {"pk": "a", "drops": 0.5, "cell": "7"}
    assert events_of(cloud, "devices") == [wanted]
    assert [json.loads(body) for body in bodies_of(cloud, "by-rule")] == [wanted]
    assert [json.loads(json.loads(body)["Message"]) for body in bodies_of(cloud, "by-topic")] == [wanted]
    assert [json.loads(body) for body in bodies_of(cloud, "again")] == [{"at": "again/7"}]
    assert json.loads(content(cloud, keys_under(cloud, "devices/")[0])) == wanted
    assert [json.loads(content(cloud, key)) for key in keys_under(cloud, "iot//")] == [wanted]
    item = cloud.context.client("dynamodb").get_item(TableName="devices", Key={"pk": {"S": "a"}})["Item"]
    assert item == {"pk": {"S": "a"}, "drops": {"N": "0.5"}, "cell": {"S": "7"}}
    assert _records(cloud, "devices") == [("7", wanted)]


def test_what_where_excludes_reaches_nobody(cloud: OfflineCloud) -> None:
    put_rule(cloud, "picky", "SELECT v FROM 'picky' WHERE v > 1", queue_action(cloud, "picky"))

    for value in (1, 2, None):
        publish(cloud, "picky", {"v": value})
    publish(cloud, "picky", b"no json")

    assert bodies_of(cloud, "picky") == ['{"v":2}']


def test_an_action_that_fails_is_told_to_the_error_action(cloud: OfflineCloud) -> None:
    lost = {"kinesis": {"roleArn": ROLE, "streamName": "nowhere", "partitionKey": "${absent}"}}
    closed = {"lambda": {"functionArn": put_recorder(cloud, "closed")}}
    put_rule(cloud, "failing", "SELECT * FROM 'failing'", lost, closed, errorAction=queue_action(cloud, "failed"))

    publish(cloud, "failing", {"a": 1})

    (body,) = [json.loads(text) for text in bodies_of(cloud, "failed")]
    assert (body["ruleName"], body["topic"], body["base64OriginalPayload"]) == ("failing", "failing", "eyJhIjogMX0=")
    assert [(each["failedAction"], each["failedResource"]) for each in body["failures"]] == [
        ("KinesisAction", "nowhere"),
        ("LambdaAction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:closed"),
    ]


def test_a_disabled_rule_does_nothing(cloud: OfflineCloud) -> None:
    put_rule(cloud, "off", "SELECT * FROM 'off'", queue_action(cloud, "off"), ruleDisabled=True)

    publish(cloud, "off", {})
    cloud.context.client("iot").enable_topic_rule(ruleName="off")
    publish(cloud, "off", {"now": 1})

    assert bodies_of(cloud, "off") == ['{"now":1}']


def test_basic_ingest_reaches_its_rule_alone(cloud: OfflineCloud) -> None:
    put_rule(cloud, "direct", "SELECT topic() AS t FROM 'never'", queue_action(cloud, "direct"))

    publish(cloud, "$aws/rules/direct/cells/7", {})

    assert bodies_of(cloud, "direct") == ['{"t":"cells/7"}']


def test_a_metric_action_puts_a_metric(cloud: OfflineCloud) -> None:
    settings = {"metricNamespace": "Cells", "metricName": "drops", "metricValue": "${drops}", "metricUnit": "Count"}
    put_rule(cloud, "metric", "SELECT * FROM 'metric'", {"cloudwatchMetric": {"roleArn": ROLE, **settings}})

    publish(cloud, "metric", {"drops": 3})

    now = cloud.clock.now()
    found = cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="Cells",
        MetricName="drops",
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=1),
        Period=600,
        Statistics=["Sum"],
    )
    assert [point["Sum"] for point in found["Datapoints"]] == [3.0]


WRONG_TEMPLATE = {"s3": {"roleArn": ROLE, "bucketName": "b", "key": "${1 +}"}}
ELSEWHERE = {"iotEvents": {"roleArn": ROLE, "inputName": "x"}}


@pytest.mark.parametrize(
    ("sql", "actions", "code"),
    [
        ("SELECT nosuch(1) AS x FROM 'a'", [], "SqlParseException"),
        ("SELECT * FROM 'a'", [WRONG_TEMPLATE], "SqlParseException"),
        ("SELECT get_thing_shadow('a', 'b') AS x FROM 'a'", [], "NotEmulated"),
        ("SELECT * FROM 'a'", [ELSEWHERE], "NotEmulated"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(
    cloud: OfflineCloud, sql: str, actions: list[dict[str, Any]], code: str
) -> None:
    iot = cloud.context.client("iot")

    with pytest.raises(ClientError) as failure:
        iot.create_topic_rule(ruleName="refused", topicRulePayload={"sql": sql, "actions": actions})

    assert failure.value.response["Error"]["Code"] == code
    assert "refused" not in [rule["ruleName"] for rule in iot.list_topic_rules()["rules"]]


def test_a_rule_replaced_wrongly_stays(cloud: OfflineCloud) -> None:
    put_rule(cloud, "kept", "SELECT * FROM 'kept'", queue_action(cloud, "kept"))
    iot = cloud.context.client("iot")

    with pytest.raises(ClientError):
        iot.replace_topic_rule(ruleName="kept", topicRulePayload={"sql": "SELECT", "actions": []})
    publish(cloud, "kept", {"a": 1})

    assert bodies_of(cloud, "kept") == ['{"a":1}']


def _table(cloud: OfflineCloud, name: str) -> None:
    cloud.context.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def _records(cloud: OfflineCloud, stream: str) -> list[tuple[str, Any]]:
    kinesis = cloud.context.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator)["Records"]
    return [(record["PartitionKey"], json.loads(record["Data"])) for record in found]
