"""Reads the environment and the approval event."""

from collections.abc import Iterator, Mapping
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
    variant_name: str = "primary"
    canary_percent: int = 50
    poll_seconds: int = 30
    update_seconds: int = 4800
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
            variant_name=values[environment.VARIANT_NAME],
            canary_percent=int(values[environment.CANARY_PERCENT]),
            poll_seconds=int(values[environment.POLL_SECONDS]),
            update_seconds=int(values[environment.UPDATE_SECONDS]),
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
    `reconciling`: the schedule asks, in case an event was lost. `started` is when this promotion began, `now` when it
    came to this choice. `stack_status` and `made_configs` (names) are what CloudFormation says of the endpoint's stack.
    """

    id: str
    time: str
    model_package_arn: str | None
    approval: bool = True
    reconciling: bool = False
    started: str = ""
    now: str = ""
    stack_status: str = ""
    made_configs: tuple[str, ...] = ()

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read the EventBridge event; raises `EventError`."""
        identifier, time = event.get("executionId") or event.get("id"), event.get("time")
        if not isinstance(identifier, str) or not isinstance(time, str):
            raise EventError(f"event: needs id and time as text, got {identifier!r} and {time!r}")
        detail = event.get("detail")
        found = cls(
            identifier,
            time,
            None,
            started=_text(event.get("startedAt")),
            now=_text(event.get("enteredAt")),
            stack_status=_text(event.get("stackStatus")),
            made_configs=tuple(_made_configs(event.get("stackResources"))),
        )
        if not isinstance(detail, Mapping):
            return found
        updated, arn = detail.get("UpdatedModelPackageFields"), detail.get("ModelPackageArn")
        return replace(
            found,
            model_package_arn=arn if isinstance(arn, str) else None,
            approval=not isinstance(updated, list) or not updated or "ModelApprovalStatus" in updated,
            reconciling=detail.get(RECONCILIATION) is True,
        )


def _made_configs(resources: object) -> Iterator[str]:
    """Names of the endpoint configurations among a stack's resources; CloudFormation knows them by their ARNs."""
    for resource in resources if isinstance(resources, list) else ():
        if isinstance(resource, Mapping) and resource.get("ResourceType") == "AWS::SageMaker::EndpointConfig":
            yield _text(resource.get("PhysicalResourceId")).rpartition("/")[2]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
