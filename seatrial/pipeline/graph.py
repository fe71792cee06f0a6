"""The steps of a definition as a graph: names, references between them, cycles."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.pipeline.mistakes import Mistake, hint
from seatrial.pipeline.shapes import is_reference, path_mistake

EXECUTION_VARIABLES = frozenset(
    {
        "StartDateTime",
        "CurrentDateTime",
        "PipelineName",
        "PipelineArn",
        "PipelineExecutionId",
        "PipelineExecutionArn",
        "TrainingJobName",
        "ProcessingJobName",
    }
)
DESCRIBE = {
    "Processing": ("DescribeProcessingJob",),
    "Training": ("DescribeTrainingJob",),
    "Transform": ("DescribeTransformJob",),
    "Tuning": ("DescribeHyperParameterTuningJob", "ListTrainingJobsForHyperParameterTuningJob"),
    "Model": ("DescribeModel",),
    "RegisterModel": ("DescribeModelPackage",),
    "EndpointConfig": ("DescribeEndpointConfig",),
}
"""Operations whose responses a step's properties come from."""
BRANCHES = ("IfSteps", "ElseSteps")


@dataclass
class Placed:
    """A step, where it stands, and the condition step it is nested in."""

    step: Mapping[str, Any]
    path: str
    parent: str | None


@dataclass
class Graph:
    """All steps by name; `needs` maps a step to the steps that must come before it."""

    steps: dict[str, Placed] = field(default_factory=dict)
    needs: dict[str, set[str]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)

    @classmethod
    def of(cls, definition: Mapping[str, Any]) -> "Graph":
        """Collect the steps, then what they refer to."""
        graph = cls()
        graph._collect(definition.get("Steps"), "Steps", None)
        parameters = {p.get("Name") for p in definition.get("Parameters") or () if isinstance(p, Mapping)}
        for name, placed in graph.steps.items():
            graph.needs[name] = {placed.parent} if placed.parent else set()
            own = {key: value for key, value in placed.step.items() if key != "Arguments"}
            graph._follow(name, own, placed.path, parameters)
            graph._follow(name, _own_arguments(placed.step), f"{placed.path}.Arguments", parameters)
            graph._follow_depends_on(name, placed)
        graph._find_cycles()
        return graph

    def _collect(self, steps: Any, path: str, parent: str | None) -> None:
        if not isinstance(steps, list):
            self.mistakes.append(Mistake(path, f"must be a list of steps, got {steps!r}"))
            return
        for index, step in enumerate(steps):
            if not isinstance(step, Mapping) or not isinstance(step.get("Name"), str):
                self.mistakes.append(Mistake(f"{path}[{index}]", "must be a step with a Name"))
                continue
            name, place = step["Name"], f"{path}[{step['Name']}]"
            if name in self.steps:
                self.mistakes.append(Mistake(place, f"the name is already taken by {self.steps[name].path}"))
                continue
            self.steps[name] = Placed(step, place, parent)
            if step.get("Type") == "Condition" and isinstance(step.get("Arguments"), Mapping):
                for branch in BRANCHES:
                    self._collect(step["Arguments"].get(branch, []), f"{place}.Arguments.{branch}", name)

    def _follow(self, step: str, value: Any, path: str, parameters: set[Any]) -> None:
        for place, reference in references(value, path):
            self.mistakes += self._check_reference(step, reference, place, parameters)

    def _check_reference(
        self, step: str, reference: Mapping[str, Any], path: str, parameters: set[Any]
    ) -> Iterator[Mistake]:
        function, argument = next(iter(reference.items()))
        if function == "Get":
            yield from self._check_get(step, argument, path, parameters)
        elif not isinstance(argument, Mapping):
            yield Mistake(path, f"{function} takes an object, got {argument!r}")
        elif function == "Std:Join":
            if not isinstance(argument.get("On"), str) or not isinstance(argument.get("Values"), list):
                yield Mistake(path, "Std:Join takes On, a string, and Values, a list")
        elif not isinstance(argument.get("Path"), str) or not {"PropertyFile", "S3Uri"} & set(argument):
            yield Mistake(path, "Std:JsonGet takes Path, a string, and either PropertyFile or S3Uri")

    def _check_get(self, step: str, target: Any, path: str, parameters: set[Any]) -> Iterator[Mistake]:
        scope, _, rest = str(target).partition(".")
        if scope == "Parameters":
            if rest not in parameters:
                yield Mistake(path, f"there is no parameter {rest!r}{hint(rest, parameters)}")
        elif scope == "Execution":
            if rest not in EXECUTION_VARIABLES:
                yield Mistake(path, f"there is no execution variable {rest!r}{hint(rest, EXECUTION_VARIABLES)}")
        elif scope == "Steps":
            yield from self._check_step_property(step, rest, path)
        elif scope != "Loop":  # the iteration variable of a ForEach step
            yield Mistake(path, f"Get takes Parameters.*, Execution.* or Steps.*, got {target!r}")

    def _check_step_property(self, step: str, rest: str, path: str) -> Iterator[Mistake]:
        match = re.match(r"([^.\[]+)\.?(.*)", rest)
        name, property_path = match.groups() if match else (rest, "")
        if name not in self.steps:
            yield Mistake(path, f"there is no step {name!r}{hint(name, self.steps)}")
            return
        self.needs[step].add(name)
        message = property_mistake(self.steps[name].step, property_path)
        if message:
            yield Mistake(path, f"step {name!r}: {message}")

    def _follow_depends_on(self, name: str, placed: Placed) -> None:
        entries = placed.step.get("DependsOn") or []
        for index, entry in enumerate(entries if isinstance(entries, list) else [entries]):
            target = entry.get("Step") if isinstance(entry, Mapping) else entry
            if target in self.steps:
                self.needs[name].add(target)
            else:
                message = f"there is no step {target!r}{hint(str(target), self.steps)}"
                self.mistakes.append(Mistake(f"{placed.path}.DependsOn[{index}]", message))

    def _find_cycles(self) -> None:
        done: set[str] = set()
        for name in self.steps:
            if name not in done:
                self._visit(name, [], done)

    def _visit(self, name: str, trail: list[str], done: set[str]) -> None:
        if name in trail:
            circle = [*trail[trail.index(name) :], name]
            self.mistakes.append(Mistake(self.steps[name].path, f"waits for itself: {' -> '.join(circle)}"))
            return
        if name in done:
            return
        for needed in sorted(self.needs[name]):
            self._visit(needed, [*trail, name], done)
        done.add(name)


