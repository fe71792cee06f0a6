"""Sums of numbers that are known by their logarithms."""

import math
from collections.abc import Sequence


def log_sum_exp(logarithms: Sequence[float]) -> float:
    """Logarithm of the sum, without overflow; minus infinity for none.

    >>> round(log_sum_exp([1000.0, 1000.0]) - 1000, 3)
    0.693
    """
    largest = max(logarithms, default=-math.inf)
    if largest == -math.inf:
        return largest
    return largest + math.log(math.fsum(math.exp(value - largest) for value in logarithms))
