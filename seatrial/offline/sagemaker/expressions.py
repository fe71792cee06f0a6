"""The expression language of pipeline definitions: Get, Std:Join, Std:JsonGet, and paths into step properties."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TOKEN = re.compile(r"\.?([A-Za-z_][\w-]*)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")
_KEYED_BY = ("OutputName", "InputName", "MetricName", "ChannelName", "VariantName", "Name", "Key")
JSON_PATH_TOKEN = re.compile(r"\.?([^.\[\]]+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(\d+))\s*\]")


class ExpressionError(Exception):
    """An expression names what is not there."""


def references(value: Any) -> Iterator[str]:
    """Every path that `value` gets, however deep.

    >>> list(references({"a": [{"Get": "Parameters.X"}, {"Std:Join": {"On": "/", "Values": [{"Get": "Steps.S.Y"}]}}]}))
    ['Parameters.X', 'Steps.S.Y']
    """
    if isinstance(value, Mapping):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
            return
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def step_of(path: str) -> str | None:
    """The step that a path refers to, None when it refers to none.

    >>> step_of("Steps.Train.ModelArtifacts.S3ModelArtifacts"), step_of("Parameters.X")
    ('Train', None)
    """
    head, _, rest = path.partition(".")
    return re.split(r"[.\[]", rest, maxsplit=1)[0] if head == "Steps" else None


def walk(document: Any, path: str) -> Any:
    """Follow a property path; lists are also maps by the name of their elements.

    >>> walk({"Outputs": [{"OutputName": "train", "S3Uri": "s3://b/k"}]}, "Outputs['train'].S3Uri")
    's3://b/k'
    """
    value = document
    for part in tokens(path, _TOKEN):
        value = _descend(value, part, path)
    return value


def tokens(path: str, pattern: re.Pattern[str] = JSON_PATH_TOKEN) -> Iterator[str | int]:
    """The parts of a path: names and indices."""
    position = 0
    while position < len(path):
        match = pattern.match(path, position)
        if match is None:
            raise ExpressionError(f"cannot read the path {path!r} at {path[position:]!r}")
        name, single, double, index = match.groups()
        yield int(index) if index is not None else next(t for t in (name, single, double) if t is not None)
        position = match.end()


def _descend(value: Any, part: str | int, path: str) -> Any:
    if isinstance(value, Mapping) and part in value:
        return value[part]
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    if isinstance(value, list):
        for item in value:
            if isinstance(item, Mapping) and any(item.get(key) == part for key in _KEYED_BY):
                return item
    there = (
        sorted(map(str, value))
        if isinstance(value, Mapping)
        else f"{len(value)} items"
        if isinstance(value, list)
        else value
    )
    raise ExpressionError(f"{path!r}: there is no {part!r} (there is: {there})")


class Resolver:
    """Evaluates expressions; how paths and property files are looked up is given."""

    def __init__(
        self, get: Callable[[str], Any], read_property_file: Callable[[str], str], read_uri: Callable[[str], str]
    ) -> None:
        self._get = get
        self._read_property_file = read_property_file
        self._read_uri = read_uri

    def resolve(self, value: Any) -> Any:
        """`value` with every expression in it replaced by what it stands for."""
        if isinstance(value, Mapping):
            if set(value) == {"Get"} and isinstance(value["Get"], str):
                return self._get(value["Get"])
            if set(value) == {"Std:Join"}:
                parts = self.resolve(value["Std:Join"]["Values"])
                return str(self.resolve(value["Std:Join"].get("On", ""))).join(_text(part) for part in parts)
            if set(value) == {"Std:JsonGet"}:
                return self._json_get(value["Std:JsonGet"])
            return {key: self.resolve(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.resolve(item) for item in value]
        return value

    def _json_get(self, call: Mapping[str, Any]) -> Any:
        path = self.resolve(call["Path"])
        if "PropertyFile" in call:
            source = call["PropertyFile"]["Get"]
            text = self._read_property_file(source)
        else:
            source = self.resolve(call["S3Uri"])
            text = self._read_uri(source)
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ExpressionError(f"{source} is not JSON: {error}") from error
        for part in tokens(str(path).removeprefix("$")):
            value = _descend(value, part, f"{source} {path}")
        return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
