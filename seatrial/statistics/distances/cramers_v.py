"""Cramer's V: the chi-square statistic as an effect size."""

import math
from collections.abc import Sequence

from seatrial.statistics.chi_square import chi_square


def cramers_v(first: Sequence[int], second: Sequence[int]) -> float:
    """Association of sample and category, in [0, 1] (Cramer, 1946): sqrt(chi-square / rows), as one side has two rows.

    >>> cramers_v([10, 0], [0, 10]), cramers_v([5, 5], [7, 7])
    (1.0, 0.0)
    """
    total = sum(first) + sum(second)
    return math.sqrt(chi_square(first, second).statistic / total) if total else 0.0
