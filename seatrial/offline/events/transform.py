"""What a target receives of an event: its Input, InputPath or InputTransformer, or the event itself."""

import json
import re
from typing import Any

from jsonpath_ng.ext import parse
from moto.events.models import Rule

_PLACEHOLDER = re.compile(r"<([^<>\s]+)>")


def target_input(target: dict[str, Any], event: dict[str, Any], rule: Rule) -> str:
    """The text that the target receives: JSON, unless a template says otherwise."""
    if target.get("Input"):
        return target["Input"]
    if target.get("InputPath"):
        return _compact(at_path(event, target["InputPath"]))
    if target.get("InputTransformer"):
        return transform(target["InputTransformer"], event, rule)
    return _compact(event)


def at_path(event: dict[str, Any], path: str) -> Any:
    """The value at a JSON path, None when there is none."""
    found = parse(_quoted(path)).find(event)
    return found[0].value if found else None


def transform(transformer: dict[str, Any], event: dict[str, Any], rule: Rule) -> str:
    """Fill in an InputTransformer's template.

    A placeholder within a JSON string is replaced by bare text, one outside by a JSON value
    (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html).
    """
    paths = transformer.get("InputPathsMap") or {}
    values = {name: at_path(event, path) for name, path in paths.items()}
    values |= {
        "aws.events.rule-arn": rule.arn,
        "aws.events.rule-name": rule.name,
        "aws.events.event": {key: value for key, value in event.items() if key != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": event.get("time"),
    }
    template = transformer["InputTemplate"]
    filled = _PLACEHOLDER.sub(lambda match: _fill(match, template, values), template)
    try:
        return _compact(json.loads(filled))
    except ValueError:
        return filled


def _fill(match: re.Match[str], template: str, values: dict[str, Any]) -> str:
    name = match.group(1)
    if name not in values:
        return match.group(0)
    value = values[name]
    if not _within_string(template, match.start()):
        return json.dumps(value if value is not None else "")
    text = value if isinstance(value, str) else json.dumps(value if value is not None else "")
    return json.dumps(text)[1:-1] if isinstance(value, str) else text.replace('"', "")


def _compact(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))


def _within_string(template: str, position: int) -> bool:
    quotes = re.findall(r'(?<!\\)"', template[:position])
    return len(quotes) % 2 == 1


def _quoted(path: str) -> str:
    # jsonpath_ng reads a hyphen as a minus: `$.detail-type` must be `$."detail-type"`.
    return re.sub(r"\.([A-Za-z_][\w]*(?:-[\w-]+)+)", r'."\1"', path)
