"""Moto's EventBridge and Scheduler, made to deliver: each replacement says what moto does instead."""

import json
from datetime import UTC, datetime
from typing import Any

from moto.events.exceptions import ValidationException
from moto.events.models import EventsBackend, Rule
from moto.scheduler.models import EventBridgeSchedulerBackend, Schedule

from seatrial.offline import patches
from seatrial.offline.events import bus, expressions, schedules

_REQUIRED = ("Source", "DetailType", "Detail")


def replace_all() -> None:
    """Replace what moto lacks."""
    patches.replace(EventsBackend, "put_events", _put_events)
    patches.replace(EventsBackend, "put_rule", _put_rule)
    patches.replace(EventsBackend, "delete_rule", _delete_rule)
    patches.replace(EventsBackend, "enable_rule", _enable_rule)
    patches.replace(EventsBackend, "disable_rule", _disable_rule)
    patches.replace(Rule, "send_to_targets", _send_to_targets)
    patches.replace(EventBridgeSchedulerBackend, "create_schedule", _create_schedule)
    patches.replace(EventBridgeSchedulerBackend, "update_schedule", _update_schedule)
    patches.replace(EventBridgeSchedulerBackend, "delete_schedule", _delete_schedule)


def _put_events(self: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Moto sends to queues, logs and buses alone, at the machine's time, and to rules that only have a schedule."""
    if len(events) > 10:
        return patches.original(EventsBackend, "put_events")(self, events)
    return [_put_event(self, event) for event in events]


def _put_event(backend: EventsBackend, event: dict[str, Any]) -> dict[str, Any]:
    missing = next((name for name in _REQUIRED if not event.get(name)), None)
    if missing:
        reason = f"Parameter {missing} is not valid. Reason: {missing} is a required argument."
        return {"ErrorCode": "InvalidArgument", "ErrorMessage": reason}
    try:
        detail = json.loads(event["Detail"])
    except ValueError:
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    if not isinstance(detail, dict):
        return {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    name = (event.get("EventBusName") or "default").rpartition("/")[2]
    backend.describe_event_bus(name)
    identifier = bus.put(
        bus.current(),
        source=event["Source"],
        detail_type=event["DetailType"],
        detail=detail,
        resources=event.get("Resources") or [],
        bus_name=name,
        time=_time(event.get("Time")),
    )
    return {"EventId": identifier}


def _time(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value))


def _put_rule(self: EventsBackend, name: str, **properties: Any) -> Rule:
    """Moto keeps a schedule and never fires it, and takes any expression."""
    expression = properties.get("scheduled_expression")
    if expression:
        _check_expression(expression, "UTC")
    rule = patches.original(EventsBackend, "put_rule")(self, name, **properties)
    schedules.plan_rule(bus.current(), rule)
    return rule


def _delete_rule(self: EventsBackend, name: str, event_bus_arn: str | None) -> None:
    """A rule's schedule ends with it."""
    patches.original(EventsBackend, "delete_rule")(self, name, event_bus_arn)
    schedules.forget_rule((event_bus_arn or "default").rpartition("/")[2], name)


def _enable_rule(self: EventsBackend, name: str, event_bus_arn: str | None) -> bool:
    """An enabled rule fires again."""
    done = patches.original(EventsBackend, "enable_rule")(self, name, event_bus_arn)
    schedules.plan_rule(bus.current(), self.describe_rule(name, event_bus_arn))
    return done


def _disable_rule(self: EventsBackend, name: str, event_bus_arn: str | None) -> bool:
    """A disabled rule fires no more."""
    done = patches.original(EventsBackend, "disable_rule")(self, name, event_bus_arn)
    schedules.plan_rule(bus.current(), self.describe_rule(name, event_bus_arn))
    return done


def _send_to_targets(self: Rule, original_event: Any, transform_input: bool = True) -> None:
    """Moto raises on functions, state machines, pipelines and topics, and lets a disabled rule send."""
    del transform_input
    event = {key: value for key, value in original_event.items() if key != "ingestion-time"}
    if not isinstance(event.get("time"), str):
        event["time"] = bus.stamp(_time(event.get("time")) or bus.current().clock.now())
    pattern = self.event_pattern.get_pattern()
    if pattern and self.state != "DISABLED" and bus.matches(self, event):
        bus.send_to_targets(bus.current(), self, event)


def _create_schedule(self: EventBridgeSchedulerBackend, **properties: Any) -> Schedule:
    """Moto keeps a schedule and never fires it, and takes any expression."""
    _check(properties)
    schedule = patches.original(EventBridgeSchedulerBackend, "create_schedule")(self, **properties)
    schedules.plan_schedule(bus.current(), self, schedule)
    return schedule


def _update_schedule(self: EventBridgeSchedulerBackend, **properties: Any) -> Schedule:
    """A changed schedule is planned anew."""
    _check(properties)
    schedule = patches.original(EventBridgeSchedulerBackend, "update_schedule")(self, **properties)
    schedule.state = schedule.state or "ENABLED"
    schedules.plan_schedule(bus.current(), self, schedule)
    return schedule


def _delete_schedule(self: EventBridgeSchedulerBackend, group_name: str | None, name: str) -> None:
    """A deleted schedule fires no more."""
    patches.original(EventBridgeSchedulerBackend, "delete_schedule")(self, group_name, name)
    schedules.forget_schedule(group_name or "default", name)


def _check(properties: dict[str, Any]) -> None:
    _check_expression(properties["schedule_expression"], properties.get("schedule_expression_timezone") or "UTC")


def _check_expression(expression: str, zone: str) -> None:
    try:
        expressions.parse(expression, begin=bus.current().clock.now(), zone=zone)
    except ValueError as error:
        raise ValidationException(str(error)) from error
