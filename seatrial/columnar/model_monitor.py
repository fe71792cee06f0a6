"""What Model Monitor's statistics.json tells of a numeric column, read off its summary."""

import numpy as np

from seatrial.statistics.columns.bit_histogram import edges
from seatrial.statistics.columns.numeric_column import NumericColumn
from seatrial.statistics.moments import Moments
from seatrial.statistics.quantile_sketch import BUCKETS, MAXIMUM_POINTS, QuantileSketch


def moments_of(column: NumericColumn) -> Moments:
    """Count, mean, squared deviations and range of the finite numbers.

    >>> from seatrial.statistics.columns.affine import AffineMap
    >>> moments_of(NumericColumn.of(np.array([1.0, 2.0, 6.0]), AffineMap(2.0, 1.0))).mean
    3.0
    """
    if not column.present:
        return Moments()
    squares = column.std_dev**2 * column.present
    return Moments(column.present, column.mean, squares, column.minimum, column.maximum)


def sketch_of(column: NumericColumn) -> QuantileSketch:
    """Ten buckets and evenly spaced order statistics, each value taken at the middle of its histogram's cell.

    >>> from seatrial.statistics.columns.affine import AffineMap
    >>> sketch_of(NumericColumn.of(np.array([0.0, 0.5, 10.0]), AffineMap(0.5, 1.0))).counts
    (2, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    """
    if not column.present:
        return QuantileSketch.of([])
    counts = column.histogram.counts
    held = np.flatnonzero(counts != 0)
    middles = column.map.back((edges()[held] + edges()[held + 1]) / 2)
    values = np.clip(middles, column.minimum, column.maximum)
    level = 0
    while column.present >> level > MAXIMUM_POINTS:
        level += 1
    ranks = np.arange((1 << level) // 2, column.present, 1 << level)
    points = values[np.searchsorted(np.cumsum(counts[held]), ranks, side="right")]
    buckets = _buckets(values, counts[held], column.minimum, column.maximum)
    return QuantileSketch(column.minimum, column.maximum, buckets, level, tuple(points.tolist()))


def _buckets(values: np.ndarray, counts: np.ndarray, low: float, high: float) -> tuple[int, ...]:
    span = high - low
    places = ((values - low) / span * BUCKETS).astype(np.int64) if span else np.zeros(len(values), np.int64)
    return tuple(np.bincount(np.minimum(places, BUCKETS - 1), counts, minlength=BUCKETS).astype(np.int64).tolist())
