import base64
import json
from typing import Any

from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import bodies_of, events_of, put_function, put_queue, put_recorder

PICKY = """
    import json

    def identifier(record):
        if "messageId" in record:
            return record["messageId"]
        return record["dynamodb"]["SequenceNumber"]

    def lambda_handler(event, context):
        print("EVENT " + json.dumps(event))
        bad = [record for record in event["Records"] if '"bad"' in json.dumps(record)]
        return {"batchItemFailures": [{"itemIdentifier": identifier(record)} for record in bad]}
"""
POISONED = """
    import json

    def lambda_handler(event, context):
        print("EVENT " + json.dumps(event))
        if '"bad"' in json.dumps(event):
            raise ValueError("bad record")
"""
REPORTS = ["ReportBatchItemFailures"]


def test_a_queue_feeds_a_function_in_batches(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "work")
    put_recorder(cloud, "worker")
    cloud.context.client("lambda").create_event_source_mapping(FunctionName="worker", EventSourceArn=queue)

    cloud.context.client("sqs").send_message(
        QueueUrl=_url(cloud, "work"),
        MessageBody="hello",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "greeting"}},
    )
    functions.settle()

    (record,) = events_of(cloud, "worker")[0]["Records"]
    assert (record["body"], record["eventSource"], record["eventSourceARN"]) == ("hello", "aws:sqs", queue)
    assert record["messageAttributes"]["kind"]["stringValue"] == "greeting"
    assert bodies_of(cloud, "work") == []


def test_only_the_failed_messages_of_a_batch_come_back_and_end_in_the_dead_letter_queue(cloud: OfflineCloud) -> None:
    dead = put_queue(cloud, "work-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": "3"})
    queue = put_queue(cloud, "work-partial", RedrivePolicy=redrive)
    put_function(cloud, "picky", PICKY)
    client = cloud.context.client("lambda")
    mapping = {"FunctionName": "picky", "EventSourceArn": queue, "FunctionResponseTypes": REPORTS}
    client.create_event_source_mapping(**mapping)

    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(["a", "bad", "c"])]
    cloud.context.client("sqs").send_message_batch(QueueUrl=_url(cloud, "work-partial"), Entries=entries)
    functions.settle()
    cloud.clock.advance(600)

    bodies = [record["body"] for event in events_of(cloud, "picky") for record in event["Records"]]
    assert sorted(bodies) == ["a", "bad", "bad", "bad", "c"]
    assert bodies_of(cloud, "work-dead") == ["bad"]


def test_a_filter_lets_only_its_messages_through(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "work-filtered")
    put_recorder(cloud, "filtered")
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="filtered", EventSourceArn=queue, FilterCriteria={"Filters": [{"Pattern": pattern}]}
    )

    for kind in ("wanted", "unwanted"):
        body = json.dumps({"kind": kind})
        cloud.context.client("sqs").send_message(QueueUrl=_url(cloud, "work-filtered"), MessageBody=body)
    functions.settle()

    bodies = [record["body"] for event in events_of(cloud, "filtered") for record in event["Records"]]
    assert bodies == ['{"kind": "wanted"}']


def test_a_table_stream_feeds_a_function_in_order(cloud: OfflineCloud) -> None:
    arn = _table(cloud, "ordered")
    put_recorder(cloud, "streamed")
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="streamed", EventSourceArn=arn, StartingPosition="LATEST"
    )

    for key in ("a", "b"):
        cloud.context.client("dynamodb").put_item(TableName="ordered", Item={"pk": {"S": key}})
    functions.settle()

    records = [record for event in events_of(cloud, "streamed") for record in event["Records"]]
    assert [record["dynamodb"]["NewImage"]["pk"]["S"] for record in records] == ["a", "b"]
    assert {(record["eventSourceARN"], record["awsRegion"]) for record in records} == {(arn, "eu-central-1")}


def test_bisection_isolates_the_record_that_fails(cloud: OfflineCloud) -> None:
    arn = _table(cloud, "poisoned")
    failures = put_queue(cloud, "stream-failures")
    put_function(cloud, "bisecting", POISONED)
    for key in ("a", "b", "bad", "d"):
        cloud.context.client("dynamodb").put_item(TableName="poisoned", Item={"pk": {"S": key}})

    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="bisecting",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": failures}},
    )
    functions.settle()
    cloud.clock.advance(300)

    batches = [_keys(event) for event in events_of(cloud, "bisecting")]
    # How many records the first batch holds is the poller's choice, as on AWS.
    assert {key for batch in batches if "bad" not in batch for key in batch} == {"a", "b", "d"}
    (record,) = [json.loads(body) for body in bodies_of(cloud, "stream-failures")]
    assert record["DDBStreamBatchInfo"]["batchSize"] == 1


def test_a_failed_record_holds_back_those_after_it_until_it_is_given_up(cloud: OfflineCloud) -> None:
    arn = _table(cloud, "held")
    put_function(cloud, "holding", PICKY)
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="holding",
        EventSourceArn=arn,
        StartingPosition="TRIM_HORIZON",
        BatchSize=1,
        MaximumRetryAttempts=2,
        FunctionResponseTypes=REPORTS,
    )

    for key in ("bad", "b"):
        cloud.context.client("dynamodb").put_item(TableName="held", Item={"pk": {"S": key}})
    functions.settle()
    cloud.clock.advance(300)

    assert [_keys(event) for event in events_of(cloud, "holding")] == [["bad"], ["bad"], ["bad"], ["b"]]


def test_a_data_stream_feeds_a_function(cloud: OfflineCloud) -> None:
    cloud.context.client("kinesis").create_stream(StreamName="calls", ShardCount=1)
    arn = "arn:aws:kinesis:eu-central-1:111111111111:stream/calls"
    put_recorder(cloud, "calls")
    cloud.context.client("lambda").create_event_source_mapping(
        FunctionName="calls", EventSourceArn=arn, StartingPosition="LATEST"
    )

    cloud.context.client("kinesis").put_record(StreamName="calls", Data=b"ring", PartitionKey="a")
    functions.settle()

    (record,) = events_of(cloud, "calls")[0]["Records"]
    assert base64.b64decode(record["kinesis"]["data"]) == b"ring"
    assert record["eventSourceARN"] == arn


def test_a_deleted_mapping_feeds_no_more(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "work-ended")
    put_recorder(cloud, "ended")
    client = cloud.context.client("lambda")
    mapping = client.create_event_source_mapping(FunctionName="ended", EventSourceArn=queue)["UUID"]

    client.delete_event_source_mapping(UUID=mapping)
    cloud.context.client("sqs").send_message(QueueUrl=_url(cloud, "work-ended"), MessageBody="hello")
    functions.settle()

    assert bodies_of(cloud, "work-ended") == ["hello"]


def _url(cloud: OfflineCloud, name: str) -> str:
    return cloud.context.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def _table(cloud: OfflineCloud, name: str) -> str:
    description = cloud.context.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return description["TableDescription"]["LatestStreamArn"]


def _keys(event: dict[str, Any]) -> list[str]:
    return [record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]]
