"""Does things to single resources: check properties, call the type's handler, write the stack events."""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from seatrial.offline.engine.errors import ResourceError, ValidationError
from seatrial.offline.engine.model import Resource, Stack
from seatrial.offline.engine.plan import Decision
from seatrial.offline.engine.schemas import Schema, problems, schema_of
from seatrial.offline.engine.template import Definition
from seatrial.offline.types import handler_of, known_types
from seatrial.offline.types.base import Call, Made, is_absent

if TYPE_CHECKING:
    from seatrial.offline.engine.engine import Engine


def schema_for(engine: "Engine", definition: Definition) -> Schema:
    """Schema of a resource's type; an unknown type is a loud error."""
    schema = schema_of(definition.type, engine.context.region)
    if schema is None:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{definition.type}]")
    if handler_of(definition.type) is None:
        raise ValidationError(
            f"{definition.logical_id}: {definition.type} is not emulated by the offline cloud "
            f"({len(known_types())} types are): add a handler in seatrial/offline/types"
        )
    return schema


class Executor:
    """Acts for one stack; every method raises `ResourceError` with the reason that a stack event shows."""

    def __init__(self, engine: "Engine", stack: Stack) -> None:
        self._engine = engine
        self._stack = stack

    def check(self, schema: Schema, properties: Mapping[str, Any]) -> None:
        """Refuse resolved properties that break the type's schema."""
        found = problems(schema, properties)
        if found:
            raise ResourceError(f"Properties validation failed for resource of type {schema.type}: {'; '.join(found)}")

    def create(self, definition: Definition, properties: Mapping[str, Any]) -> Resource:
        """Make a resource; what is half made when it fails is removed."""
        pending = Resource(definition, "", properties, {})
        self._event(pending, "CREATE_IN_PROGRESS")
        call = self._call(definition, properties)
        try:
            made = _guard(lambda: self._handler(definition).create(call))
            call.refuse_unused()
        except ResourceError as error:
            self._event(replace(pending, physical_id=call.begun or ""), "CREATE_FAILED", str(error))
            self._remove_half_made(call, definition)
            raise
        resource = replace(pending, physical_id=made.physical_id, attributes=made.attributes)
        self._event(resource, "CREATE_COMPLETE")
        return resource.with_status("CREATE_COMPLETE", self._engine.context.clock.now())

    def update(
        self, existing: Resource, definition: Definition, properties: Mapping[str, Any], decision: Decision
    ) -> Resource:
        """Change a resource in place."""
        pending = replace(existing, definition=definition, properties=properties)
        self._event(pending, "UPDATE_IN_PROGRESS")
        call = self._call(definition, properties, decision.changed)
        try:
            made: Made = _guard(
                lambda: self._handler(definition).update(call, existing.physical_id, existing.properties)
            )
            call.refuse_unused(among=decision.changed)
        except ResourceError as error:
            self._event(pending, "UPDATE_FAILED", str(error))
            raise
        resource = replace(pending, physical_id=made.physical_id, attributes=made.attributes)
        self._event(resource, "UPDATE_COMPLETE")
        return resource.with_status("UPDATE_COMPLETE", self._engine.context.clock.now())

    def replace(
        self, schema: Schema, existing: Resource, definition: Definition, properties: Mapping[str, Any], why: Decision
    ) -> Resource:
        """Make a resource anew beside the old one, which the caller removes later."""
        named = [name for name in schema.identifier if name in properties and name not in schema.read_only]
        same = named and all(properties[name] == existing.properties.get(name) for name in named)
        if same and set(named) == set(schema.identifier):
            raise ResourceError(
                f"CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {properties[named[0]]} and update the stack again."
            )
        reason = "Requested update requires the creation of a new physical resource; hence creating one."
        self._event(replace(existing, properties=properties), "UPDATE_IN_PROGRESS", reason)
        return self.create(definition, properties)

    def delete(self, resource: Resource) -> None:
        """Remove a resource; one that is gone already is fine."""
        self._event(resource, "DELETE_IN_PROGRESS")
        call = self._call(resource.definition, resource.properties)
        try:
            _guard(lambda: _delete(self._handler(resource.definition).delete, call, resource.physical_id))
        except ResourceError as error:
            self._event(resource, "DELETE_FAILED", str(error))
            raise
        self._event(resource, "DELETE_COMPLETE")

    def skip(self, resource: Resource) -> None:
        """Leave a resource that its policy retains."""
        self._event(resource, "DELETE_SKIPPED")
        self._stack.retained.append(resource)

    def _event(self, resource: Resource, status: str, reason: str | None = None) -> None:
        self._engine.store.record_resource(self._stack, resource, status, reason)

    def _handler(self, definition: Definition) -> Any:
        return handler_of(definition.type)

    def _call(self, definition: Definition, properties: Mapping[str, Any], changed: tuple[str, ...] = ()) -> Call:
        return Call(
            context=self._engine.context,
            stack_name=self._stack.name,
            logical_id=definition.logical_id,
            type=definition.type,
            properties=properties,
            changed=changed,
            stopping=self._engine.stopping,
        )

    def _remove_half_made(self, call: Call, definition: Definition) -> None:
        if call.begun is None:
            return
        begun = call.begun
        try:
            _guard(lambda: _delete(self._handler(definition).delete, call, begun))
        except ResourceError as error:
            pending = Resource(definition, begun, call.properties, {})
            self._event(pending, "DELETE_FAILED", f"left behind by the failed creation: {error}")


def _delete(delete: Callable[[Call, str], None], call: Call, physical_id: str) -> None:
    try:
        delete(call, physical_id)
    except ClientError as error:
        if not is_absent(error):
            raise


def _guard(action: Callable[[], Any]) -> Any:
    """Run a handler; whatever goes wrong becomes one `ResourceError`."""
    try:
        return action()
    except ResourceError:
        raise
    except ClientError as error:
        details = error.response["Error"]
        message = f'"{details.get("Message", error)}" (HandlerErrorCode: {details.get("Code")})'
        raise ResourceError(f"Resource handler returned message: {message}") from error
    except BotoCoreError as error:
        raise ResourceError(f'Resource handler returned message: "{error}"') from error
    except Exception as error:
        trace = traceback.format_exception(error)[-2:]
        raise ResourceError(f"the offline cloud's handler failed: {error!r} {' '.join(trace)}") from error
