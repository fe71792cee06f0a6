import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import events, functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ROLE, bodies_of, events_of, messages_of, put_queue, put_recorder


def put_rule(cloud: OfflineCloud, name: str, pattern: dict[str, Any], *targets: dict[str, Any]) -> None:
    client = cloud.context.client("events")
    client.put_rule(Name=name, EventPattern=json.dumps(pattern))
    numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
    client.put_targets(Rule=name, Targets=numbered)


def emit(cloud: OfflineCloud, source: str, detail: dict[str, Any]) -> str:
    identifier = events.emit(cloud.context, source=source, detail_type="Something Happened", detail=detail)
    functions.settle()
    return identifier


def test_an_event_reaches_the_function_of_a_matching_rule(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "receiver", "events.amazonaws.com")
    put_rule(cloud, "approved", {"source": ["a"], "detail": {"status": ["Approved"]}}, {"Arn": arn})

    emit(cloud, "a", {"status": "Rejected"})
    identifier = emit(cloud, "a", {"status": "Approved"})

    (event,) = events_of(cloud, "receiver")
    assert event == {
        "version": "0",
        "id": identifier,
        "detail-type": "Something Happened",
        "source": "a",
        "account": "111111111111",
        "time": event["time"],
        "region": "eu-central-1",
        "resources": [],
        "detail": {"status": "Approved"},
    }
    assert event["time"] == cloud.clock.now().strftime("%Y-%m-%dT%H:%M:") + event["time"][-3:]


def test_events_that_are_put_reach_the_same_rules(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "own-events")
    put_rule(cloud, "own", {"source": ["seatrial.monitoring"]}, {"Arn": queue})

    answer = cloud.context.client("events").put_events(
        Entries=[
            {"Source": "seatrial.monitoring", "DetailType": "Verdict", "Detail": '{"n": 1}'},
            {"Source": "seatrial.monitoring", "DetailType": "Verdict", "Detail": "no json"},
        ]
    )

    (body,) = bodies_of(cloud, "own-events")
    assert json.loads(body)["detail"] == {"n": 1}
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][1]["ErrorCode"] == "MalformedDetail"


def test_input_and_its_kin_shape_what_a_target_receives(cloud: OfflineCloud) -> None:
    transformer = {
        "InputPathsMap": {"name": "$.detail.name", "list": "$.detail.list", "kind": "$.detail-type"},
        "InputTemplate": '{"said": "<name> was <kind>", "list": <list>, "rule": <aws.events.rule-name>}',
    }
    shapes = {
        "input": {"Input": '{"fixed": true}'},
        "path": {"InputPath": "$.detail"},
        "transformer": {"InputTransformer": transformer},
    }
    targets = [{"Arn": put_queue(cloud, f"shape-{name}"), **shape} for name, shape in shapes.items()]
    put_rule(cloud, "shaping", {"source": ["b"]}, *targets)

    emit(cloud, "b", {"name": 'the "model"', "list": [1, 2]})

    received = {name: json.loads(bodies_of(cloud, f"shape-{name}")[0]) for name in shapes}
    assert received == {
        "input": {"fixed": True},
        "path": {"name": 'the "model"', "list": [1, 2]},
        "transformer": {"said": 'the "model" was Something Happened', "list": [1, 2], "rule": "shaping"},
    }


