"""Partition projection: the partitions that a Glue table's properties describe, without a list of them in Glue.

Source: "Use partition projection with Amazon Athena", Amazon Athena user guide.
"""

import itertools
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

_UNITS = {"YEARS": 366, "MONTHS": 31, "WEEKS": 7, "DAYS": 1, "HOURS": 1 / 24, "MINUTES": 1 / 1440}
_LETTERS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
_NOW = re.compile(r"NOW\s*(?:([+-])\s*(\d+)\s*(YEAR|MONTH|WEEK|DAY|HOUR|MINUTE)S?)?$")
_MOST = 200_000


def is_projected(parameters: Mapping[str, str]) -> bool:
    """Whether projection is on for a table."""
    return str(parameters.get("projection.enabled", "")).lower() == "true"


def partitions(keys: list[str], parameters: Mapping[str, str], now: datetime) -> list[tuple[str, ...]]:
    """The values of every projected partition, in the order of the keys."""
    values = [_values(key, parameters, now) for key in keys]
    count = 1
    for one in values:
        count *= len(one)
    if count > _MOST:
        raise SqlError(f"partition projection gives {count} partitions: narrow its ranges")
    return list(itertools.product(*values))


def location(template: str | None, base: str, keys: list[str], values: tuple[str, ...]) -> str:
    """Where a partition lies: by `storage.location.template`, or below the table in Hive's style."""
    if template:
        text = template
        for key, value in zip(keys, values, strict=True):
            text = text.replace(f"${{{key}}}", value)
        return text.rstrip("/") + "/"
    hive = "/".join(f"{key}={value}" for key, value in zip(keys, values, strict=True))
    return f"{base.rstrip('/')}/{hive}/"


def _values(key: str, parameters: Mapping[str, str], now: datetime) -> list[str]:
    kind = parameters.get(f"projection.{key}.type", "").lower()
    if kind == "enum":
        return [one.strip() for one in parameters[f"projection.{key}.values"].split(",")]
    if kind == "integer":
        return _integers(key, parameters)
    if kind == "date":
        return _dates(key, parameters, now)
    if kind == "injected":
        raise NotSupportedError(f"the injected partition projection of {key}")
    raise SqlError(f"table has no projection.{key}.type: enum, integer, date or injected")


def _integers(key: str, parameters: Mapping[str, str]) -> list[str]:
    first, last = (int(one) for one in parameters[f"projection.{key}.range"].split(","))
    step = int(parameters.get(f"projection.{key}.interval", 1))
    digits = int(parameters.get(f"projection.{key}.digits", 0))
    return [str(value).zfill(digits) for value in range(first, last + 1, step)]


def _dates(key: str, parameters: Mapping[str, str], now: datetime) -> list[str]:
    pattern = re.sub("yyyy|MM|dd|HH|mm|ss", lambda found: _LETTERS[found[0]], parameters[f"projection.{key}.format"])
    pattern = pattern.replace("'", "")
    first, last = (_bound(one.strip(), pattern, now) for one in parameters[f"projection.{key}.range"].split(","))
    default = "DAYS" if "%d" in pattern else "MONTHS" if "%m" in pattern else "YEARS"
    unit = parameters.get(f"projection.{key}.interval.unit", default).upper()
    unit = unit if unit.endswith("S") else f"{unit}S"
    if "%H" in pattern and f"projection.{key}.interval.unit" not in parameters:
        unit = "HOURS"
    step = timedelta(days=_UNITS[unit] * int(parameters.get(f"projection.{key}.interval", 1)))
    if unit in {"YEARS", "MONTHS"}:
        step = timedelta(days=1)  # the pattern drops the days, duplicates fall away below
    count = int((last - first) / step) + 1
    return list(dict.fromkeys((first + step * number).strftime(pattern) for number in range(max(0, count))))


def _bound(text: str, pattern: str, now: datetime) -> datetime:
    found = _NOW.match(text.upper())
    if found is None:
        return datetime.strptime(text, pattern).replace(tzinfo=UTC)
    if not found[1]:
        return now
    moved = timedelta(days=_UNITS[f"{found[3]}S"] * int(found[2]))
    return now + moved if found[1] == "+" else now - moved
