"""Everything that is kept of a column of texts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from seatrial.statistics.columns.hashed_histogram import HashedHistogram
from seatrial.statistics.columns.hashing import hash_texts
from seatrial.statistics.columns.heavy_hitters import HeavyHitters, bounded
from seatrial.statistics.columns.hyperloglog import HyperLogLog
from seatrial.statistics.parsing import is_missing, to_number

TYPES = ("Integral", "Fractional", "Boolean", "String")
BOOLEANS = frozenset({"true", "false"})


@dataclass(frozen=True)
class CategoryColumn:
    """Counts by type and by hash, most frequent texts and number of distinct ones.

    Everything but the names of more than 256 distinct texts merges exactly, in any order and grouping.

    >>> column = CategoryColumn.of_values(["a", "b", "a", ""]).merge(CategoryColumn.of_values(["a", "3"]))
    >>> column.rows, column.missing, column.distinct, column.hitters.ranked()[0], column.types["Integral"]
    (6, 1, 3, ('a', 3), 1)
    """

    missing: int = 0
    type_counts: tuple[int, ...] = (0,) * len(TYPES)
    hitters: HeavyHitters = field(default_factory=HeavyHitters)
    sketch: HyperLogLog = field(default_factory=HyperLogLog)
    hashed: HashedHistogram = field(default_factory=HashedHistogram)

    @classmethod
    def of(cls, counts: Mapping[str, int], missing: int = 0) -> "CategoryColumn":
        """Summary of exact counts by text, for instance of a dictionary's indices; missing texts are taken out."""
        held: dict[str, int] = {}
        types = dict.fromkeys(TYPES, 0)
        for text, count in counts.items():
            if is_missing(text):
                missing += count
            elif count:
                name = bounded(text.strip())
                held[name] = held.get(name, 0) + count
                types[_type(text)] += count
        hashes = hash_texts(held)
        weights = np.fromiter(held.values(), np.int64, len(held))
        hashed = HashedHistogram.of(hashes, weights)
        return cls(missing, tuple(types.values()), HeavyHitters.of(held), HyperLogLog.of(hashes), hashed)

    @classmethod
    def of_values(cls, texts: Iterable[str]) -> "CategoryColumn":
        """Summary of texts."""
        return cls.of(Counter(texts))

    @property
    def present(self) -> int:
        """Texts that are not missing."""
        return sum(self.type_counts)

    @property
    def rows(self) -> int:
        """All values."""
        return self.present + self.missing

    @property
    def types(self) -> dict[str, int]:
        """Values by the type that their text reads as, in Deequ's names."""
        return dict(zip(TYPES, self.type_counts, strict=True))

    @property
    def exact(self) -> bool:
        """Whether the texts and counts in `hitters` are all there are."""
        return self.hitters.error == 0

    @property
    def distinct(self) -> int:
        """Number of distinct texts: exact up to 256 of them, else with a standard error of 1.6 %."""
        return len(self.hitters.counts) if self.exact else round(self.sketch.estimate())

    def merge(self, other: "CategoryColumn") -> "CategoryColumn":
        """Summary of both stretches of rows."""
        return CategoryColumn(
            self.missing + other.missing,
            tuple(mine + theirs for mine, theirs in zip(self.type_counts, other.type_counts, strict=True)),
            self.hitters.merge(other.hitters),
            self.sketch.merge(other.sketch),
            self.hashed.merge(other.hashed),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; what follows from exact counts is left out."""
        data: dict[str, Any] = {"kind": "category", "missing": self.missing, "hitters": self.hitters.to_list()}
        if not self.exact:
            data |= {
                "types": list(self.type_counts),
                "sketch": self.sketch.to_text(),
                "hashed": self.hashed.to_list(),
            }
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "CategoryColumn":
        """Read what `to_json` wrote."""
        hitters = HeavyHitters.from_list(data["hitters"])
        if "sketch" not in data:
            return cls.of(hitters.counts, data["missing"])
        return cls(
            data["missing"],
            tuple(data["types"]),
            hitters,
            HyperLogLog.from_text(data["sketch"]),
            HashedHistogram.from_list(data["hashed"]),
        )


def _type(text: str) -> str:
    if text.strip().lower() in BOOLEANS:
        return "Boolean"
    number = to_number(text)
    if number is None:
        return "String"
    return "Integral" if number.is_integer() and "." not in text else "Fractional"
