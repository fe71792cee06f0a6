"""Reads the environment and the approval event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.contracts import environment


class EventError(ValueError):
    """The event is no model package state change."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment."""

    endpoint_name: str
    model_package_group: str
    state_table: str
    rollback_alarm_names: tuple[str, ...]

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        names = values.get(environment.ROLLBACK_ALARM_NAMES, "").split(",")
        return cls(
            endpoint_name=values[environment.ENDPOINT_NAME],
            model_package_group=values[environment.MODEL_PACKAGE_GROUP],
            state_table=values[environment.STATE_TABLE],
            rollback_alarm_names=tuple(name.strip() for name in names if name.strip()),
        )

    @property
    def partition(self) -> str:
        """Partition key of what is remembered about promotions of this endpoint."""
        return f"promotion#{self.endpoint_name}"


@dataclass(frozen=True)
class Request:
    """What asks for a promotion; `id` is the state machine's execution where it tells it, else the event's.

    `approval` is False when the event names the fields that were updated and the approval is not among them: each
    edit of an approved package, its metadata for example, is announced as a change of an approved package.
    """

    id: str
    time: str
    model_package_arn: str | None
    approval: bool = True

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read the EventBridge event; raises `EventError`."""
        identifier, time = event.get("executionId") or event.get("id"), event.get("time")
        if not isinstance(identifier, str) or not isinstance(time, str):
            raise EventError(f"event: needs id and time as text, got {identifier!r} and {time!r}")
        detail = event.get("detail")
        if not isinstance(detail, Mapping):
            return cls(identifier, time, None)
        updated = detail.get("UpdatedModelPackageFields")
        return cls(identifier, time, detail.get("ModelPackageArn"), not updated or "ModelApprovalStatus" in updated)
