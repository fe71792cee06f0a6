"""A small picture of a numeric distribution in the shape of Model Monitor's KLL block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BUCKETS = 10
MAXIMUM_POINTS = 128
KLL_PARAMETERS = {"c": 0.64, "k": 2048.0}


@dataclass(frozen=True)
class QuantileSketch:
    """Ten equal-width buckets and evenly spaced order statistics, each standing for 2**level values.

    The points are a compacted KLL sketch (Karnin, Lang and Liberty, 2016) whose coin is replaced by even
    spacing, so that equal data gives equal bytes.

    >>> QuantileSketch.of([0.0, 0.5, 10.0]).counts
    (2, 0, 0, 0, 0, 0, 0, 0, 0, 1)
    """

    minimum: float
    maximum: float
    counts: tuple[int, ...]
    level: int
    points: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[float]) -> "QuantileSketch":
        """Sketch of finite values; of none, an empty one."""
        ordered = sorted(values)
        if not ordered:
            return cls(0.0, 0.0, (), 0, ())
        level = 0
        while len(ordered) >> level > MAXIMUM_POINTS:
            level += 1
        step = 1 << level
        points = tuple(ordered[step // 2 :: step])
        return cls(ordered[0], ordered[-1], _bucket_counts(ordered), level, points)

    def merge(self, other: "QuantileSketch") -> "QuantileSketch":
        """Sketch of both sets of values: the range exactly, buckets to their width, points to 1 % of the ranks.

        >>> merged = QuantileSketch.of([0.0, 1.0]).merge(QuantileSketch.of([9.0, 10.0]))
        >>> merged.counts, merged.points
        ((2, 0, 0, 0, 0, 0, 0, 0, 0, 2), (0.0, 1.0, 9.0, 10.0))
        """
        if not self.points or not other.points:
            return self if self.points else other
        low, high = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        level, points = _compacted(self, other)
        spread = zip(_rebucketed(self, low, high), _rebucketed(other, low, high), strict=True)
        return QuantileSketch(low, high, tuple(mine + theirs for mine, theirs in spread), level, points)

    def to_kll(self) -> dict[str, Any]:
        """The `kll` block of statistics.json."""
        data: list[list[float]] = [[] for _ in range(self.level)] + [list(self.points)]
        return {"buckets": self._buckets(), "sketch": {"parameters": dict(KLL_PARAMETERS), "data": data}}

    def _buckets(self) -> list[dict[str, float]]:
        width = (self.maximum - self.minimum) / BUCKETS
        bounds = [self.minimum + width * index for index in range(BUCKETS)] + [self.maximum]
        return [
            {"lower_bound": bounds[index], "upper_bound": bounds[index + 1], "count": float(count)}
            for index, count in enumerate(self.counts)
        ]

    def to_json(self) -> list[Any]:
        """JSON-ready form."""
        return [self.minimum, self.maximum, list(self.counts), self.level, list(self.points)]

    @classmethod
    def from_json(cls, items: list[Any]) -> "QuantileSketch":
        """Read what `to_json` wrote."""
        minimum, maximum, counts, level, points = items
        return cls(minimum, maximum, tuple(counts), level, tuple(points))


def _bucket_counts(ordered: Sequence[float]) -> tuple[int, ...]:
    counts = [0] * BUCKETS
    low, span = ordered[0], ordered[-1] - ordered[0]
    for value in ordered:
        counts[min(BUCKETS - 1, int((value - low) / span * BUCKETS)) if span else 0] += 1
    return tuple(counts)


def _compacted(first: QuantileSketch, second: QuantileSketch) -> tuple[int, tuple[float, ...]]:
    """Level and points of both sketches together: every 2**level-th value of the weighted points in order."""
    weighted = sorted((point, 1 << sketch.level) for sketch in (first, second) for point in sketch.points)
    total = sum(weight for _, weight in weighted)
    level = max(first.level, second.level)
    while total >> level > MAXIMUM_POINTS:
        level += 1
    step, passed, points = 1 << level, 0, []
    for point, weight in weighted:
        passed += weight
        while passed > step * len(points) + step // 2:
            points.append(point)
    return level, tuple(points)


def _rebucketed(sketch: QuantileSketch, low: float, high: float) -> list[int]:
    """The sketch's bucket counts over a wider range; a bucket goes where its middle lies, the ends where they are."""
    if (low, high) == (sketch.minimum, sketch.maximum) or not high > low:
        return list(sketch.counts)
    counts, width = [0] * BUCKETS, (sketch.maximum - sketch.minimum) / BUCKETS
    for index, count in enumerate(sketch.counts):
        middle = sketch.minimum + width * (index + 0.5)
        counts[min(BUCKETS - 1, int((middle - low) / (high - low) * BUCKETS))] += count
    return counts
