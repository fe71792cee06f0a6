"""Values of features: the text of the API as values of a feature's type, and event times."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

_READERS: dict[str, Callable[[str], Any]] = {"Integral": int, "Fractional": float, "String": str}
ARROW = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
HIVE = {"Integral": "bigint", "Fractional": "double", "String": "string"}
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")


class FeatureValueError(Exception):
    """A value that does not fit its feature."""


def check_type(kind: str) -> None:
    """Raise `FeatureValueError` for a feature type that is not known."""
    if kind not in _READERS:
        raise FeatureValueError(f"FeatureType: must be one of {', '.join(_READERS)}, got {kind!r}")


def typed(name: str, kind: str, text: str) -> Any:
    """A feature's value from the API's text."""
    try:
        return _READERS[kind](text)
    except ValueError as error:
        raise FeatureValueError(f"feature {name}: {text!r} is not {kind}") from error


def event_time(text: str, kind: str) -> datetime:
    """An event time: ISO 8601 in UTC with a Z, with milliseconds or without, or seconds since 1970."""
    if kind == "Fractional":
        try:
            return datetime.fromtimestamp(float(text), UTC)
        except (ValueError, OverflowError) as error:
            raise FeatureValueError(f"event time {text!r}: must be seconds since 1970") from error
    for form in _TIME_FORMATS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise FeatureValueError(f"event time {text!r}: must be yyyy-MM-dd'T'HH:mm:ssZ or yyyy-MM-dd'T'HH:mm:ss.SSSZ")
