"""Quality of a binary classifier from its labels, each figure with an interval."""

import math
from dataclasses import dataclass

import numpy as np

from seatrial.statistics.auc import estimate_auc
from seatrial.statistics.performance.binomial import exact_interval
from seatrial.statistics.performance.bootstrap import bootstrap
from seatrial.statistics.performance.checks import probabilities_and_labels
from seatrial.statistics.performance.interval import Interval

SMALLEST = 1e-6


@dataclass(frozen=True, kw_only=True)
class ClassificationQuality:
    """Counts at the threshold and figures; shares have exact intervals, AUC DeLong's, the others bootstrap ones."""

    rows: int
    positives: int
    threshold: float
    true_positives: int
    false_positives: int
    accuracy: Interval
    precision: Interval
    recall: Interval
    specificity: Interval
    f1: Interval
    log_loss: Interval
    brier: Interval
    auc: Interval


def classification_quality(
    predictions: np.ndarray, labels: np.ndarray, threshold: float = 0.5, seed: int = 0
) -> ClassificationQuality:
    """Measure probabilities, shape (n,), against labels 0 and 1; a score at the threshold counts as positive.

    >>> classification_quality(np.array([0.9, 0.8, 0.3, 0.2]), np.array([1, 0, 1, 0])).accuracy.value
    0.5
    """
    scores, truth = probabilities_and_labels(predictions, labels)
    chosen = scores >= threshold
    hits, right = int((chosen & truth).sum()), int((chosen == truth).sum())
    positives, said = int(truth.sum()), int(chosen.sum())
    negatives_right = right - hits
    drawn = bootstrap(_figures, scores, truth, chosen, seed=seed)
    return ClassificationQuality(
        rows=len(scores),
        positives=positives,
        threshold=threshold,
        true_positives=hits,
        false_positives=said - hits,
        accuracy=exact_interval(right, len(scores)),
        precision=exact_interval(hits, said),
        recall=exact_interval(hits, positives),
        specificity=exact_interval(negatives_right, len(scores) - positives),
        auc=_auc(scores, truth),
        **drawn,
    )


def _figures(scores: np.ndarray, truth: np.ndarray, chosen: np.ndarray) -> dict[str, float]:
    told = np.clip(scores, SMALLEST, 1 - SMALLEST)
    sizes = chosen.sum() + truth.sum()
    return {
        "f1": float(2 * (chosen & truth).sum() / sizes) if sizes else math.nan,
        "log_loss": float(-np.log(np.where(truth, told, 1 - told)).mean()),
        "brier": float(((scores - truth) ** 2).mean()),
    }


def _auc(scores: np.ndarray, truth: np.ndarray) -> Interval:
    estimate = estimate_auc(scores.tolist(), truth.astype(int).tolist())
    if estimate is None:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(estimate.area, estimate.low, estimate.high)
