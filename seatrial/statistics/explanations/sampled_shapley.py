"""Shapley values of any model that scores rows, by sampling permutations."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Row = Sequence[str]
Scorer = Callable[[Sequence[Row]], Sequence[float]]
PAIRS = 2


@dataclass(frozen=True, eq=False)
class ShapleyValues:
    """`values` has shape (rows, features) and sums, with `expected`, to about the score of each row."""

    values: np.ndarray
    expected: float


def sampled_shapley(
    score: Scorer, rows: Sequence[Row], background: Sequence[Row], pairs: int = PAIRS, seed: int = 0
) -> ShapleyValues:
    """Strumbelj and Kononenko (2014): features of a background row become the row's one by one, in random order.

    Each order is also walked backwards, from another background row (antithetic, Mitchell et al., 2022). All rows are
    scored in one call of len(rows) * 2 * pairs * (features + 1); means over rows are what this is for, a single row's
    values are noisy. A row's values sum to its score less the mean score of the background rows drawn for it.

    >>> rows, background = [["3", "1"]], [["0", "0"]]
    >>> found = sampled_shapley(lambda rows: [2 * float(a) + float(b) for a, b in rows], rows, background)
    >>> found.values.tolist(), found.expected
    ([[6.0, 1.0]], 0.0)
    """
    if not rows or not background:
        raise ValueError("needs at least one row to explain and one background row")
    rng = np.random.default_rng(seed)
    width = len(rows[0])
    walks = [(row, order) for row in range(len(rows)) for _ in range(pairs) for order in _both(rng.permutation(width))]
    starts = rng.integers(0, len(background), len(walks))
    paths = [step for (row, order), start in zip(walks, starts) for step in _path(background[start], rows[row], order)]  # noqa: B905
    scores = np.asarray(score(paths), np.float64).reshape(len(walks), width + 1)
    values = np.zeros((len(rows), width))
    for (row, order), gains in zip(walks, np.diff(scores, axis=1), strict=True):
        values[row, order] += gains / (2 * pairs)
    return ShapleyValues(values, float(scores[:, 0].mean()))


def _both(order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return order, order[::-1]


def _path(background: Row, row: Row, order: np.ndarray) -> list[list[str]]:
    """The background row, and it with one more of the row's values each time."""
    current = list(background)
    path = [list(current)]
    for place in order:
        current[place] = row[place]
        path.append(list(current))
    return path
