"""The check of labelled performance: mean Brier loss and the order of scores, both tested sequentially."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import reduce
from itertools import accumulate
from typing import Any

from seatrial.contracts.events import Finding
from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.loss_spread import LossSpread
from seatrial.statistics.losses import brier_losses
from seatrial.statistics.mean_detector import MeanDetector

NORMAL_95 = 1.645
SMALLEST_LIMIT, LARGEST_LIMIT = 0.01, 0.95
TOLD_WINDOWS = 3
"""Labelled windows whose mean a finding tells, and the fewest that a recovery rests on."""
RECOVERY_ROWS, RECOVERY_PAIRS = 480, 20
"""Fewest rows and pairs that tell a recovery: of so many, one standard error is about a tenth of a limit of 0.15, which
is what a loss is tolerated by. Hours of little traffic are taken together for it; with fewer, bad hours flap."""
MOST_WINDOWS = 168
"""Labelled windows that are taken together at most: a week."""


@dataclass(frozen=True)
class LossSums:
    """Sums of Brier losses over rows and of misordered pairs over pairs."""

    rows: int = 0
    brier: float = 0.0
    pairs: int = 0
    misordered: float = 0.0

    @classmethod
    def of(cls, predictions: Sequence[float], labels: Sequence[int]) -> "LossSums":
        """Sums of predictions with their labels."""
        losses, pairs = brier_losses(predictions, labels), misordered_pairs(predictions, labels)
        return cls(len(losses), math.fsum(losses), len(pairs), math.fsum(pairs))

    def merge(self, other: "LossSums") -> "LossSums":
        """Sums over both."""
        return LossSums(
            self.rows + other.rows,
            self.brier + other.brier,
            self.pairs + other.pairs,
            self.misordered + other.misordered,
        )


@dataclass(frozen=True)
class QualityState:
    """The two detectors, and sums of the last labelled windows, as many as a recovery needs.

    `ranking` is None when the baseline has no AUC.
    """

    brier: MeanDetector
    ranking: MeanDetector | None
    recent: tuple[LossSums, ...] = ()
    spreads: tuple[LossSpread, LossSpread] = (LossSpread(), LossSpread())
    """Of Brier losses and of misordered pairs."""

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
        return {
            "brier": _to_json(self.brier),
            "ranking": _to_json(self.ranking) if self.ranking else None,
            "recent": [list(astuple(sums)) for sums in self.recent],
            "spreads": [spread.to_json() for spread in self.spreads],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "QualityState":
        """Read what `to_json` wrote."""
        ranking = _from_json(data["ranking"]) if data["ranking"] else None
        recent = tuple(LossSums(*sums) for sums in data["recent"])
        brier, pairs = map(LossSpread.from_json, data.get("spreads", ((), ())))  # states of before have none
        return cls(_from_json(data["brier"]), ranking, recent, (brier, pairs))

    def update(self, losses: Sequence[float], pairs: Sequence[float], hour: int | None = None) -> "QualityState":
        """The state after one more batch of labels, of predictions of that hour since 1970; none changes nothing."""
        if not losses:
            return self
        sums = LossSums(len(losses), math.fsum(losses), len(pairs), math.fsum(pairs))
        of_brier, of_pairs = self.spreads  # what is known before this batch: a bet must not know its outcome
        return QualityState(
            self.brier.update(losses, of_brier.design_effect),
            self.ranking.update(pairs, of_pairs.design_effect) if self.ranking else None,
            self._kept((*self.recent, sums)),
            (of_brier.plus(hour, losses), of_pairs.plus(hour, pairs)),
        )

    def cleared(self) -> "QualityState":
        """The state after a loss has cleared: its evidence is gone, how restless the hours are is still known."""
        ranking = MeanDetector(self.ranking.limit) if self.ranking else None
        return QualityState(MeanDetector(self.brier.limit), ranking, spreads=self.spreads)

    def _kept(self, recent: tuple[LossSums, ...]) -> tuple[LossSums, ...]:
        """The newest windows that together can tell a recovery."""
        totals = enumerate(accumulate(reversed(recent), LossSums.merge), start=1)
        enough = next((windows for windows, total in totals if windows >= TOLD_WINDOWS and self._tells(total)), None)
        return recent[-(enough or MOST_WINDOWS) :]

    def _tells(self, total: LossSums) -> bool:
        return total.rows >= RECOVERY_ROWS and (self.ranking is None or total.pairs >= RECOVERY_PAIRS)

    @property
    def recovered(self) -> bool | None:
        """Whether labels are within the limits again; None while too few came to tell."""
        if not self._tells(_total(self.recent)):
            return None
        return all(mean.quiet for windows in (TOLD_WINDOWS, MOST_WINDOWS) for mean in self.recent_means(windows))

    def recent_means(self, windows: int = TOLD_WINDOWS) -> tuple["RecentMean", ...]:
        """What the last labelled windows together say, one for each detector."""
        total = _total(self.recent[-windows:])
        means = [RecentMean("brier", "mean Brier loss", self.brier, total.rows, total.brier)]
        if self.ranking:
            words = "share of misordered pairs (1 - AUC)"
            means.append(RecentMean("misordered_pairs", words, self.ranking, total.pairs, total.misordered))
        return tuple(means)


@dataclass(frozen=True)
class RecentMean:
    """The mean of the last labelled windows beside the detector that watches it."""

    statistic: str
    words: str
    detector: MeanDetector
    count: int
    total: float

    @property
    def mean(self) -> float:
        """The mean, 0 without values."""
        return self.total / self.count if self.count else 0.0

    @property
    def quiet(self) -> bool:
        """Not above the limit by more than one standard error, for which a yes-or-no loss gives an upper bound."""
        limit = self.detector.limit
        return not self.count or self.mean <= limit + math.sqrt(limit * (1 - limit) / self.count)

    def finding(self, log_threshold: float) -> Finding | None:
        """A loss of quality, when there is enough evidence and the last windows are not quiet."""
        detector = self.detector
        if self.quiet or detector.log_evidence < log_threshold:
            return None
        return Finding(
            kind="quality_loss",
            feature=None,
            statistic=self.statistic,
            value=self.mean,
            threshold=detector.limit,
            sentence=f"{self.words} {self.mean:.3f} is above the limit {detector.limit:.3f}, "
            f"log evidence {detector.log_evidence:.1f} of {log_threshold:.1f} needed",
        )


@dataclass(frozen=True)
class QualityReport:
    """What newly labelled predictions say; `quiet` is None while too few came to tell."""

    rows: int
    log_evidence: float
    findings: tuple[Finding, ...]
    quiet: bool | None
    brier: float | None
    misordered: float | None
    alarmed: bool = False
    """The labels so far tell a loss, also where none came now."""


def check_quality(
    state: QualityState,
    predictions: Sequence[float],
    labels: Sequence[int],
    log_threshold: float,
    *,
    hour: int | None = None,
) -> tuple[QualityReport, QualityState]:
    """Judge predictions whose labels have just become known, each once; returns the detectors' next state.

    `hour` (since 1970) is when they were made; without it each batch follows the last.
    """
    losses, pairs = brier_losses(predictions, labels), misordered_pairs(predictions, labels)
    after = state.update(losses, pairs, hour)
    means = after.recent_means()
    told = tuple(finding for mean in means if (finding := mean.finding(log_threshold)))
    evidence = max(mean.detector.log_evidence for mean in means)
    quiet = after.recovered if losses else None
    findings = told if losses else ()
    return QualityReport(len(losses), evidence, findings, quiet, _mean(losses), _mean(pairs), bool(told)), after


def misordered_pairs(predictions: Sequence[float], labels: Sequence[int]) -> list[float]:
    """One value for each pair of a churner and a stayer, no row in two pairs: 1 when the stayer scores higher.

    The mean is an unbiased estimate of 1 - AUC from independent values, as the betting test needs; a tie counts half.

    >>> misordered_pairs([0.9, 0.1, 0.4, 0.4], [1, 0, 1, 0])
    [0.0, 0.5]
    """
    positives = [score for score, label in zip(predictions, labels, strict=True) if label]
    negatives = [score for score, label in zip(predictions, labels, strict=True) if not label]
    return [(negative > positive) + 0.5 * (negative == positive) for positive, negative in zip(positives, negatives)]  # noqa: B905


def _total(windows: Sequence[LossSums]) -> LossSums:
    return reduce(LossSums.merge, windows, LossSums())


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _bounded(limit: float) -> float:
    return min(max(limit, SMALLEST_LIMIT), LARGEST_LIMIT)


def _to_json(detector: MeanDetector) -> list[Any]:
    return [detector.limit, [value if math.isfinite(value) else None for value in detector.log_wealth]]


def _from_json(items: list[Any]) -> MeanDetector:
    limit, wealth = items
    return MeanDetector(limit, tuple(-math.inf if value is None else value for value in wealth))
