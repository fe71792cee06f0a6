"""What fires when a schedule is due: a rule with a schedule expression, or a schedule of EventBridge Scheduler."""

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule, events_backends
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule

from seatrial.offline.context import CloudContext
from seatrial.offline.events import bus, planner
from seatrial.offline.events.expressions import NextTime, parse
from seatrial.offline.events.targets import Delivery, DeliveryError, fail, send
from seatrial.offline.events.universal import call


def plan_rule(context: CloudContext, rule: Rule) -> None:
    """Let a rule fire by its schedule expression, as long as it is enabled."""
    key = ("rule", rule.event_bus_name, rule.name)
    if not rule.scheduled_expression or rule.state == "DISABLED":
        planner.current().cancel(key)
        return
    next_time = parse(rule.scheduled_expression, begin=context.clock.now())
    planner.current().plan(key, next_time, lambda due: _fire_rule(context, rule.event_bus_name, rule.name, due))


def forget_rule(bus_name: str, name: str) -> None:
    """Let a deleted rule fire no more."""
    planner.current().cancel(("rule", bus_name, name))


def _fire_rule(context: CloudContext, bus_name: str, name: str, due: datetime) -> None:
    rule = events_backends[context.account][context.region].event_buses[bus_name].rules.get(name)
    if rule is None:
        return
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": context.account,
        "time": bus.stamp(due),
        "region": context.region,
        "resources": [rule.arn],
        "detail": {},
    }
    context.journal.record("schedule", name=name, expression=rule.scheduled_expression, due=due.isoformat())
    bus.send_to_targets(context, rule, event)


def plan_schedule(context: CloudContext, backend: EventBridgeSchedulerBackend, schedule: Schedule) -> None:
    """Let a schedule of EventBridge Scheduler fire, between its start and end, as long as it is enabled."""
    key = ("schedule", schedule.group_name, schedule.name)
    if schedule.state == "DISABLED":
        planner.current().cancel(key)
        return
    next_time = _within_dates(context, schedule)
    planner.current().plan(key, next_time, lambda due: _fire_schedule(context, backend, schedule, due))


def forget_schedule(group: str, name: str) -> None:
    """Let a deleted schedule fire no more."""
    planner.current().cancel(("schedule", group, name))


def _within_dates(context: CloudContext, schedule: Schedule) -> NextTime:
    begin = _moment(schedule.start_date) or context.clock.now()
    end = _moment(schedule.end_date)
    zone = schedule.schedule_expression_timezone
    plain = parse(schedule.schedule_expression, begin=begin, zone=zone)

    def next_time(after: datetime) -> datetime | None:
        due = plain(max(after, begin) if schedule.start_date else after)
        return None if due is None or (end is not None and due > end) else due

    return next_time


def _moment(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def _fire_schedule(
    context: CloudContext, backend: EventBridgeSchedulerBackend, schedule: Schedule, due: datetime
) -> None:
    context.journal.record("schedule", name=schedule.name, expression=schedule.schedule_expression, due=due.isoformat())
    content = _fill(schedule.target.get("Input") or _default_input(context, schedule, due), schedule, due)
    delivery = Delivery(
        context=context, target=_as_rule_target(schedule.target), content=content, source_arn=schedule.arn
    )
    if ":scheduler:::aws-sdk:" in delivery.arn:
        _call_universal(delivery)
    else:
        send(delivery)
    done = schedule.schedule_expression.startswith("at(")
    if done and schedule.action_after_completion == "DELETE":
        backend.delete_schedule(schedule.group_name, schedule.name)


def _call_universal(delivery: Delivery) -> None:
    try:
        call(delivery.context, delivery.arn.partition(":aws-sdk:")[2], json.loads(delivery.content))
    except Exception as error:
        fail(delivery, DeliveryError(type(error).__name__, str(error)))


def _default_input(context: CloudContext, schedule: Schedule, due: datetime) -> str:
    # What Scheduler sends when no Input is given: "Test message from Amazon EventBridge Scheduler" in the console,
    # a scheduled event to a function.
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": context.account,
            "time": bus.stamp(due),
            "region": context.region,
            "resources": [schedule.arn],
            "detail": "{}",
        }
    )


def _fill(text: str, schedule: Schedule, due: datetime) -> str:
    # https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    values = {
        "schedule-arn": schedule.arn,
        "scheduled-time": bus.stamp(due),
        "execution-id": uuid.uuid4().hex,
        "attempt-number": "1",
    }
    return re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda match: values.get(match.group(1), match.group(0)), text)


def _as_rule_target(target: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in target.items() if value is not None}
