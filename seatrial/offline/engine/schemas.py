"""Checks resolved properties against CloudFormation's registry schemas (bundled with cfn-lint)."""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError
from jsonschema import Draft7Validator, ValidationError, validators

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
_MADE_ANEW = frozenset({"/properties/KeySchema", "/properties/EventBusName", "/properties/DurableConfig"})
"""Of the properties whose change may or may not replace a resource, those whose change does for our types."""
_RECORD_TYPES = frozenset({"AWS::CDK::Metadata"})


@dataclass(frozen=True)
class Schema:
    """What the engine needs of one type's registry schema."""

    type: str
    create_only: frozenset[tuple[str, ...]]
    read_only: frozenset[str]
    identifier: tuple[str, ...]
    validator: Any


@functools.cache
def schema_of(type_name: str, region: str) -> Schema | None:
    """The schema of a type, None when the registry has no such type in the region."""
    try:
        document = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, type_name).schema
    except ResourceNotFoundError:
        return None
    conditional = [path for path in document.get("conditionalCreateOnlyProperties", ()) if path in _MADE_ANEW]
    identifier = tuple(pointer.rsplit("/", 1)[-1] for pointer in document.get("primaryIdentifier", ()))
    return Schema(
        type=type_name,
        create_only=frozenset(_paths([*document.get("createOnlyProperties", ()), *conditional])),
        read_only=frozenset(path[0] for path in _paths(document.get("readOnlyProperties", ())) if len(path) == 1),
        identifier=identifier,
        validator=_Validator(document),
    )


def problems(schema: Schema, properties: Mapping[str, Any]) -> list[str]:
    """Everything wrong with resolved properties, each as `Path.To.Property: sentence`."""
    if schema.type in _RECORD_TYPES:
        return []
    found = [f"{name}: is read-only and cannot be set" for name in sorted(schema.read_only & set(properties))]
    for error in sorted(schema.validator.iter_errors(properties), key=lambda error: list(map(str, error.path))):
        path = ".".join(str(part) for part in error.absolute_path) or "properties"
        found.append(f"{path}: {_shorten(error.message)}")
    return found


def needs_replacement(schema: Schema, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Create-only properties that differ, as dotted paths; the resource must then be made anew."""
    return sorted(".".join(path) for path in schema.create_only if property_at(old, path) != property_at(new, path))


def changed_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of top-level properties that differ."""
    return sorted(name for name in {*old, *new} if old.get(name) != new.get(name))


def property_at(value: Any, path: tuple[str, ...]) -> Any:
    """The value at a path; "*" stands for every item of a list, None for what is not there."""
    for position, part in enumerate(path):
        if part == "*":
            rest = path[position + 1 :]
            return [property_at(item, rest) for item in value] if isinstance(value, list) else None
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _paths(pointers: Any) -> Iterator[tuple[str, ...]]:
    for pointer in pointers:
        yield tuple(part for part in pointer.split("/")[1:] if part != "properties")


def _shorten(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}..."


def _is_number(_checker: Any, value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value)))


def _is_integer(_checker: Any, value: Any) -> bool:
    return _is_number(_checker, value) and float(value).is_integer()


def _is_boolean(_checker: Any, value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.lower() in {"true", "false"})


def _is_string(_checker: Any, value: Any) -> bool:
    return isinstance(value, str | int | float)


def _pattern(_validator: Any, pattern: str, value: Any, _schema: Any) -> Iterator[Any]:
    """Registry patterns are ECMA or Java regular expressions; those that Python cannot read are skipped."""
    if not isinstance(value, str):
        return
    try:
        matched = re.search(pattern, value)
    except re.error:
        return
    if matched is None:
        yield ValidationError(f"{value!r} does not match {pattern!r}")


# CloudFormation converts scalars: "5" is a number, 5 a string, "true" a boolean.
_LENIENT = Draft7Validator.TYPE_CHECKER.redefine_many(
    {"number": _is_number, "integer": _is_integer, "boolean": _is_boolean, "string": _is_string}
)


def _converted(keyword: str, convert: Callable[[Any], Any]) -> Callable[..., Iterator[Any]]:
    """A keyword's check of a scalar after CloudFormation's conversion; other values are the type check's concern."""
    check = Draft7Validator.VALIDATORS[keyword]

    def checked(validator: Any, limit: Any, value: Any, schema: Any) -> Iterator[Any]:
        try:
            converted = convert(value)
        except (TypeError, ValueError):
            return
        yield from check(validator, limit, converted, schema) or ()

    return checked


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(value)
    return str(value)


def _enum(_validator: Any, allowed: list[Any], value: Any, _schema: Any) -> Iterator[Any]:
    if value not in allowed and str(value) not in {str(item) for item in allowed}:
        yield ValidationError(f"{value!r} is not one of {allowed!r}")


_NUMERIC = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
# With lenient scalars a value may fit two alternatives, so oneOf is read as anyOf; formats are AWS's own names.
_Validator = validators.extend(
    Draft7Validator,
    validators={
        **{keyword: _converted(keyword, float) for keyword in _NUMERIC},
        **{keyword: _converted(keyword, _as_text) for keyword in ("minLength", "maxLength")},
        "enum": _enum,
        "pattern": _pattern,
        "format": lambda *_arguments: iter(()),
        "oneOf": Draft7Validator.VALIDATORS["anyOf"],
    },
    type_checker=_LENIENT,
)
