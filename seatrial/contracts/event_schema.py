"""The JSON Schemas of our events, from their dataclasses: `python -m seatrial.contracts.event_schema FOLDER`."""

import json
import sys
import types
import typing
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from seatrial.contracts.events import (
    EXPLANATION_DETAIL_TYPE,
    EXPLANATION_VERSION,
    VERDICT_DETAIL_TYPE,
    VERDICT_VERSION,
    ExplanationVerdict,
    MonitoringVerdict,
)

FILE = "events.schema.json"
EXPLANATION_FILE = "explanation-events.schema.json"
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def verdict_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `detail`.

    Fields may be added in later minor versions, so further properties are allowed everywhere.

    >>> verdict_schema()["properties"]["severity"]
    {'enum': ['none', 'ticket', 'page']}
    """
    return _document(f"{VERDICT_DETAIL_TYPE}, version {VERDICT_VERSION}", MonitoringVerdict)


def explanation_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `detail` of the event about explanations.

    >>> explanation_schema()["properties"]["severity"]
    {'enum': ['none', 'ticket']}
    """
    return _document(f"{EXPLANATION_DETAIL_TYPE}, version {EXPLANATION_VERSION}", ExplanationVerdict)


def _document(title: str, kind: Any) -> dict[str, Any]:
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **_schema(kind)}


def _schema(kind: Any) -> dict[str, Any]:
    """Schema of a type as the event's dataclasses use them."""
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_schema(one) for one in arguments]}
    return _object(kind)


def _object(kind: Any) -> dict[str, Any]:
    hints, known = typing.get_type_hints(kind), fields(kind)
    return {
        "type": "object",
        "properties": {one.name: _schema(hints[one.name]) for one in known},
        "required": [one.name for one in known if one.default is MISSING and one.default_factory is MISSING],
    }


def main(arguments: Iterable[str]) -> None:
    """Write the schemas into the folders given."""
    for folder in arguments:
        for file, schema in ((FILE, verdict_schema()), (EXPLANATION_FILE, explanation_schema())):
            (Path(folder) / file).write_text(json.dumps(schema, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
