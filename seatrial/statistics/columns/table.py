"""The summaries of a table's columns: merged, written and read as one."""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.numeric_column import NumericColumn

VERSION = 1
LEVEL = 6
Column = NumericColumn | CategoryColumn


@dataclass(frozen=True)
class TableSummary:
    """Columns by name, each of `rows` rows.

    >>> table = TableSummary(2, {"plan": CategoryColumn.of_values(["prepaid", "family"])})
    >>> TableSummary.from_bytes(table.to_bytes()) == table, table.merge(table).rows
    (True, 4)
    """

    rows: int = 0
    columns: Mapping[str, Column] = field(default_factory=dict)

    @property
    def maps(self) -> dict[str, AffineMap | None]:
        """What a baseline freezes: the map of each numeric column, None for columns of texts."""
        return {
            name: column.map if isinstance(column, NumericColumn) else None for name, column in self.columns.items()
        }

    def merge(self, other: "TableSummary") -> "TableSummary":
        """Summary of both tables' rows; raises `ValueError` when their columns differ in name, kind or map."""
        if self.columns.keys() != other.columns.keys():
            differing = sorted(self.columns.keys() ^ other.columns.keys())
            raise ValueError(f"tables of different columns cannot be merged: only one of them has {differing}")
        return TableSummary(self.rows + other.rows, {name: _merged(name, self, other) for name in self.columns})

    def to_bytes(self) -> bytes:
        """Deflated JSON with sorted keys: equal summaries give equal bytes with the same zlib."""
        columns = {name: column.to_json() for name, column in self.columns.items()}
        document = {"version": VERSION, "rows": self.rows, "columns": columns}
        return zlib.compress(json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), LEVEL)

    @classmethod
    def from_bytes(cls, data: bytes) -> "TableSummary":
        """Read what `to_bytes` wrote; raises `ValueError` for anything else."""
        try:
            document = json.loads(zlib.decompress(data))
            if document["version"] != VERSION:
                raise ValueError(f"summary: version must be {VERSION}, got {document['version']!r}")
            return cls(document["rows"], {name: _column(item) for name, item in document["columns"].items()})
        except (zlib.error, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"summary: not a table's summary: {error!r}") from error


def _merged(name: str, first: TableSummary, second: TableSummary) -> Column:
    mine, theirs = first.columns[name], second.columns[name]
    if isinstance(mine, NumericColumn) and isinstance(theirs, NumericColumn):
        return mine.merge(theirs)
    if isinstance(mine, CategoryColumn) and isinstance(theirs, CategoryColumn):
        return mine.merge(theirs)
    raise ValueError(f"{name}: a numeric column and one of texts cannot be merged")


def _column(data: dict[str, Any]) -> Column:
    return NumericColumn.from_json(data) if data["kind"] == "numeric" else CategoryColumn.from_json(data)
