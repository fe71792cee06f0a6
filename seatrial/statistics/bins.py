"""The cells into which a feature's values are counted: quantile bins of the baseline, or its categories."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

QUANTILE_BINS = 10
MAXIMUM_CATEGORIES = 50

FeatureType = Literal["numeric", "categorical"]


@dataclass(frozen=True)
class NumericBins:
    """Half-open cells (edge[i-1], edge[i]]; the first reaches down and the last up without limit.

    >>> NumericBins((0.0, 10.0)).cell(10.0), NumericBins((0.0, 10.0)).cell(11.0)
    (1, 2)
    """

    edges: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of cells."""
        return len(self.edges) + 1

    def cell(self, value: float) -> int:
        """Index of the value's cell."""
        return bisect_left(self.edges, value)

    @classmethod
    def from_values(cls, values: Sequence[float], bins: int = QUANTILE_BINS) -> "NumericBins":
        """Edges at the quantiles of the values; a value that fills whole bins keeps one cell of its own.

        >>> NumericBins.from_values([0.0] * 8 + [5.0, 9.0], bins=4).size
        3
        """
        ordered = sorted(values)
        if not ordered:
            return cls(())
        last = len(ordered) - 1
        edges = sorted({ordered[min(last, len(ordered) * index // bins)] for index in range(1, bins)})
        if edges[0] == ordered[0]:
            edges.insert(0, math.nextafter(edges[0], -math.inf))
        return cls(tuple(edges))


@dataclass(frozen=True)
class Categories:
    """One cell a known category, and a last one for every other value.

    `closed` says that the baseline saw no further category, so that another one is news.

    >>> Categories(("prepaid", "postpaid")).cell("gold")
    2
    """

    values: tuple[str, ...]
    closed: bool = True
    _index: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_index", {value: index for index, value in enumerate(self.values)})

    @property
    def size(self) -> int:
        """Number of cells, the one for other values included."""
        return len(self.values) + 1

    def cell(self, value: str) -> int:
        """Index of the value's cell."""
        return self._index.get(value, len(self.values))

    @classmethod
    def from_values(cls, values: Sequence[str], maximum: int = MAXIMUM_CATEGORIES) -> "Categories":
        """The most frequent values, in order of frequency, ties in order of the text."""
        ranked = sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))
        return cls(tuple(value for value, _ in ranked[:maximum]), closed=len(ranked) <= maximum)


Cells = NumericBins | Categories


def cells_to_json(cells: Cells) -> dict[str, Any]:
    """JSON-ready form of either kind of cells."""
    if isinstance(cells, NumericBins):
        return {"edges": list(cells.edges)}
    return {"categories": list(cells.values), "closed": cells.closed}


def cells_from_json(data: dict[str, Any]) -> Cells:
    """Read what `cells_to_json` wrote."""
    if "edges" in data:
        return NumericBins(tuple(data["edges"]))
    return Categories(tuple(data["categories"]), data["closed"])
