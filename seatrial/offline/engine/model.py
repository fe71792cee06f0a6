"""Stacks as data: what CloudFormation remembers of a stack, its resources, events and change sets."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from seatrial.offline.engine.template import Definition, Template


@dataclass(frozen=True)
class Resource:
    """One resource that exists: `properties` are the resolved ones it was last given."""

    definition: Definition
    physical_id: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    status: str = "CREATE_COMPLETE"
    updated: datetime | None = None

    @property
    def logical_id(self) -> str:
        """The id in the template."""
        return self.definition.logical_id

    @property
    def type(self) -> str:
        """The type, such as AWS::S3::Bucket."""
        return self.definition.type

    def with_status(self, status: str, now: datetime) -> "Resource":
        """The same resource in another status."""
        return replace(self, status=status, updated=now)


@dataclass(frozen=True)
class Event:
    """One stack event."""

    event_id: str
    timestamp: datetime
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None = None
    properties: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Output:
    """One output with its resolved value."""

    key: str
    value: str
    description: str | None = None
    export_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a stack operation is to reach."""

    template: Template
    parameters: Mapping[str, str]
    """Raw values (for SSM types the name)."""
    values: Mapping[str, Any]
    """What Ref gives."""
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    token: str | None = None
    on_failure: str = "ROLLBACK"

    def same_as(self, other: "Wanted") -> bool:
        """True when an update would change nothing."""
        mine = (self.template.document, self.parameters, self.values, self.tags)
        return mine == (other.template.document, other.parameters, other.values, other.tags)


@dataclass
class ChangeSet:
    """A set of changes to review and execute."""

    name: str
    arn: str
    type: str
    wanted: Wanted
    changes: list[dict[str, Any]]
    created: datetime
    status: str = "CREATE_COMPLETE"
    execution_status: str = "AVAILABLE"
    reason: str | None = None
    description: str | None = None


@dataclass
class Stack:
    """A stack, live or deleted; `current` is what the last successful operation reached."""

    name: str
    stack_id: str
    created: datetime
    status: str
    current: Wanted | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    imports: frozenset[str] = frozenset()
    events: list[Event] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    reason: str | None = None
    updated: datetime | None = None
    deleted: datetime | None = None
    protected: bool = False
    pending: Wanted | None = None
    retained: list[Resource] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def suffix(self) -> str:
        """Distinguishes generated names of stacks with the same name; the same for a stack's whole life."""
        return self.stack_id.rsplit("/", 1)[-1].replace("-", "")

    @property
    def busy(self) -> bool:
        """True while an operation runs."""
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def wanted(self) -> Wanted | None:
        """What is being reached or was reached."""
        return self.pending or self.current


def new_stack_id(region: str, account: str, name: str) -> str:
    """A fresh stack ARN."""
    return f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"
