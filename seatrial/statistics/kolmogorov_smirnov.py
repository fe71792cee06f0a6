"""Largest difference between two distributions, in Model Monitor's Simple and Robust forms."""

import math
from collections.abc import Sequence
from itertools import accumulate


def ks_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """L-infinity distance between the cumulative distributions of two histograms of the same ordered cells.

    Deequ's `Distance.numericalDistance` "simple"; 0 when either is empty.

    >>> ks_distance([5, 5], [10, 0])
    0.5
    """
    return _largest(list(accumulate(_shares(first))), list(accumulate(_shares(second))))


def l_infinity_distance(first: Sequence[float], second: Sequence[float]) -> float:
    """L-infinity distance between the shares of two histograms of the same categories (Deequ, categorical).

    >>> l_infinity_distance([5, 5, 0], [5, 0, 5])
    0.5
    """
    return _largest(_shares(first), _shares(second))


def robust_distance(distance: float, first_rows: int, second_rows: int) -> float:
    """The distance beyond what sampling explains: Deequ's max(0, d - 1.8 sqrt((n + m) / (n m))).

    >>> robust_distance(0.5, 0, 10), round(robust_distance(0.5, 100, 100), 3)
    (0.0, 0.245)
    """
    if not first_rows or not second_rows:
        return 0.0
    return max(0.0, distance - 1.8 * math.sqrt((first_rows + second_rows) / (first_rows * second_rows)))


def _shares(counts: Sequence[float]) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts] if total else []


def _largest(first: Sequence[float], second: Sequence[float]) -> float:
    if not first or not second:
        return 0.0
    return max(abs(left - right) for left, right in zip(first, second, strict=True))
