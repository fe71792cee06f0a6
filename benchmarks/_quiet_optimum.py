"""The soonest that a shift could be told: a test that knows its size, level, rhythm and unrest, but not when."""

import math
from dataclasses import dataclass, field

from _quiet_traffic import DAY, JITTER  # pyrefly: ignore[missing-import]

from seatrial.statistics.log_sum import log_sum_exp


@dataclass
class Optimum:
    """Shiryaev-Roberts procedure for a mean that moves by `size`, up or down; `unrest` is the variance of days' means.

    With everything known but the time of the change its mean delay is within a constant of the shortest that any test
    with this rate of false alarms can have (Pollak, 1985; Shiryaev, 1963). It sees the values, where the monitor sees
    counts by cell and has estimated level, rhythm and unrest from the reference.
    """

    size: float
    unrest: float
    log_threshold: float
    _days: dict[float, float] = field(default_factory=lambda: {1.0: -math.inf, -1.0: -math.inf})
    """By direction, log of the sum of likelihood ratios of all starting points of earlier days."""
    _day: int = -1
    _today: list[float] = field(default_factory=list)
    """Means of today's windows."""

    def see(self, hour: int, mean: float, rows: int) -> bool:
        """Whether the window of this hour, whose mean is that far above its usual one, tells the shift."""
        if hour // DAY != self._day:
            self._days = {way: self._all(way, rows) for way in self._days}
            self._day, self._today = hour // DAY, []
        self._today.append(mean)
        return log_sum_exp([self._all(way, rows) for way in self._days]) - math.log(2) >= self.log_threshold

    def _all(self, way: float, rows: int) -> float:
        """Starting points of earlier days share today's windows; those of today are compared with what was before."""
        ratios = [self._log_ratio(way, start, rows) for start in range(len(self._today))]
        earlier = self._days[way] + (ratios[0] if ratios else 0.0)
        return log_sum_exp([earlier, *ratios])

    def _log_ratio(self, way: float, start: int, rows: int) -> float:
        before, after = self._today[:start], self._today[start:]
        variance, mean = self.unrest + 1 / (rows * len(after)), sum(after) / len(after)
        if before:
            slope = self.unrest / (self.unrest + 1 / (rows * len(before)))
            variance, mean = variance - slope * self.unrest, mean - slope * sum(before) / len(before)
        return (way * self.size * mean - self.size**2 / 2) / variance


def unrest_of_first(regime: str) -> float:
    """Variance of the first feature's mean from day to day: of "jitter of few" it is one of the quiet ones."""
    return JITTER**2 if regime == "jitter" else 0.0
