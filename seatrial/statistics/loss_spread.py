"""How much more the hours' mean losses differ than independent rows would let them: the design effect of the traffic.

Rows of one hour share what makes them hard to predict, so they tell less than as many independent ones. Kish, "Survey
Sampling" (1965), calls the ratio of the variances the design effect. It is taken here from differences of hours, after
von Neumann, Annals of Mathematical Statistics 12 (1941), as these hardly feel a level that moves; and from medians,
which a single jump of the loss hardly moves: what is to be told is not taken for unrest.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

LAGS_HOURS = (1, 24)
"""Neighbours; and the same hour of the day before, which also differs where hours in a row agree with each other."""
MOST_HOURS = 168
FEWEST_DIFFERENCES = 24
MEDIAN_OF_SQUARE = 0.4549
"""Median of the square of a standard normal number."""
DIGITS = 6


@dataclass(frozen=True)
class LossSpread:
    """Rows, sum and sum of squares of one loss, by hours since 1970, of the last week of labelled hours.

    >>> import random
    >>> calm, restless, rng = LossSpread(), LossSpread(), random.Random(1)
    >>> for hour in range(100):
    ...     losses = [rng.random() for _ in range(50)]
    ...     calm = calm.plus(hour, losses)
    ...     shared = rng.random()
    ...     restless = restless.plus(hour, [loss + shared for loss in losses])
    >>> calm.design_effect < 2 < 20 < restless.design_effect
    True
    """

    hours: tuple[tuple[int, int, float, float], ...] = ()

    def plus(self, hour: int | None, losses: Sequence[float]) -> "LossSpread":
        """The spread with one more hour; without a number it follows the last."""
        if not losses:
            return self
        start = hour if hour is not None else (self.hours[-1][0] + 1 if self.hours else 0)
        sums = math.fsum(losses), math.fsum(loss * loss for loss in losses)
        total, squares = (round(value, DIGITS) for value in sums)
        return LossSpread((*self.hours, (start, len(losses), total, squares))[-MOST_HOURS:])

    @property
    def design_effect(self) -> float:
        """Variance of an hour's mean loss over that of as many independent rows; 1 at least, and while too few tell."""
        within = self._variance_within()
        if not within > 0:
            return 1.0
        return max(1.0, *(self._unrest(list(self._differences(lag, within))) for lag in LAGS_HOURS))

    @staticmethod
    def _unrest(differences: Sequence[float]) -> float:
        """Variance of the differences by their median distance from their median, which is where a ramp puts them."""
        if len(differences) < FEWEST_DIFFERENCES:
            return 1.0
        middle = _median(differences)
        return _median([(difference - middle) ** 2 for difference in differences]) / MEDIAN_OF_SQUARE

    def _variance_within(self) -> float:
        """Variance of the losses around the means of their hours."""
        freedom = sum(rows - 1 for _, rows, _, _ in self.hours)
        around = math.fsum(squares - total * total / rows for _, rows, total, squares in self.hours)
        return around / freedom if freedom else 0.0

    def _differences(self, lag: int, within: float) -> Iterator[float]:
        """Differences of the means of hours so far apart, by their standard deviation if rows were independent."""
        known = {hour: (rows, total / rows) for hour, rows, total, _ in self.hours}
        for hour, (rows, mean) in known.items():
            if (before := known.get(hour - lag)) is not None:
                yield (mean - before[1]) / math.sqrt(within * (1 / rows + 1 / before[0]))

    def to_json(self) -> list[Any]:
        """JSON-ready form."""
        return [list(entry) for entry in self.hours]

    @classmethod
    def from_json(cls, data: Sequence[Sequence[Any]]) -> "LossSpread":
        """Read what `to_json` wrote."""
        return cls(tuple((hour, rows, total, squares) for hour, rows, total, squares in data))


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
