import json
from datetime import timedelta

from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ROLE, bodies_of, events_of, put_queue, put_recorder

HOUR = 3600


def test_eight_hours_are_eight_runs_each_at_its_own_time(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "hourly", "events.amazonaws.com")
    client = cloud.context.client("events")
    client.put_rule(Name="hourly", ScheduleExpression="cron(5 * * * ? *)")
    client.put_targets(Rule="hourly", Targets=[{"Id": "1", "Arn": arn}])
    start = cloud.clock.now().replace(minute=5, second=0, microsecond=0)

    cloud.clock.advance(8 * HOUR)

    expected = [(start + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ") for hour in range(8)]
    assert [event["time"] for event in events_of(cloud, "hourly")] == expected
    runs = [entry["time"] for entry in cloud.journal.entries("function") if entry["name"] == "hourly"]
    assert [run[:13] for run in runs] == [time[:13] for time in expected]
    client.disable_rule(Name="hourly")


def test_a_disabled_or_deleted_rule_fires_no_more(cloud: OfflineCloud) -> None:
    client = cloud.context.client("events")
    for name in ("disabled", "deleted"):
        client.put_rule(Name=name, ScheduleExpression="rate(1 hour)")
        client.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": put_queue(cloud, name)}])

    client.disable_rule(Name="disabled")
    client.remove_targets(Rule="deleted", Ids=["1"])
    client.delete_rule(Name="deleted")
    cloud.clock.advance(3 * HOUR)

    assert bodies_of(cloud, "disabled") == []
    assert bodies_of(cloud, "deleted") == []


def test_a_rule_put_again_fires_by_its_new_expression_alone(cloud: OfflineCloud) -> None:
    client = cloud.context.client("events")
    client.put_rule(Name="changed", ScheduleExpression="rate(1 hour)")
    client.put_targets(Rule="changed", Targets=[{"Id": "1", "Arn": put_queue(cloud, "changed"), "Input": "1"}])

    client.put_rule(Name="changed", ScheduleExpression="rate(5 hours)")
    cloud.clock.advance(10 * HOUR + 60)

    assert bodies_of(cloud, "changed") == ["1", "1"]
    client.disable_rule(Name="changed")


def schedule(cloud: OfflineCloud, name: str, expression: str, target: dict[str, object], **properties: object) -> None:
    cloud.context.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"RoleArn": ROLE, **target},
        **properties,
    )


def test_scheduler_invokes_a_function_by_its_role_and_fills_in_the_time(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "scheduled")
    time = '{"trigger": "schedule", "time": "<aws.scheduler.scheduled-time>"}'
    schedule(cloud, "scheduled", "cron(0 3 * * ? *)", {"Arn": arn, "Input": time})

    cloud.clock.advance(24 * HOUR)

    (event,) = events_of(cloud, "scheduled")
    assert event["trigger"] == "schedule"
    assert event["time"].endswith("T03:00:00Z")


def test_scheduler_calls_any_api(cloud: OfflineCloud) -> None:
    put_queue(cloud, "universal")
    url = cloud.context.client("sqs").get_queue_url(QueueName="universal")["QueueUrl"]
    call = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "Input": json.dumps({"QueueUrl": url, "MessageBody": "hello"}),
    }
    schedule(cloud, "universal", "rate(1 hour)", call)

    cloud.clock.advance(2 * HOUR + 60)

    assert bodies_of(cloud, "universal") == ["hello", "hello"]


def test_scheduler_follows_a_time_zone_and_fires_a_single_time_once(cloud: OfflineCloud) -> None:
    arn = put_queue(cloud, "once")
    tomorrow = (cloud.clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT08:00:00")
    target = {"Arn": arn, "Input": '"<aws.scheduler.scheduled-time>"'}
    properties = {"ScheduleExpressionTimezone": "Europe/Berlin", "ActionAfterCompletion": "DELETE"}
    schedule(cloud, "once", f"at({tomorrow})", target, **properties)

    cloud.clock.advance(72 * HOUR)

    assert bodies_of(cloud, "once") == [f'"{tomorrow[:10]}T07:00:00Z"']
    names = [each["Name"] for each in cloud.context.client("scheduler").list_schedules()["Schedules"]]
    assert "once" not in names


def test_scheduler_keeps_to_start_and_end(cloud: OfflineCloud) -> None:
    arn = put_queue(cloud, "bounded")
    now = cloud.clock.now().replace(microsecond=0)
    bounds = {"StartDate": now + timedelta(hours=5), "EndDate": now + timedelta(hours=8, minutes=30)}
    schedule(cloud, "bounded", "rate(1 hour)", {"Arn": arn, "Input": '"<aws.scheduler.scheduled-time>"'}, **bounds)

    cloud.clock.advance(24 * HOUR)

    assert len(bodies_of(cloud, "bounded")) == 3


def test_a_target_that_fails_leaves_its_event_in_the_dead_letter_queue(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "schedule-dead")
    missing = "arn:aws:lambda:eu-central-1:111111111111:function:missing"
    target = {"Arn": missing, "Input": '{"n": 1}', "DeadLetterConfig": {"Arn": queue}}
    schedule(cloud, "missing", "rate(12 hours)", target)

    cloud.clock.advance(13 * HOUR)

    assert bodies_of(cloud, "schedule-dead") == ['{"n": 1}']
