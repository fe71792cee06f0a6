"""Keeps every stack of the account, live and deleted; writes their events and the journal."""

import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace

from seatrial.offline.context import CloudContext
from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.model import Event, Output, Resource, Stack, new_stack_id
from seatrial.offline.events import emit

STACK_TYPE = "AWS::CloudFormation::Stack"


class Store:
    """All stacks, oldest first."""

    def __init__(self, context: CloudContext) -> None:
        self._context = context
        self._stacks: list[Stack] = []
        self._lock = threading.RLock()

    def all(self) -> list[Stack]:
        """Live and deleted stacks."""
        with self._lock:
            return list(self._stacks)

    def live(self) -> Iterator[Stack]:
        """Stacks that have not been deleted."""
        return (stack for stack in self.all() if stack.status != "DELETE_COMPLETE")

    def find(self, name_or_id: str) -> Stack | None:
        """A live stack by name, or any stack by its ARN."""
        for stack in reversed(self.all()):
            if stack.stack_id == name_or_id or (stack.name == name_or_id and stack.status != "DELETE_COMPLETE"):
                return stack
        return None

    def get(self, name_or_id: str) -> Stack:
        """As `find`; raises `ValidationError` when there is none."""
        stack = self.find(name_or_id)
        if stack is None:
            raise ValidationError(f"Stack with id {name_or_id} does not exist")
        return stack

    def add(self, name: str, status: str) -> Stack:
        """A new stack."""
        stack_id = new_stack_id(self._context.region, self._context.account, name)
        stack = Stack(name, stack_id, self._context.clock.now(), status)
        with self._lock:
            self._stacks.append(stack)
        return stack

    def exports(self) -> dict[str, Output]:
        """Exports of all live stacks by name."""
        found = (output for stack in self.live() for output in stack.outputs)
        return {output.export_name: output for output in found if output.export_name}

    def importers(self, export: str) -> list[str]:
        """Names of live stacks that import an export."""
        return [stack.name for stack in self.live() if export in stack.imports]

    def exporter(self, export: str) -> Stack | None:
        """The live stack that has an export."""
        for stack in self.live():
            if any(output.export_name == export for output in stack.outputs):
                return stack
        return None

    def record(self, stack: Stack, status: str, reason: str | None = None) -> None:
        """Set the stack's status, write its event, and tell EventBridge as CloudFormation does."""
        stack.status, stack.reason = status, reason
        event = self._event(stack, stack.name, stack.stack_id, STACK_TYPE, status)
        self._write(stack, event, reason)
        details = {"status": status, "status-reason": reason or ""}
        emit(
            self._context,
            source="aws.cloudformation",
            detail_type="CloudFormation Stack Status Change",
            detail={"stack-id": stack.stack_id, "status-details": details, "client-request-token": event.token or ""},
            resources=[stack.stack_id],
        )

    def record_resource(self, stack: Stack, resource: Resource, status: str, reason: str | None = None) -> None:
        """Write a resource's event."""
        event = self._event(stack, resource.logical_id, resource.physical_id, resource.type, status)
        properties = json.dumps(resource.properties, default=str) if resource.properties else None
        self._write(stack, replace(event, properties=properties), reason)

    def _event(self, stack: Stack, logical_id: str, physical_id: str, kind: str, status: str) -> Event:
        now, token = self._context.clock.now(), stack.wanted.token if stack.wanted else None
        return Event(str(uuid.uuid4()), now, logical_id, physical_id, kind, status, token=token)

    def _write(self, stack: Stack, event: Event, reason: str | None) -> None:
        stack.events.append(replace(event, reason=reason))
        if event.type == STACK_TYPE or event.status.endswith("_FAILED"):
            fields = {"stack": stack.name, "resource": event.logical_id, "type": event.type, "status": event.status}
            self._context.journal.record("stack", **fields, reason=reason)
