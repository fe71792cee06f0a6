"""Reads a settings dataclass from JSON, reporting every mistake at once."""

import json
from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Any, TypeVar

Settings = TypeVar("Settings")


class SettingsError(ValueError):
    """The JSON text does not describe the settings; the message lists every mistake, one a line."""


def parse_settings(kind: type[Settings], text: str, name: str) -> Settings:
    """Build `kind`, a dataclass of numbers and tuples of text, all with defaults; `name` leads each message."""
    try:
        data = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise SettingsError(f"{name}: not JSON: {error}") from error
    if not isinstance(data, Mapping):
        raise SettingsError(f"{name}: must be a JSON object, got {data!r}")
    known = {field.name: field for field in fields(kind)}  # pyrefly: ignore[bad-argument-type]
    mistakes = [message for key, value in data.items() if (message := _mistake(name, known, key, value))]
    if mistakes:
        raise SettingsError("\n".join(mistakes))
    values = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}
    return kind(**values)


def _mistake(name: str, known: Mapping[str, Field[Any]], key: str, value: Any) -> str | None:
    if key not in known:
        import difflib  # a fault's message alone needs it: no cold start does

        near = difflib.get_close_matches(key, known, n=1)
        return f"{name}.{key}: unknown key" + (f", did you mean {near[0]!r}" if near else f", known: {sorted(known)}")
    default = known[key].default
    if isinstance(default, tuple):
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return None if fits else f"{name}.{key}: must be a list of text, got {value!r}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{name}.{key}: must be a number, got {value!r}"
    if isinstance(default, int) and not isinstance(value, int):
        return f"{name}.{key}: must be a whole number, got {value!r}"
    return None if value >= 0 else f"{name}.{key}: must not be negative, got {value!r}"
