"""All of Clarify's metrics for the facets that an engagement declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.clarify import FacetMetrics
from seatrial.statistics.bias.facets import FacetError
from seatrial.statistics.bias.flip_test import flip_test
from seatrial.statistics.bias.post_training import post_training_bias
from seatrial.statistics.bias.pre_training import pre_training_bias
from seatrial.statistics.parsing import is_missing, to_number

MOST_ROWS = 2000
"""Rows that the flip test looks at: it compares all with all."""


@dataclass(frozen=True)
class LabelledRows:
    """Feature values as text by column, observed labels (0 or 1) and predicted probabilities of the same rows."""

    columns: Mapping[str, Sequence[str]]
    labels: Sequence[int]
    scores: Sequence[float]


@dataclass(frozen=True, eq=False)
class FacetRows:
    """The rows that belong to either side of a facet: who, what was observed and predicted, and the condition."""

    disadvantaged: np.ndarray
    labels: np.ndarray
    predictions: np.ndarray
    groups: list[str] | None = None

    def drawn(self, rng: np.random.Generator) -> "FacetRows":
        """As many rows, drawn with replacement."""
        rows = rng.integers(0, len(self.labels), len(self.labels))
        groups = [self.groups[row] for row in rows] if self.groups else None
        return FacetRows(self.disadvantaged[rows], self.labels[rows], self.predictions[rows], groups)

    def metrics(self) -> dict[str, float]:
        """Metrics before and after training, without FT; raises `FacetError` when a side has no rows."""
        before = pre_training_bias(self.disadvantaged, self.labels, self.groups)
        return before | post_training_bias(self.disadvantaged, self.labels, self.predictions, self.groups)


def facet_report(settings: BiasSettings, rows: LabelledRows) -> tuple[FacetMetrics, ...]:
    """Metrics of each facet.

    Raises `FacetError` for a column that is not there and for a facet that has all rows or none.

    >>> facet = Facet(column="region", values=("north",))
    >>> rows = LabelledRows({"region": ["north", "north", "south", "south"]}, [0, 1, 1, 1], [0.2, 0.9, 0.8, 0.7])
    >>> found = facet_report(BiasSettings(facets=(facet,)), rows)
    >>> found[0].metrics["DPL"], found[0].metrics["DPPL"]
    (0.5, 0.5)
    """
    told = []
    for facet in settings.facets:
        sides, kept = facet_rows(settings, facet, rows)
        metrics = sides.metrics() | _flips(facet, rows.columns, sides, kept)
        told.append(FacetMetrics(facet.column, facet.value, metrics))
    return tuple(told)


def facet_rows(settings: BiasSettings, facet: Facet, rows: LabelledRows) -> tuple[FacetRows, np.ndarray]:
    """Rows of both sides and their places; rows without a value of the facet belong to neither."""
    columns = rows.columns
    missing = [name for name in (facet.column, *([settings.group] if settings.group else [])) if name not in columns]
    if missing:
        raise FacetError(f"facet {facet.column}: no column {missing[0]!r}, only {', '.join(columns)}")
    side = np.array([_side(facet, text) for text in columns[facet.column]])
    kept = np.flatnonzero(side >= 0)
    groups = [columns[settings.group][row] for row in kept.tolist()] if settings.group else None
    said = np.asarray(rows.scores, float)[kept] >= settings.probability_threshold
    return FacetRows(side[kept], np.asarray(rows.labels)[kept], said.astype(int), groups), kept


def _side(facet: Facet, text: str) -> int:
    """1 for the group watched over, 0 for the others, -1 for neither."""
    if is_missing(text):
        return -1
    if facet.above is None:
        return int(text.strip() in facet.values)
    number = to_number(text)
    return -1 if number is None else int(number > facet.above)


def _flips(facet: Facet, columns: Mapping[str, Sequence[str]], rows: FacetRows, kept: np.ndarray) -> dict[str, float]:
    """FT from the numeric columns but the facet's, standardised, gaps at the mean; nothing without any."""
    chosen = kept[:MOST_ROWS]
    numbers = [_numbers(column, chosen) for name, column in columns.items() if name != facet.column]
    held = [column for column in numbers if column is not None]
    side = rows.disadvantaged[:MOST_ROWS]
    if not held or side.all() or not side.any():
        return {}
    return {"FT": flip_test(np.column_stack(held), side, rows.predictions[:MOST_ROWS])}


def _numbers(column: Sequence[str], rows: np.ndarray) -> np.ndarray | None:
    texts = [column[row] for row in rows.tolist()]
    numbers = [None if is_missing(text) else to_number(text) for text in texts]
    if any(number is None and not is_missing(text) for number, text in zip(numbers, texts, strict=True)):
        return None
    known = np.array([number for number in numbers if number is not None])
    if not known.size:
        return None
    filled = np.array([known.mean() if number is None else number for number in numbers])
    return (filled - known.mean()) / (known.std() or 1.0)
