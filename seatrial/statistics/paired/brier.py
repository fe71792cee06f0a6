"""Brier losses of two models on the same rows: the mean of the paired differences, and how far it is known.

Rows of one subscriber (several snapshots) count as one observation of their sum: the standard error is that of
clusters (Liang and Zeger, Biometrika 73, 1986). Without repeated ids it is the test of Diebold and Mariano, Journal of
Business and Economic Statistics 13 (1995), for differences that do not depend on each other; Redelmeier, Bloch and
Hickam, Journal of Clinical Epidemiology 44 (1991), compare Brier scores of two models in pairs in the same way.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
CONFIDENCE = 0.95
Z = NormalDist().inv_cdf(CONFIDENCE)


@dataclass(frozen=True)
class PairedLoss:
    """Brier loss of the challenger minus that of the champion, and its standard error.

    `low` and `high` are one-sided 95 % bounds: together a 90 % interval, as tests of non-inferiority at 5 % take it
    (Blackwelder, Controlled Clinical Trials 3, 1982). Of a single cluster nothing is known.
    """

    difference: float
    standard_error: float
    low: float
    high: float


def paired_loss(labels: Array, challenger: Array, champion: Array, clusters: Sequence[str] = ()) -> PairedLoss:
    """Compare probabilities of shape (rows,) with labels of 0 and 1; `clusters` names what each row belongs to.

    Without clusters every row stands for itself.

    >>> labels = np.array([0.0, 1.0] * 50)
    >>> found = paired_loss(labels, np.full(100, 0.5), np.where(labels == 1, 0.9, 0.2))
    >>> round(found.difference, 3), round(found.low, 4), round(found.high, 4)
    (0.225, 0.2225, 0.2275)
    """
    differences = (challenger - labels) ** 2 - (champion - labels) ** 2
    mean = float(differences.mean())
    error = _standard_error(differences - mean, clusters or np.arange(len(differences)))
    return PairedLoss(mean, error, max(-1.0, mean - Z * error), min(1.0, mean + Z * error))


def _standard_error(deviations: Array, clusters: Sequence[str] | NDArray[np.int_]) -> float:
    _, member = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.bincount(member, weights=deviations)
    if len(sums) < 2:
        return math.inf
    return math.sqrt(len(sums) / (len(sums) - 1) * float((sums**2).sum())) / len(deviations)
