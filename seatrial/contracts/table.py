"""A declarative data contract: the columns, ranges and key that a table's rows must keep, for every job that reads it.

It leaves the checking at scale to the Spark jobs; `TableContract.problem` is the same rule for one row in memory.
Spark's drivers may run Python 3.9, so this file keeps to what that version knows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11
ColumnKind = Literal["string", "timestamp", "date", "double", "int32"]
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
"""Timestamps before this moment are a broken clock, not an old event."""


class ContractError(ValueError):
    """A row or a document breaks a data contract; the message names the column and the value."""


@dataclass(frozen=True)
class Field:
    """One column: `minimum` and `maximum` include themselves, an empty `choices` allows every text."""

    name: str
    kind: ColumnKind
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    def problem(self, value: Any) -> str | None:
        """The reason why a value may not stand here, as `<column>_<missing|invalid|range>`; None when it may."""
        if value is None or value == "":
            return None if self.nullable else f"{self.name}_missing"
        if self.kind == "string":
            return f"{self.name}_invalid" if not isinstance(value, str) or not self._chosen(value) else None
        if self.kind in {"timestamp", "date"}:
            return (_timestamp_problem if self.kind == "timestamp" else _date_problem)(self.name, value)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return f"{self.name}_invalid"
        if self.kind == "int32" and value != int(value):
            return f"{self.name}_invalid"
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return None if low <= value <= high else f"{self.name}_range"

    def _chosen(self, value: str) -> bool:
        return not self.choices or value in self.choices


def _timestamp_problem(name: str, value: Any) -> str | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return f"{name}_invalid"
    return None if value >= EARLIEST else f"{name}_range"


def _date_problem(name: str, value: Any) -> str | None:
    return None if isinstance(value, date) and not isinstance(value, datetime) else f"{name}_invalid"


@dataclass(frozen=True)
class TableContract:
    """The columns of a table in order and the columns whose values name a row."""

    name: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]
    version: int = 1
    longest_silence_days: int | None = None
    """Freshness of the table: who reads it as of a day wants something that was delivered this long before, at most."""
    dated_by: str | None = None
    """Freshness of a row: the timestamp column that says of when it is; see `oldest_days`."""
    oldest_days: int = 0
    """A row that was this old, or older, at the end of the day on which it was delivered is of no use any more."""
    _by_name: Mapping[str, Field] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {one.name: one for one in self.fields})

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(one.name for one in self.fields)

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def problem(self, row: Mapping[str, Any]) -> str | None:
        """The first reason, in the order of the columns, why the row breaks the contract; None when it keeps it."""
        return next((found for one in self.fields if (found := one.problem(row.get(one.name)))), None)

    def staleness(self, moment: datetime, delivered: date) -> str | None:
        """Why a row of this moment may not be in what a day (UTC) delivered: too old, or from after it; else None."""
        end = datetime(delivered.year, delivered.month, delivered.day, tzinfo=UTC) + timedelta(days=1)
        if self.dated_by is None or end - timedelta(days=self.oldest_days) < moment < end:
            return None
        return f"{self.dated_by}_{'future' if moment >= end else 'too_old'}"

    def silence(self, newest: date | None, as_of: date) -> str | None:
        """Why a table whose newest delivery is of that day is too old to be read as of a day; None when it is fresh."""
        most = self.longest_silence_days
        if most is None or (newest is not None and (as_of - newest).days <= most):
            return None
        told = "nothing was delivered" if newest is None else f"the newest is of {newest}, {(as_of - newest).days} days"
        return f"{self.name}: must have been delivered in the {most} days before {as_of}, {told}"

    def to_json(self, row: Mapping[str, Any]) -> str:
        """One row as a JSON object on one line: timestamps as ISO-8601 with microseconds and Z, keys in order."""
        values = {name: row.get(name) for name in self.names}
        return json.dumps(
            {name: iso(value) if isinstance(value, datetime) else value for name, value in values.items()},
            separators=(",", ":"),
        )

    def from_json(self, text: str | bytes) -> dict[str, Any]:
        """Read one row and check it; columns that the contract does not know are left out.

        Raises `ContractError` for what is no JSON object and for the first column that breaks the contract.
        """
        try:
            document = json.loads(text)
        except ValueError as error:
            raise ContractError(f"{self.name}: not JSON: {error}") from None
        if not isinstance(document, dict):
            raise ContractError(f"{self.name}: must be a JSON object, got {type(document).__name__}")
        row = {one.name: _parsed(one, document.get(one.name)) for one in self.fields}
        if reason := self.problem(row):
            column = next(one.name for one in self.fields if reason.startswith(f"{one.name}_"))
            raise ContractError(f"{self.name}.{column}: {reason}, got {document.get(column)!r}")
        return row


def iso(moment: datetime) -> str:
    """The moment in UTC with microseconds and Z.

    >>> iso(datetime(2026, 6, 1, 12, tzinfo=UTC))
    '2026-06-01T12:00:00.000000Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _parsed(column: Field, value: Any) -> Any:
    if column.kind != "timestamp" or not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)  # a moment without zone stays naive, and the contract refuses it
    except ValueError:
        return value
