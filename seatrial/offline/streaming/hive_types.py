"""Types of Glue columns: Hive's type text as an Arrow type, and JSON values turned into values of that type."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

Convert = Callable[[Any], Any]

_WHOLE = {"tinyint": pa.int8(), "smallint": pa.int16(), "int": pa.int32(), "integer": pa.int32(), "bigint": pa.int64()}
_ISO = re.compile(r"(\d{4}-\d{1,2}-\d{1,2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z?)")
_EPOCH_MILLISECONDS = 10**11
"""Epoch numbers from here on are milliseconds: in seconds they would lie after the year 5138."""


class TypeTextError(Exception):
    """A column type that is not supported."""


class ValueMismatchError(Exception):
    """A JSON value that does not fit its column."""


@dataclass(frozen=True)
class ColumnType:
    """A column's Arrow type, and what turns a JSON value that is not null into a value of it."""

    arrow: pa.DataType
    convert: Convert


def parse(text: str, timestamp: Convert) -> ColumnType:
    """The type that Hive writes as `text`; `timestamp` reads timestamps as the SerDe does.

    >>> parse("struct<a:int,b:array<string>>", openx_timestamp).arrow
    StructType(struct<a: int32, b: list<element: string>>)
    """
    column, rest = _type(text.strip().lower(), timestamp)
    if rest:
        raise TypeTextError(f"type {text!r}: {rest!r} is left over")
    return column


def openx_timestamp(value: Any) -> datetime:
    """ISO 8601 with up to 9 fraction digits, the form with a blank, and epoch seconds or milliseconds.

    https://docs.aws.amazon.com/firehose/latest/dev/enable-record-format-conversion.html
    """
    if isinstance(value, str):
        match = _ISO.fullmatch(value)
        if match:
            return _from_parts(match)
        try:
            value = float(value)
        except ValueError as error:
            raise ValueMismatchError(f"{value!r} is no timestamp") from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueMismatchError(f"{value!r} is no timestamp")
    return datetime.fromtimestamp(value / 1000 if abs(value) >= _EPOCH_MILLISECONDS else value, UTC)


def hive_timestamp(value: Any) -> datetime:
    """What java.sql.Timestamp.valueOf reads: yyyy-[m]m-[d]d hh:mm:ss[.f...]; other forms need TimestampFormats."""
    match = _ISO.fullmatch(value) if isinstance(value, str) and "T" not in value else None
    if match is None or match.group(4):
        raise ValueMismatchError(f"{value!r} is no timestamp of the Hive JSON SerDe: set TimestampFormats")
    return _from_parts(match)


