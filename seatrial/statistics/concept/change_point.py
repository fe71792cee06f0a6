"""When a mean changed: the start of an incident, for the alert."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True)
class ChangePoint:
    """The first window after the change, and mean before and after it."""

    window: int
    before: float
    after: float


def change_point(totals: Sequence[float], counts: Sequence[int]) -> ChangePoint | None:
    """Likeliest single change of a mean, from sums and numbers of values by window (Hinkley, 1970).

    The cut with the largest sum of squares between its sides; None with fewer than two windows that hold values.

    >>> change_point([10.0, 11.0, 30.0, 29.0], [100, 100, 100, 100])
    ChangePoint(window=2, before=0.105, after=0.295)
    """
    held, summed = list(accumulate(counts)), list(accumulate(totals))
    best, gain = None, -math.inf
    for window in range(1, len(counts)):
        left, right = held[window - 1], held[-1] - held[window - 1] if held else 0
        if not left or not right:
            continue
        before, after = summed[window - 1] / left, (summed[-1] - summed[window - 1]) / right
        between = left * right / (left + right) * (before - after) ** 2
        if between > gain:
            best, gain = ChangePoint(window, before, after), between
    return best
