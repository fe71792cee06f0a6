"""Everything that is kept of a numeric column."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, reduce
from typing import Any

import numpy as np

from seatrial.statistics.columns.affine import LARGEST, AffineMap
from seatrial.statistics.columns.bit_histogram import BITS, CELLS, BitHistogram
from seatrial.statistics.columns.exact_moments import ExactMoments
from seatrial.statistics.parsing import is_missing, to_number

BLOCK = 1 << 17
"""Values handled at a time: the work stays in the processor's cache and memory stays flat."""
END_CELLS = 1 << (BITS - 9)
"""At either end of a histogram: infinities and NaN."""


@dataclass(frozen=True)
class NumericColumn:
    """Counts, exact moments and a histogram of `(x - center) / scale`; merges exactly, in any order and grouping.

    `missing` counts absent values and NaN, `invalid` infinities and texts that are no number, `integral` the whole
    numbers among the rest.

    >>> map = AffineMap(center=2.0, scale=1.0)
    >>> column = NumericColumn.of(np.array([1.0, 2.0, np.nan]), map).merge(NumericColumn.of(np.array([4.5]), map))
    >>> column.rows, column.missing, column.integral, column.mean, column.maximum
    (4, 1, 2, 2.5, 4.5)
    """

    map: AffineMap
    missing: int = 0
    invalid: int = 0
    integral: int = 0
    moments: ExactMoments = field(default_factory=ExactMoments)
    histogram: BitHistogram = field(default_factory=BitHistogram)
    minimum: float = math.inf
    maximum: float = -math.inf

    @classmethod
    def of(cls, values: np.ndarray, map: AffineMap, missing: int = 0, invalid: int = 0) -> "NumericColumn":  # noqa: A002
        """Summary of present values, shape (n,), any numeric type, beside values counted elsewhere."""
        _settle_allocator()
        blocks = (_block(values[start : start + BLOCK], map) for start in range(0, len(values), BLOCK))
        summary = reduce(lambda total, block: total.merge(block), blocks) if len(values) else cls(map)
        return replace(summary, missing=summary.missing + missing, invalid=summary.invalid + invalid)

    @classmethod
    def of_texts(cls, texts: Sequence[str], map: AffineMap) -> "NumericColumn":  # noqa: A002
        """Summary of texts, as captured requests hold them; equal to the summary of the numbers that they hold."""
        present = [text for text in texts if not is_missing(text)]
        numbers = [number for number in map_numbers(present) if number is not None]
        missing, invalid = len(texts) - len(present), len(present) - len(numbers)
        return cls.of(np.array(numbers, np.float64), map, missing, invalid)

    @property
    def present(self) -> int:
        """Finite numbers."""
        return self.moments.count

    @property
    def rows(self) -> int:
        """All values."""
        return self.present + self.missing + self.invalid

    @property
    def mean(self) -> float:
        """Mean of the finite numbers; each was rounded to a 2**-24th of its distance from the center."""
        return self.moments.mean * self.map.scale + self.map.center

    @property
    def std_dev(self) -> float:
        """Population standard deviation of the finite numbers."""
        return self.moments.std_dev * self.map.scale

    @property
    def types(self) -> dict[str, int]:
        """Values by type, in Deequ's names."""
        return {"Integral": self.integral, "Fractional": self.present - self.integral, "String": self.invalid}

    def quantile(self, share: float) -> float:
        """Value below which `share` of the numbers lie, to the width of a histogram's cell."""
        value = float(self.map.back(np.array(self.histogram.quantile(share))))
        return min(max(value, self.minimum), self.maximum)

    def merge(self, other: "NumericColumn") -> "NumericColumn":
        """Summary of both stretches of rows; raises `ValueError` when they were mapped differently."""
        if self.map != other.map:
            raise ValueError(f"columns mapped differently cannot be merged: {self.map} and {other.map}")
        return NumericColumn(
            self.map,
            self.missing + other.missing,
            self.invalid + other.invalid,
            self.integral + other.integral,
            self.moments.merge(other.moments),
            self.histogram.merge(other.histogram),
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "kind": "numeric",
            "map": self.map.to_list(),
            "counts": [self.missing, self.invalid, self.integral],
            "moments": self.moments.to_list(),
            "range": [self.minimum, self.maximum] if self.present else None,
            "histogram": self.histogram.to_list(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "NumericColumn":
        """Read what `to_json` wrote."""
        missing, invalid, integral = data["counts"]
        minimum, maximum = data["range"] or (math.inf, -math.inf)
        return cls(
            AffineMap(*data["map"]),
            missing,
            invalid,
            integral,
            ExactMoments.from_list(data["moments"]),
            BitHistogram.from_list(data["histogram"]),
            minimum,
            maximum,
        )


def map_numbers(texts: Sequence[str]) -> list[float | None]:
    """The number of each text, None where it holds none."""
    return [to_number(text.strip()) for text in texts]


@cache
def _settle_allocator() -> None:
    """Free 8 MB once.

    From then on glibc keeps freed memory of a block's size (malloc(3), M_MMAP_THRESHOLD) instead of returning it and
    faulting it in again: 80,000 page faults in a million rows of 20 columns, a third of the time.
    """
    np.empty(1 << 20)


def _block(values: np.ndarray, map: AffineMap) -> NumericColumn:  # noqa: A002
    mapped = map.forward(values)
    histogram = BitHistogram.of(mapped)
    if histogram.counts[:END_CELLS].any() or histogram.counts[CELLS - END_CELLS :].any():
        return _extreme_block(values, map)
    return _summary(values, mapped, histogram, map)


def _extreme_block(values: np.ndarray, map: AffineMap) -> NumericColumn:  # noqa: A002
    """A block with NaN, infinities or numbers beyond float32: these go into the last cell that holds numbers."""
    numbers = np.asarray(values, np.float64)
    finite = numbers[np.isfinite(numbers)]
    mapped = np.clip(map.forward(finite), np.float32(-LARGEST), np.float32(LARGEST))
    missing = int(np.isnan(numbers).sum())
    summary = _summary(finite, mapped, BitHistogram.of(mapped), map)
    return summary.merge(NumericColumn(map, missing, len(numbers) - missing - len(finite)))


def _summary(values: np.ndarray, mapped: np.ndarray, histogram: BitHistogram, map: AffineMap) -> NumericColumn:  # noqa: A002
    if not len(values):
        return NumericColumn(map)
    whole = len(values) if values.dtype.kind in "iub" else int(np.count_nonzero(values == np.rint(values)))
    moments = ExactMoments.of(mapped)
    return NumericColumn(
        map,
        integral=whole,
        moments=moments,
        histogram=histogram,
        minimum=float(values.min()),
        maximum=float(values.max()),
    )
