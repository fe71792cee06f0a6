"""How a distribution moves by itself: by hour of the day, by weekday, and at random from day to day."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import add
from typing import Any

from seatrial.statistics.distribution_history import DAY, Block

WEEK = 7
FIRST_WEEKDAY = 3
"""1 January 1970 was a Thursday; Monday is 0."""
CALIBRATED_DAYS = 7
"""Whole days from which on a rhythm also tells how much days differ."""
UNKNOWN_DAY_DEVIATION, UNKNOWN_WINDOW_DEVIATION = 0.03, 0.05
SHARE_UNIT = 1e-4
"""Precision with which shares are stored: far below what 28 days of an hour can tell."""

Row = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """What is no drift, because the traffic always did it; frozen once it is learned.

    `hours` (24 rows) and `weekdays` (7, Monday first, UTC) hold by how much each cell's share is above the day's, or
    the week's; no rows mean no such rhythm. They add to no shift of the level: only the baseline says what that is.
    `day_variance` and `window_variance`, by score of `ShiftScores`, say how far the mean score of a day, and of a
    window within it, wanders beyond sampling; the first is known with `freedom` degrees of freedom. `day_covariance`,
    by hour, is the covariance of the location's means from that hour on and before, of the same day: all of the
    variance where days differ and the hours of a day do not; nothing where what was before does not tell what comes.
    """

    hours: tuple[Row, ...] = ()
    weekdays: tuple[Row, ...] = ()
    volumes: Row = ()
    """Share of the day's rows by hour."""
    day_variance: Row
    window_variance: Row
    freedom: Row
    day_covariance: Row = ()
    """Empty for none."""
    days: int = 0
    """Days that it was learned from; 0 before any have been seen."""

    @property
    def calibrated(self) -> bool:
        """Whether it also tells how much days differ."""
        return self.days >= CALIBRATED_DAYS

    @classmethod
    def unknown(cls, scores: int, window_deviation: float = UNKNOWN_WINDOW_DEVIATION) -> "Rhythm":
        """Before anything is known: hours may wander by so many standard deviations around their day's mean."""
        return cls(
            day_variance=(UNKNOWN_DAY_DEVIATION**2,) * scores,
            window_variance=(window_deviation**2,) * scores,
            freedom=(math.inf,) * scores,
        )

    def deviation(self, block: Block) -> Sequence[float]:
        """By how much the shares of these windows are expected to be above the baseline's.

        Empty for not at all: without a rhythm, and over several days, whose hours and weekdays make up for each other.
        """
        if block.windows > DAY:
            return ()
        if not self.hours:
            return self.weekdays[weekday(block.hour)] if self.weekdays else ()
        of_hours = self._of_hours(block)
        return list(map(add, of_hours, self.weekdays[weekday(block.hour)])) if self.weekdays else of_hours

    def _of_hours(self, block: Block) -> Sequence[float]:
        """Mean over the windows' hours, by the usual volume."""
        if block.windows == 1:
            return self.hours[block.hour % DAY]
        stop = block.hour % DAY + 1
        start = max(0, stop - block.windows)
        volumes, sums = self._cumulated
        held = volumes[stop] - volumes[start]
        if not held:
            return self.hours[block.hour % DAY]
        return [(late - early) / held for late, early in zip(sums[stop], sums[start], strict=True)]

    @cached_property
    def _cumulated(self) -> tuple[list[float], list[list[float]]]:
        """Volumes, and shares times volumes, of the hours before each hour of the day."""
        weighted = [[share * volume for share in row] for row, volume in zip(self.hours, self.volumes, strict=True)]
        empty = [0.0] * len(weighted[0])
        sums = list(accumulate(weighted, lambda before, row: list(map(add, before, row)), initial=empty))
        return list(accumulate(self.volumes, initial=0.0)), sums

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; shares in whole ten-thousandths, a freedom without end as null."""
        return {
            "hours": [[round(value / SHARE_UNIT) for value in row] for row in self.hours],
            "weekdays": [[round(value / SHARE_UNIT) for value in row] for row in self.weekdays],
            "volumes": [round(value, 5) for value in self.volumes],
            "day_variance": [round(value, 8) for value in self.day_variance],
            "window_variance": [round(value, 8) for value in self.window_variance],
            "day_covariance": [round(value, 8) for value in self.day_covariance],
            "freedom": [round(value, 1) if math.isfinite(value) else None for value in self.freedom],
            "days": self.days,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Rhythm":
        """Read what `to_json` wrote."""
        return cls(
            hours=tuple(tuple(value * SHARE_UNIT for value in row) for row in data["hours"]),
            weekdays=tuple(tuple(value * SHARE_UNIT for value in row) for row in data["weekdays"]),
            volumes=tuple(data["volumes"]),
            day_variance=tuple(data["day_variance"]),
            window_variance=tuple(data["window_variance"]),
            freedom=tuple(math.inf if value is None else value for value in data["freedom"]),
            day_covariance=tuple(data.get("day_covariance", ())),
            days=data["days"],
        )


def weekday(hour: int) -> int:
    """Day of the week (Monday is 0) of an hour since 1970.

    >>> weekday(0), weekday(4 * 24)
    (3, 0)
    """
    return (hour // DAY + FIRST_WEEKDAY) % WEEK
