"""Classifier two-sample test: can anything tell the window's rows from the baseline's."""

import math
from dataclasses import dataclass

import numpy as np

from seatrial.statistics.multivariate.logistic import LogisticRegression
from seatrial.statistics.performance.checks import matrix
from seatrial.statistics.performance.errors import ShapeError
from seatrial.statistics.performance.interval import Interval
from seatrial.statistics.performance.ranks import area_under_curve

NORMAL_975 = 1.959964


@dataclass(frozen=True, kw_only=True)
class TwoSampleTest:
    """`auc` is of a classifier on rows it was not fitted to: 0.5 when nothing tells the samples apart.

    `contributions` are shares by column of the classifier's quadratic and linear terms: where the difference lies.
    """

    auc: Interval
    p_value: float
    contributions: tuple[float, ...]


def classifier_two_sample_test(baseline: np.ndarray, window: np.ndarray, seed: int = 0) -> TwoSampleTest:
    """Lopez-Paz and Oquab, "Revisiting classifier two-sample tests" (2017), with logistic regression and AUC.

    Half of the rows of either sample, drawn at random, fit the classifier and the other half judge it; the p-value is
    Mann and Whitney's (1947), normal approximation. Quadratic terms see variances, products of columns are not seen:
    for changed correlations use `reconstruction_test`. Matrices of shapes (n, columns) and (m, columns), finite.

    >>> rng = np.random.default_rng(0)
    >>> test = classifier_two_sample_test(rng.normal(0, 1, (500, 3)), rng.normal([0, 0, 0.5], 1, (500, 3)))
    >>> test.p_value < 0.001, int(np.argmax(test.contributions))
    (True, 2)
    """
    before, after = matrix("baseline", baseline), matrix("window", window)
    if before.shape[1] != after.shape[1]:
        raise ShapeError(f"window: {after.shape[1]} columns, the baseline has {before.shape[1]}")
    rng = np.random.default_rng(seed)
    (fit_before, test_before), (fit_after, test_after) = (_halves(side, rng) for side in (before, after))
    labels = np.repeat([0.0, 1.0], [len(fit_before), len(fit_after)])
    model = LogisticRegression.fit(np.vstack([fit_before, fit_after]), labels)
    judged = np.repeat([0, 1], [len(test_before), len(test_after)])
    area = area_under_curve(model.probabilities(np.vstack([test_before, test_after])), judged)
    return _result(area, len(test_before), len(test_after), model)


def _halves(rows: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    order = rng.permutation(len(rows))
    return rows[order[: len(rows) // 2]], rows[order[len(rows) // 2 :]]


def _result(area: float, before: int, after: int, model: LogisticRegression) -> TwoSampleTest:
    chance = math.sqrt((before + after + 1) / (12 * before * after))
    spread = math.sqrt(max(area * (1 - area), 1e-4) / min(before, after))  # the largest that it can be (Birnbaum, 1956)
    linear, quadratic = np.split(np.abs(model.coefficients[1:]), 2)
    weights = linear + quadratic
    return TwoSampleTest(
        auc=Interval(area, max(0.0, area - NORMAL_975 * spread), min(1.0, area + NORMAL_975 * spread)),
        p_value=0.5 * math.erfc((area - 0.5) / chance / math.sqrt(2)),
        contributions=tuple((weights / max(weights.sum(), 1e-300)).tolist()),
    )
