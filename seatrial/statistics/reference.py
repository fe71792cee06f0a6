"""Labelled reference rows that a baseline keeps for estimates without labels: cells, score and label of each."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

MAXIMUM_ROWS = 1000


@dataclass(frozen=True)
class Reference:
    """Rows in the order in which the baseline got them, column by column; no feature value, only its cell.

    `cells` holds a list of cell indices a feature, the last cell being the one of absent values; `scores` and
    `labels` one entry a row.
    """

    cells: tuple[tuple[int, ...], ...] = ()
    scores: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()

    @classmethod
    def of(cls, cells: Sequence[Sequence[int]], scores: Sequence[float], labels: Sequence[int]) -> "Reference":
        """At most 1,000 rows, evenly spaced, so that what depends on their order (time) can still be checked.

        >>> Reference.of([list(range(1500))], [0.5] * 1500, [0, 1] * 750).cells[0][:4]
        (0, 1, 3, 4)
        """
        rows = len(scores)
        kept = range(rows) if rows <= MAXIMUM_ROWS else [index * rows // MAXIMUM_ROWS for index in range(MAXIMUM_ROWS)]
        return cls(
            tuple(tuple(column[row] for row in kept) for column in cells),
            tuple(scores[row] for row in kept),
            tuple(labels[row] for row in kept),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any] | None) -> "Reference":
        """Read what `to_json` wrote; baselines of before have none."""
        if data is None:
            return cls()
        return cls(tuple(map(tuple, data["cells"])), tuple(data["scores"]), tuple(data["labels"]))
