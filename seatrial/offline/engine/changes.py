"""Works out what a change set would do, in the shape of DescribeChangeSet's `Changes`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from seatrial.offline.engine.executor import schema_for
from seatrial.offline.engine.intrinsics import resolve
from seatrial.offline.engine.model import Resource, Stack, Wanted
from seatrial.offline.engine.plan import Decision, decide, order
from seatrial.offline.engine.scope import StackScope
from seatrial.offline.engine.template import Definition

if TYPE_CHECKING:
    from seatrial.offline.engine.engine import Engine


def changes(engine: "Engine", stack: Stack, wanted: Wanted) -> list[dict[str, Any]]:
    """Changes in the order of execution; a replaced resource counts as not there for those that refer to it."""
    there = dict(stack.resources)
    scope = StackScope(engine, stack, wanted, there)
    scope.preview = True
    active = scope.active()
    found: list[dict[str, Any]] = []
    for name in order(active):
        definition, existing = active[name], stack.resources.get(name)
        properties = resolve(definition.properties, scope)
        decision = decide(schema_for(engine, definition), existing, definition, properties)
        if decision.action == "replace":
            there.pop(name)
        if decision.action != "keep":
            found.append(_change(definition, existing, decision))
    removed = [resource for name, resource in stack.resources.items() if name not in active]
    return found + [_removal(resource) for resource in removed]


def _change(definition: Definition, existing: Resource | None, decision: Decision) -> dict[str, Any]:
    change: dict[str, Any] = {
        "Action": "Add" if existing is None else "Modify",
        "LogicalResourceId": definition.logical_id,
        "ResourceType": definition.type,
        "Scope": [] if existing is None else ["Properties"],
        "Details": [_detail(name, decision) for name in decision.changed],
    }
    if existing is not None:
        change["PhysicalResourceId"] = existing.physical_id
        change["Replacement"] = "True" if decision.action == "replace" else "False"
    return {"Type": "Resource", "ResourceChange": change}


def _detail(name: str, decision: Decision) -> Mapping[str, Any]:
    recreation = "Always" if decision.action == "replace" else "Never"
    target = {"Attribute": "Properties", "Name": name.split(".", maxsplit=1)[0], "RequiresRecreation": recreation}
    return {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}


def _removal(resource: Resource) -> dict[str, Any]:
    keeps = resource.definition.deletion_policy in {"Retain", "RetainExceptOnCreate"}
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Remove",
            "PolicyAction": "Retain" if keeps else "Delete",
            "LogicalResourceId": resource.logical_id,
            "PhysicalResourceId": resource.physical_id,
            "ResourceType": resource.type,
            "Scope": [],
            "Details": [],
        },
    }
