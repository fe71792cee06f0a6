"""Area under the ROC curve, with an interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NORMAL_975 = 1.959964


@dataclass(frozen=True)
class AucEstimate:
    """The area, and its 95 % interval after DeLong, DeLong and Clarke-Pearson (1988)."""

    area: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"area": self.area, "low": self.low, "high": self.high}


def estimate_auc(predictions: Sequence[float], labels: Sequence[int]) -> AucEstimate | None:
    """Estimate by midranks (Sun and Xu, 2014), ties counted half; None when a class is absent.

    >>> estimate_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).area
    0.75
    >>> estimate_auc([0.1, 0.2], [1, 1]) is None
    True
    """
    positives = [score for score, label in zip(predictions, labels, strict=True) if label]
    negatives = [score for score, label in zip(predictions, labels, strict=True) if not label]
    if not positives or not negatives:
        return None
    pooled = _midranks(positives + negatives)
    above = _placements(pooled[: len(positives)], _midranks(positives), len(negatives))
    below = [1 - share for share in _placements(pooled[len(positives) :], _midranks(negatives), len(positives))]
    area = math.fsum(above) / len(above)
    margin = NORMAL_975 * math.sqrt(_variance(above) / len(above) + _variance(below) / len(below))
    return AucEstimate(area, max(0.0, area - margin), min(1.0, area + margin))


def _placements(pooled: Sequence[float], own: Sequence[float], others: int) -> list[float]:
    """Share of the other class that lies below each score."""
    return [(rank - own_rank) / others for rank, own_rank in zip(pooled, own, strict=True)]


def _variance(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.25
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _midranks(scores: Sequence[float]) -> list[float]:
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        for position in order[start:end]:
            ranks[position] = (start + end + 1) / 2
        start = end
    return ranks
