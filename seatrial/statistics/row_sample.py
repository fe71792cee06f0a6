"""A small sample of a window's rows as they came, for questions that counts by cell cannot answer."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import chain, repeat
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
        held = [row if isinstance(row, tuple) else tuple(row) for row in rows]
        names = chain(ids, repeat(""))
        ranks = [zlib.crc32((name or _text(row)).encode()) for row, name in zip(held, names, strict=False)]
        if len(ranks) > size:
            # Of a block of rows few are kept, so only these are made into rows of the sample.
            largest = nsmallest(size, ranks)[-1]
            chosen = [(rank, row) for rank, row in zip(ranks, held, strict=True) if rank <= largest]
        else:
            chosen = list(zip(ranks, held, strict=True))
        found = [SampledRow(rank, tuple(value[:LONGEST_TEXT] for value in row)) for rank, row in chosen]
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


def _text(row: Sequence[str]) -> str:
    return "\x1f".join(value[:LONGEST_TEXT] for value in row)
