"""EventBridge that delivers: rules, schedules and the notifications of S3 and SNS, at the cloud's time."""

from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.events import bus, moto_events, notifications, planner, topics

__all__ = ["emit", "install"]


def install(context: CloudContext) -> None:
    """Make moto's EventBridge, Scheduler, S3 and SNS deliver in this cloud."""
    bus.start(context)
    planner.start(context)
    moto_events.replace_all()
    notifications.replace_all()
    topics.replace_all()


def emit(
    context: CloudContext,
    *,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: list[str] | None = None,
) -> str:
    """Put an event of an AWS service on the default bus at the cloud's time; returns the event's id."""
    return bus.put(context, source=source, detail_type=detail_type, detail=detail, resources=resources or [])
