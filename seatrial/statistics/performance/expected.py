"""Figures that are expected of predictions whose chances of being positive are known."""

from collections.abc import Sequence

import numpy as np

from seatrial.statistics.performance.interval import Interval
from seatrial.statistics.performance.isotonic import IsotonicCalibrator
from seatrial.statistics.performance.ranks import area_under_curve

CALIBRATORS = 20
DRAWS = 10


def expected_figures(scores: np.ndarray, chances: np.ndarray, threshold: float) -> dict[str, float]:
    """Accuracy, precision, recall, F1 and AUC; with chances of 0 and 1 these are the measured figures.

    >>> expected_figures(np.array([0.2, 0.9]), np.array([0.0, 1.0]), 0.5)["auc"]
    1.0
    """
    said = scores >= threshold
    hits, positives = chances[said].sum(), chances.sum()
    rights = hits + (1 - chances[~said]).sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "accuracy": float(rights / len(scores)),
            "precision": float(np.divide(hits, said.sum())),
            "recall": float(np.divide(hits, positives)),
            "f1": float(np.divide(2 * hits, said.sum() + positives)),
            "auc": area_under_curve(scores, chances),
        }


def estimated_figures(
    scores: np.ndarray, calibrators: Sequence[IsotonicCalibrator], threshold: float, rng: np.random.Generator
) -> dict[str, Interval]:
    """Figures by the first calibrator; intervals over all of them and over labels drawn from their chances."""
    values = expected_figures(scores, calibrators[0](scores), threshold)
    drawn = []
    for calibrator in calibrators:
        chances = calibrator(scores)
        for _ in range(DRAWS):
            labels = (rng.random(len(scores)) < chances).astype(np.float64)
            drawn.append(expected_figures(scores, labels, threshold))
    return {name: _interval(value, np.array([one[name] for one in drawn])) for name, value in values.items()}


def _interval(value: float, drawn: np.ndarray) -> Interval:
    defined = drawn[~np.isnan(drawn)]
    low, high = np.quantile(defined, [0.025, 0.975]) if defined.size else (np.nan, np.nan)
    return Interval(value, float(low), float(high))
