"""Losses of one prediction: log loss and Brier score."""

import math
from collections.abc import Sequence

SMALLEST_PROBABILITY = 1e-6
"""Predictions are kept this far from 0 and 1, so that one confident mistake costs a finite log loss."""


def log_losses(predictions: Sequence[float], labels: Sequence[int]) -> list[float]:
    """Negative log likelihood of each label, in nats (Good, 1952).

    >>> [round(loss, 3) for loss in log_losses([0.5, 0.9], [1, 1])]
    [0.693, 0.105]
    """
    return [_log_loss(prediction, label) for prediction, label in zip(predictions, labels, strict=True)]


def brier_losses(predictions: Sequence[float], labels: Sequence[int]) -> list[float]:
    """Squared difference of each prediction to its label, in [0, 1] (Brier, 1950).

    >>> brier_losses([0.5, 1.0], [1, 1])
    [0.25, 0.0]
    """
    return [(prediction - label) ** 2 for prediction, label in zip(predictions, labels, strict=True)]


def _log_loss(prediction: float, label: int) -> float:
    clipped = min(max(prediction, SMALLEST_PROBABILITY), 1 - SMALLEST_PROBABILITY)
    return -math.log(clipped if label else 1 - clipped)
