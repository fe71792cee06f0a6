"""The check of labelled performance: mean Brier loss and the order of scores, both tested sequentially."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.contracts.events import Finding
from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.losses import brier_losses
from seatrial.statistics.mean_detector import MeanDetector

NORMAL_95 = 1.645
SMALLEST_LIMIT, LARGEST_LIMIT = 0.01, 0.95
MINIMUM_RECOVERY_ROWS = 20


@dataclass(frozen=True)
class QualityState:
    """The two detectors; `ranking` is None when the baseline has no AUC."""

    brier: MeanDetector
    ranking: MeanDetector | None

    @classmethod
    def fresh(cls, baseline: QualityBaseline, loss_tolerance: float, auc_tolerance: float) -> "QualityState":
        """Detectors that have seen nothing.

        The limits are the baseline's loss plus a tolerance (relative for Brier, absolute for AUC) plus the upper
        end of the baseline's own sampling error, so that an unlucky validation split alone never alarms.
        """
        margin = NORMAL_95 * baseline.brier_std_dev / math.sqrt(baseline.rows)
        brier = MeanDetector(_bounded(baseline.brier * (1 + loss_tolerance) + margin))
        if baseline.auc is None:
            return cls(brier, None)
        return cls(brier, MeanDetector(_bounded(1 - baseline.auc.low + auc_tolerance)))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form; minus infinity becomes null."""
        return {"brier": _to_json(self.brier), "ranking": _to_json(self.ranking) if self.ranking else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "QualityState":
        """Read what `to_json` wrote."""
        return cls(_from_json(data["brier"]), _from_json(data["ranking"]) if data["ranking"] else None)


@dataclass(frozen=True)
class QualityReport:
    """What newly labelled predictions say; `quiet` is None while too few came to tell."""

    rows: int
    log_evidence: float
    findings: tuple[Finding, ...]
    quiet: bool | None
    brier: float | None
    misordered: float | None


def check_quality(
    state: QualityState, predictions: Sequence[float], labels: Sequence[int], log_threshold: float
) -> tuple[QualityReport, QualityState]:
    """Judge predictions whose labels have just become known, each once; returns the detectors' next state."""
    losses, pairs = brier_losses(predictions, labels), misordered_pairs(predictions, labels)
    after = QualityState(state.brier.update(losses), state.ranking.update(pairs) if state.ranking else None)
    brier, misordered = _mean(losses), _mean(pairs)
    findings = [
        _finding(statistic, words, mean, detector, log_threshold)
        for statistic, words, mean, detector in (
            ("brier", "mean Brier loss", brier, after.brier),
            ("misordered_pairs", "share of misordered pairs (1 - AUC)", misordered, after.ranking),
        )
        if detector and mean is not None and mean > detector.limit and detector.log_evidence >= log_threshold
    ]
    evidence = max(detector.log_evidence for detector in (after.brier, after.ranking) if detector)
    quiet = _quiet(after, brier, misordered) if len(losses) >= MINIMUM_RECOVERY_ROWS else None
    return QualityReport(len(losses), evidence, tuple(findings), quiet, brier, misordered), after


def misordered_pairs(predictions: Sequence[float], labels: Sequence[int]) -> list[float]:
    """One value for each pair of a churner and a stayer, no row in two pairs: 1 when the stayer scores higher.

    The mean is an unbiased estimate of 1 - AUC from independent values, as the betting test needs; a tie counts half.

    >>> misordered_pairs([0.9, 0.1, 0.4, 0.4], [1, 0, 1, 0])
    [0.0, 0.5]
    """
    positives = [score for score, label in zip(predictions, labels, strict=True) if label]
    negatives = [score for score, label in zip(predictions, labels, strict=True) if not label]
    return [(negative > positive) + 0.5 * (negative == positive) for positive, negative in zip(positives, negatives)]  # noqa: B905


def _finding(statistic: str, words: str, mean: float, detector: MeanDetector, log_threshold: float) -> Finding:
    return Finding(
        kind="quality_loss",
        feature=None,
        statistic=statistic,
        value=mean,
        threshold=detector.limit,
        sentence=f"{words} {mean:.3f} is above the limit {detector.limit:.3f}, "
        f"log evidence {detector.log_evidence:.1f} of {log_threshold:.1f} needed",
    )


def _quiet(state: QualityState, brier: float | None, misordered: float | None) -> bool:
    pairs = ((state.brier, brier), (state.ranking, misordered))
    return all(mean <= detector.limit for detector, mean in pairs if detector and mean is not None)


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _bounded(limit: float) -> float:
    return min(max(limit, SMALLEST_LIMIT), LARGEST_LIMIT)


def _to_json(detector: MeanDetector) -> list[Any]:
    return [detector.limit, [value if math.isfinite(value) else None for value in detector.log_wealth]]


def _from_json(items: list[Any]) -> MeanDetector:
    limit, wealth = items
    return MeanDetector(limit, tuple(-math.inf if value is None else value for value in wealth))
