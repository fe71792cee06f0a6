"""Checks of arrays that users hand in."""

import numpy as np

from seatrial.statistics.performance.errors import NotEnoughDataError, ShapeError


def probabilities_and_labels(predictions: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As float64 in [0, 1] and bool, of the same length of at least 1; raises an error that says what is wrong."""
    scores = probabilities(predictions)
    truth = np.asarray(labels)
    same_length(scores, truth)
    if not np.isin(truth, (0, 1)).all():
        raise ShapeError("labels must be 0 or 1")
    return scores, truth.astype(bool)


def probabilities(predictions: np.ndarray) -> np.ndarray:
    """As float64 in [0, 1], at least one of them."""
    scores = np.asarray(predictions, np.float64)
    if not scores.size:
        raise NotEnoughDataError("needs at least one prediction, got none")
    if not ((scores >= 0) & (scores <= 1)).all():
        raise ShapeError("predictions must be probabilities between 0 and 1")
    return scores


def same_length(first: np.ndarray, second: np.ndarray) -> None:
    """Raise `ShapeError` unless both have as many rows, and `NotEnoughDataError` when they have none."""
    if len(first) != len(second):
        raise ShapeError(f"needs one label for each prediction, got {len(first)} predictions and {len(second)} labels")
    if not len(first):
        raise NotEnoughDataError("needs at least one prediction, got none")


def matrix(name: str, values: np.ndarray) -> np.ndarray:
    """As a float64 matrix of finite numbers with at least two rows."""
    table = np.asarray(values, np.float64)
    if table.ndim != 2:
        raise ShapeError(f"{name}: must have rows and columns, got shape {table.shape}")
    if len(table) < 2:
        raise NotEnoughDataError(f"{name}: needs at least two rows, got {len(table)}")
    if not np.isfinite(table).all():
        raise ShapeError(f"{name}: must be finite; fill missing values first, as the model's pipeline does")
    return table
