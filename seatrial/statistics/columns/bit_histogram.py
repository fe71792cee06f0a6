"""A histogram whose 32,768 cells are the leading bits of float32 numbers: fixed, ordered, added cell by cell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

BITS = 15
CELLS = 1 << BITS
SHIFT = 32 - BITS
LARGEST_BITS = 0x7F7FFFFF
CENTER = CELLS // 2
"""The cell of zero."""


@dataclass(frozen=True, eq=False)
class BitHistogram:
    """Counts by the top 15 bits (sign, exponent, six bits of mantissa) of an order-preserving integer.

    A float's bits, read as an integer, order like the float once negative ones are inverted (Herf, "Radix tricks",
    2001). Cells are relative to nothing but the number format, so histograms of any windows, files and partitions
    add exactly. `counts` has shape (32768,), int64. Numbers closer to zero than 2**-132 count as zero.

    >>> histogram = BitHistogram.of(np.array([-1.0, 0.0, 1.0, 1.01], np.float32))
    >>> histogram.total, np.flatnonzero(histogram.counts).tolist()
    (4, [8255, 16384, 24512])
    """

    counts: np.ndarray = field(default_factory=lambda: np.zeros(CELLS, np.int64))

    @classmethod
    def of(cls, values: np.ndarray) -> "BitHistogram":
        """Histogram of finite float32 values."""
        counts = np.bincount(cells(values), minlength=CELLS).astype(np.int64, copy=False)
        counts[CENTER] += counts[CENTER - 1]
        counts[CENTER - 1] = 0
        return cls(counts)

    @property
    def total(self) -> int:
        """Number of values."""
        return int(self.counts.sum())

    def merge(self, other: "BitHistogram") -> "BitHistogram":
        """Histogram of both sets of values, exactly as one pass would have counted."""
        return BitHistogram(self.counts + other.counts)

    def cumulative(self) -> np.ndarray:
        """Share of values up to and including each cell, shape (32768,); zeros without values."""
        return np.cumsum(self.counts) / max(self.total, 1)

    def quantile(self, share: float) -> float:
        """The value below which `share` of the values lie, interpolated within its cell; NaN without values."""
        if not self.total:
            return float("nan")
        reached = np.cumsum(self.counts)
        wanted = share * self.total
        cell = int(np.searchsorted(reached, max(wanted, 1e-9)))
        inside = 1 - (reached[cell] - wanted) / self.counts[cell]
        low, high = edges()[cell], edges()[cell + 1]
        return float(low + (high - low) * min(max(inside, 0.0), 1.0))

    def cuts(self, groups: int) -> tuple[int, ...]:
        """Last cells of `groups` groups of about equal counts; a cell that fills whole groups stands alone."""
        reached = np.cumsum(self.counts)
        wanted = self.total * np.arange(1, groups) / groups
        ends = sorted({int(cell) for cell in np.searchsorted(reached, wanted)})
        first = int((self.counts != 0).argmax())
        if ends and ends[0] == first:
            ends.insert(0, first - 1)
        return tuple(ends)

    def grouped(self, cuts: Sequence[int]) -> list[int]:
        """Counts of the groups that end at these cells, and of the rest."""
        bounds = [0, *(cut + 1 for cut in cuts), CELLS]
        return [int(self.counts[low:high].sum()) for low, high in pairwise(bounds)]

    def to_list(self) -> list[Any]:
        """JSON-ready: gaps between cells that hold values, and their counts."""
        held = np.flatnonzero(self.counts != 0)
        return [np.diff(held, prepend=0).tolist(), self.counts[held].tolist()]

    @classmethod
    def from_list(cls, items: Sequence[Any]) -> "BitHistogram":
        """Read what `to_list` wrote."""
        gaps, held = items
        counts = np.zeros(CELLS, np.int64)
        counts[np.cumsum(np.array(gaps, np.int64))] = held
        return cls(counts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BitHistogram) and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]


def cells(values: np.ndarray) -> np.ndarray:
    """Cell of each float32 value; infinities and NaN fall into the 32 cells at either end."""
    bits = values.view(np.int32)
    keys = bits >> 31
    keys |= np.int32(-(2**31))
    keys ^= bits
    return (keys.view(np.uint32) >> SHIFT).view(np.int32)


@cache
def edges() -> np.ndarray:
    """Lower edge of each cell and, last, the upper edge of the last finite one; shape (32769,), infinity capped."""
    keys = (np.arange(CELLS + 1, dtype=np.uint64) << SHIFT).clip(max=2**32 - 1).astype(np.uint32)
    bits = np.where(keys < 2**31, ~keys, keys ^ np.uint32(2**31)).astype(np.uint32)
    magnitudes = np.minimum(bits & np.uint32(2**31 - 1), np.uint32(LARGEST_BITS))
    values = magnitudes.view(np.float32).astype(np.float64)
    return np.where(keys < 2**31, -values, values)