def _own_arguments(step: Mapping[str, Any]) -> Any:
    """A step's arguments without the steps nested in it, which are looked at by themselves."""
    arguments = step.get("Arguments")
    if step.get("Type") != "Condition" or not isinstance(arguments, Mapping):
        return arguments
    return {key: value for key, value in arguments.items() if key not in BRANCHES}


def references(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every reference inside a value with its path, also those inside other references."""
    if is_reference(value):
        yield path, value
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from references(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, f"{path}[{index}]")


def property_mistake(step: Mapping[str, Any], property_path: str) -> str | None:
    """What is wrong with a reference to a step's property, None when it can be filled in."""
    kind, arguments = step.get("Type"), step.get("Arguments") or {}
    if property_path.startswith("PropertyFiles."):
        known = _names(step.get("PropertyFiles"), "PropertyFileName")
        return _unknown("property file", property_path.removeprefix("PropertyFiles."), known)
    if match := re.match(r"OutputParameters\['([^']*)'\]$", property_path):
        return _unknown("output", match[1], _names(step.get("OutputParameters"), "OutputName"))
    if kind == "Processing" and (match := re.match(r"ProcessingOutputConfig\.Outputs\['([^']*)'\]", property_path)):
        outputs = (arguments.get("ProcessingOutputConfig") or {}).get("Outputs")
        return _unknown("output", match[1], _names(outputs, "OutputName")) or _leads_nowhere(kind, property_path)
    if kind in DESCRIBE:
        return _leads_nowhere(kind, property_path) if property_path else "the property is missing"
    return "a Fail step has no properties" if kind == "Fail" else None


def _leads_nowhere(kind: str, property_path: str) -> str | None:
    found = [path_mistake(operation, property_path) for operation in DESCRIBE[kind]]
    return found[0] if all(found) else None


def _names(entries: Any, key: str) -> list[str]:
    return [entry[key] for entry in entries or () if isinstance(entry, Mapping) and key in entry]


def _unknown(what: str, name: str, known: list[str]) -> str | None:
    return None if name in known else f"has no {what} {name!r}{hint(name, known)}"
