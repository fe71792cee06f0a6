"""Checks a request, and paths into a response, against botocore's model of the service.

References and CDK tokens are exempt: their values are not known when the definition is written.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from seatrial.pipeline.mistakes import Mistake, hint

FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
NUMBER_TOKEN_LIMIT = -1e200
"""CDK encodes a number token as an enormous negative number."""

ParameterType = Callable[[str], str | None]
_WANTED = {"integer": {"Integer"}, "long": {"Integer"}, "float": {"Integer", "Float"}, "double": {"Integer", "Float"}}
_WANTED |= {"boolean": {"Boolean"}, "string": {"String"}}
_PYTHON = {"integer": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool, "string": str}


@cache
def service_model(service: str = "sagemaker") -> Any:
    """Botocore's model; raises `RuntimeError` with what to install when botocore is not there."""
    try:
        import botocore.session
    except ImportError:
        raise RuntimeError(
            "validating a pipeline definition needs botocore: pip install 'seatrial[rehearsal]'"
        ) from None
    return botocore.session.get_session().get_service_model(service)


def is_reference(value: Any) -> bool:
    """Whether the value is one of the definition language's functions."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def is_token(value: Any) -> bool:
    """Whether the value is, or holds, a CDK token.

    >>> is_token("s3://${Token[Bucket.12]}/x"), is_token("s3://bucket")
    (True, False)
    """
    if isinstance(value, str):
        return "${Token[" in value or "#{Token[" in value
    if isinstance(value, list):
        return len(value) == 1 and isinstance(value[0], str) and "#{Token[" in value[0]
    return isinstance(value, float) and value < NUMBER_TOKEN_LIMIT


class RequestCheck:
    """Walks one request along its shape; `parameter_type` tells the type of a pipeline parameter."""

    def __init__(self, operation: str, parameter_type: ParameterType) -> None:
        self._shape = service_model().operation_model(operation).input_shape
        self._parameter_type = parameter_type

    def mistakes(self, request: Any, path: str, optional: frozenset[str]) -> Iterator[Mistake]:
        """Every mistake in the request; members in `optional` (names that Pipelines makes up) may be absent."""
        yield from self._check(self._shape, request, path, optional)

    def _check(self, shape: Any, value: Any, path: str, optional: frozenset[str] = frozenset()) -> Iterator[Mistake]:
        if is_reference(value):
            yield from self._check_reference(shape, value, path)
        elif is_token(value):
            return
        elif shape.type_name == "structure":
            yield from self._check_structure(shape, value, path, optional)
        elif shape.type_name == "list":
            yield from self._check_list(shape, value, path)
        elif shape.type_name == "map":
            yield from self._check_map(shape, value, path)
        elif shape.type_name in _PYTHON:
            yield from check_scalar(shape, value, path)

    def _check_reference(self, shape: Any, value: Mapping[str, Any], path: str) -> Iterator[Mistake]:
        target = value.get("Get")
        if not isinstance(target, str) or not target.startswith("Parameters."):
            return
        name = target.removeprefix("Parameters.")
        kind, wanted = self._parameter_type(name), _WANTED.get(shape.type_name)
        if kind and wanted and kind not in wanted:
            remedy = "; join it into a string with Std:Join" if shape.type_name == "string" else ""
            message = f"takes {_a(shape.type_name)}, but parameter {name!r} is of type {kind}{remedy}"
            yield Mistake(path, message)

    def _check_structure(self, shape: Any, value: Any, path: str, optional: frozenset[str]) -> Iterator[Mistake]:
        if not isinstance(value, Mapping):
            yield Mistake(path, f"must be an object, got {value!r}")
            return
        for name in shape.required_members:
            if name not in value and name not in optional:
                yield Mistake(f"{path}.{name}", "is required")
        for name, member in value.items():
            if name in shape.members:
                yield from self._check(shape.members[name], member, f"{path}.{name}")
            else:
                yield Mistake(f"{path}.{name}", f"is not a member of {shape.name}{hint(name, shape.members)}")

    def _check_list(self, shape: Any, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, list):
            yield Mistake(path, f"must be a list, got {value!r}")
            return
        yield from _check_size(shape, len(value), path, "entries")
        for index, item in enumerate(value):
            yield from self._check(shape.member, item, f"{path}[{index}]")

    def _check_map(self, shape: Any, value: Any, path: str) -> Iterator[Mistake]:
        if not isinstance(value, Mapping):
            yield Mistake(path, f"must be an object, got {value!r}")
            return
        yield from _check_size(shape, len(value), path, "entries")
        for key, item in value.items():
            yield from check_scalar(shape.key, key, f"{path}.{key}")
            yield from self._check(shape.value, item, f"{path}.{key}")


def check_scalar(shape: Any, value: Any, path: str) -> Iterator[Mistake]:
    """Type, enum, bounds and pattern of one value."""
    kinds = _PYTHON[shape.type_name]
    if not isinstance(value, kinds) or (isinstance(value, bool) and shape.type_name != "boolean"):
        yield Mistake(path, f"must be {_a(shape.type_name)}, got {value!r}")
        return
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        choices = ", ".join(enum) if len(enum) <= 12 else f"one of the {len(enum)} values of {shape.name}"
        yield Mistake(path, f"must be {choices}, got {value!r}{hint(str(value), enum)}")
        return
    if isinstance(value, str):
        yield from _check_size(shape, len(value), path, "characters")
        yield from _check_pattern(shape.metadata.get("pattern"), value, path)
    elif not isinstance(value, bool):
        yield from _check_bounds(shape, value, path)


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _check_size(shape: Any, size: int, path: str, unit: str) -> Iterator[Mistake]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield Mistake(path, f"must have at least {least} {unit}, got {size}")
    if most is not None and size > most:
        yield Mistake(path, f"must have at most {most} {unit}, got {size}")


def _check_bounds(shape: Any, value: float, path: str) -> Iterator[Mistake]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield Mistake(path, f"must be at least {least}, got {value!r}")
    if most is not None and value > most:
        yield Mistake(path, f"must be at most {most}, got {value!r}")


def _check_pattern(pattern: str | None, value: str, path: str) -> Iterator[Mistake]:
    if not pattern or r"\p{" in pattern:  # Unicode classes, which Python's re does not know
        return
    if not re.fullmatch(pattern, value, re.DOTALL):
        yield Mistake(path, f"must match {pattern}, got {value!r}")


_SEGMENT = re.compile(r"\.?([A-Za-z0-9_]+)|\['([^']*)'\]|\[(\d+)\]")


def path_mistake(operation: str, property_path: str) -> str | None:
    """What is wrong with a path into an operation's response, None when it leads somewhere.

    >>> path_mistake("DescribeTrainingJob", "ModelArtifacts.S3ModelArtifact")
    "'S3ModelArtifact' is not a member of ModelArtifacts, did you mean 'S3ModelArtifacts'?"
    """
    shape, place = service_model().operation_model(operation).output_shape, 0
    while place < len(property_path):
        match = _SEGMENT.match(property_path, place)
        if match is None:
            return f"cannot be read from {property_path[place:]!r} on"
        member, key, _ = match.groups()
        if member is not None and shape.type_name == "structure":
            if member not in shape.members:
                return f"{member!r} is not a member of {shape.name}{hint(member, shape.members)}"
            shape = shape.members[member]
        elif member is None and shape.type_name == "list":
            shape = shape.member
        elif key is not None and shape.type_name == "map":
            shape = shape.value
        else:
            return f"{match.group()!r} does not lead into {_a(shape.type_name)}"
        place = match.end()
    return None
