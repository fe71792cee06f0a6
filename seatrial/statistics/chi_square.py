"""Two-sample chi-square statistic on counts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ChiSquare:
    """The statistic, its degrees of freedom, and Wilson and Hilferty's (1931) normal score of it."""

    statistic: float
    degrees: int

    @property
    def z_score(self) -> float:
        """About standard normal without a shift; 0 without degrees of freedom."""
        if not self.degrees:
            return 0.0
        spread = 2 / (9 * self.degrees)
        return ((self.statistic / self.degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)


def chi_square(first: Sequence[int], second: Sequence[int]) -> ChiSquare:
    """Pearson's test (1900) that two histograms of the same cells share a distribution; cells empty in both drop out.

    >>> chi_square([10, 10], [10, 10]).statistic, round(chi_square([20, 0], [0, 20]).statistic)
    (0.0, 40)
    """
    total_first, total_second = sum(first), sum(second)
    cells = [(a, b) for a, b in zip(first, second, strict=True) if a + b]
    if not total_first or not total_second or len(cells) < 2:
        return ChiSquare(0.0, 0)
    share = total_first / (total_first + total_second)
    terms = [((a - (a + b) * share) ** 2) / ((a + b) * share * (1 - share)) for a, b in cells]
    return ChiSquare(math.fsum(terms), len(cells) - 1)
