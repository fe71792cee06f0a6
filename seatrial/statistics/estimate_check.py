"""The check of estimated performance: the loss expected of the predictions, tested sequentially like the measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from seatrial.contracts.events import Finding
from seatrial.statistics.estimated_quality import Estimator
from seatrial.statistics.mean_detector import MeanDetector
from seatrial.statistics.performance.estimate import BLIND_SPOT, PerformanceEstimate
from seatrial.statistics.reference import Reference
from seatrial.statistics.window import Tally

RECENT_WINDOWS = 3
MOST_VALUES = 5000
"""Rows of a window that count as evidence; more would only add weight to an estimate that is no measurement."""


@dataclass(frozen=True)
class EstimateState:
    """The detector of expected Brier losses, and (rows, sum of losses) of the last windows."""

    detector: MeanDetector
    recent: tuple[tuple[int, float], ...] = ()

    def update(self, losses: Sequence[float], counts: Sequence[int]) -> "EstimateState":
        """The state after a window; `counts` rows have each expected loss."""
        rows = sum(counts)
        scale = min(1.0, MOST_VALUES / rows)
        values = [loss for loss, count in zip(losses, counts, strict=True) for _ in range(math.ceil(count * scale))]
        total = math.fsum(loss * count for loss, count in zip(losses, counts, strict=True))
        return EstimateState(self.detector.update(values), (*self.recent, (rows, total))[-RECENT_WINDOWS:])

    @property
    def recent_mean(self) -> float:
        """Mean expected loss of the last windows."""
        return sum(total for _, total in self.recent) / (sum(rows for rows, _ in self.recent) or 1)

    def to_json(self) -> list[Any]:
        """JSON-ready form; minus infinity becomes null."""
        wealth = [value if math.isfinite(value) else None for value in self.detector.log_wealth]
        return [self.detector.limit, wealth, [list(item) for item in self.recent]]

    @classmethod
    def from_json(cls, data: list[Any]) -> "EstimateState":
        """Read what `to_json` wrote."""
        limit, wealth, recent = data
        detector = MeanDetector(limit, tuple(-math.inf if value is None else value for value in wealth))
        return cls(detector, tuple((rows, total) for rows, total in recent))


@dataclass(frozen=True)
class EstimateReport:
    """What a window's predictions say of its performance; no estimate where nothing can be estimated.

    `quiet` is None while that cannot be told.
    """

    estimate: PerformanceEstimate | None = None
    log_evidence: float = 0.0
    findings: tuple[Finding, ...] = ()
    quiet: bool | None = None

    def to_json(self) -> dict[str, Any] | None:
        """JSON-ready form: method, figures with intervals, the reference's, problems, sentence."""
        if (told := self.estimate) is None:
            return None
        return {
            "method": told.method,
            "rows": told.rows,
            "figures": {name: _numbers(item.value, item.low, item.high) for name, item in told.figures.items()},
            "reference": dict(told.reference),
            "log_evidence": max(self.log_evidence, 0.0),
            "problems": list(told.problems),
            "sentence": told.sentence,
        }


@lru_cache(maxsize=4)
def estimator_of(reference: Reference) -> Estimator | None:
    """The estimator of a baseline's reference; made once, a baseline serves many windows."""
    return Estimator.of(reference)


def check_estimate(
    reference: Reference,
    state: EstimateState,
    scores: Tally,
    shifted: Mapping[int, Sequence[int]],
    log_threshold: float,
) -> tuple[EstimateReport, EstimateState]:
    """Estimate a window's performance and test its expected loss against the limit that measured loss has.

    `scores` and `shifted` as `Estimator.estimate` takes them. A finding needs evidence, a mean of the last windows
    above the limit, an interval above the reference, and assumptions that hold as far as they can be checked.
    """
    estimator = estimator_of(reference)
    if estimator is None or not scores:
        return EstimateReport(), state
    estimate, losses = estimator.estimate(scores, shifted)
    if not estimate.trusted:
        return EstimateReport(estimate), state
    after = state.update(losses, [count for _, count in scores])
    quiet = after.recent_mean <= after.detector.limit
    evidence = after.detector.log_evidence
    lost = not quiet and evidence >= log_threshold and estimate.figures["brier"].low > estimate.reference["brier"]
    findings = (_finding(estimate, after, log_threshold),) if lost else ()
    return EstimateReport(estimate, evidence, findings, quiet), after


def _finding(estimate: PerformanceEstimate, state: EstimateState, log_threshold: float) -> Finding:
    brier, auc = estimate.figures["brier"], estimate.figures["auc"]
    checked = "the reference's later half agrees with its earlier half and has rows where the window has its own"
    return Finding(
        kind="estimated_quality_loss",
        feature=None,
        statistic="estimated_brier",
        value=state.recent_mean,
        threshold=state.detector.limit,
        sentence=f"without labels, {estimate.method} estimates a mean Brier loss of {state.recent_mean:.3f}, above the "
        f"limit {state.detector.limit:.3f} (this window {brier.low:.3f} to {brier.high:.3f}, AUC {auc.value:.3f}; "
        f"reference {estimate.reference['brier']:.3f}, AUC {estimate.reference['auc']:.3f}), log evidence "
        f"{state.detector.log_evidence:.1f} of {log_threshold:.1f} needed; assumption checked: {checked}; {BLIND_SPOT}",
    )


def _numbers(*values: float) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]
