"""Isotonic regression: turns scores into probabilities without assuming more than their order."""

from dataclasses import dataclass

import numpy as np

from seatrial.statistics.pooling import pooled


@dataclass(frozen=True, eq=False)
class IsotonicCalibrator:
    """A non-decreasing function through `scores` and `values`, linear in between and constant beyond."""

    scores: np.ndarray
    values: np.ndarray

    @classmethod
    def fit(cls, scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> "IsotonicCalibrator":
        """Least squares under monotony, by pooling adjacent violators (Ayer et al., 1955; Zadrozny and Elkan, 2002).

        `scores`, `labels` and `weights` have shape (n,); equal scores are one point.

        >>> IsotonicCalibrator.fit(np.array([0.1, 0.2, 0.3]), np.array([0, 1, 0])).values.tolist()
        [0.0, 0.5, 0.5]
        """
        given = np.ones(len(scores)) if weights is None else weights
        points, places = np.unique(scores, return_inverse=True)
        totals = np.bincount(places, given)
        sums = np.bincount(places, given * labels)
        held = totals > 0
        points, totals, sums = points[held], totals[held], sums[held]
        return cls(points, np.array(pooled(sums.tolist(), totals.tolist())))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Probability of each score."""
        return np.interp(scores, self.scores, self.values)
