"""Rows by facet and outcome: what the bias metrics are made of."""

import math
from dataclasses import dataclass

import numpy as np


class FacetError(ValueError):
    """Groups or labels from which no bias can be computed; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Counts of observed against predicted labels in one facet."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def rows(self) -> int:
        """All rows of the facet."""
        return self.true_positives + self.false_positives + self.true_negatives + self.false_negatives

    @property
    def observed(self) -> tuple[int, int]:
        """Rows with observed label 0 and 1: n(0), n(1)."""
        return self.true_negatives + self.false_positives, self.true_positives + self.false_negatives

    @property
    def predicted(self) -> tuple[int, int]:
        """Rows with predicted label 0 and 1: n'(0), n'(1)."""
        return self.true_negatives + self.false_negatives, self.true_positives + self.false_positives


@dataclass(frozen=True)
class Facets:
    """The advantaged facet a and the disadvantaged facet d."""

    advantaged: Confusion
    disadvantaged: Confusion


def flags(name: str, values: np.ndarray, rows: int | None = None) -> np.ndarray:
    """Values 0 and 1 as booleans; raises `FacetError` for others or another number of rows."""
    given = np.asarray(values)
    if not np.isin(given, (0, 1)).all():
        raise FacetError(f"{name}: must be 0 or 1 (or false or true) in every row")
    if rows is not None and len(given) != rows:
        raise FacetError(f"{name}: must have {rows} rows as the facet has, got {len(given)}")
    return given.astype(bool)


def split(disadvantaged: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> Facets:
    """Count rows; the three have shape (n,) and hold 0 and 1. Raises `FacetError` when a facet is empty.

    >>> split(np.array([1, 0, 0]), np.array([1, 1, 0]), np.array([1, 0, 0])).advantaged.false_negatives
    1
    """
    facet = flags("facet", disadvantaged)
    truth, said = flags("labels", labels, len(facet)), flags("predictions", predictions, len(facet))
    if facet.all() or not facet.any():
        raise FacetError("facet: one of the two groups has no rows, so there is nothing to compare")
    return Facets(_confusion(truth[~facet], said[~facet]), _confusion(truth[facet], said[facet]))


def ratio(first: float, second: float) -> float:
    """Quotient as Clarify reports it: 0 / 0 is 0, anything else by zero is infinite."""
    if second:
        return first / second
    return math.inf if first else 0.0


def difference(first: float, second: float) -> float:
    """Difference that is 0 between two infinite values."""
    return 0.0 if first == second else first - second


def _confusion(truth: np.ndarray, said: np.ndarray) -> Confusion:
    return Confusion(
        true_positives=int((truth & said).sum()),
        false_positives=int((~truth & said).sum()),
        true_negatives=int((~truth & ~said).sum()),
        false_negatives=int((truth & ~said).sum()),
    )
