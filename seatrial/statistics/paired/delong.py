"""ROC AUC with DeLong's variance, and the paired test of two models scored on the same rows.

DeLong, DeLong and Clarke-Pearson, "Comparing the Areas under Two or More Correlated Receiver Operating
Characteristic Curves", Biometrics 44 (1988); ranks after Sun and Xu, IEEE Signal Processing Letters 21 (2014).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)


@dataclass(frozen=True)
class Area:
    """The area, its standard deviation and its 95 % interval."""

    auc: float
    standard_deviation: float
    low: float
    high: float


@dataclass(frozen=True)
class PairedGain:
    """Area of the challenger minus that of the champion, with its 95 % interval.

    `p_value` is two-sided; `p_no_gain` is one-sided, small when it is hard to believe that nothing was gained.
    """

    gain: float
    low: float
    high: float
    p_value: float
    p_no_gain: float


def auc_interval(labels: Array, scores: Array) -> Area:
    """Area under the ROC curve of `scores` for `labels` of 0 and 1, both of shape (rows,) and both classes present.

    >>> auc_interval(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])).auc
    0.75
    """
    above, below = _placements(labels, scores)
    area, deviation = float(above.mean()), math.sqrt(_variance(above, below))
    return Area(area, deviation, max(0.0, area - Z * deviation), min(1.0, area + Z * deviation))


def paired_gain(labels: Array, challenger: Array, champion: Array) -> PairedGain:
    """The paired test; arrays of shape (rows,), the same rows for both models.

    >>> labels = np.array([0.0, 1.0] * 50)
    >>> good, chance = labels + np.linspace(0, 0.9, 100), np.linspace(0, 1, 100)
    >>> found = paired_gain(labels, good, chance)
    >>> round(found.gain, 2), found.p_no_gain < 1e-6
    (0.49, True)
    """
    ours, theirs = _placements(labels, challenger), _placements(labels, champion)
    gain = float(ours[0].mean() - theirs[0].mean())
    deviation = math.sqrt(_variance(ours[0] - theirs[0], ours[1] - theirs[1]))
    # Models that never disagree on an order have no deviation: then any gain is certain.
    deviations = gain / deviation if deviation else math.copysign(math.inf, gain) if gain else 0.0
    normal = NormalDist()
    p_value = 2 * (1 - normal.cdf(abs(deviations)))
    return PairedGain(gain, gain - Z * deviation, gain + Z * deviation, p_value, 1 - normal.cdf(deviations))


def _placements(labels: Array, scores: Array) -> tuple[Array, Array]:
    """DeLong's structural components, of the positives and of the negatives, by midranks."""
    positive, negative = scores[labels == 1], scores[labels == 0]
    m, n = len(positive), len(negative)
    pooled = _midranks(np.concatenate([positive, negative]))
    above = (pooled[:m] - _midranks(positive)) / n
    below = 1 - (pooled[m:] - _midranks(negative)) / m
    return above, below


def _midranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, index, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[index]


def _variance(above: Array, below: Array) -> float:
    """Variance of the mean placement, 0 when a class has one row."""
    return sum(float(part.var(ddof=1)) / len(part) for part in (above, below) if len(part) > 1)