def test_topics_logs_and_state_machines_are_targets(cloud: OfflineCloud) -> None:
    topic = cloud.context.client("sns").create_topic(Name="told")["TopicArn"]
    queue = put_queue(cloud, "told")
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    cloud.context.client("logs").create_log_group(logGroupName="/aws/events/told")
    states = cloud.context.client("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}})
    machine = states.create_state_machine(name="told", definition=definition, roleArn=ROLE)["stateMachineArn"]
    group = "arn:aws:logs:eu-central-1:111111111111:log-group:/aws/events/told"
    targets = [{"Arn": topic}, {"Arn": group}, {"Arn": machine, "RoleArn": ROLE}]
    put_rule(cloud, "telling", {"source": ["c"]}, *targets)

    emit(cloud, "c", {"n": 1})

    assert json.loads(json.loads(bodies_of(cloud, "told")[0])["Message"])["detail"] == {"n": 1}
    logged = cloud.context.client("logs").filter_log_events(logGroupName="/aws/events/told")["events"]
    assert json.loads(logged[0]["message"])["detail"] == {"n": 1}
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    assert execution["status"] == "SUCCEEDED"


def test_a_function_without_permission_gets_nothing_and_the_dead_letter_queue_tells_why(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "unpermitted")
    queue = put_queue(cloud, "undelivered")
    put_rule(cloud, "forbidden", {"source": ["d"]}, {"Arn": arn, "DeadLetterConfig": {"Arn": queue}})

    emit(cloud, "d", {"n": 1})

    client = cloud.context.client("sqs")
    url = client.get_queue_url(QueueName="undelivered")["QueueUrl"]
    (message,) = client.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert json.loads(message["Body"])["detail"] == {"n": 1}
    entries = [entry for entry in cloud.journal.entries("event") if entry.get("status") == "not-delivered"]
    assert entries[-1]["target"] == arn


def test_a_disabled_rule_sends_nothing(cloud: OfflineCloud) -> None:
    put_rule(cloud, "off", {"source": ["e"]}, {"Arn": put_queue(cloud, "off")})
    cloud.context.client("events").disable_rule(Name="off")

    emit(cloud, "e", {})

    assert bodies_of(cloud, "off") == []


def test_a_rule_forwards_to_another_bus(cloud: OfflineCloud) -> None:
    client = cloud.context.client("events")
    bus = client.create_event_bus(Name="other")["EventBusArn"]
    put_rule(cloud, "forward", {"source": ["f"]}, {"Arn": bus, "RoleArn": ROLE})
    client.put_rule(Name="there", EventBusName="other", EventPattern=json.dumps({"source": ["f"]}))
    target = {"Id": "1", "Arn": put_queue(cloud, "other-bus")}
    client.put_targets(Rule="there", EventBusName="other", Targets=[target])

    emit(cloud, "f", {"n": 1})

    assert len(bodies_of(cloud, "other-bus")) == 1


def test_a_target_that_is_not_emulated_is_named(cloud: OfflineCloud) -> None:
    put_rule(cloud, "exotic", {"source": ["g"]}, {"Arn": "arn:aws:batch:eu-central-1:111111111111:job-queue/q"})

    emit(cloud, "g", {})

    entries = [entry for entry in cloud.journal.entries("event") if entry.get("status") == "not-delivered"]
    assert "is not emulated by the offline cloud" in entries[-1]["error"]


@pytest.mark.parametrize("kind", ["function", "queue", "topic", "bus"])
def test_a_new_object_is_told_to(cloud: OfflineCloud, kind: str) -> None:
    name = f"notices-{kind}"
    s3 = cloud.context.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=_notification(cloud, kind, name))

    s3.put_object(Bucket=name, Key="raw/a b.csv", Body=b"1,2")
    functions.settle()

    bucket, key = _notice(cloud, kind, name)
    assert (bucket, key) == (name, "raw/a b.csv" if kind == "bus" else "raw/a+b.csv")


def test_a_filter_policy_chooses_messages(cloud: OfflineCloud) -> None:
    client = cloud.context.client("sns")
    topic = client.create_topic(Name="chosen")["TopicArn"]
    policy = json.dumps({"severity": ["page"]})
    attributes = {"FilterPolicy": policy, "RawMessageDelivery": "true"}
    endpoint = put_queue(cloud, "chosen")
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)

    for severity in ("ticket", "page"):
        attribute = {"severity": {"DataType": "String", "StringValue": severity}}
        client.publish(TopicArn=topic, Message=severity, MessageAttributes=attribute)

    assert bodies_of(cloud, "chosen") == ["page"]


def test_a_topic_invokes_a_function_with_the_documented_record(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "subscriber", "sns.amazonaws.com")
    client = cloud.context.client("sns")
    topic = client.create_topic(Name="subscribed")["TopicArn"]
    client.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)

    client.publish(TopicArn=topic, Message="hello", Subject="greeting")
    functions.settle()

    (record,) = events_of(cloud, "subscriber")[0]["Records"]
    assert record["EventSource"] == "aws:sns"
    sent = {key: record["Sns"][key] for key in ("Message", "Subject", "TopicArn", "Type")}
    assert sent == {"Message": "hello", "Subject": "greeting", "TopicArn": topic, "Type": "Notification"}


def test_a_wrong_schedule_is_refused(cloud: OfflineCloud) -> None:
    with pytest.raises(ClientError, match="rate is like"):
        cloud.context.client("events").put_rule(Name="wrong", ScheduleExpression="rate(1 minutes)")


def _notification(cloud: OfflineCloud, kind: str, name: str) -> dict[str, Any]:
    events_wanted = ["s3:ObjectCreated:*"]
    if kind == "function":
        arn = put_recorder(cloud, name, "s3.amazonaws.com")
        return {"LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": events_wanted}]}
    queue = put_queue(cloud, name)
    if kind == "queue":
        return {"QueueConfigurations": [{"QueueArn": queue, "Events": events_wanted}]}
    if kind == "topic":
        topic = cloud.context.client("sns").create_topic(Name=name)["TopicArn"]
        raw = {"RawMessageDelivery": "true"}
        cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
        return {"TopicConfigurations": [{"TopicArn": topic, "Events": events_wanted}]}
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [name]}}}
    put_rule(cloud, name, pattern, {"Arn": queue})
    return {"EventBridgeConfiguration": {}}


def _notice(cloud: OfflineCloud, kind: str, name: str) -> tuple[str, str]:
    if kind == "function":
        assert messages_of(cloud, name)
        document = events_of(cloud, name)[0]
    else:
        bodies = [json.loads(body) for body in bodies_of(cloud, name)]
        document = next(body for body in bodies if body.get("Event") != "s3:TestEvent")
    if kind == "bus":
        return document["detail"]["bucket"]["name"], document["detail"]["object"]["key"]
    content = document["Records"][0]["s3"]
    return content["bucket"]["name"], content["object"]["key"]
