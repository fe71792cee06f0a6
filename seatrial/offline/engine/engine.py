"""The CloudFormation engine: stacks of one account, and the operations on them, each in a thread of its own."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.engine import parameters
from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.executor import schema_for
from seatrial.offline.engine.model import Stack, Wanted
from seatrial.offline.engine.operations import Create, Delete, Update
from seatrial.offline.engine.plan import check_references, order
from seatrial.offline.engine.scope import StackScope, read_parameter
from seatrial.offline.engine.store import Store
from seatrial.offline.engine.template import Template, parse_template

_UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "CREATE_FAILED",
}


class Engine:
    """Starts stack operations; the API module translates requests into calls of this class."""

    def __init__(self, context: CloudContext) -> None:
        self.context = context
        self.store = Store(context)
        self.stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._ssm_lock = threading.Lock()

    def stop(self) -> None:
        """Let running operations end at their next step and wait for them."""
        self.stopping.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def read_ssm(self, reference: str) -> str | None:
        """Value of an SSM parameter, None when it does not exist."""
        with self._ssm_lock:
            return read_parameter(self.context.client("ssm"), reference)

    def parse(self, text: str) -> Template:
        """Parse and check a template; raises `ValidationError`."""
        template = parse_template(text)
        check_references(template)
        order(template.resources)
        for definition in template.resources.values():
            schema_for(self, definition)
        return template

    def want(
        self, template: Template, given: Sequence[Mapping[str, Any]], stack: Stack | None, **options: Any
    ) -> Wanted:
        """What an operation is to reach: the template with its parameter values."""
        previous = stack.current.parameters if stack is not None and stack.current is not None else {}
        values = parameters.choose_values(template, given, previous)
        effective = parameters.effective_values(template, values, self.read_ssm)
        return Wanted(template=template, parameters=values, values=effective, **options)

    def create(self, stack: Stack, wanted: Wanted) -> None:
        """Begin to create a stack."""
        self._begin(stack, wanted, "CREATE_IN_PROGRESS", Create(self, stack, wanted).run)

    def update(self, stack: Stack, wanted: Wanted) -> None:
        """Begin to update a stack; raises `ValidationError` when it is busy or broken."""
        self.refuse_unless_updatable(stack)
        self._begin(stack, wanted, "UPDATE_IN_PROGRESS", Update(self, stack, wanted).run)

    def delete(self, stack: Stack, keep: frozenset[str] = frozenset()) -> None:
        """Begin to delete a stack."""
        if stack.status == "DELETE_COMPLETE":
            return
        if stack.protected:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        if stack.busy:
            raise ValidationError(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
        if stack.current is None:
            self.store.record(stack, "DELETE_COMPLETE")
            return
        for output in stack.outputs:
            users = self.store.importers(output.export_name) if output.export_name else []
            if users:
                why = (
                    f"Delete canceled. Cannot delete export {output.export_name} as it is in use by {', '.join(users)}."
                )
                self.store.record(stack, stack.status, why)
                return
        self._begin(stack, stack.current, "DELETE_IN_PROGRESS", Delete(self, stack, stack.current, keep).run)

    def refuse_unless_updatable(self, stack: Stack) -> None:
        """Raise `ValidationError` when a stack cannot be updated now."""
        if stack.status not in _UPDATABLE:
            raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")

    def scope(self, stack: Stack, wanted: Wanted) -> StackScope:
        """A scope to look ahead with: what is not there yet resolves to a placeholder."""
        scope = StackScope(self, stack, wanted, stack.resources)
        scope.preview = True
        return scope

    def _begin(self, stack: Stack, wanted: Wanted, status: str, run: Any) -> None:
        with stack.lock:
            if stack.busy:
                raise ValidationError(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")
            stack.pending = wanted
            self.store.record(stack, status, "User Initiated")
        if status == "UPDATE_IN_PROGRESS":
            stack.updated = self.context.clock.now()
        thread = threading.Thread(target=self._run, args=(stack, run), name=f"stack {stack.name}", daemon=True)
        self._threads = [item for item in self._threads if item.is_alive()] + [thread]
        thread.start()

    def _run(self, stack: Stack, run: Any) -> None:
        try:
            run()
        except Exception as error:
            status = stack.status.replace("_IN_PROGRESS", "_FAILED")
            self.store.record(stack, status, f"the offline cloud's engine failed: {error!r}")
            raise
