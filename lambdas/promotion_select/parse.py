"""Reads the environment and the approval event."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seatrial.contracts import environment
from seatrial.contracts.events import RECONCILIATION


class EventError(ValueError):
    """The event is no model package state change."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment."""

    endpoint_name: str
    model_package_group: str
    state_table: str
    rollback_alarm_names: tuple[str, ...]
    approval_valid_hours: float = 72.0
    barred_roles: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        return cls(
            endpoint_name=values[environment.ENDPOINT_NAME],
            model_package_group=values[environment.MODEL_PACKAGE_GROUP],
            state_table=values[environment.STATE_TABLE],
            rollback_alarm_names=_names(values.get(environment.ROLLBACK_ALARM_NAMES, "")),
            approval_valid_hours=float(values.get(environment.APPROVAL_VALID_HOURS, "72")),
            barred_roles=_names(values.get(environment.BARRED_APPROVERS, "")),
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
    `reconciling`: the schedule asks, in case an event was lost. `started` is when this promotion began.
    """

    id: str
    time: str
    model_package_arn: str | None
    approval: bool = True
    reconciling: bool = False
    started: str = ""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read the EventBridge event; raises `EventError`."""
        identifier, time = event.get("executionId") or event.get("id"), event.get("time")
        if not isinstance(identifier, str) or not isinstance(time, str):
            raise EventError(f"event: needs id and time as text, got {identifier!r} and {time!r}")
        started = event.get("startedAt")
        detail = event.get("detail")
        found = cls(identifier, time, None, started=started if isinstance(started, str) else "")
        if not isinstance(detail, Mapping):
            return found
        updated, arn = detail.get("UpdatedModelPackageFields"), detail.get("ModelPackageArn")
        return replace(
            found,
            model_package_arn=arn if isinstance(arn, str) else None,
            approval=not isinstance(updated, list) or not updated or "ModelApprovalStatus" in updated,
            reconciling=detail.get(RECONCILIATION) is True,
        )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
