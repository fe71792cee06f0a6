"""Reconstruction error of principal components: whether columns still depend on each other as they did."""

import math
from dataclasses import dataclass

import numpy as np

from seatrial.statistics.multivariate.two_sample import NORMAL_975
from seatrial.statistics.performance.checks import matrix
from seatrial.statistics.performance.errors import ShapeError
from seatrial.statistics.performance.interval import Interval

KEPT_VARIANCE = 0.65


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The directions that hold 65 % of the variance of a baseline's standardised columns, and the error they leave.

    Fitted to one half of the rows; `error` and `deviation` are of the other half's rows, `rows` is their number.
    """

    center: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    error: float
    deviation: float
    rows: int

    @classmethod
    def fit(cls, baseline: np.ndarray, kept: float = KEPT_VARIANCE) -> "PrincipalComponents":
        """Fit to a finite matrix of shape (n, columns); every other row is kept to measure the error on."""
        table = matrix("baseline", baseline)
        fitted, judged = table[::2], table[1::2]
        center, scale = fitted.mean(axis=0), fitted.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        _, values, directions = np.linalg.svd((fitted - center) / scale, full_matrices=False)
        shares = np.cumsum(values**2) / max((values**2).sum(), 1e-300)
        number = min(int(np.searchsorted(shares, kept)) + 1, len(values))
        fresh = cls(center, scale, directions[:number], 0.0, 0.0, len(judged))
        errors = fresh.errors(judged)
        return cls(center, scale, directions[:number], float(errors.mean()), float(errors.std()), len(judged))

    def errors(self, rows: np.ndarray) -> np.ndarray:
        """Distance of each row to what its components give back, shape (n,)."""
        standard = np.clip((rows - self.center) / self.scale, -1e6, 1e6)
        return np.linalg.norm(standard - standard @ self.components.T @ self.components, axis=1)


@dataclass(frozen=True)
class ReconstructionTest:
    """Mean error of the window with its interval, the baseline's, and the two-sided p-value of their difference."""

    error: Interval
    baseline_error: float
    p_value: float


def reconstruction_test(baseline: PrincipalComponents, window: np.ndarray) -> ReconstructionTest:
    """Compare mean errors by Welch's test, normal approximation (NannyML's multivariate drift, Kuberski, 2021).

    >>> rng = np.random.default_rng(0)
    >>> along = rng.normal(size=(1000, 1))
    >>> before = along + rng.normal(0, 0.3, (1000, 3))
    >>> after = before * [1, 1, -1]
    >>> model = PrincipalComponents.fit(before)
    >>> reconstruction_test(model, before[500:]).p_value > 0.01 > reconstruction_test(model, after).p_value
    True
    """
    table = matrix("window", window)
    if table.shape[1] != len(baseline.center):
        raise ShapeError(f"window: {table.shape[1]} columns, the baseline has {len(baseline.center)}")
    errors = baseline.errors(table)
    mean, own = float(errors.mean()), float(errors.std()) / math.sqrt(len(errors))
    spread = math.hypot(own, baseline.deviation / math.sqrt(baseline.rows))
    score = abs(mean - baseline.error) / spread if spread else (math.inf if mean != baseline.error else 0.0)
    interval = Interval(mean, mean - NORMAL_975 * own, mean + NORMAL_975 * own)
    return ReconstructionTest(interval, baseline.error, math.erfc(score / math.sqrt(2)))
