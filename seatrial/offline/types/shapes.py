"""Fits CloudFormation properties to an API's input shape: letter case, scalar types, nested lists and maps."""

import functools
import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.engine.errors import ResourceError


def to_request(client: Any, operation: str, source: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments for `operation` of a boto3 client.

    CloudFormation spells names in PascalCase and lets scalars be text; services differ in the first letter's case.
    Raises `ResourceError` for a property that the operation does not take, so that none is lost silently.
    """
    shape = client.meta.service_model.operation_model(operation).input_shape
    return _structure(shape, source, operation)


def _structure(shape: Any, source: Mapping[str, Any], path: str) -> dict[str, Any]:
    members = _members(shape)
    result: dict[str, Any] = {}
    for key, value in source.items():
        if value is None:
            continue
        name = members.get(key.lower())
        if name is None:
            raise ResourceError(f"{path}.{key} is not a field of the service's API: the offline cloud cannot set it")
        result[name] = _convert(shape.members[name], value, f"{path}.{key}")
    return result


@functools.cache
def _members(shape: Any) -> dict[str, str]:
    return {name.lower(): name for name in shape.members}


def _convert(shape: Any, value: Any, path: str) -> Any:
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, value, path)
    if kind == "list":
        return [_convert(shape.member, item, f"{path}[{number}]") for number, item in enumerate(value)]
    if kind == "map":
        if isinstance(value, list):  # CloudFormation's tags, where the API takes a map of them
            value = {item["Key"]: item["Value"] for item in value}
        return {str(key): _convert(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    return _scalar(kind, value, path)


def _scalar(kind: str, value: Any, path: str) -> Any:
    try:
        if kind in {"integer", "long"}:
            return int(float(value)) if isinstance(value, str) and "." in value else int(value)
        if kind in {"float", "double"}:
            return float(value)
    except (TypeError, ValueError) as error:
        raise ResourceError(f"{path}: must be a number, got {value!r}") from error
    if kind == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "string" and not isinstance(value, str):
        if isinstance(value, bool):
            return "true" if value else "false"
        return json.dumps(value) if isinstance(value, Mapping | list) else str(value)
    return value
