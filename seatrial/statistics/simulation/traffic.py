"""Made-up traffic: counts by cell of one numeric feature, and predictions with labels."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

Regime = Literal["independent", "jitter", "seasonal"]
REGIMES: tuple[Regime, ...] = ("independent", "jitter", "seasonal")
CELLS = 10
EDGES = (-1.281552, -0.841621, -0.524401, -0.253347, 0.0, 0.253347, 0.524401, 0.841621, 1.281552)
"""Deciles of the normal distribution."""


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

    def windows(self, rng: np.random.Generator, count: int, shift_at: int, shift: float) -> Iterator[tuple[int, ...]]:
        """Counts of each window, with a last cell of none missing; from window `shift_at` on the mean is moved."""
        jitter = rng.normal(0, self.amplitude, count // self.windows_per_day + 1)
        for window in range(count):
            mean = self._mean(window, jitter) + (shift if window >= shift_at else 0.0)
            yield (*rng.multinomial(self.rows_per_window, cell_shares(mean)).tolist(), 0)

    def baseline(self, rng: np.random.Generator, rows: int) -> tuple[int, ...]:
        """Counts of a baseline that was taken over many days, as validation data is."""
        days = 28
        counts = np.zeros(CELLS, np.int64)
        jitter = rng.normal(0, self.amplitude, days)
        for window in range(days * self.windows_per_day):
            share = rows // (days * self.windows_per_day) + (window < rows % (days * self.windows_per_day))
            counts += rng.multinomial(share, cell_shares(self._mean(window, jitter)))
        return (*counts.tolist(), 0)

    def _mean(self, window: int, jitter: np.ndarray) -> float:
        day, hour = divmod(window, self.windows_per_day)
        if self.regime == "jitter":
            return float(jitter[day])
        if self.regime == "seasonal":
            return self.amplitude * math.sin(2 * math.pi * hour / self.windows_per_day)
        return 0.0


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
