"""Ranks of numbers, ties sharing their mean rank."""

import numpy as np


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1, ties averaged.

    >>> midranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


def area_under_curve(scores: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Area under the ROC curve (Mann and Whitney, 1947), rows weighted; NaN when a class is absent.

    >>> area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """
    weights = np.ones(len(scores)) if weights is None else weights
    _, places = np.unique(scores, return_inverse=True)
    positive = np.bincount(places, weights * labels)
    negative = np.bincount(places, weights * (1 - np.asarray(labels, np.float64)))
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below / pairs) if pairs > 0 else float("nan")
