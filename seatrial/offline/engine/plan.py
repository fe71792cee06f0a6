"""Decides what a stack operation does to each resource, and in which order; pure."""

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.intrinsics import references
from seatrial.offline.engine.model import Resource
from seatrial.offline.engine.schemas import Schema, changed_properties, needs_replacement
from seatrial.offline.engine.template import Definition, Template

Action = Literal["create", "update", "replace", "keep"]


@dataclass(frozen=True)
class Decision:
    """What happens to one resource; `changed` names the properties that are the reason."""

    action: Action
    changed: tuple[str, ...] = ()


def decide(
    schema: Schema, existing: Resource | None, definition: Definition, properties: Mapping[str, Any]
) -> Decision:
    """Compare what is there with what is wanted, by resolved properties."""
    if existing is None:
        return Decision("create")
    if existing.type != definition.type:
        raise ValidationError(f"Update of resource type is not permitted. The new template modifies {definition.type}")
    create_only = needs_replacement(schema, existing.properties, properties)
    if create_only:
        return Decision("replace", tuple(create_only))
    changed = changed_properties(existing.properties, properties)
    return Decision("update", tuple(changed)) if changed else Decision("keep")


def dependencies(definition: Definition, known: Mapping[str, Any]) -> set[str]:
    """Logical ids, among `known`, that a resource needs first."""
    named = {*definition.depends_on, *references(definition.properties)}
    return {name for name in named if name in known and name != definition.logical_id}


def order(definitions: Mapping[str, Definition]) -> list[str]:
    """Logical ids, dependencies first, otherwise in the template's order."""
    position = {name: number for number, name in enumerate(definitions)}
    needs = {name: dependencies(definition, definitions) for name, definition in definitions.items()}
    users: dict[str, list[str]] = {name: [] for name in definitions}
    for name, needed in needs.items():
        for other in needed:
            users[other].append(name)
    ready = [position[name] for name, needed in needs.items() if not needed]
    heapq.heapify(ready)
    names, result = list(definitions), []
    while ready:
        name = names[heapq.heappop(ready)]
        result.append(name)
        for user in users[name]:
            needs[user].discard(name)
            if not needs[user]:
                heapq.heappush(ready, position[user])
    if len(result) < len(definitions):
        circle = ", ".join(sorted(set(definitions) - set(result)))
        raise ValidationError(f"Circular dependency between resources: [{circle}]")
    return result


def check_references(template: Template) -> None:
    """Raise `ValidationError` for names that the template does not declare."""
    known = {*template.parameters, *template.resources}
    for definition in template.resources.values():
        named = {*definition.depends_on, *references(definition.properties)}
        _refuse_unknown(named - known, "Resources")
        if definition.condition is not None and definition.condition not in template.conditions:
            raise ValidationError(
                f"Template format error: Unresolved condition dependency {definition.condition} in the Resources block"
            )
    for output in template.outputs.values():
        _refuse_unknown(set(references(output.get("Value"))) - known, "Outputs")


def _refuse_unknown(names: set[str], block: str) -> None:
    missing = sorted(name for name in names if not name.startswith("AWS::"))
    if missing:
        raise ValidationError(
            f"Template format error: Unresolved resource dependencies [{', '.join(missing)}] "
            f"in the {block} block of the template"
        )
