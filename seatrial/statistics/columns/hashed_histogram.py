"""Counts of texts by hash: a histogram of any number of categories in 4,096 cells, added cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

CELLS = 4096


@dataclass(frozen=True, eq=False)
class HashedHistogram:
    """One row of a count-min sketch (Cormode and Muthukrishnan, 2005): `counts` has shape (4096,), int64.

    Two columns that differ in their shares by cell differ in their categories; differences within a cell are lost,
    so distances on it are lower bounds.

    >>> HashedHistogram.of(np.array([1, 2], np.uint64), np.array([5, 7])).total
    12
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(CELLS, np.int64))

    @classmethod
    def of(cls, hashes: np.ndarray, weights: np.ndarray) -> "HashedHistogram":
        """Histogram of uint64 hashes and how often each occurred."""
        counts = np.zeros(CELLS, np.int64)
        np.add.at(counts, (hashes % np.uint64(CELLS)).astype(np.int64), np.asarray(weights, np.int64))
        return cls(counts)

    @property
    def total(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    def merge(self, other: "HashedHistogram") -> "HashedHistogram":
        """Histogram of both sets of values."""
        return HashedHistogram(self.counts + other.counts)

    def to_list(self) -> list[Any]:
        """JSON-ready: cells that hold values, and their counts."""
        held = np.flatnonzero(self.counts)
        return [held.tolist(), self.counts[held].tolist()]

    @classmethod
    def from_list(cls, items: Sequence[Any]) -> "HashedHistogram":
        """Read what `to_list` wrote."""
        counts = np.zeros(CELLS, np.int64)
        counts[np.array(items[0], np.int64)] = items[1]
        return cls(counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashedHistogram) and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]
