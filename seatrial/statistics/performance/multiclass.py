"""Quality of a classifier of several classes from its labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seatrial.statistics.performance.binomial import exact_interval
from seatrial.statistics.performance.bootstrap import bootstrap
from seatrial.statistics.performance.checks import same_length
from seatrial.statistics.performance.errors import ShapeError
from seatrial.statistics.performance.interval import Interval


@dataclass(frozen=True, kw_only=True)
class MulticlassQuality:
    """`confusion` has a row for each true class and a column for each predicted one; precision and recall by class."""

    rows: int
    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]
    accuracy: Interval
    precision: Mapping[str, Interval]
    recall: Mapping[str, Interval]
    macro_f1: Interval
    weighted_f1: Interval


def multiclass_quality(
    predictions: Sequence[str], labels: Sequence[str], classes: Sequence[str] | None = None, seed: int = 0
) -> MulticlassQuality:
    """Measure predicted classes against true ones; raises `ShapeError` for a class that is not among `classes`.

    >>> quality = multiclass_quality(["a", "b", "b"], ["a", "b", "c"])
    >>> quality.confusion, round(quality.macro_f1.value, 3)
    (((1, 0, 0), (0, 1, 0), (0, 1, 0)), 0.556)
    """
    same_length(np.empty(len(predictions)), np.empty(len(labels)))
    names = tuple(classes or sorted({*predictions, *labels}))
    places = {name: place for place, name in enumerate(names)}
    unknown = sorted({*predictions, *labels} - places.keys())
    if unknown:
        raise ShapeError(f"classes: {unknown} are not among {list(names)}")
    said, truth = (np.array([places[name] for name in side]) for side in (predictions, labels))
    table = _confusion(said, truth, len(names))
    return MulticlassQuality(
        rows=len(said),
        classes=names,
        confusion=tuple(map(tuple, table.tolist())),
        accuracy=exact_interval(int(np.trace(table)), len(said)),
        precision=_shares(names, table, table.sum(axis=0)),
        recall=_shares(names, table, table.sum(axis=1)),
        **bootstrap(lambda drawn, true: _f1(_confusion(drawn, true, len(names))), said, truth, seed=seed),
    )


def _confusion(said: np.ndarray, truth: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(truth * size + said, minlength=size * size).reshape(size, size)


def _shares(names: Sequence[str], table: np.ndarray, totals: np.ndarray) -> dict[str, Interval]:
    hits = np.diag(table)
    return {name: exact_interval(int(hit), int(of)) for name, hit, of in zip(names, hits, totals, strict=True)}


def _f1(table: np.ndarray) -> dict[str, float]:
    """Means over the classes that occur, each as much, or as often as it is true."""
    sizes = table.sum(axis=0) + table.sum(axis=1)
    scores = 2 * np.diag(table) / np.maximum(sizes, 1)
    weights = table.sum(axis=1)
    return {"macro_f1": float(scores[sizes > 0].mean()), "weighted_f1": float(scores @ weights / weights.sum())}
