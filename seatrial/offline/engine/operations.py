"""Stack operations: create, update, delete, each with its roll back; one object an operation, run in a thread."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seatrial.offline.engine.errors import ResourceError, ValidationError
from seatrial.offline.engine.executor import Executor, schema_for
from seatrial.offline.engine.intrinsics import resolve
from seatrial.offline.engine.model import Output, Resource, Stack, Wanted
from seatrial.offline.engine.plan import decide, dependencies, order
from seatrial.offline.engine.scope import StackScope
from seatrial.offline.engine.template import Definition

if TYPE_CHECKING:
    from seatrial.offline.engine.engine import Engine


@dataclass(frozen=True)
class Step:
    """One change that was made, for the roll back: `before` is None for what was created."""

    before: Resource | None
    after: Resource | None
    replaced: bool = False
    attempted: Mapping[str, Any] | None = None


class Operation:
    """Base of the operations: resolves, decides and applies resource by resource, dependencies first."""

    def __init__(self, engine: "Engine", stack: Stack, wanted: Wanted) -> None:
        self.engine = engine
        self.stack = stack
        self.wanted = wanted
        self.executor = Executor(engine, stack)
        self.live: dict[str, Resource] = dict(stack.resources)
        self.scope = StackScope(engine, stack, wanted, self.live)
        self.steps: list[Step] = []
        self.failed: str | None = None

    def apply(self) -> None:
        """Reach every resource that the template wants; raises `ResourceError` after naming the one in `failed`."""
        active = self.scope.active()
        for name in order(active):
            if self.engine.stopping.is_set():
                raise ResourceError("the offline cloud was stopped")
            self.failed = name
            self._reach(active[name])
            self.stack.resources = dict(self.live)
        self.failed = None

    def resolve_outputs(self) -> list[Output]:
        """The outputs; raises `ResourceError` for a clash with exports of other stacks."""
        outputs: list[Output] = []
        for key, body in self.wanted.template.outputs.items():
            if "Condition" in body and not self.scope.condition(body["Condition"]):
                continue
            value = resolve(body["Value"], self.scope)
            name = resolve(body.get("Export", {}).get("Name"), self.scope)
            text = value if isinstance(value, str) else json.dumps(value)
            outputs.append(Output(key, text, body.get("Description"), name))
        self._check_exports(outputs)
        return outputs

    def _check_exports(self, outputs: list[Output]) -> None:
        mine = {output.export_name: output.value for output in outputs if output.export_name}
        for name in mine:
            owner = self.engine.store.exporter(name)
            if owner is not None and owner is not self.stack:
                raise ResourceError(f"Export with name {name} is already exported by stack {owner.name}. Rolling back.")
        for output in self.stack.outputs:
            name = output.export_name
            users = self.engine.store.importers(name) if name else []
            if name and users and mine.get(name) != output.value:
                verb = "updated" if name in mine else "deleted"
                raise ResourceError(f"Export {name} cannot be {verb} as it is in use by {', '.join(users)}")

    def _reach(self, definition: Definition) -> None:
        name = definition.logical_id
        existing = self.live.get(name)
        try:
            schema = schema_for(self.engine, definition)
            properties = resolve(definition.properties, self.scope)
            decision = decide(schema, existing, definition, properties)
            if decision.action != "keep":
                self.executor.check(schema, properties)
        except (ValidationError, ResourceError) as error:
            status = "CREATE_FAILED" if existing is None else "UPDATE_FAILED"
            broken = existing or Resource(definition, "", {}, {})
            self.engine.store.record_resource(self.stack, broken, status, _text(error))
            raise ResourceError(_text(error)) from error
        if existing is None:
            self.live[name] = made = self.executor.create(definition, properties)
            self.steps.append(Step(None, made))
        elif decision.action == "replace":
            self.live[name] = made = self.executor.replace(schema, existing, definition, properties, decision)
            self.steps.append(Step(existing, made, replaced=True))
        elif decision.action == "update":
            self.steps.append(Step(existing, None, attempted=properties))
            self.live[name] = self.executor.update(existing, definition, properties, decision)
            self.steps[-1] = Step(existing, self.live[name])
        else:
            self.live[name] = Resource(
                definition, existing.physical_id, existing.properties, existing.attributes, existing.status
            )

    def settle(self) -> None:
        """Remember what was reached."""
        self.stack.resources = dict(self.live)
        self.stack.imports = frozenset(self.scope.imports)
        self.stack.current = self.wanted
        self.stack.pending = None

    def delete_all(self, resources: list[Resource], retained: Callable[[Resource], bool]) -> list[str]:
        """Delete in the given order, keeping what its policy retains; returns logical ids that could not be."""
        failed: list[str] = []
        blocked: set[str] = set()
        known = {resource.logical_id: resource for resource in resources}
        for resource in resources:
            needs = dependencies(resource.definition, known)
            if resource.logical_id in blocked:
                blocked |= needs
                continue
            try:
                self.executor.skip(resource) if retained(resource) else self.executor.delete(resource)
            except ResourceError:
                failed.append(resource.logical_id)
                blocked |= needs
                continue
            self._forget(resource)
        return failed

    def _forget(self, resource: Resource) -> None:
        """Drop it from the stack, unless another one has its logical id by now."""
        current = self.stack.resources.get(resource.logical_id)
        if current is not None and current.physical_id == resource.physical_id:
            del self.stack.resources[resource.logical_id]


class Create(Operation):
    """CreateStack, or the execution of a change set of type CREATE."""

    def run(self) -> None:
        """Create everything or roll back."""
        store = self.engine.store
        try:
            self.apply()
            outputs = self.resolve_outputs()
        except (ResourceError, ValidationError) as error:
            self._fail(_text(error))
            return
        self.stack.outputs = outputs
        self.settle()
        store.record(self.stack, "CREATE_COMPLETE")

    def _fail(self, reason: str) -> None:
        store = self.engine.store
        failed = f"[{self.failed}]" if self.failed else "outputs"
        why = f"The following resource(s) failed to create: {failed}: {reason}"
        if self.wanted.on_failure == "DO_NOTHING":
            self.settle()
            store.record(self.stack, "CREATE_FAILED", why)
            return
        delete = self.wanted.on_failure == "DELETE"
        store.record(self.stack, "DELETE_IN_PROGRESS" if delete else "ROLLBACK_IN_PROGRESS", why)
        made = [step.after for step in reversed(self.steps) if step.after is not None]
        left = self.delete_all(made, lambda resource: resource.definition.deletion_policy == "Retain")
        self.stack.resources = {name: self.live[name] for name in left}
        self.stack.current, self.stack.pending = self.wanted, None
        verb = "DELETE" if delete else "ROLLBACK"
        if left:
            store.record(self.stack, f"{verb}_FAILED", f"The following resource(s) failed to delete: {left}")
        else:
            store.record(self.stack, f"{verb}_COMPLETE")


class Update(Operation):
    """UpdateStack, or the execution of a change set of type UPDATE."""

    def run(self) -> None:
        """Update everything and clean up, or roll back to what was there."""
        store, before = self.engine.store, dict(self.stack.resources)
        try:
            self.apply()
            outputs = self.resolve_outputs()
        except (ResourceError, ValidationError) as error:
            self._roll_back(before, _text(error))
            return
        superseded = self._superseded()
        self.stack.outputs = outputs
        removed = [name for name in before if name not in self.scope.active()]
        for name in removed:
            del self.live[name]
        self.settle()
        store.record(self.stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        # CloudFormation reports what it could not clean up, yet the update is complete.
        self.delete_all(superseded, _kept_on_replace)
        going = {name: before[name] for name in removed}
        self.delete_all(_reversed_order(going), _kept_on_delete)
        self.stack.resources = dict(self.live)
        store.record(self.stack, "UPDATE_COMPLETE")

    def _superseded(self) -> list[Resource]:
        return [step.before for step in reversed(self.steps) if step.replaced and step.before is not None]

    def _roll_back(self, before: dict[str, Resource], reason: str) -> None:
        store = self.engine.store
        failed = f"[{self.failed}]" if self.failed else "outputs"
        why = f"The following resource(s) failed to update: {failed}: {reason}"
        store.record(self.stack, "UPDATE_ROLLBACK_IN_PROGRESS", why)
        lost: list[str] = []
        for step in reversed(self.steps):
            if step.before is not None and not step.replaced:
                lost += self._restore(step)
        self.stack.resources = before
        self.stack.pending = None
        if lost:
            store.record(self.stack, "UPDATE_ROLLBACK_FAILED", f"The following resource(s) failed to update: {lost}")
            return
        store.record(self.stack, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")
        made = [step.after for step in reversed(self.steps) if step.after and (step.before is None or step.replaced)]
        self.delete_all(made, lambda resource: False)
        self.stack.resources = before
        store.record(self.stack, "UPDATE_ROLLBACK_COMPLETE")

    def _restore(self, step: Step) -> list[str]:
        existing = step.before
        if existing is None:
            return []
        attempted = step.after.properties if step.after else (step.attempted or {})
        schema = schema_for(self.engine, existing.definition)
        current = Resource(existing.definition, existing.physical_id, attempted, existing.attributes)
        decision = decide(schema, current, existing.definition, existing.properties)
        try:
            self.executor.update(current, existing.definition, existing.properties, decision)
        except ResourceError:
            return [existing.logical_id]
        return []


class Delete(Operation):
    """DeleteStack."""

    def __init__(self, engine: "Engine", stack: Stack, wanted: Wanted, keep: frozenset[str] = frozenset()) -> None:
        super().__init__(engine, stack, wanted)
        self._keep = keep

    def run(self) -> None:
        """Delete everything in reverse order, users before what they use."""
        store = self.engine.store
        resources = _reversed_order(self.stack.resources)
        failed = self.delete_all(resources, lambda item: item.logical_id in self._keep or _kept_on_delete(item))
        self.stack.pending = None
        if failed:
            why = f"The following resource(s) failed to delete: [{', '.join(failed)}]."
            store.record(self.stack, "DELETE_FAILED", why)
            return
        self.stack.outputs, self.stack.imports = [], frozenset()
        self.stack.deleted = self.engine.context.clock.now()
        store.record(self.stack, "DELETE_COMPLETE")


def _kept_on_delete(resource: Resource) -> bool:
    return resource.definition.deletion_policy in {"Retain", "RetainExceptOnCreate"}


def _kept_on_replace(resource: Resource) -> bool:
    return resource.definition.update_replace_policy == "Retain"


def _reversed_order(resources: Mapping[str, Resource]) -> list[Resource]:
    definitions = {name: resource.definition for name, resource in resources.items()}
    return [resources[name] for name in reversed(order(definitions))]


def _text(error: Exception) -> str:
    return getattr(error, "message", None) or str(error)
