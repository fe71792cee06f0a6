"""Quality of a regression from its labels."""

import math
from dataclasses import dataclass

import numpy as np

from seatrial.statistics.performance.bootstrap import bootstrap
from seatrial.statistics.performance.checks import same_length
from seatrial.statistics.performance.interval import Interval


@dataclass(frozen=True, kw_only=True)
class RegressionQuality:
    """Errors in the unit of the label, with bootstrap intervals; `r2` is NaN for labels that do not vary."""

    rows: int
    mae: Interval
    mse: Interval
    rmse: Interval
    r2: Interval
    bias: Interval
    """Mean of prediction less label."""


def regression_quality(predictions: np.ndarray, labels: np.ndarray, seed: int = 0) -> RegressionQuality:
    """Measure predictions against labels, both of shape (n,).

    >>> regression_quality(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0])).rmse.value
    0.577350...
    """
    said, truth = np.asarray(predictions, np.float64), np.asarray(labels, np.float64)
    same_length(said, truth)
    return RegressionQuality(rows=len(said), **bootstrap(_figures, said, truth, seed=seed))


def _figures(said: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    errors = said - truth
    mse, spread = float((errors**2).mean()), float(truth.var())
    return {
        "mae": float(np.abs(errors).mean()),
        "mse": mse,
        "rmse": math.sqrt(mse),
        "r2": 1 - mse / spread if spread else math.nan,
        "bias": float(errors.mean()),
    }