def _from_parts(match: re.Match[str]) -> datetime:
    day, clock, fraction, _ = match.groups()
    try:
        base = datetime.strptime(f"{day} {clock}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise ValueMismatchError(f"{match.group()!r} is no timestamp") from error
    return base.replace(microsecond=int((fraction or "0").ljust(9, "0")[:6]))


def _type(text: str, timestamp: Convert) -> tuple[ColumnType, str]:
    match = re.match(r"\s*([a-z]+)\s*(\(([\d,\s]*)\))?", text)
    if match is None:
        raise TypeTextError(f"type {text!r} cannot be read")
    name, rest = match.group(1), text[match.end() :]
    if name in {"array", "map", "struct"} and rest.startswith("<"):
        return {"array": _array, "map": _map, "struct": _struct}[name](rest[1:], timestamp)
    return _simple(name, match.group(3), timestamp), rest.lstrip()


def _simple(name: str, arguments: str | None, timestamp: Convert) -> ColumnType:
    if name in _WHOLE:
        return ColumnType(_WHOLE[name], _whole(_WHOLE[name].bit_width))
    if name == "decimal":
        precision, _, scale = (arguments or "10,0").partition(",")
        return ColumnType(pa.decimal128(int(precision), int(scale or 0)), _decimal(int(scale or 0)))
    known: dict[str, ColumnType] = {
        "string": ColumnType(pa.string(), _text),
        "varchar": ColumnType(pa.string(), _text),
        "char": ColumnType(pa.string(), _text),
        "float": ColumnType(pa.float32(), _number),
        "double": ColumnType(pa.float64(), _number),
        "boolean": ColumnType(pa.bool_(), _boolean),
        "timestamp": ColumnType(pa.timestamp("us"), lambda value: timestamp(value).replace(tzinfo=None)),
        "date": ColumnType(pa.date32(), _date),
    }
    if name not in known:
        names = ", ".join([*_WHOLE, "decimal", *known, "array", "map", "struct"])
        raise TypeTextError(f"type {name!r} is not emulated by the offline cloud; there are {names}")
    return known[name]


def _array(text: str, timestamp: Convert) -> tuple[ColumnType, str]:
    item, rest = _type(text, timestamp)
    convert = nullable(item.convert)

    def values(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValueMismatchError(f"{value!r} is no array")
        return [convert(each) for each in value]

    return ColumnType(pa.list_(pa.field("element", item.arrow)), values), _after(rest, ">")


def _map(text: str, timestamp: Convert) -> tuple[ColumnType, str]:
    key, rest = _type(text, timestamp)
    item, rest = _type(_after(rest, ","), timestamp)
    convert = nullable(item.convert)

    def pairs(value: Any) -> list[tuple[Any, Any]]:
        if not isinstance(value, dict):
            raise ValueMismatchError(f"{value!r} is no map")
        return [(key.convert(name), convert(each)) for name, each in value.items()]

    return ColumnType(pa.map_(key.arrow, item.arrow), pairs), _after(rest, ">")


def _struct(text: str, timestamp: Convert) -> tuple[ColumnType, str]:
    members: dict[str, ColumnType] = {}
    rest = text
    while True:
        match = re.match(r"\s*([^:<>,\s]+)\s*:", rest)
        if match is None:
            raise TypeTextError(f"struct<{text}: a member needs a name and a type")
        members[match.group(1)], rest = _type(rest[match.end() :], timestamp)
        if not rest.startswith(","):
            break
        rest = rest[1:]
    arrow = pa.struct([pa.field(name, member.arrow) for name, member in members.items()])
    return ColumnType(arrow, _record(members)), _after(rest, ">")


def _record(members: Mapping[str, ColumnType]) -> Convert:
    converts = {name: nullable(member.convert) for name, member in members.items()}

    def values(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueMismatchError(f"{value!r} is no struct")
        lowered = {key.lower(): item for key, item in value.items()}
        return {name: convert(lowered.get(name)) for name, convert in converts.items()}

    return values


def nullable(convert: Convert) -> Convert:
    """The same conversion, which lets null through."""
    return lambda value: None if value is None else convert(value)


def _after(text: str, mark: str) -> str:
    if not text.startswith(mark):
        raise TypeTextError(f"expected {mark!r} before {text!r}")
    return text[1:].lstrip()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _whole(bits: int) -> Convert:
    limit = 1 << (bits - 1)

    def convert(value: Any) -> int:
        try:
            number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None and isinstance(value, float) and value.is_integer():
            number = int(value)
        if number is None or not -limit <= number < limit:
            raise ValueMismatchError(f"{value!r} is no {bits} bit integer")
        return number

    return convert


def _number(value: Any) -> float:
    if not isinstance(value, bool) and isinstance(value, int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise ValueMismatchError(f"{value!r} is no number")


def _decimal(scale: int) -> Convert:
    def convert(value: Any) -> Decimal:
        try:
            return Decimal(str(value)).quantize(Decimal(1).scaleb(-scale))
        except InvalidOperation as error:
            raise ValueMismatchError(f"{value!r} is no decimal") from error

    return convert


def _boolean(value: Any) -> bool:
    text = str(value).lower()
    if text not in {"true", "false"}:
        raise ValueMismatchError(f"{value!r} is no boolean")
    return text == "true"


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ValueMismatchError(f"{value!r} is no date") from error
