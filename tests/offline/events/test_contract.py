"""Each replacement of a part of moto, seen without it: a test fails once moto no longer needs the replacement."""

import json

import pytest
from moto.events.models import EventsBackend, Rule, events_backends
from moto.s3 import notifications
from moto.scheduler.models import EventBridgeSchedulerBackend
from moto.sns.models import Subscription, sns_backends

from seatrial.offline import functions, patches
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ACCOUNT, REGION, ROLE, bodies_of, events_of, put_queue, put_recorder

HOUR = 3600
ENTRY = {"Source": "a", "DetailType": "b", "Detail": "{}"}


def rule_for(cloud: OfflineCloud, name: str, arn: str, **properties: str) -> Rule:
    client = cloud.context.client("events")
    client.put_rule(Name=name, **properties)
    client.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    return events_backends[ACCOUNT][REGION].event_buses["default"].rules[name]


def remove(cloud: OfflineCloud, name: str) -> None:
    client = cloud.context.client("events")
    client.remove_targets(Rule=name, Ids=["1"])
    client.delete_rule(Name=name)


def test_moto_cannot_send_to_functions(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "motos-target", "events.amazonaws.com")
    rule = rule_for(cloud, "motos-rule", arn, EventPattern='{"source": ["a"]}')
    event = {"source": "a", "detail": {}, "detail-type": "b", "id": "1", "time": 0, "ingestion-time": 0}
    event |= {"region": REGION, "resources": [], "account": ACCOUNT}

    with patches.without(Rule, "send_to_targets"), pytest.raises(NotImplementedError):
        rule.send_to_targets(event)
    remove(cloud, "motos-rule")


def test_moto_sends_every_event_to_a_rule_that_only_has_a_schedule(cloud: OfflineCloud) -> None:
    rule_for(cloud, "motos-schedule", put_queue(cloud, "motos-schedule"), ScheduleExpression="rate(1 day)")

    with patches.without(EventsBackend, "put_events"), patches.without(Rule, "send_to_targets"):
        cloud.context.client("events").put_events(Entries=[ENTRY])

    assert len(bodies_of(cloud, "motos-schedule")) == 1
    remove(cloud, "motos-schedule")


def test_moto_never_fires_a_scheduled_rule_and_takes_wrong_expressions(cloud: OfflineCloud) -> None:
    with patches.without(EventsBackend, "put_rule"):
        rule_for(cloud, "motos-rate", put_queue(cloud, "motos-rate"), ScheduleExpression="cron(99 * * * ? *)")
        cloud.context.client("events").put_rule(Name="motos-rate", ScheduleExpression="rate(1 minute)")

    cloud.clock.advance(HOUR)

    assert bodies_of(cloud, "motos-rate") == []


@pytest.mark.parametrize("action", ["delete_rule", "disable_rule", "enable_rule"])
def test_moto_does_not_plan_when_a_rule_changes(cloud: OfflineCloud, action: str) -> None:
    name = f"motos-{action}"
    rule_for(cloud, name, put_queue(cloud, name), ScheduleExpression="rate(10 minutes)")
    client = cloud.context.client("events")
    if action == "enable_rule":
        client.disable_rule(Name=name)

    with patches.without(EventsBackend, action):
        if action == "delete_rule":
            client.remove_targets(Rule=name, Ids=["1"])
        getattr(client, action)(Name=name)
    before = len(cloud.journal.entries("schedule"))
    cloud.clock.advance(HOUR)

    fired = len(cloud.journal.entries("schedule")) - before
    assert (fired > 0) == (action == "disable_rule")
    if action != "delete_rule":
        client.disable_rule(Name=name)


@pytest.mark.parametrize("action", ["create_schedule", "update_schedule", "delete_schedule"])
def test_moto_never_fires_a_schedule(cloud: OfflineCloud, action: str) -> None:
    name = f"motos-{action}"
    client = cloud.context.client("scheduler")
    settings = {
        "Name": name,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": put_queue(cloud, name), "RoleArn": ROLE, "Input": "1"},
    }
    if action != "create_schedule":
        client.create_schedule(ScheduleExpression="rate(10 minutes)", **settings)

    with patches.without(EventBridgeSchedulerBackend, action):
        if action == "delete_schedule":
            client.delete_schedule(Name=name)
        else:
            getattr(client, action)(ScheduleExpression="rate(1 minutes)", **settings)
    cloud.clock.advance(1_500)

    expected = {"create_schedule": 0, "update_schedule": 2, "delete_schedule": 2}[action]
    assert len(bodies_of(cloud, name)) == expected


def test_moto_needs_no_permission_to_tell_a_function_of_an_object(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "motos-notice")
    body = {"Records": [{"s3": {"bucket": {"arn": "arn:aws:s3:::b"}}}]}

    with patches.without(notifications, "_invoke_awslambda"):
        notifications._invoke_awslambda(ACCOUNT, body, arn, REGION)
    functions.settle()

    assert events_of(cloud, "motos-notice") == [body]


@pytest.mark.parametrize("name", ["_send_sqs_message", "_send_sns_message"])
def test_moto_swallows_the_errors_of_notifications(cloud: OfflineCloud, name: str) -> None:
    absent = f"arn:aws:sns:{REGION}:{ACCOUNT}:absent" if "sns" in name else "absent"
    before = len(cloud.journal.entries("event"))

    with patches.without(notifications, name):
        getattr(notifications, name)(ACCOUNT, {}, absent, REGION)
    silent = len(cloud.journal.entries("event")) - before
    getattr(notifications, name)(ACCOUNT, {}, absent, REGION)

    assert silent == 0
    assert cloud.journal.entries("event")[-1]["status"] == "not-delivered"


def test_moto_makes_up_the_requester_of_an_object_and_tells_of_tags_that_it_has_not(cloud: OfflineCloud) -> None:
    cloud.context.client("s3").create_bucket(
        Bucket="motos-bucket", CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    arn = put_queue(cloud, "motos-object")
    rule_for(cloud, "motos-object", arn, EventPattern='{"source": ["aws.s3"]}')
    cloud.context.client("s3").put_bucket_notification_configuration(
        Bucket="motos-bucket", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )

    with patches.without(notifications, "_send_event_bridge_message"):
        cloud.context.client("s3").put_object(Bucket="motos-bucket", Key="a", Body=b"1")

    details = [json.loads(body) for body in bodies_of(cloud, "motos-object")]
    assert [(each["detail-type"], each["detail"]["requester"]) for each in details] == [
        ("Object Created", "123456789012"),
        ("Object Tags Added", "123456789012"),
    ]
    remove(cloud, "motos-object")


def test_moto_quotes_the_slashes_of_keys() -> None:
    with patches.without(notifications, "quote_plus"):
        assert notifications.quote_plus("a/b c") == "a%2Fb+c"


def test_moto_makes_up_the_message_that_a_topic_sends_to_a_function(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "motos-subscriber")
    topic = cloud.context.client("sns").create_topic(Name="motos-topic")["TopicArn"]
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)

    with patches.without(Subscription, "publish"):
        sns_backends[ACCOUNT][REGION].publish(message="hello", arn=topic)

    (record,) = events_of(cloud, "motos-subscriber")[0]["Records"]
    assert record["Sns"]["TopicArn"] == "arn:aws:sns:EXAMPLE"
