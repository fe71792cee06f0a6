"""What is remembered about drift between windows: histories, windows too small to judge, rhythms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import add
from typing import Any

from seatrial.statistics.distribution_check import Distribution, DriftLimits, DriftReport, check_distribution
from seatrial.statistics.distribution_history import Counts, History
from seatrial.statistics.rhythm import Rhythm
from seatrial.statistics.rhythm_learning import HOURS_FROM_DAYS, MAXIMUM_DAYS, Learning


@dataclass(frozen=True)
class DriftState:
    """Memory of all distributions by name; it belongs to one model package.

    Rhythms come with the baseline, or are learned from the first 28 days: hours in use from the second, all from the
    seventh, frozen after the last. They hold no level: a shift that was there from the first hour is a shift.
    """

    histories: Mapping[str, History] = field(default_factory=dict)
    pending: Mapping[str, Counts] = field(default_factory=dict)
    """Counts of windows too small to judge, kept until together they are large enough."""
    learning: Mapping[str, Learning] = field(default_factory=dict)
    rhythms: Mapping[str, Rhythm] = field(default_factory=dict)

    def observe(
        self, watched: Sequence[Distribution], counts: Mapping[str, Counts], minimum_rows: int, hour: int | None
    ) -> tuple[int, "DriftState"]:
        """Add a window's counts to the histories, or to the pending ones while together they are too few.

        Returns the rows that can be judged, 0 while they are too few. `hour` is the window's beginning in hours since
        1970; without it a window follows the one before.
        """
        merged = dict(self.pending)
        for name, item in counts.items():
            if sum(item):
                merged[name] = tuple(map(add, merged[name], item)) if name in merged else item
        rows = max((sum(item) for item in merged.values()), default=0)
        if rows < minimum_rows or not counts:
            return 0, replace(self, pending=merged)
        histories = {name: self.histories.get(name, History()).push(item, hour) for name, item in merged.items()}
        state = replace(self, histories={**self.histories, **histories}, pending={})
        return rows, state._learned([item for item in watched if item.name in merged], merged)

    def _learned(self, watched: Sequence[Distribution], counts: Mapping[str, Counts]) -> "DriftState":
        """Learn from a window whose counts are in the histories; frozen rhythms learn no more."""
        open_to = [item for item in watched if item.name in self.learning or item.name not in self.rhythms]
        if not open_to:
            return self
        learning = dict(self.learning)
        for item in open_to:
            hour = self.histories[item.name].blocks[-1].hour
            known = learning.get(item.name, Learning())
            learning[item.name] = known.plus(item.scores, hour, counts[item.name])
        if all(_days(learning, item.name) == _days(self.learning, item.name) for item in open_to):
            return replace(self, learning=learning)
        return self._with_rhythms(watched, learning)

    def _with_rhythms(self, watched: Sequence[Distribution], learning: Mapping[str, Learning]) -> "DriftState":
        """Rhythms after another whole day; what was learned from enough days is kept only as its rhythm."""
        # Once a day, and no more after the last: a function's cold start does without the module.
        from seatrial.statistics.rhythm_estimate import learn_rhythms

        scores = {item.name: item.scores for item in watched if item.name in learning}
        found = learn_rhythms(scores, {name: learning[name] for name in scores})
        unfinished = {name: item for name, item in learning.items() if item.days < MAXIMUM_DAYS}
        return replace(self, learning=unfinished, rhythms={**self.rhythms, **found})

    def check(self, watched: Sequence[Distribution], limits: DriftLimits) -> list[DriftReport]:
        """Judge every distribution that has a history."""
        return [
            check_distribution(item, self.histories[item.name], limits, self.rhythms.get(item.name))
            for item in watched
            if item.name in self.histories
        ]

    def parted(self, reports: Sequence[DriftReport]) -> "DriftState":
        """The state that remembers when the drifts of these reports began: later windows must not blur it."""
        told = {item.name: self.histories[item.name].parted_at(item.began) for item in reports if item.drifted}
        return replace(self, histories={**self.histories, **told}) if told else self

    def cleared(self) -> "DriftState":
        """The state after a drift incident has cleared: what led to it is no evidence any more."""
        return replace(self, histories={}, pending={})

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "histories": {name: item.to_json() for name, item in self.histories.items()},
            "pending": {name: list(counts) for name, counts in self.pending.items()},
            "learning": {name: item.to_json() for name, item in self.learning.items()},
            "rhythms": {name: item.to_json() for name, item in self.rhythms.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "DriftState":
        """Read what `to_json` wrote."""
        return cls(
            {name: History.from_json(item) for name, item in data["histories"].items()},
            {name: tuple(counts) for name, counts in data["pending"].items()},
            {name: Learning.from_json(item) for name, item in data["learning"].items()},
            {name: Rhythm.from_json(item) for name, item in data["rhythms"].items()},
        )


def _days(learning: Mapping[str, Learning], name: str) -> int:
    days = learning[name].days if name in learning else 0
    return days if days >= HOURS_FROM_DAYS else 0
