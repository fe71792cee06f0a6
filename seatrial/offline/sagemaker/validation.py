"""Checks a request against botocore's service model: names, types, required members, enums, patterns, sizes."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.session import get_session
from botocore.validate import ParamValidator

from seatrial.offline.sagemaker.errors import ValidationError


@functools.cache
def service_model() -> Any:
    """Botocore's description of SageMaker."""
    return get_session().get_service_model("sagemaker")


def check(operation: str, request: dict[str, Any]) -> None:
    """Raise `ValidationError` naming every mistake at once."""
    mistakes = mistakes_of(request, service_model().operation_model(operation).input_shape)
    if mistakes:
        raise ValidationError(
            f"{len(mistakes)} validation error{'s' * (len(mistakes) > 1)} in {operation}: " + "; ".join(mistakes)
        )


def mistakes_of(request: dict[str, Any], shape: Any) -> list[str]:
    """Every mistake of a request, against any service's input shape."""
    report = ParamValidator().validate(request, shape)
    return [report.generate_report()] if report.has_errors() else list(_mistakes(request, shape, ""))


def _mistakes(value: Any, shape: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name, item in value.items():
            if name in shape.members:
                yield from _mistakes(item, shape.members[name], f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from _size(len(value), shape, path)
        for index, item in enumerate(value):
            yield from _mistakes(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _mistakes(key, shape.key, f"{path} key {key!r}")
            yield from _mistakes(item, shape.value, f"{path}[{key!r}]")
    elif isinstance(value, str):
        yield from _text(value, shape, path)


def _text(value: str, shape: Any, path: str) -> Iterator[str]:
    yield from _size(len(value), shape, path)
    failed = f"Value {value!r} at {path!r} failed to satisfy constraint: Member must satisfy"
    enum = shape.metadata.get("enum")
    if enum and value not in enum:
        yield f"{failed} enum value set: {enum}"
    pattern = _compiled(shape.metadata.get("pattern"))
    if pattern is not None and pattern.fullmatch(value) is None:
        yield f"{failed} regular expression pattern: {pattern.pattern}"


def _size(length: int, shape: Any, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < least:
        yield f"{path!r} has length {length}: at least {least}"
    if most is not None and length > most:
        yield f"{path!r} has length {length}: at most {most}"


@functools.cache
def _compiled(pattern: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern) if pattern else None
    except re.error:
        return None  # Java syntax that Python lacks, such as \p{L}
