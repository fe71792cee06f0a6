"""Turns pydantic's findings into sentences for people: what is allowed, what was got, what was probably meant."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement
from seatrial.config.values import SENTENCES, Section

_KINDS = {
    "string_type": "text (in quotes where YAML would read a number)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys to values",
    "model_type": "a mapping of keys to values",
    "model_attributes_type": "a mapping of keys to values",
    "mapping_type": "a mapping of keys to values",
    "tuple_type": "a list",
    "path_type": "a path",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def sentence(error: ErrorDetails, path: Path) -> str:
    """What is wrong at `path`, as one clause without a full stop."""
    kind = error["type"]
    if path[:2] == ("training", "hyperparameters") and len(path) > 2:
        return f"must be text, a number, true or false, got {shown(error['input'])}"
    if kind == "missing":
        return _missing(path)
    if kind == "extra_forbidden":
        return _unknown_key(path, error["input"])
    return f"must be {_allowed(error)}, got {shown(error['input'])}{_suggestion(error)}"


def shown(value: Any) -> str:
    """The value as the user wrote it, shortened.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'"
    """
    text = json.dumps(value) if value is None or isinstance(value, bool) else repr(value)
    return text if len(text) <= 64 else f"{text[:59]}...{text[-1]}"


def _allowed(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _KINDS:
        return _KINDS[kind]
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{words} {context[bound]:g}"
    if kind.endswith(("too_short", "too_long")):
        return _length(context)
    if kind == "string_pattern_mismatch":
        return SENTENCES.get(context["pattern"], f"like {context['pattern']}")
    return f"one of {_choices(context)}" if kind == "literal_error" else f"different ({error['msg'].lower()})"


def _length(context: Mapping[str, Any]) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    return f"at least {least} long" if most is None else f"at most {most} long"


def _choices(context: Mapping[str, Any]) -> str:
    return context["expected"].replace(" or ", ", ")


def _suggestion(error: ErrorDetails) -> str:
    value = error["input"]
    if error["type"] == "literal_error" and isinstance(value, str):
        choices = [choice.strip(" '") for choice in _choices(error.get("ctx", {})).split(",")]
        near = difflib.get_close_matches(value, choices, 1)
        return f"; did you mean {near[0]!r}?" if near else ""
    if error["type"] == "string_type" and isinstance(value, int | float) and not isinstance(value, bool):
        return f': write "{value}"'
    return ""


def _missing(path: Path) -> str:
    section, field = section_at(path[:-1]), None
    if section is not None:
        field = section.model_fields.get(str(path[-1]))
    about = " ".join((field.description or "").split()) if field else ""
    return f"is required and missing: {about.rstrip('.')}" if about else "is required and missing"


def _unknown_key(path: Path, value: Any) -> str:
    key, section = str(path[-1]), section_at(path[:-1])
    near = probable_key(path)
    if near:
        return f"unknown key with value {shown(value)}; did you mean {near!r}?"
    elsewhere = [where for where in all_keys(Engagement) if where.split(".")[-1] == key]
    if elsewhere:
        return f"unknown key with value {shown(value)}; it belongs at {elsewhere[0]}"
    return f"unknown key with value {shown(value)}; allowed here: {', '.join(section.model_fields if section else ())}"


def probable_key(path: Path) -> str | None:
    """The known key that the unknown key at `path` resembles.

    >>> probable_key(("serving", "instance_cout"))
    'instance_count'
    """
    section = section_at(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), list(section.model_fields) if section else [], 1)
    return near[0] if near else None


@dataclass(frozen=True)
class _Entries:
    """A mapping of free names to this model."""

    model: type[Section] | None


def section_at(path: Path) -> type[Section] | None:
    """The model that describes the mapping at `path`."""
    kind: Any = Engagement
    for part in path:
        if isinstance(kind, type) and issubclass(kind, Section):
            field = kind.model_fields.get(str(part))
            kind = _model_in(field.annotation) if field else None
        else:
            kind = kind.model if isinstance(kind, _Entries) else None
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _model_in(annotation: Any) -> Any:
    """The Section inside `X | None` or `Annotated[X, ...]`, wrapped when it is inside `Mapping[name, X]`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _model_in(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return next(filter(None, map(_model_in, get_args(annotation))), None)
    if origin is not None and len(get_args(annotation)) == 2:
        return _Entries(_model_in(get_args(annotation)[1]))
    return annotation if isinstance(annotation, type) and issubclass(annotation, Section) else None


def all_keys(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Dotted paths of every key that is not below a free name."""
    for name, field in section.model_fields.items():
        yield f"{prefix}{name}"
        model = _model_in(field.annotation)
        if isinstance(model, type):
            yield from all_keys(model, f"{prefix}{name}.")
