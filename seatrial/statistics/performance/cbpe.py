"""Confidence-based performance estimation (CBPE): what predictions say of themselves, once they are calibrated."""

import numpy as np

from seatrial.statistics.performance.checks import probabilities, probabilities_and_labels
from seatrial.statistics.performance.errors import NotEnoughDataError
from seatrial.statistics.performance.estimate import PerformanceEstimate
from seatrial.statistics.performance.expected import CALIBRATORS, estimated_figures, expected_figures
from seatrial.statistics.performance.isotonic import IsotonicCalibrator

MINIMUM_CLASS_ROWS = 20
MAXIMUM_OUTSIDE = 0.02
SIGNIFICANT_Z = 4.0


def estimate_by_confidence(
    reference_predictions: np.ndarray,
    reference_labels: np.ndarray,
    predictions: np.ndarray,
    threshold: float = 0.5,
    seed: int = 0,
) -> PerformanceEstimate:
    """Estimate a window's figures from its predictions alone (Bialek, Kivimaki, Kuberski and Perrakis, 2023).

    The reference are labelled rows that the model was not trained on. Calibrated by isotonic regression, each
    prediction is the chance of its own label, so confusion matrix and AUC have expectations. Assumes that the label
    depends on the score as it did: no concept shift, and scores where the reference had some. Raises
    `NotEnoughDataError` below 20 reference rows of either class.

    >>> rng = np.random.default_rng(0)
    >>> scores = rng.random(2000)
    >>> estimate = estimate_by_confidence(scores, rng.random(2000) < scores, rng.random(500) ** 2)
    >>> estimate.trusted, round(estimate.figures["auc"].value, 1), round(estimate.reference["auc"], 1)
    (True, 0.9, 0.8)
    """
    scores, truth = probabilities_and_labels(reference_predictions, reference_labels)
    window = probabilities(predictions)
    require_both_classes(truth)
    rng = np.random.default_rng(seed)
    calibrators = bootstrap_calibrators(scores, truth, np.ones(len(scores)), rng)
    return PerformanceEstimate(
        method="CBPE",
        rows=len(window),
        figures=estimated_figures(window, calibrators, threshold, rng),
        reference=expected_figures(scores, truth.astype(np.float64), threshold),
        problems=(*outside_problems(scores, window), *calibration_problems(scores, truth)),
    )


def require_both_classes(truth: np.ndarray) -> None:
    """Raise `NotEnoughDataError` unless the reference has 20 rows of each class."""
    fewest = int(min(truth.sum(), (~truth).sum()))
    if fewest < MINIMUM_CLASS_ROWS:
        raise NotEnoughDataError(f"the reference needs {MINIMUM_CLASS_ROWS} labelled rows of each class, got {fewest}")


def bootstrap_calibrators(
    scores: np.ndarray, truth: np.ndarray, weights: np.ndarray, rng: np.random.Generator
) -> list[IsotonicCalibrator]:
    """The calibrator of all rows, and those of rows drawn again."""
    fitted = [IsotonicCalibrator.fit(scores, truth, weights)]
    for _ in range(CALIBRATORS - 1):
        chosen = rng.integers(0, len(scores), len(scores))
        fitted.append(IsotonicCalibrator.fit(scores[chosen], truth[chosen], weights[chosen]))
    return fitted


def outside_problems(scores: np.ndarray, window: np.ndarray) -> list[str]:
    """Predictions where the reference has none cannot be calibrated."""
    outside = float(((window < scores.min()) | (window > scores.max())).mean())
    if outside <= MAXIMUM_OUTSIDE:
        return []
    return [f"{outside:.0%} of the predictions lie outside the reference's {scores.min():.2f} to {scores.max():.2f}"]


def calibration_problems(scores: np.ndarray, truth: np.ndarray) -> list[str]:
    """The calibrator of the reference's earlier half must hold for its later half: order the reference by time."""
    middle = len(scores) // 2
    chances = IsotonicCalibrator.fit(scores[:middle], truth[:middle])(scores[middle:])
    gap = float(truth[middle:].mean() - chances.mean())
    variance = float((chances * (1 - chances)).mean()) + float(truth[:middle].var())
    if abs(gap) <= SIGNIFICANT_Z * np.sqrt(max(variance, 1e-12) / (len(scores) - middle)):
        return []
    return [f"labels of the reference's later half differ by {gap:+.2f} from what its earlier half tells"]
