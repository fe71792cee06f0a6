"""A small sample of a window's rows as they came, for questions that counts by cell cannot answer."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

SAMPLE_ROWS = 200
LONGEST_TEXT = 64


@dataclass(frozen=True, order=True)
class SampledRow:
    """A row and the rank by which it was chosen."""

    rank: int
    values: tuple[str, ...]


@dataclass(frozen=True)
class RowSample:
    """The rows whose ids (or own texts) have the smallest checksums: the same ones in any order and grouping.

    Bottom-k sampling (Cohen and Kaplan, 2007): samples of parts of a window merge into the window's.

    >>> first, second = RowSample.of([("a", "1"), ("b", "2")], size=2), RowSample.of([("c", "3")], size=2)
    >>> first.merge(second) == second.merge(first) == RowSample.of([("c", "3"), ("b", "2"), ("a", "1")], size=2)
    True
    """

    rows: tuple[SampledRow, ...] = ()
    size: int = SAMPLE_ROWS

    @classmethod
    def of(cls, rows: Iterable[Sequence[str]], ids: Sequence[str] = (), size: int = SAMPLE_ROWS) -> "RowSample":
        """Sample of rows; `ids` (empty, or one for each row) are what a row is known by."""
        names = iter(ids)
        found = []
        for row in rows:
            values = tuple(value[:LONGEST_TEXT] for value in row)
            found.append(SampledRow(zlib.crc32((next(names, "") or "\x1f".join(values)).encode()), values))
        return cls(tuple(sorted(found)[:size]), size)

    def merge(self, other: "RowSample") -> "RowSample":
        """Sample of both sets of rows."""
        return RowSample(tuple(sorted((*self.rows, *other.rows))[: self.size]), self.size)

    def of_width(self, width: int) -> list[tuple[str, ...]]:
        """The sampled rows that have this many values."""
        return [row.values for row in self.rows if len(row.values) == width]

    def to_json(self) -> list[Any]:
        """JSON-ready form."""
        return [[row.rank, *row.values] for row in self.rows]

    @classmethod
    def from_json(cls, items: list[Any]) -> "RowSample":
        """Read what `to_json` wrote."""
        return cls(tuple(SampledRow(rank, tuple(values)) for rank, *values in items))
