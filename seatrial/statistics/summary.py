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

    `invalid` counts values that are present but no number in a numeric feature, `outside` numbers (counted in a cell
    like all others) that lie beyond the range that the baseline makes plausible.

    >>> from seatrial.statistics.bins import Categories
    >>> cells = Categories(("a", "b"))
    >>> summarise(cells, ["a", "", "b"]).merge(summarise(cells, ["a", "c"]))
    FeatureSummary(counts=(2, 1, 1), missing=1, invalid=0, moments=None, outside=0)
    """

    counts: tuple[int, ...]
    missing: int = 0
    invalid: int = 0
    moments: Moments | None = None
    outside: int = 0

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
        missing, invalid = self.missing + other.missing, self.invalid + other.invalid
        return FeatureSummary(counts, missing, invalid, moments, self.outside + other.outside)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        moments = self.moments.to_list() if self.moments else None
        document = {"counts": list(self.counts), "missing": self.missing, "invalid": self.invalid, "moments": moments}
        return {**document, "outside": self.outside} if self.outside else document

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeatureSummary":
        """Read what `to_json` wrote."""
        moments = Moments.from_list(data["moments"]) if data["moments"] else None
        return cls(tuple(data["counts"]), data["missing"], data["invalid"], moments, data.get("outside", 0))


Range = tuple[float, float]


def summarise(cells: Cells, texts: Sequence[str], plausible: Range | None = None) -> FeatureSummary:
    """Count the texts of one feature into its cells; `plausible` are the smallest and largest number in order."""
    present = [text.strip() for text in texts if not is_missing(text)]
    missing = len(texts) - len(present)
    if isinstance(cells, NumericBins):
        return _summarise_numbers(cells, present, missing, plausible)
    return FeatureSummary(_count(cells.size, map(cells.cell, present)), missing)


def summarise_numbers(cells: NumericBins, numbers: Sequence[float], plausible: Range | None = None) -> FeatureSummary:
    """Count finite numbers, for instance predictions, into cells."""
    counts, moments = _count(cells.size, map(cells.cell, numbers)), Moments.of(numbers)
    if plausible is None or (plausible[0] <= moments.minimum and moments.maximum <= plausible[1]):
        return FeatureSummary(counts, moments=moments)
    low, high = plausible
    return FeatureSummary(counts, moments=moments, outside=sum(not low <= number <= high for number in numbers))


def cell_indices(cells: Cells, texts: Sequence[str]) -> list[int]:
    """The cell of each text; missing and invalid ones have the one after the last, as in `FeatureSummary.cells`.

    >>> cell_indices(NumericBins((0.0,)), ["-1", "2", "x", ""])
    [0, 1, 2, 2]
    """
    if not isinstance(cells, NumericBins):
        return [cells.size if is_missing(text) else cells.cell(text.strip()) for text in texts]
    numbers = [None if is_missing(text) else to_number(text.strip()) for text in texts]
    return [cells.size if number is None else cells.cell(number) for number in numbers]


def _summarise_numbers(cells: NumericBins, present: list[str], missing: int, plausible: Range | None) -> FeatureSummary:
    numbers = [number for number in map(to_number, present) if number is not None]
    summary = summarise_numbers(cells, numbers, plausible)
    return replace(summary, missing=missing, invalid=len(present) - len(numbers))


def _count(size: int, indices: Iterable[int]) -> tuple[int, ...]:
    counts = [0] * size
    for index in indices:
        counts[index] += 1
    return tuple(counts)
