"""Joins predictions with the labels that have come so far, and says how far to trust what they tell."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class JoinedLabels:
    """Predictions with a label, and how many were left without one.

    `unknown` labels belong to no prediction given, `repeated` ids came more than once: the first prediction counts.
    """

    predictions: np.ndarray
    labels: np.ndarray
    rows: int
    unknown: int
    repeated: int

    @property
    def coverage(self) -> float:
        """Share of the predictions whose label is known; 0 without predictions."""
        return len(self.labels) / self.rows if self.rows else 0.0

    @property
    def mean_gap(self) -> float:
        """Mean prediction of the labelled rows less that of all, where a selection shows; NaN without labels."""
        return float("nan") if not len(self.labels) else float(self.predictions.mean()) - self._overall

    _overall: float = float("nan")

    @property
    def sentence(self) -> str:
        """What a reader must know before he believes a figure made of these rows."""
        text = f"{len(self.labels)} of {self.rows} predictions have a label ({self.coverage:.0%})"
        if len(self.labels) and abs(self.mean_gap) >= 0.05:
            text += f"; labelled rows were predicted {self.mean_gap:+.2f} on average: they are no random sample"
        return text


def join_labels(ids: Sequence[str], predictions: Sequence[float], labels: Mapping[str, float]) -> JoinedLabels:
    """Match by inference id; labels may be late, partial, repeated or of other windows.

    >>> joined = join_labels(["a", "b", "c"], [0.9, 0.1, 0.4], {"a": 1, "c": 0, "z": 1})
    >>> joined.labels.tolist(), joined.unknown, joined.sentence
    ([1.0, 0.0], 1, '2 of 3 predictions have a label (67%); labelled rows were predicted +0.18 on average: ...')
    """
    first: dict[str, float] = {}
    for name, prediction in zip(ids, predictions, strict=True):
        first.setdefault(name, prediction)
    known = [name for name in first if name in labels]
    return JoinedLabels(
        predictions=np.array([first[name] for name in known]),
        labels=np.array([labels[name] for name in known], np.float64),
        rows=len(first),
        unknown=len(labels) - len(known),
        repeated=len(ids) - len(first),
        _overall=float(np.mean(list(first.values()))) if first else float("nan"),
    )
