"""Wasserstein distance of order one, also known as the earth mover's."""

import numpy as np


def wasserstein_distance(first: np.ndarray, second: np.ndarray, positions: np.ndarray) -> float:
    """Area between the cumulative shares of two histograms whose cells lie at ascending `positions` (Vallender, 1974).

    In the unit of the positions; NaN when either histogram is empty.

    >>> wasserstein_distance(np.array([4, 0]), np.array([3, 1]), np.array([0.0, 10.0]))
    2.5
    """
    if not first.sum() or not second.sum():
        return float("nan")
    gaps = np.cumsum(first) / first.sum() - np.cumsum(second) / second.sum()
    return float(np.abs(gaps[:-1]) @ np.diff(positions))


def wasserstein_of_samples(first: np.ndarray, second: np.ndarray) -> float:
    """The same of two samples of finite numbers.

    >>> wasserstein_of_samples(np.array([0.0, 1.0]), np.array([5.0, 6.0]))
    5.0
    """
    positions, cells = np.unique(np.concatenate([first, second]), return_inverse=True)
    counts = [np.bincount(part, minlength=len(positions)) for part in np.split(cells, [len(first)])]
    return wasserstein_distance(counts[0], counts[1], positions)
