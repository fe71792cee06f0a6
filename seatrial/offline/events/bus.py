"""One event's way: the envelope, the rules of its bus that match, their targets, and what happens when one fails."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventBus, Rule, events_backends

from seatrial.offline import event_patterns
from seatrial.offline.context import CloudContext
from seatrial.offline.events.targets import Delivery, send
from seatrial.offline.events.transform import target_input

_contexts: list[CloudContext] = []


def start(context: CloudContext) -> None:
    """Serve a cloud that starts."""
    _contexts[:] = [context]


def current() -> CloudContext:
    """The running cloud."""
    return _contexts[-1]


def put(
    context: CloudContext,
    *,
    source: str,
    detail_type: str,
    detail: Any,
    resources: Iterable[str],
    bus_name: str = "default",
    time: datetime | None = None,
) -> str:
    """Build the envelope, record it, and hand it to the bus's rules; returns the event's id."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": context.account,
        "time": stamp(time or context.clock.now()),
        "region": context.region,
        "resources": list(resources),
        "detail": detail,
    }
    buses = events_backends[context.account][context.region].event_buses
    rules = matching_rules(buses[bus_name], event)
    names = [rule.name for rule in rules]
    context.journal.record(
        "event", source=source, detail_type=detail_type, detail=detail, id=event["id"], bus=bus_name, rules=names
    )
    for rule in rules:
        send_to_targets(context, rule, event)
    return event["id"]


def matching_rules(bus: EventBus, event: dict[str, Any]) -> list[Rule]:
    """Enabled rules whose pattern matches; a rule with a schedule alone matches no event."""
    enabled = [rule for rule in list(bus.rules.values()) if rule.state.startswith("ENABLED")]
    return [rule for rule in enabled if rule.event_pattern.get_pattern() and matches(rule, event)]


def send_to_targets(context: CloudContext, rule: Rule, event: dict[str, Any]) -> None:
    """Send an event to each target of a rule; one target's failure does not stop the others."""
    for target in list(rule.targets):
        delivery = Delivery(
            context=context,
            target=target,
            content=target_input(target, event, rule),
            source_arn=rule.arn,
            event=event,
            principal="events.amazonaws.com",
        )
        send(delivery)


def stamp(time: datetime) -> str:
    """Time as EventBridge writes it: whole seconds, UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def matches(rule: Rule, event: dict[str, Any]) -> bool:
    """Whether a rule's pattern matches an event."""
    return event_patterns.matches(rule.event_pattern.get_pattern(), event)
