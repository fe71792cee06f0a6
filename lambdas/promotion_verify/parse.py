"""Reads the environment and the state machine's input."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seatrial.contracts import environment

TASKS = ("verify", "probe", "explain")


class EventError(ValueError):
    """The input does not say what the state machine says."""


@dataclass(frozen=True)
class Configuration:
    """The function's environment."""

    endpoint_name: str
    variant_name: str = "primary"
    canary_percent: int = 50
    bake_seconds: int = 1800
    """How long a new fleet is watched, from the first request to the end of the old one."""
    poll_seconds: int = 30
    update_seconds: int = 4800
    """How long one update may take."""

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        return cls(
            endpoint_name=values[environment.ENDPOINT_NAME],
            variant_name=values[environment.VARIANT_NAME],
            canary_percent=int(values[environment.CANARY_PERCENT]),
            bake_seconds=int(values[environment.BAKE_SECONDS]),
            poll_seconds=int(values[environment.POLL_SECONDS]),
            update_seconds=int(values[environment.UPDATE_SECONDS]),
        )


@dataclass(frozen=True)
class Request:
    """What the state machine asks for: to `verify` a promotion, to `probe` its canary, to `explain` its end."""

    task: str
    model_package_arn: str
    previous_arn: str
    now: datetime
    count: int = 0
    reasons: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read the input; raises `EventError`."""
        arn, task = event.get("modelPackageArn"), event.get("task", "verify")
        if not isinstance(arn, str) or not arn:
            raise EventError(f"event.modelPackageArn: must be the ARN of a model package, got {arn!r}")
        if task not in TASKS:
            raise EventError(f"event.task: must be one of {', '.join(TASKS)}, got {task!r}")
        return cls(
            task,
            arn,
            str(event.get("previousModelPackageArn") or ""),
            _time(event.get("time")),
            int(event.get("count", 0)),
            _reasons(event),
        )


def _reasons(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Reasons of the failures since the promotion began, the newest first; the stack also tells of older ones."""
    found = [failure for failures in event.get("events", {}).values() for failure in failures]
    since = _time(event["since"]) if found else None
    newest = sorted(
        ((_time(failure["Timestamp"]), failure) for failure in found), key=lambda pair: pair[0], reverse=True
    )
    return tuple(str(failure.get("ResourceStatusReason", "")) for time, failure in newest if since and time >= since)


def _time(text: object) -> datetime:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC)
    except ValueError:
        raise EventError(f"event.time: must be a time in ISO 8601, got {text!r}") from None
