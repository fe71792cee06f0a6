"""Made-up hourly windows of 20 numeric and 8 categorical features in four regimes, with a shift at will."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

NUMERIC, CATEGORICAL = 20, 8
FEATURES = NUMERIC + CATEGORICAL
CATEGORY_SHARES = (0.4, 0.25, 0.15, 0.1, 0.07, 0.03)
CUTS = (-0.253347, 0.385320, 0.841621, 1.281552, 1.880794)
"""Where a normal value is cut into categories of these shares."""
EDGES = (-1.281552, -0.841621, -0.524401, -0.253347, 0.0, 0.253347, 0.524401, 0.841621, 1.281552)
"""Deciles of the normal distribution, into which the monitor's baseline counts."""
REFERENCE_DAYS, DAY = 28, 24
JITTER, JITTER_OF_FEW, AMPLITUDE = 0.05, 0.1, 0.4
"""Deviation of a feature's mean from day to day, in all or in every ninth; swing over the day of every third."""
REGIMES = ("independent", "jitter", "jitter of few", "seasonal")


@dataclass(frozen=True)
class Shift:
    """A mean that moves by `size` standard deviations, at once or evenly over so many windows."""

    size: float
    ramp: int = 0

    def moved(self, since: int) -> float:
        return self.size * min(1.0, (since + 1) / self.ramp) if self.ramp else self.size


class Traffic:
    """Windows by hour from the first of the reference on; equal seeds give equal values."""

    def __init__(self, regime: str, rows: int, seed: int, features: int = FEATURES) -> None:
        self.regime, self.rows, self.features = regime, rows, features
        self.rng = np.random.default_rng([seed, rows, REGIMES.index(regime), features])
        self._day, self._day_means = -1, np.zeros(FEATURES)

    def means(self, hour: int) -> np.ndarray:
        """Of every feature, in standard deviations."""
        if hour // DAY != self._day and self.regime.startswith("jitter"):
            self._day, drawn = hour // DAY, self.rng.normal(0, 1, FEATURES)
            few = np.arange(FEATURES) % 9 == 8
            self._day_means = drawn * (JITTER if self.regime == "jitter" else JITTER_OF_FEW * few)
        return (self._day_means + self.rhythm(hour))[: self.features]

    def rhythm(self, hour: int) -> np.ndarray:
        """The part of it that every day has."""
        means = np.zeros(FEATURES)
        if self.regime == "seasonal":
            means[::3] += AMPLITUDE * math.sin(2 * math.pi * hour / DAY)
        return means

    def window(self, hour: int, moved: float = 0.0) -> np.ndarray:
        """Latent normal values, one row a prediction; all features that are drawn are moved."""
        return self.rng.standard_normal((self.rows, self.features)) + self.means(hour) + moved

    def counts(self, hour: int) -> list[np.ndarray]:
        """Counts by cell of the window's numeric and of its categorical features, without drawing values."""
        means = self.means(hour)
        parts = ((means[:NUMERIC], EDGES), (means[NUMERIC:], CUTS))
        return [_with_empty_cells(self.rng.multinomial(self.rows, _shares(*part)), part[1]) for part in parts]


def _shares(means: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    below = ndtr(np.asarray(edges)[None, :] - means[:, None])
    ends = np.zeros((len(means), 1)), np.ones((len(means), 1))
    return np.diff(np.concatenate([ends[0], below, ends[1]], axis=1), axis=1)


def _with_empty_cells(counts: np.ndarray, edges: Sequence[float]) -> np.ndarray:
    """One more cell for absent values, and before it one for other categories."""
    empty = np.zeros((len(counts), 1 if edges is EDGES else 2), counts.dtype)
    return np.concatenate([counts, empty], axis=1)


def categories(values: np.ndarray) -> np.ndarray:
    """The categorical features, as numbers of their categories."""
    return np.searchsorted(CUTS, values[:, NUMERIC:])


def count(values: np.ndarray) -> list[np.ndarray]:
    """Counts by cell of numeric and of categorical features, as the monitor keeps them."""
    found = []
    for columns, edges in ((values[:, :NUMERIC], EDGES), (values[:, NUMERIC:], CUTS)):
        cells, width = np.searchsorted(edges, columns), len(edges) + 1
        flat = (cells + width * np.arange(columns.shape[1])).ravel()
        counts = np.bincount(flat, minlength=width * columns.shape[1]).reshape(-1, width)
        found.append(_with_empty_cells(counts, edges))
    return found
