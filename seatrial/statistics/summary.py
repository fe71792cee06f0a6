"""What one feature looked like in a stretch of rows: counts by cell, missing and invalid values, moments."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seatrial.statistics.bins import Cells, NumericBins
from seatrial.statistics.moments import Moments
from seatrial.statistics.parsing import is_missing, to_number


@dataclass(frozen=True)
class FeatureSummary:
    """Mergeable counts of one feature; summaries of the same cells add, in any order and grouping.

    `invalid` counts values that are present but no number in a numeric feature.

    >>> from seatrial.statistics.bins import Categories
    >>> cells = Categories(("a", "b"))
    >>> summarise(cells, ["a", "", "b"]).merge(summarise(cells, ["a", "c"]))
    FeatureSummary(counts=(2, 1, 1), missing=1, invalid=0, moments=None)
    """

    counts: tuple[int, ...]
    missing: int = 0
    invalid: int = 0
    moments: Moments | None = None

    @property
    def present(self) -> int:
        """Values that could be counted in a cell."""
        return sum(self.counts)

    @property
    def rows(self) -> int:
        """All values, missing and invalid ones included."""
        return self.present + self.missing + self.invalid

    @property
    def cells(self) -> tuple[int, ...]:
        """The counts with one more cell for values that are missing or invalid."""
        return (*self.counts, self.missing + self.invalid)

    def merge(self, other: "FeatureSummary") -> "FeatureSummary":
        """Summary of both stretches together; raises `ValueError` when the cells differ in number."""
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        moments = self.moments.merge(other.moments) if self.moments and other.moments else None
        return FeatureSummary(counts, self.missing + other.missing, self.invalid + other.invalid, moments)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        moments = self.moments.to_list() if self.moments else None
        return {"counts": list(self.counts), "missing": self.missing, "invalid": self.invalid, "moments": moments}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeatureSummary":
        """Read what `to_json` wrote."""
        moments = Moments.from_list(data["moments"]) if data["moments"] else None
        return cls(tuple(data["counts"]), data["missing"], data["invalid"], moments)


def summarise(cells: Cells, texts: Sequence[str]) -> FeatureSummary:
    """Count the texts of one feature into its cells."""
    present = [text.strip() for text in texts if not is_missing(text)]
    missing = len(texts) - len(present)
    if isinstance(cells, NumericBins):
        return _summarise_numbers(cells, present, missing)
    return FeatureSummary(_count(cells.size, map(cells.cell, present)), missing)


def summarise_numbers(cells: NumericBins, numbers: Sequence[float]) -> FeatureSummary:
    """Count finite numbers, for instance predictions, into cells."""
    return FeatureSummary(_count(cells.size, map(cells.cell, numbers)), moments=Moments.of(numbers))


def _summarise_numbers(cells: NumericBins, present: list[str], missing: int) -> FeatureSummary:
    numbers = [number for number in map(to_number, present) if number is not None]
    summary = summarise_numbers(cells, numbers)
    return replace(summary, missing=missing, invalid=len(present) - len(numbers))


def _count(size: int, indices: Iterable[int]) -> tuple[int, ...]:
    counts = [0] * size
    for index in indices:
        counts[index] += 1
    return tuple(counts)
