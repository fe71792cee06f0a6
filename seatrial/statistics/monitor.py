"""One window's evaluation: schema, drift and labelled performance, with the state carried to the next window."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from seatrial.contracts.events import Finding
from seatrial.statistics.alarm_budget import WINDOWS_PER_YEAR, log_threshold
from seatrial.statistics.baseline import PREDICTION, Baseline
from seatrial.statistics.bins import NumericBins
from seatrial.statistics.distribution_check import (
    Distribution,
    DriftLimits,
    DriftReport,
    check_distribution,
    drift_finding,
)
from seatrial.statistics.distribution_history import Counts
from seatrial.statistics.drift_state import DriftState
from seatrial.statistics.quality_check import QualityReport, QualityState, check_quality
from seatrial.statistics.schema_checks import SchemaLimits, check_schema
from seatrial.statistics.window import WindowSummary

LABEL = "label_rate"
MINIMUM_LABELS = 20
STATE_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class MonitorLimits:
    """Everything an engagement may set about the statistics."""

    minimum_rows: int = 50
    alarm_budget_per_year: float = 1.0
    windows_per_year: int = WINDOWS_PER_YEAR
    maximum_missing_share: float = 0.05
    maximum_unknown_share: float = 0.05
    minimum_effect: float = 0.05
    """In standard deviations, or what has the distance of such a shift; 0.25 until the traffic's rhythm is known."""
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    null_rows: float = 10_000.0
    """The baseline's level is never taken to be surer than from so many rows."""


@dataclass(frozen=True)
class MonitorState:
    """What is remembered between windows; it belongs to one model package."""

    quality: QualityState
    drift: DriftState = field(default_factory=DriftState)

    @classmethod
    def fresh(cls, baseline: Baseline, limits: MonitorLimits) -> "MonitorState":
        """The state before the first window."""
        return cls(QualityState.fresh(baseline.quality, limits.loss_tolerance, limits.auc_tolerance))

    def without_drift(self) -> "MonitorState":
        """The state after a drift incident has cleared: what led to it is no evidence any more."""
        return replace(self, drift=self.drift.cleared())

    def without_quality_loss(self, baseline: Baseline, limits: MonitorLimits) -> "MonitorState":
        """The state after a loss of quality has cleared."""
        return replace(self, quality=MonitorState.fresh(baseline, limits).quality)

    def to_json(self) -> str:
        """Serialize compactly."""
        document = {"version": STATE_VERSION, "quality": self.quality.to_json(), "drift": self.drift.to_json()}
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "MonitorState":
        """Read what `to_json` wrote; of version 1 (without hours) only what is known of quality can be kept."""
        data = json.loads(text)
        if data["version"] not in (1, STATE_VERSION):
            raise ValueError(f"monitor state: version must be {STATE_VERSION}, got {data['version']!r}")
        drift = DriftState.from_json(data["drift"]) if data["version"] == STATE_VERSION else DriftState()
        return cls(QualityState.from_json(data["quality"]), drift)


