"""Reads a pipeline definition into a plan: frozen steps with every dependency spelt out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.offline.sagemaker.errors import ValidationError
from seatrial.offline.sagemaker.expressions import references, step_of

EXECUTABLE = (
    "Processing",
    "Training",
    "Tuning",
    "Transform",
    "Model",
    "CreateModel",
    "RegisterModel",
    "Condition",
    "Fail",
    "Lambda",
    "EMRServerless",
)
_NUMBERS = {"Integer": int, "Float": float}


@dataclass(frozen=True)
class ParameterPlan:
    """One pipeline parameter."""

    name: str
    type: str
    default: Any = None
    enum: tuple[Any, ...] = ()


@dataclass(frozen=True)
class PropertyFile:
    """A JSON file among a processing step's outputs that expressions may read."""

    output: str
    path: str


@dataclass(frozen=True)
class Guard:
    """The branch of a condition step that a step belongs to."""

    condition: str
    branch: bool


@dataclass(frozen=True)
class StepPlan:
    """One step, wherever it was nested."""

    name: str
    type: str
    arguments: Mapping[str, Any]
    dependencies: frozenset[str]
    guard: Guard | None = None
    property_files: Mapping[str, PropertyFile] = field(default_factory=dict)
    attempts: int = 1
    """How often the step is tried when the service itself fails (retry policies)."""
    cached: bool = False
    """Whether SageMaker may take an earlier result instead."""
    description: str | None = None
    display_name: str | None = None
    outputs: tuple[Mapping[str, Any], ...] = ()
    function: Any = None
    conditions: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class PipelinePlan:
    """A whole definition."""

    parameters: tuple[ParameterPlan, ...]
    steps: tuple[StepPlan, ...]

    def values(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The typed parameters of an execution: what was given, else defaults; names every mistake at once."""
        known = {parameter.name: parameter for parameter in self.parameters}
        mistakes = [
            f"Parameter [{name}] is not part of the pipeline's definition" for name in given if name not in known
        ]
        values: dict[str, Any] = {}
        for name, parameter in known.items():
            try:
                values[name] = _value(parameter, given.get(name, parameter.default))
            except ValueError as error:
                mistakes.append(str(error))
        if mistakes:
            raise ValidationError("; ".join(mistakes))
        return values


def read_definition(text: str) -> PipelinePlan:
    """Parse a definition; raises `ValidationError` naming every mistake at once."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValidationError(f"PipelineDefinition is not JSON: {error}") from error
    if not isinstance(document, dict) or not document.get("Steps"):
        raise ValidationError("PipelineDefinition: at least one step is required in Steps")
    parameters = tuple(_parameter(item) for item in document.get("Parameters", ()))
    steps = tuple(_steps(document["Steps"], None))
    mistakes = list(_mistakes(parameters, steps))
    if mistakes:
        raise ValidationError("PipelineDefinition: " + "; ".join(mistakes))
    return PipelinePlan(parameters, steps)


def _parameter(item: Mapping[str, Any]) -> ParameterPlan:
    return ParameterPlan(item["Name"], item["Type"], item.get("DefaultValue"), tuple(item.get("EnumValues", ())))


def _value(parameter: ParameterPlan, given: Any) -> Any:
    if given is None:
        raise ValueError(f"Parameter [{parameter.name}] has no default value and was not given")
    convert = _NUMBERS.get(parameter.type)
    try:
        value = convert(given) if convert else _boolean(given) if parameter.type == "Boolean" else str(given)
    except ValueError as error:
        raise ValueError(f"Parameter [{parameter.name}] must be of type {parameter.type}, got {given!r}") from error
    if parameter.enum and value not in parameter.enum:
        raise ValueError(f"Parameter [{parameter.name}] must be one of {list(parameter.enum)}, got {value!r}")
    return value


def _boolean(given: Any) -> bool:
    text = str(given).lower()
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _steps(items: Sequence[Mapping[str, Any]], guard: Guard | None) -> Iterator[StepPlan]:
    for item in items:
        if item.get("Type") not in EXECUTABLE:
            raise ValidationError(
                f"step {item.get('Name')!r}: type {item.get('Type')!r} is not emulated by the offline cloud: it runs "
                f"{', '.join(EXECUTABLE)}; leave the step out of what is rehearsed or implement it in "
                "seatrial/offline/sagemaker/steps.py"
            )
        yield _step(item, guard)
        if item["Type"] == "Condition":
            arguments = item["Arguments"]
            yield from _steps(arguments.get("IfSteps", ()), Guard(item["Name"], True))
            yield from _steps(arguments.get("ElseSteps", ()), Guard(item["Name"], False))


def _step(item: Mapping[str, Any], guard: Guard | None) -> StepPlan:
    arguments = dict(item.get("Arguments", {}))
    conditions = tuple(arguments.get("Conditions", ())) if item["Type"] == "Condition" else ()
    own = {"conditions": list(conditions)} if item["Type"] == "Condition" else arguments
    explicit = {entry["Step"] if isinstance(entry, Mapping) else entry for entry in item.get("DependsOn", ())}
    implicit = {step for path in references([own, item.get("FunctionArn")]) if (step := step_of(path))}
    retries = [policy.get("MaxAttempts", 5) for policy in item.get("RetryPolicies", ())]
    return StepPlan(
        name=item["Name"],
        type=item["Type"],
        arguments={} if item["Type"] == "Condition" else arguments,
        dependencies=frozenset(explicit | implicit | ({guard.condition} if guard else set())),
        guard=guard,
        property_files={
            f["PropertyFileName"]: PropertyFile(f["OutputName"], f["FilePath"]) for f in item.get("PropertyFiles", ())
        },
        attempts=1 + max(retries, default=0),
        cached=bool(item.get("CacheConfig", {}).get("Enabled")),
        description=item.get("Description"),
        display_name=item.get("DisplayName"),
        outputs=tuple(item.get("OutputParameters", ())),
        function=item.get("FunctionArn"),
        conditions=conditions,
    )


def _mistakes(parameters: tuple[ParameterPlan, ...], steps: tuple[StepPlan, ...]) -> Iterator[str]:
    names = [step.name for step in steps]
    yield from (f"step name {name!r} is used twice" for name in sorted(set(names)) if names.count(name) > 1)
    known = {f"Parameters.{parameter.name}" for parameter in parameters}
    for step in steps:
        for path in references([step.arguments, list(step.conditions)]):
            if path.startswith("Parameters.") and path not in known:
                yield f"step {step.name!r} refers to {path!r}, which is not declared"
        for name in sorted(step.dependencies - set(names)):
            yield f"step {step.name!r} depends on {name!r}, which does not exist"
    cycle = _cycle({step.name: step.dependencies for step in steps})
    if cycle:
        yield f"steps depend on each other in a circle: {', '.join(sorted(cycle))}"


def _cycle(dependencies: Mapping[str, frozenset[str]]) -> set[str]:
    left = dict(dependencies)
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return set(left)
