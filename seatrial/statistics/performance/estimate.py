"""What an estimate of performance without labels looks like."""

from collections.abc import Mapping
from dataclasses import dataclass

from seatrial.statistics.performance.interval import Interval

BLIND_SPOT = "it cannot see a changed relation between inputs and label (concept shift): only labels can"


@dataclass(frozen=True, kw_only=True)
class PerformanceEstimate:
    """Estimated figures of a window with 95 % intervals, beside the same figures measured on the reference.

    `problems` says which assumptions do not hold; an estimate with problems must not page anyone.
    """

    method: str
    rows: int
    figures: Mapping[str, Interval]
    reference: Mapping[str, float]
    problems: tuple[str, ...]

    @property
    def trusted(self) -> bool:
        """Whether every assumption that can be checked holds."""
        return not self.problems

    def lost(self, figure: str, tolerance: float) -> bool:
        """Whether a trusted estimate's whole interval lies more than `tolerance` below the reference."""
        return self.trusted and self.figures[figure].high < self.reference[figure] - tolerance

    @property
    def sentence(self) -> str:
        """The estimate, what stands against it and its blind spot."""
        auc = self.figures["auc"]
        text = (
            f"{self.method} estimates AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}) "
            f"over {self.rows} predictions without labels, reference {self.reference['auc']:.3f}"
        )
        doubts = "".join(f"; not to be trusted: {problem}" for problem in self.problems)
        return f"{text}{doubts}; {BLIND_SPOT}"
