"""What the tests of the security checklist share: resources and statements of all assemblies, intrinsics as text."""

import json
from collections.abc import Iterator
from typing import Any

Properties = dict[str, Any]
Named = tuple[str, Properties]


def listed(value: Any) -> list[Any]:
    """A policy's value, which may stand alone, as a list."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:
    """A property with intrinsic functions as comparable text."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def joined(value: Any) -> str:
    """The text that Fn::Join makes, references replaced by a mark."""
    if isinstance(value, str):
        return value
    if "Fn::Join" not in value:
        return "<token>"
    return "".join(part if isinstance(part, str) else "<token>" for part in value["Fn::Join"][1])


def made(assemblies: list[Any], kind: str) -> list[Named]:
    """Properties of every resource of a kind in all assemblies, of which there is at least one."""
    found = [one for assembly in assemblies for one in assembly.properties(kind)]
    assert found, f"no assembly has a resource of type {kind}"
    return found


def kinds(assemblies: list[Any]) -> set[str]:
    """The types of all resources."""
    return {resource["Type"] for assembly in assemblies for _, resource in assembly.resources("")}


def allowed(assemblies: list[Any]) -> Iterator[Named]:
    """Every statement of a role's policy that allows something."""
    for assembly in assemblies:
        yield from ((name, statement) for name, statement in assembly.statements() if statement["Effect"] == "Allow")


def documents(assemblies: list[Any], kind: str, key: str = "PolicyDocument") -> Iterator[Named]:
    """Every statement of the policies of a kind of resource."""
    for name, properties in made(assemblies, kind):
        yield from ((name, statement) for statement in properties[key]["Statement"])


def actions_by_role(assembly: Any) -> dict[str, set[str]]:
    """What each role (`Stack/LogicalId`) may do."""
    policies: dict[str, set[str]] = {}
    for name, statement in assembly.statements():
        given = set(listed(statement["Action"])) if statement["Effect"] == "Allow" else set()
        policies.setdefault(name, set()).update(given)
    return {
        name: set().union(*(policies[f"{name.split('/')[0]}/{policy['Ref']}"] for policy in role["ManagedPolicyArns"]))
        for name, role in assembly.properties("AWS::IAM::Role")
    }


def trusted(role: Properties) -> set[str]:
    """The services that may assume a role."""
    statements = role["AssumeRolePolicyDocument"]["Statement"]
    return {service for statement in statements for service in listed(statement["Principal"]["Service"])}


def pipeline_definition(assembly: Any) -> Properties:
    """The training pipeline, references replaced by marks."""
    ((_, pipeline),) = assembly.properties("AWS::SageMaker::Pipeline")
    return json.loads(joined(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))


def states(definition: Properties, caught: bool = False) -> Iterator[tuple[str, Properties, bool]]:
    """Every state of a machine, nested ones too: name, state, and whether it or what it lies in catches errors."""
    for name, state in definition["States"].items():
        safe = caught or bool(state.get("Catch"))
        yield name, state, safe
        inner = [*state.get("Branches", []), *(state[key] for key in ("ItemProcessor", "Iterator") if key in state)]
        for part in inner:
            yield from states(part, safe)


def machines(assemblies: list[Any]) -> Iterator[Named]:
    """Every state machine: name and parsed definition."""
    for name, machine in made(assemblies, "AWS::StepFunctions::StateMachine"):
        yield name, json.loads(joined(machine["DefinitionString"]))


def cluster_request(assembly: Any) -> Properties:
    """The request by which the flow starts its EMR cluster."""
    (state,) = [
        state
        for _, definition in machines([assembly])
        for _, state, _ in states(definition)
        if "elasticmapreduce:createCluster" in state.get("Resource", "")
    ]
    return state["Parameters"]
