"""Validates a pipeline definition, ours or one emitted by the SageMaker SDK, and reports every mistake at once."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.pipeline.graph import BRANCHES, Graph, Placed
from seatrial.pipeline.mistakes import DefinitionError, Mistake, hint
from seatrial.pipeline.shapes import RequestCheck, is_reference, is_token

LARGEST_DEFINITION = 1_048_576
VERSIONS = ("2020-12-01",)
PARAMETER_TYPES: dict[str, Any] = {"String": str, "Integer": int, "Float": (int, float), "Boolean": bool}
ORDERINGS = frozenset({"GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"})
OPERATIONS = {
    "Processing": "CreateProcessingJob",
    "Training": "CreateTrainingJob",
    "Tuning": "CreateHyperParameterTuningJob",
    "Transform": "CreateTransformJob",
    "Model": "CreateModel",
    "RegisterModel": "CreateModelPackage",
    "QualityCheck": "CreateProcessingJob",
    "ClarifyCheck": "CreateProcessingJob",
    "EndpointConfig": "CreateEndpointConfig",
}
OTHER_TYPES = frozenset(
    [
        "AutoML",
        "BedrockCustomModel",
        "BedrockCustomModelDeployment",
        "BedrockModelImport",
        "BedrockProvisionedModelThroughput",
        "Callback",
        "Cleanup",
        "Condition",
        "EMR",
        "EMRServerless",
        "Endpoint",
        "Fail",
        "ForEach",
        "InferenceComponent",
        "Job",
        "Lambda",
        "Lineage",
        "Notebook",
        "NotebookJob",
    ]
)
MADE_UP_NAMES = frozenset(
    {
        "ProcessingJobName",
        "TrainingJobName",
        "HyperParameterTuningJobName",
        "TransformJobName",
        "ModelName",
        "ModelPackageName",
        "EndpointConfigName",
    }
)
"""Names that Pipelines makes up unless the definition gives them."""
EXCEPTIONS = (
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
)
_STEP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DURATION = re.compile(r"P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?", re.IGNORECASE)


def check(definition: Mapping[str, Any] | str) -> None:
    """Raise `DefinitionError` with every mistake, return when there is none."""
    mistakes = validate(definition)
    if mistakes:
        raise DefinitionError(mistakes)


def validate(definition: Mapping[str, Any] | str) -> list[Mistake]:
    """Every mistake, in the order of their paths.

    >>> [str(mistake) for mistake in validate('{"Version": "2020-12-01", "Parameters": [], "Steps": []}')]
    ['Steps: must have at least one step']
    """
    text = definition if isinstance(definition, str) else json.dumps(definition)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        return [Mistake("definition", f"is not JSON: {error}")]
    if not isinstance(content, dict):
        return [Mistake("definition", f"must be an object, got {type(content).__name__}")]
    return sorted(_mistakes(content, len(text)))


def _mistakes(definition: dict[str, Any], size: int) -> Iterator[Mistake]:
    if size > LARGEST_DEFINITION:
        yield Mistake(
            "definition", f"must have at most {LARGEST_DEFINITION} characters, got {size}; give its S3 location"
        )
    if definition.get("Version") not in VERSIONS:
        yield Mistake("Version", f"must be {VERSIONS[0]!r}, got {definition.get('Version')!r}")
    if definition.get("Steps") == []:
        yield Mistake("Steps", "must have at least one step")
    types: dict[str, str] = {}
    yield from _check_parameters(definition.get("Parameters"), types)
    graph = Graph.of(definition)
    yield from graph.mistakes
    for placed in graph.steps.values():
        yield from _check_step(placed, types)


def _check_parameters(parameters: Any, types: dict[str, str]) -> Iterator[Mistake]:
    for index, parameter in enumerate(parameters or ()):
        path = (
            f"Parameters[{parameter.get('Name', index)}]" if isinstance(parameter, Mapping) else f"Parameters[{index}]"
        )
        if not isinstance(parameter, Mapping) or not isinstance(parameter.get("Name"), str):
            yield Mistake(path, "must be a parameter with a Name")
            continue
        if parameter["Name"] in types:
            yield Mistake(path, "the name is taken by an earlier parameter")
        yield from _check_parameter(parameter, path)
        types[parameter["Name"]] = str(parameter.get("Type"))


def _check_parameter(parameter: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    kind, default, choices = parameter.get("Type"), parameter.get("DefaultValue"), parameter.get("EnumValues")
    if kind not in PARAMETER_TYPES:
        yield Mistake(
            f"{path}.Type", f"must be {', '.join(PARAMETER_TYPES)}, got {kind!r}{hint(str(kind), PARAMETER_TYPES)}"
        )
        return
    fits = isinstance(default, PARAMETER_TYPES[kind]) and (kind == "Boolean" or not isinstance(default, bool))
    if default is not None and not fits and not is_token(default):
        yield Mistake(f"{path}.DefaultValue", f"must be of type {kind}, got {default!r}")
    if default is not None and choices and default not in choices and not is_token(default):
        yield Mistake(f"{path}.DefaultValue", f"must be one of EnumValues {choices}, got {default!r}")


def _check_step(placed: Placed, types: dict[str, str]) -> Iterator[Mistake]:
    step, path = placed.step, placed.path
    kind = step.get("Type")
    if not _STEP_NAME.fullmatch(step["Name"]):
        yield Mistake(f"{path}.Name", f"must be 1 to 64 letters, digits, hyphens or underscores, got {step['Name']!r}")
    if kind not in OPERATIONS and kind not in OTHER_TYPES:
        known = sorted({*OPERATIONS, *OTHER_TYPES})
        yield Mistake(f"{path}.Type", f"must be one of {', '.join(known)}, got {kind!r}{hint(str(kind), known)}")
    if kind in OPERATIONS:
        request = RequestCheck(OPERATIONS[kind], types.get)
        yield from request.mistakes(step.get("Arguments"), f"{path}.Arguments", MADE_UP_NAMES)
    elif kind == "Condition":
        yield from _check_condition_step(step.get("Arguments"), f"{path}.Arguments", types)
    elif kind == "Fail" and not isinstance((step.get("Arguments") or {}).get("ErrorMessage"), str | dict):
        yield Mistake(f"{path}.Arguments.ErrorMessage", "must be a string")
    elif kind == "Lambda" and not step.get("FunctionArn"):
        yield Mistake(f"{path}.FunctionArn", "is required")
    elif kind == "EMRServerless":
        yield from _check_emr_serverless_step(step.get("Arguments") or {}, f"{path}.Arguments")
    elif kind == "Callback" and not step.get("SqsQueueUrl"):
        yield Mistake(f"{path}.SqsQueueUrl", "is required")
    yield from _check_policies(step, path)


def _check_emr_serverless_step(arguments: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    """As the SDK's `EMRServerlessStep` demands; members of JobConfig are spelt as in EMR Serverless's API."""
    if ("ApplicationId" in arguments) == ("ApplicationConfig" in arguments):
        yield Mistake(path, "must have exactly one of ApplicationId and ApplicationConfig")
    if not arguments.get("ExecutionRoleArn"):
        yield Mistake(f"{path}.ExecutionRoleArn", "is required")
    if not (arguments.get("JobConfig") or {}).get("jobDriver"):
        yield Mistake(f"{path}.JobConfig.jobDriver", "is required")


def _check_condition_step(arguments: Any, path: str, types: dict[str, str]) -> Iterator[Mistake]:
    if not isinstance(arguments, Mapping):
        yield Mistake(path, f"must be an object with Conditions, IfSteps and ElseSteps, got {arguments!r}")
        return
    conditions = arguments.get("Conditions")
    if not isinstance(conditions, list) or not conditions:
        yield Mistake(f"{path}.Conditions", "must be a list of at least one condition")
    for index, condition in enumerate(conditions if isinstance(conditions, list) else ()):
        yield from _check_condition(condition, f"{path}.Conditions[{index}]", types)
    if not any(arguments.get(branch) for branch in BRANCHES):
        yield Mistake(path, "must have steps in IfSteps or ElseSteps")


def _check_condition(condition: Any, path: str, types: dict[str, str]) -> Iterator[Mistake]:
    kind = condition.get("Type") if isinstance(condition, Mapping) else None
    members = {"In": ("QueryValue", "Values"), "Not": ("Condition",), "Or": ("Conditions",)}
    known = ["Equals", *sorted(ORDERINGS), *members]
    if kind not in known:
        yield Mistake(f"{path}.Type", f"must be {', '.join(known)}, got {kind!r}{hint(str(kind), known)}")
        return
    needed = members.get(kind, ("LeftValue", "RightValue"))
    yield from (Mistake(f"{path}.{name}", "is required") for name in needed if name not in condition)
    if kind == "Not" and "Condition" in condition:
        yield from _check_condition(condition["Condition"], f"{path}.Condition", types)
    elif kind in ("Or", "In") and not isinstance(condition.get(needed[-1], []), list):
        yield Mistake(f"{path}.{needed[-1]}", "must be a list")
    elif kind == "Or":
        for index, inner in enumerate(condition.get("Conditions", ())):
            yield from _check_condition(inner, f"{path}.Conditions[{index}]", types)
    elif kind in ORDERINGS:
        for side in needed:
            yield from _check_ordered(condition.get(side), f"{path}.{side}", types)


def _check_ordered(value: Any, path: str, types: dict[str, str]) -> Iterator[Mistake]:
    """What is compared by size must be a number."""
    if is_reference(value):
        target = str(value.get("Get", ""))
        kind = types.get(target.removeprefix("Parameters.")) if target.startswith("Parameters.") else None
        if kind in ("String", "Boolean") or "Std:Join" in value:
            yield Mistake(path, f"is compared by size, but is of type {kind or 'String'}")
    elif isinstance(value, bool | str) and not is_token(value):
        yield Mistake(path, f"is compared by size, so it must be a number, got {value!r}")


def _check_policies(step: Mapping[str, Any], path: str) -> Iterator[Mistake]:
    expiry = (step.get("CacheConfig") or {}).get("ExpireAfter")
    if expiry is not None and not _DURATION.fullmatch(str(expiry)):
        yield Mistake(f"{path}.CacheConfig.ExpireAfter", f"must be an ISO 8601 duration such as 'P30D', got {expiry!r}")
    for index, policy in enumerate(step.get("RetryPolicies") or ()):
        place = f"{path}.RetryPolicies[{index}]"
        for name in policy.get("ExceptionType", ()):
            if name not in EXCEPTIONS:
                yield Mistake(
                    f"{place}.ExceptionType", f"must be {', '.join(EXCEPTIONS)}, got {name!r}{hint(name, EXCEPTIONS)}"
                )
        if ("MaxAttempts" in policy) == ("ExpireAfterMin" in policy):
            yield Mistake(place, "must have exactly one of MaxAttempts and ExpireAfterMin")
        if not 1 <= policy.get("MaxAttempts", 1) <= 20:
            yield Mistake(f"{place}.MaxAttempts", f"must be 1 to 20, got {policy['MaxAttempts']!r}")
        if not 0 <= policy.get("ExpireAfterMin", 0) <= 14_400:
            yield Mistake(f"{place}.ExpireAfterMin", f"must be 0 to 14400, got {policy['ExpireAfterMin']!r}")
