"""Quality by segment: where a model fails."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

Quality = TypeVar("Quality")
MINIMUM_ROWS = 30


@dataclass(frozen=True)
class Segment(Generic[Quality]):
    """The rows of one value of a column; `quality` is None below the minimum of rows, so that chance is not ranked."""

    name: str
    rows: int
    quality: Quality | None


def by_segment(
    measure: Callable[..., Quality],
    segments: Sequence[str],
    predictions: np.ndarray,
    labels: np.ndarray,
    minimum_rows: int = MINIMUM_ROWS,
) -> tuple[Segment[Quality], ...]:
    """Apply `measure(predictions, labels)` to the rows of each segment, the largest first.

    >>> means = lambda said, truth: float(abs(said - truth).mean())
    >>> by_segment(means, ["a", "b", "a"], np.array([1.0, 2, 3]), np.array([1.0, 0, 1]), minimum_rows=2)
    (Segment(name='a', rows=2, quality=1.0), Segment(name='b', rows=1, quality=None))
    """
    names = np.array(segments)
    said, truth = np.asarray(predictions), np.asarray(labels)
    found = []
    for name in sorted(set(segments)):
        chosen = names == name
        rows = int(chosen.sum())
        quality = measure(said[chosen], truth[chosen]) if rows >= minimum_rows else None
        found.append(Segment(name, rows, quality))
    return tuple(sorted(found, key=lambda segment: -segment.rows))