@dataclass(frozen=True)
class Labelled:
    """Predictions whose labels have become known since the last window."""

    predictions: Sequence[float] = ()
    labels: Sequence[int] = ()


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one window says; `judged_rows` is 0 while there are too few rows to judge drift."""

    rows: int
    judged_rows: int
    schema: tuple[Finding, ...]
    drift: tuple[Finding, ...]
    drift_quiet: bool | None
    reports: tuple[DriftReport, ...]
    quality: QualityReport
    log_threshold: float

    @property
    def drift_statistic(self) -> float:
        """Largest log evidence of drift, as a share of what an alarm needs; never below 0."""
        return max((max(report.log_evidence, 0.0) / self.log_threshold for report in self.reports), default=0.0)

    @property
    def quality_loss_statistic(self) -> float:
        """Log evidence of a loss of quality, as a share of what an alarm needs; never below 0."""
        return max(self.quality.log_evidence, 0.0) / self.log_threshold


def evaluate(
    baseline: Baseline,
    state: MonitorState,
    window: WindowSummary,
    labelled: Labelled,
    limits: MonitorLimits,
    *,
    hour: int | None = None,
) -> tuple[Evaluation, MonitorState]:
    """Judge one window and the labels that came with it; returns the state for the next window.

    `hour` is the window's beginning in hours since 1970 (UTC), by which it is compared with the same hour of other
    days; without it windows are taken to follow each other by the hour.
    Rows with a schema violation are kept out of the drift histories: a broken feed is not drift.
    """
    threshold = log_threshold(_tests(baseline), limits.alarm_budget_per_year, limits.windows_per_year)
    schema = check_schema(baseline, window, _schema_limits(limits, threshold))
    counts = {} if schema else _window_counts(baseline, window)
    judged, known = state.drift.observe(distributions(baseline), counts, limits.minimum_rows, hour)
    state = replace(state, drift=_with_labels(baseline, known, labelled, hour))
    drift = DriftLimits(threshold, limits.minimum_effect, limits.null_rows)
    reports, findings = _check_drift(baseline, state.drift, drift)
    quality, after = check_quality(state.quality, labelled.predictions, labelled.labels, threshold)
    evaluation = Evaluation(
        rows=window.rows + window.misfits,
        judged_rows=judged,
        schema=schema,
        drift=findings if judged or labelled.labels else (),
        drift_quiet=all(report.quiet for report in reports) if judged else None,
        reports=reports,
        quality=quality,
        log_threshold=threshold,
    )
    return evaluation, replace(state, quality=after)


def distributions(baseline: Baseline) -> tuple[Distribution, ...]:
    """All distributions that are watched: each feature, the predictions and the labels."""
    features = [
        Distribution(item.name, "input_drift", item.summary.cells, isinstance(item.cells, NumericBins))
        for item in baseline.features
    ]
    scores = Distribution(PREDICTION, "prediction_drift", baseline.predictions.summary.cells, ordered=True)
    quality = baseline.quality
    labels = (quality.rows - quality.positives, quality.positives, 0)
    return (*features, scores, Distribution(LABEL, "prediction_drift", labels, ordered=False))


def _tests(baseline: Baseline) -> int:
    """Tests that share the budget: drift and three schema checks a feature, predictions, labels, two of quality."""
    return 4 * len(baseline.features) + 4


def _schema_limits(limits: MonitorLimits, threshold: float) -> SchemaLimits:
    return SchemaLimits(
        log_threshold=threshold,
        maximum_missing_share=limits.maximum_missing_share,
        maximum_unknown_share=limits.maximum_unknown_share,
    )


def _window_counts(baseline: Baseline, window: WindowSummary) -> dict[str, Counts]:
    counts = {item.name: summary.cells for item, summary in zip(baseline.features, window.features, strict=True)}
    return {**counts, PREDICTION: window.predictions.cells}


def _with_labels(baseline: Baseline, state: DriftState, labelled: Labelled, hour: int | None) -> DriftState:
    if len(labelled.labels) < MINIMUM_LABELS:
        return state
    positives = sum(labelled.labels)
    counts = {LABEL: (len(labelled.labels) - positives, positives, 0)}
    _, after = replace(state, pending={}).observe(distributions(baseline), counts, 1, hour)
    return replace(after, pending=state.pending)


def _check_drift(
    baseline: Baseline, state: DriftState, limits: DriftLimits
) -> tuple[tuple[DriftReport, ...], tuple[Finding, ...]]:
    watched = [item for item in distributions(baseline) if item.name in state.histories]
    reports = tuple(
        check_distribution(item, state.histories[item.name], limits, state.rhythms.get(item.name)) for item in watched
    )
    pairs = zip(watched, reports, strict=True)
    return reports, tuple(drift_finding(item, report, limits) for item, report in pairs if report.drifted)
