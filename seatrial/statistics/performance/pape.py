"""Probabilistic adaptive performance estimation (PAPE): CBPE, calibrated for where the inputs have moved to."""

import numpy as np

from seatrial.statistics.multivariate.logistic import LogisticRegression
from seatrial.statistics.performance.cbpe import (
    bootstrap_calibrators,
    calibration_problems,
    outside_problems,
    require_both_classes,
)
from seatrial.statistics.performance.checks import matrix, probabilities, probabilities_and_labels, same_length
from seatrial.statistics.performance.errors import ShapeError
from seatrial.statistics.performance.estimate import PerformanceEstimate
from seatrial.statistics.performance.expected import estimated_figures, expected_figures

LARGEST_WEIGHT = 50.0
MINIMUM_EFFECTIVE_ROWS = 100.0


def estimate_by_importance(
    reference_features: np.ndarray,
    reference_predictions: np.ndarray,
    reference_labels: np.ndarray,
    features: np.ndarray,
    predictions: np.ndarray,
    *,
    threshold: float = 0.5,
    seed: int = 0,
) -> PerformanceEstimate:
    """Estimate a window's figures where its covariates have shifted (Bialek et al., arXiv 2401.08348).

    Reference rows are weighted by how much likelier their inputs are in the window (density ratio by logistic
    regression; Bickel, Bruckner and Scheffer, 2009), then calibrated as in CBPE. Assumes that the label depends on
    the inputs as it did, and that the reference has rows where the window has its own: at least 100 effective ones.
    Feature matrices, shapes (n, columns) and (m, columns), are numeric and finite.
    """
    scores, truth = probabilities_and_labels(reference_predictions, reference_labels)
    window = probabilities(predictions)
    before, after = matrix("reference_features", reference_features), matrix("features", features)
    same_length(before, scores)
    same_length(after, window)
    require_both_classes(truth)
    weights = importance_weights(before, after)
    rng = np.random.default_rng(seed)
    calibrators = bootstrap_calibrators(scores, truth, weights, rng)
    return PerformanceEstimate(
        method="PAPE",
        rows=len(window),
        figures=estimated_figures(window, calibrators, threshold, rng),
        reference=expected_figures(scores, truth.astype(np.float64), threshold),
        problems=(*outside_problems(scores, window), *_overlap(weights), *calibration_problems(scores, truth)),
    )


def importance_weights(reference: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Density ratio window / reference at each reference row, at most 50, of mean 1; shape (n,).

    >>> weights = importance_weights(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[2.0], [3.0], [3.0]]))
    >>> bool(weights[3] > weights[0])
    True
    """
    if reference.shape[1] != window.shape[1]:
        raise ShapeError(f"features: {window.shape[1]} columns, the reference has {reference.shape[1]}")
    labels = np.repeat([0.0, 1.0], [len(reference), len(window)])
    model = LogisticRegression.fit(np.vstack([reference, window]), labels)
    chances = model.probabilities(reference)
    weights = np.minimum(chances / (1 - chances) * len(reference) / len(window), LARGEST_WEIGHT)
    return weights / weights.mean()


def effective_rows(weights: np.ndarray) -> float:
    """Kish's (1965) effective sample size of weighted rows.

    >>> effective_rows(np.array([1.0, 1.0, 0.0, 0.0]))
    2.0
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def _overlap(weights: np.ndarray) -> list[str]:
    rows = effective_rows(weights)
    if rows >= MINIMUM_EFFECTIVE_ROWS:
        return []
    return [
        f"the reference has {rows:.0f} effective rows where the inputs are now, {MINIMUM_EFFECTIVE_ROWS:.0f} needed"
    ]
