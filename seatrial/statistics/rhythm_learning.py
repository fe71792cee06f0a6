"""What a rhythm is learned from: a distribution's counts by hour of the day and by day, added up day by day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from operator import add
from typing import Any

from seatrial.statistics.distribution_history import DAY, Counts
from seatrial.statistics.shift_scores import ShiftScores

PARTIAL_DAY = 0.8
"""A day with a smaller share of the usual number of windows is left out: its mean would be that of its hours."""
MAXIMUM_DAYS = 28
HOURS_FROM_DAYS = 2

Windows = tuple[tuple[int, Counts], ...]


@dataclass(frozen=True)
class Learning:
    """Sums over the days seen so far; those of other days of the same distribution add to them.

    `by_hour` and `by_day` hold counts by cell, `squares` by score the sum over windows of (sum of scores)^2 / rows,
    `splits` by hour from 1 to 23 the sum over days of the squared difference between the first score's means from that
    hour on and before, times the rows that such a difference is worth; empty without a location.
    """

    windows: int = 0
    by_hour: Mapping[int, Counts] = field(default_factory=dict)
    by_day: Mapping[int, Counts] = field(default_factory=dict)
    squares: tuple[float, ...] = ()
    splits: tuple[float, ...] = ()
    today: Windows = ()
    """Hours since 1970 and counts of the windows of a day that may go on."""

    @classmethod
    def of(cls, scores: ShiftScores, windows: Iterable[tuple[int, Sequence[int]]]) -> "Learning":
        """Learn from windows (beginning in hours since 1970, counts by cell), for instance a baseline's own.

        >>> scores = ShiftScores.of([500, 500, 0], ordered=True)
        >>> learning = Learning.of(scores, [(hour, (50, 50, 0)) for hour in range(48)])
        >>> learning.days, learning.windows, learning.by_hour[13]
        (2, 48, (100, 100, 0))
        """
        learning = cls()
        for hour, counts in sorted(windows):
            learning = learning.plus(scores, hour, tuple(counts))
        return learning.with_day_closed(scores)

    @property
    def days(self) -> int:
        """Whole days learned from."""
        return len(self.by_day)

    def plus(self, scores: ShiftScores, hour: int, counts: Counts) -> "Learning":
        """One window more; a window without rows teaches nothing."""
        if not sum(counts):
            return self
        ended = bool(self.today) and self.today[-1][0] // DAY != hour // DAY
        learning = self.with_day_closed(scores) if ended else self
        return replace(learning, today=(*learning.today, (hour, counts)))

    def with_day_closed(self, scores: ShiftScores) -> "Learning":
        """Today's windows added to the sums, unless it was a part of a day; a first day that was is forgotten."""
        usual = self.windows / self.days if self.days else 0.0
        if not self.today or len(self.today) < PARTIAL_DAY * usual:
            return replace(self, today=())
        known = Learning() if len(self.today) * PARTIAL_DAY > usual else replace(self, today=())
        return known.merge(_of_day(scores, self.today))

    def merge(self, other: "Learning") -> "Learning":
        """Both together; `other` must be of other days and have none that goes on."""
        return Learning(
            self.windows + other.windows,
            _merged(self.by_hour, other.by_hour),
            _merged(self.by_day, other.by_day),
            _added(self.squares, other.squares),
            _added(self.splits, other.splits),
            self.today,
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "windows": self.windows,
            "by_hour": [[hour, *counts] for hour, counts in sorted(self.by_hour.items())],
            "by_day": [[day, *counts] for day, counts in sorted(self.by_day.items())],
            "squares": [round(value, 3) for value in self.squares],
            "splits": [round(value, 3) for value in self.splits],
            "today": [[hour, *counts] for hour, counts in self.today],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Learning":
        """Read what `to_json` wrote."""
        by_hour, by_day, today = (
            [(key, tuple(counts)) for key, *counts in data[name]] for name in ("by_hour", "by_day", "today")
        )
        squares, splits = (tuple(data.get(name, ())) for name in ("squares", "splits"))
        return cls(data["windows"], dict(by_hour), dict(by_day), squares, splits, tuple(today))


def _of_day(scores: ShiftScores, windows: Windows) -> Learning:
    by_hour: dict[int, Counts] = {}
    squares = [0.0] * len(scores.weights)
    first: dict[int, float] = {}
    for hour, counts in windows:
        by_hour = _merged(by_hour, {hour % DAY: counts})
        rows = sum(counts)
        sums = scores.sums([count - rows * share for count, share in zip(counts, scores.shares, strict=True)])
        squares = [square + value * value / rows for square, value in zip(squares, sums, strict=True)]
        first[hour % DAY] = first.get(hour % DAY, 0.0) + sums[0]
    total = tuple(sum(cells) for cells in zip(*(counts for _, counts in windows), strict=True))
    splits = tuple(size * worth for size, worth in _squared(parts_of_day(by_hour, first))) if scores.shapes else ()
    return Learning(len(windows), by_hour, {windows[0][0] // DAY: total}, tuple(squares), splits)


def _squared(parts: Iterable[tuple[float, float]]) -> Iterable[tuple[float, float]]:
    return ((difference * difference, worth) for difference, worth in parts)


def parts_of_day(counts: Mapping[int, Counts], sums: Mapping[int, float]) -> list[tuple[float, float]]:
    """By hour from 1 to 23, the mean score from that hour on less the mean before, and the rows that this is worth.

    Without rows on one side a difference of 0 is worth nothing.
    """
    rows = list(accumulate((sum(counts.get(hour, ())) for hour in range(DAY)), initial=0))
    totals = list(accumulate((sums.get(hour, 0.0) for hour in range(DAY)), initial=0.0))
    found = []
    for early, early_sum in zip(rows[1:DAY], totals[1:DAY], strict=True):
        late = rows[DAY] - early
        told = bool(early and late)
        difference = (totals[DAY] - early_sum) / late - early_sum / early if told else 0.0
        found.append((difference, early * late / rows[DAY] if told else 0.0))
    return found


def _added(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(add, first, second)) if first and second else first or second


def _merged(first: Mapping[int, Counts], second: Mapping[int, Counts]) -> dict[int, Counts]:
    merged = dict(first)
    for key, counts in second.items():
        merged[key] = tuple(map(add, merged[key], counts)) if key in merged else counts
    return merged
