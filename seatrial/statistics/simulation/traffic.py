"""Made-up traffic: counts by cell of one numeric feature, and predictions with labels."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

Regime = Literal["independent", "jitter", "seasonal"]
REGIMES: tuple[Regime, ...] = ("independent", "jitter", "seasonal")
AMPLITUDES: Mapping[Regime, float] = {"independent": 0.0, "jitter": 0.05, "seasonal": 0.3}
"""How far means wander in each regime unless told otherwise, in standard deviations."""
CELLS = 10
EDGES = (-1.281552, -0.841621, -0.524401, -0.253347, 0.0, 0.253347, 0.524401, 0.841621, 1.281552)
"""Deciles of the normal distribution."""
BASELINE_DAYS = 28
DAY_HOURS = 24

Window = tuple[int, tuple[int, ...]]
"""Beginning in hours, and counts by cell."""


@dataclass(frozen=True)
class Change:
    """A mean that moves by `size` standard deviations: at once, or evenly over so many windows."""

    size: float = 0.0
    ramp_windows: int = 0

    def moved(self, since: int) -> float:
        """How far it has moved in a window, `since` windows after the beginning; not before.

        >>> Change(0.5).moved(0), Change(1.0, 10).moved(4), Change(1.0).moved(-1)
        (0.5, 0.5, 0.0)
        """
        if since < 0:
            return 0.0
        return self.size * min(1.0, (since + 1) / self.ramp_windows) if self.ramp_windows else self.size


@dataclass(frozen=True)
class FeatureStream:
    """One standard normal feature; its mean wanders by regime.

    `independent`: not at all. `jitter`: every day has a mean of its own, of deviation `amplitude`. `seasonal`: the
    mean follows the hour of the day, a sine of that amplitude.
    """

    regime: Regime
    rows_per_window: int
    windows_per_day: int
    amplitude: float

    def windows(
        self, rng: np.random.Generator, count: int, change: Change, *, first: int = 0, change_at: int = 0
    ) -> Iterator[Window]:
        """So many windows from number `first` on, with no value missing; the change begins at `change_at`."""
        day_means = rng.normal(0, self.amplitude, count // self.windows_per_day + 2)
        for window in range(first, first + count):
            day = window // self.windows_per_day - first // self.windows_per_day
            mean = self._mean(window, day_means[day]) + change.moved(window - change_at)
            counts = (*rng.multinomial(self.rows_per_window, cell_shares(round(mean, 4))).tolist(), 0)
            yield window * DAY_HOURS // self.windows_per_day, counts

    def validation(self, rng: np.random.Generator, rows: int) -> tuple[int, ...]:
        """Counts of rows drawn over many days, whose times nobody has noted."""
        counts = np.zeros(CELLS, np.int64)
        day_means, windows = rng.normal(0, self.amplitude, BASELINE_DAYS), BASELINE_DAYS * self.windows_per_day
        held = rng.multinomial(rows, [1 / windows] * windows)
        for window in np.flatnonzero(held).tolist():
            mean = self._mean(window, day_means[window // self.windows_per_day])
            counts += rng.multinomial(held[window], cell_shares(round(mean, 4)))
        return (*counts.tolist(), 0)

    def _mean(self, window: int, day_mean: float) -> float:
        if self.regime == "jitter":
            return float(day_mean)
        if self.regime == "seasonal":
            return self.amplitude * math.sin(2 * math.pi * window / self.windows_per_day)
        return 0.0


@lru_cache(maxsize=4096)
def cell_shares(mean: float) -> np.ndarray:
    """Chance of each decile cell for a normal value of this mean and deviation 1.

    >>> cell_shares(0.0).round(3).tolist()
    [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
    """
    reached = [0.5 * math.erfc((mean - edge) / math.sqrt(2)) for edge in EDGES]
    return np.diff([0.0, *reached, 1.0])


def labelled(rng: np.random.Generator, rows: int, noise: float = 0.0) -> tuple[list[float], list[int]]:
    """Calibrated predictions of a model with an AUC of about 0.8, and labels of which a share `noise` is drawn anew."""
    scores = rng.beta(0.8, 1.6, rows)
    labels = rng.random(rows) < scores
    redrawn = rng.random(rows) < noise
    labels = np.where(redrawn, rng.random(rows) < scores.mean(), labels)
    return scores.tolist(), labels.astype(int).tolist()
