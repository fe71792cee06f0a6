"""The parity gate: a served model is let through only when it scores every row as Spark did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from seatrial.spark.errors import DataError


@dataclass
class Parity:
    """What comparing row by row has found so far; `tolerance` is the largest allowed difference of probabilities."""

    tolerance: float
    rows: int = 0
    rows_outside: int = 0
    largest_difference: float = 0.0
    worst_scores: tuple[float, float] | None = None
    """Spark's probability and the served one, where they differ most."""

    def compare(self, expected: Sequence[float], served: Sequence[float]) -> None:
        """Take in a batch; raises `DataError` when rows were lost. A score that is no number is outside."""
        if len(expected) != len(served):
            raise DataError(f"parity: {len(expected)} rows were sent, {len(served)} scores came back")
        for ours, theirs in zip(expected, served, strict=True):
            difference = abs(ours - theirs)
            self.rows += 1
            if not difference <= self.tolerance:
                self.rows_outside += 1
            if self.worst_scores is None or not difference <= self.largest_difference:
                self.largest_difference, self.worst_scores = difference, (ours, theirs)

    def require(self) -> None:
        """Raise `DataError` unless there were rows and each was scored alike."""
        if not self.rows:
            raise DataError("parity: there are no held-out rows, so nothing is proven; give more rows")
        if self.rows_outside:
            ours, theirs = self.worst_scores or (0.0, 0.0)
            raise DataError(
                f"parity: {self.rows_outside} of {self.rows} held-out rows are scored otherwise than by Spark, "
                f"by up to {self.largest_difference:.3g} where {self.tolerance:g} is allowed: "
                f"{ours!r} became {theirs!r}; nothing was written"
            )

    def to_json(self) -> dict[str, Any]:
        """The content of parity.json."""
        return asdict(self)
