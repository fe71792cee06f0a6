"""Writes the engagement's JSON Schema and its reference page from the models, so that neither can go stale."""

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seatrial.config.engagement import Engagement
from seatrial.config.values import SENTENCES

SCHEMA_FILE = "engagement.schema.json"
PAGE_FILE = "engagement.md"
_HEAD = """# The engagement file

Written by `make reference` from the models in `seatrial/config`; do not edit it here.

One YAML file describes one engagement: what is deployed, where, and how careful the machinery is. YAML is read as
version 1.2 means it (`Yes` is text, `012` is text). Every mistake is told at once, with its line:
`seatrial config check FILE`. The first line of a file,

```yaml
# yaml-language-server: $schema=../docs/reference/engagement.schema.json
```

gives completion and checks in editors that know the YAML language server.
"""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of an engagement file."""
    document = Engagement.model_json_schema()
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = "Seatrial engagement"
    return document


def page() -> str:
    """The reference page in Markdown: one table a section."""
    document = schema()
    parts = [_HEAD, *(_section(path or "Top level", model) for path, model in _sections(document))]
    return "\n".join(parts)


def write(folder: Path) -> list[Path]:
    """Write both files into `folder`; returns their paths."""
    files = {SCHEMA_FILE: json.dumps(schema(), indent=2) + "\n", PAGE_FILE: page()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _sections(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every model with its dotted path, parents first."""
    waiting = [("", document)]
    while waiting:
        path, model = waiting.pop(0)
        yield path, model
        children = []
        for name, field in model["properties"].items():
            reference, suffix = _model_reference(field)
            if reference:
                where = f"{path}.{name}{suffix}" if path else f"{name}{suffix}"
                children.append((where, document["$defs"][reference]))
        waiting = children + waiting


def _model_reference(field: dict[str, Any]) -> tuple[str | None, str]:
    """Name of the model that a field holds, with `.*` for a mapping of free names to it, `[]` for a list of it."""
    for option in (field, *field.get("anyOf", ())):
        if "$ref" in option:
            return option["$ref"].rsplit("/", 1)[-1], ""
    for entries, suffix in ((field.get("additionalProperties"), ".*"), (field.get("items"), "[]")):
        if isinstance(entries, dict) and "$ref" in entries:
            return entries["$ref"].rsplit("/", 1)[-1], suffix
    return None, ""


def _section(title: str, model: dict[str, Any]) -> str:
    required = model.get("required", [])
    lines = [f"\n## {title}\n" if title == "Top level" else f"\n## `{title}`\n", _flat(model["description"]), ""]
    lines += ["| key | default | allowed | meaning |", "|---|---|---|---|"]
    for name, field in model["properties"].items():
        default = "**required**" if name in required else f"`{_default(field)}`"
        lines.append(f"| `{name}` | {default} | {_allowed(field)} | {_flat(field.get('description', ''))} |")
    return "\n".join(lines)


def _default(field: dict[str, Any]) -> str:
    if "default" in field:
        return json.dumps(field["default"])
    return "{}" if field.get("type") == "object" else "its keys' defaults"


def _allowed(field: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_allowed(option) for option in field["anyOf"]))
    if "enum" in field:
        return ", ".join(f"`{value}`" for value in field["enum"])
    if "pattern" in field:
        return SENTENCES.get(field["pattern"], f"`{field['pattern']}`")
    if field.get("type") == "array":
        return f"list of {_allowed(field['items'])}"
    if field.get("type") == "object":
        entries = field.get("additionalProperties")
        return f"mapping to {_allowed(entries)}" if isinstance(entries, dict) else "mapping"
    return "section" if "$ref" in field else _type(field)


def _type(field: dict[str, Any]) -> str:
    words = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true, false", "null": "null"}
    bounds = [
        f"{word} {field[key]:g}"
        for key, word in (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"))
        if key in field
    ]
    return " ".join([words[field["type"]], *bounds])


def _flat(text: str) -> str:
    return " ".join(textwrap.dedent(text).split()).replace("|", "\\|")
