"""Count, sum, sum of squares and range of float32 numbers, kept exactly, so that merging loses nothing."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from seatrial.statistics.columns.exact_sum import UNIT_EXPONENT, exact_sum

UNIT = 2**UNIT_EXPONENT
NEAR = 8.0
NEAR_BITS = 20
"""Numbers up to 8 are rounded to multiples of 2**-20."""
BLOCK = 1 << 16
STRETCH = 128


@dataclass(frozen=True)
class ExactMoments:
    """Sums as integers in units of 2**-298; mean and deviation are rounded only when they are asked for.

    Numbers within 8 of zero count to the next multiple of 2**-20 (of an interquartile range, in a column), larger ones
    as they are. That is decided number by number and everything after is exact, so any order and grouping gives the
    same; Chan, Golub and LeVeque's (1979) merge is stable, but not associative to the last bit.

    >>> merged = ExactMoments.of(np.float32([1, 2])).merge(ExactMoments.of(np.float32([3, 6])))
    >>> merged.count, merged.mean, round(merged.std_dev, 3)
    (4, 3.0, 1.871)
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    @classmethod
    def of(cls, values: np.ndarray) -> "ExactMoments":
        """Moments of finite float32 values."""
        total = cls()
        for start in range(0, len(values), BLOCK):
            total = total.merge(_block(values[start : start + BLOCK]))
        return total

    def merge(self, other: "ExactMoments") -> "ExactMoments":
        """Moments of both sets of values together."""
        return ExactMoments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Arithmetic mean; NaN without values."""
        return float(Fraction(self.total, self.count * UNIT)) if self.count else math.nan

    @property
    def std_dev(self) -> float:
        """Population standard deviation; 0 without values."""
        if not self.count:
            return 0.0
        variance = Fraction(self.squares, self.count * UNIT) - Fraction(self.total, self.count * UNIT) ** 2
        return math.sqrt(float(variance))

    def to_list(self) -> list[Any]:
        """JSON-ready; the sums as hexadecimal texts."""
        return [self.count, f"{self.total:x}", f"{self.squares:x}"]

    @classmethod
    def from_list(cls, items: list[Any]) -> "ExactMoments":
        """Read what `to_list` wrote."""
        return cls(items[0], int(items[1], 16), int(items[2], 16))


def _block(values: np.ndarray) -> ExactMoments:
    magnitudes = np.abs(values)
    largest = float(magnitudes.max())
    if largest <= NEAR:
        return _near(values, len(values))
    far = np.flatnonzero(magnitudes > NEAR)
    wide = values[far].astype(np.float64)
    near = values.copy()
    near[far] = 0
    squares = exact_sum(wide * wide, largest * largest)
    return _near(near, len(values) - len(far)).merge(ExactMoments(len(far), exact_sum(wide, largest), squares))


def _near(values: np.ndarray, count: int) -> ExactMoments:
    scaled = values * np.float32(2**NEAR_BITS)
    whole = np.rint(scaled, out=scaled).astype(np.float64)
    total = int(whole.sum())
    return ExactMoments(count, total << (UNIT_EXPONENT - NEAR_BITS), _squares(whole) << (UNIT_EXPONENT - 2 * NEAR_BITS))


def _squares(whole: np.ndarray) -> int:
    """Sum of squares of whole numbers up to 2**23: 128 of them stay below 2**53, so a float64 holds them exactly."""
    cut = len(whole) // STRETCH * STRETCH
    rows = whole[:cut].reshape(-1, STRETCH)
    return int(np.einsum("ij,ij->i", rows, rows).astype(np.int64).sum()) + int(whole[cut:] @ whole[cut:])
