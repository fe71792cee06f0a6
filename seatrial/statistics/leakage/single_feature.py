"""How well one feature alone tells who leaves: nearly perfectly means that it knows the answer (target leakage).

Kaufman, Rosset, Perlich and Stitelman, "Leakage in Data Mining", ACM TKDD 6 (2012). A number is taken as a score
in either direction, as is the fact that it is missing; a category by the rate of leaving in the other half of the
rows, so that rare categories do not tell themselves.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from seatrial.statistics.paired.delong import auc_interval

Array = NDArray[np.float64]


def numeric_strength(values: Array, labels: Array) -> float:
    """The better AUC of the values (NaN is missing) and of their being missing; 0.5 when neither tells anything.

    >>> labels = np.array([0.0, 0.0, 1.0, 1.0])
    >>> numeric_strength(np.array([4.0, 3.0, 2.0, 1.0]), labels)
    1.0
    >>> numeric_strength(np.array([math.nan, math.nan, 2.0, 2.0]), labels)
    1.0
    """
    known = ~np.isnan(values)
    return max(_area(labels[known], values[known]), _area(labels, known.astype(float)))


def category_strength(values: Sequence[str], labels: Array) -> float:
    """AUC of the rate of leaving of each row's category, the rate taken from the rows of the other half.

    >>> category_strength(["stays", "leaves"] * 50, np.array([0.0, 1.0] * 50))
    1.0
    """
    halves = np.arange(len(labels)) // 2 % 2
    overall = float(labels.mean())
    scores = np.empty(len(labels))
    for half in (0, 1):
        rates = _rates(
            [value for value, own in zip(values, halves, strict=True) if own != half], labels[halves != half]
        )
        scores[halves == half] = [
            rates.get(value, overall) for value, own in zip(values, halves, strict=True) if own == half
        ]
    return _area(labels, scores)


def _rates(values: Sequence[str], labels: Array) -> dict[str, float]:
    rows: dict[str, list[float]] = defaultdict(list)
    for value, label in zip(values, labels, strict=True):
        rows[value].append(float(label))
    return {value: math.fsum(found) / len(found) for value, found in rows.items()}


def _area(labels: Array, scores: Array) -> float:
    if not 0 < labels.sum() < len(labels):
        return 0.5
    area = auc_interval(labels, scores).auc
    return max(area, 1 - area)
