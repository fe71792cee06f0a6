"""Paired bootstrap: an interval for the difference of any statistic of two models scored on the same rows.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), percentile intervals; rows are drawn within each
class, so that the share of churners stays, and the same rows are drawn for both models.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistic = Callable[[Array, Array], float]


@dataclass(frozen=True)
class PairedDifference:
    """Statistic of the challenger minus that of the champion, and its interval; `losing` is the share of draws < 0."""

    difference: float
    low: float
    high: float
    losing: float


def paired_bootstrap(
    statistic: Statistic,
    labels: Array,
    challenger: Array,
    champion: Array,
    *,
    draws: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedDifference:
    """Arrays of shape (rows,), labels 0 or 1; `statistic` takes labels and scores and is asked 2 * (draws + 1) times.

    >>> labels = np.array([0.0, 1.0] * 100)
    >>> found = paired_bootstrap(lambda y, s: float((s[y == 1]).mean()), labels, labels, labels * 0.5)
    >>> found.difference, found.low, found.losing
    (0.5, 0.5, 0.0)
    """
    rng = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == value) for value in (0, 1)]
    found = np.empty(draws)
    for draw in range(draws):
        rows = np.concatenate([rng.choice(part, len(part)) for part in classes])
        found[draw] = statistic(labels[rows], challenger[rows]) - statistic(labels[rows], champion[rows])
    tail = (1 - confidence) / 2
    low, high = (float(value) for value in np.quantile(found, [tail, 1 - tail]))
    difference = statistic(labels, challenger) - statistic(labels, champion)
    return PairedDifference(difference, low, high, float((found < 0).mean()))
