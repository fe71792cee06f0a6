"""What a resource type's handler is: it translates resolved properties into calls of the service's own API."""

import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from seatrial.offline.context import CloudContext
from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.types.record_only import RECORD_ONLY
from seatrial.offline.types.shapes import to_request

_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Made:
    """A resource that exists: what `Ref` gives and what `Fn::GetAtt` gives."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Call:
    """One request to a handler. Reading a property marks it as used; what nobody used is an error."""

    context: CloudContext
    stack_name: str
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    changed: tuple[str, ...] = ()
    """Top-level properties that differ, in an update."""
    stopping: threading.Event = field(default_factory=threading.Event)
    begun: str | None = None
    """Physical id of a resource that the handler has begun to make."""
    used: set[str] = field(default_factory=set)

    def client(self, service: str) -> Any:
        """A client of the cloud."""
        return self.context.client(service)

    def get(self, name: str, default: Any = None) -> Any:
        """A property."""
        self.used.add(name)
        return self.properties.get(name, default)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean property, which templates may spell as text."""
        return truth(self.get(name, default))

    def rest(self, *without: str) -> dict[str, Any]:
        """All properties but those named and the record-only ones, as a dict to build a request from."""
        self.used |= set(self.properties)
        recorded = RECORD_ONLY.get(self.type, {})
        return {key: value for key, value in self.properties.items() if key not in without and key not in recorded}

    def request(self, service: str, operation: str, source: Mapping[str, Any]) -> dict[str, Any]:
        """Fit properties to an API's input; raises `ResourceError` for what the API does not take."""
        return to_request(self.client(service), operation, source)

    def name(self, limit: int = 64) -> str:
        """A generated name, as CloudFormation makes it: stack, logical id, and a random part."""
        tail = f"-{secrets.token_hex(6)}"
        return f"{self.stack_name}-{self.logical_id}"[: limit - len(tail)] + tail

    def chosen_name(self, property_name: str, limit: int = 64) -> str:
        """The name in the properties, or a generated one."""
        return self.get(property_name) or self.name(limit)

    def begin(self, physical_id: str) -> str:
        """Note that the resource exists from now on, so that a failure removes it."""
        self.begun = physical_id
        return physical_id

    def tags(self, name: str = "Tags") -> dict[str, str]:
        """Tags as a dict, whether the template has a list or a map."""
        value = self.get(name) or {}
        return tag_map(value)

    def arn(self, service: str, resource: str) -> str:
        """An ARN of this account and region."""
        return f"arn:aws:{service}:{self.context.region}:{self.context.account}:{resource}"

    def pause(self) -> None:
        """Wait a moment before polling again; raises `ResourceError` when the cloud stops."""
        if self.stopping.is_set():
            raise ResourceError("the offline cloud was stopped")
        time.sleep(_POLL_SECONDS)

    def refuse_unused(self, among: Iterable[str] | None = None) -> None:
        """Raise `ResourceError` for properties (or those of `among`) that the handler did not look at."""
        asked = set(self.properties if among is None else among)
        left = sorted(asked - self.used - set(RECORD_ONLY.get(self.type, {})))
        if left:
            raise ResourceError(
                f"{', '.join(left)} of {self.type} is not emulated by the offline cloud: "
                "add it to the handler in seatrial/offline/types, or to record_only.py with a reason"
            )


class Handler:
    """Base of the handlers; `create` is mandatory, `update` where the type can be changed in place."""

    def create(self, call: Call) -> Made:
        """Make the resource."""
        raise NotImplementedError

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Change the resource in place; `old` are the properties it was last given."""
        del physical_id, old
        raise ResourceError(
            f"an update in place of {call.type} ({', '.join(call.changed)}) is not emulated by the offline cloud"
        )

    def delete(self, call: Call, physical_id: str) -> None:
        """Remove the resource; a service error that says it is gone already counts as success."""
        raise NotImplementedError


def is_absent(error: ClientError) -> bool:
    """True when a service says that the thing does not exist."""
    details = error.response["Error"]
    code = details.get("Code", "")
    marks = ("NotFound", "NoSuch", "NotExist", "NonExistent", "ResourceNotFound", "DoesNotExist")
    text = details.get("Message", "").lower()
    return any(mark in code for mark in marks) or "could not find" in text or "does not exist" in text


def truth(value: Any) -> bool:
    """A boolean from a template's value."""
    return value is True or str(value).lower() == "true"


def tag_map(value: Any) -> dict[str, str]:
    """Tags as a dict."""
    if isinstance(value, Mapping):
        return {str(key): str(item) for key, item in value.items()}
    return {str(tag["Key"]): str(tag["Value"]) for tag in value}


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a list of pairs, with the service's names of the two."""
    return [{key: name, value: text} for name, text in tags.items()]
