"""One window's evaluation: schema, drift and labelled performance, with the state carried to the next window."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress

from seatrial.contracts.events import Finding, RootCause
from seatrial.statistics.alarm_budget import WINDOWS_PER_YEAR, log_threshold
from seatrial.statistics.baseline import PREDICTION, Baseline
from seatrial.statistics.bins import NumericBins
from seatrial.statistics.distribution_check import (
    Distribution,
    DriftLimits,
    DriftReport,
    drift_finding,
)
from seatrial.statistics.distribution_history import Counts
from seatrial.statistics.drift_state import DriftState
from seatrial.statistics.estimate_check import EstimateReport, EstimateState, check_estimate
from seatrial.statistics.loss_series import LossSeries
from seatrial.statistics.losses import brier_losses
from seatrial.statistics.mean_detector import MeanDetector
from seatrial.statistics.quality_check import QualityReport, QualityState, check_quality
from seatrial.statistics.rhythm import UNKNOWN_WINDOW_DEVIATION
from seatrial.statistics.schema_checks import (
    ROW_FAULTS,
    TESTS_A_FEATURE,
    TESTS_A_WINDOW,
    SchemaLimits,
    check_schema,
)
from seatrial.statistics.window import WindowSummary

LABEL = "label_rate"
MINIMUM_LABELS = 20
MOST_SHIFTED = 5
"""Drifted features by which an estimate is adapted: each more makes the weighted reference thinner."""
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
    unknown_rhythm: float = UNKNOWN_WINDOW_DEVIATION
    """Standard deviations by which hours may wander around their day while the traffic's rhythm is unknown."""
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    maximum_repeated_share: float = 0.05
    null_rows: float = 10_000.0
    """The baseline's level is never taken to be surer than from so many rows."""


@dataclass(frozen=True)
class MonitorState:
    """What is remembered between windows; it belongs to one model package."""

    quality: QualityState
    estimate: EstimateState
    drift: DriftState = field(default_factory=DriftState)
    losses: LossSeries = field(default_factory=LossSeries)

    @classmethod
    def fresh(cls, baseline: Baseline, limits: MonitorLimits) -> "MonitorState":
        """The state before the first window."""
        quality = QualityState.fresh(baseline.quality, limits.loss_tolerance, limits.auc_tolerance)
        return cls(quality, EstimateState(quality.brier), DriftState(rhythms=baseline.rhythms))

    def without_drift(self) -> "MonitorState":
        """The state after a drift incident has cleared: what led to it is no evidence any more."""
        return replace(self, drift=self.drift.cleared())

    def without_quality_loss(self, baseline: Baseline, limits: MonitorLimits) -> "MonitorState":
        """The state after a loss of quality has cleared."""
        fresh = MonitorState.fresh(baseline, limits)
        return replace(self, quality=self.quality.cleared(), estimate=fresh.estimate, losses=LossSeries())

    def to_json(self) -> str:
        """Serialize compactly."""
        document = {
            "version": STATE_VERSION,
            "quality": self.quality.to_json(),
            "estimate": self.estimate.to_json(),
            "drift": self.drift.to_json(),
            "losses": self.losses.windows,
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "MonitorState":
        """Read what `to_json` wrote; of version 1 (without hours) only what is known of quality can be kept."""
        data = json.loads(text)
        if data["version"] not in (1, STATE_VERSION):
            raise ValueError(f"monitor state: version must be {STATE_VERSION}, got {data['version']!r}")
        drift = DriftState.from_json(data["drift"]) if data["version"] == STATE_VERSION else DriftState()
        quality = QualityState.from_json(data["quality"])
        known = data.get("estimate")
        estimate = EstimateState.from_json(known) if known else EstimateState(MeanDetector(quality.brier.limit))
        return cls(quality, estimate, drift, LossSeries(tuple(map(tuple, data.get("losses", ())))))


@dataclass(frozen=True)
class Labelled:
    """Predictions whose labels have become known since the last window.

    `rows` (empty, or one for each label) are the inputs of these predictions, which serve to explain a loss; `hour`
    (since 1970) is when the newest of them were made.
    """

    predictions: Sequence[float] = ()
    labels: Sequence[int] = ()
    rows: Sequence[Sequence[str]] = ()
    hour: int | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What one window says; `judged_rows` is 0 while there are too few rows to judge drift.

    `pending_rows` are kept from this and earlier windows until together they are enough.
    """

    rows: int
    judged_rows: int
    pending_rows: int = 0
    schema: tuple[Finding, ...]
    drift: tuple[Finding, ...]
    drift_quiet: bool | None
    reports: tuple[DriftReport, ...]
    quality: QualityReport
    log_threshold: float
    estimate: EstimateReport = field(default_factory=EstimateReport)
    root_cause: RootCause | None = None

    @property
    def losses(self) -> tuple[Finding, ...]:
        """Losses of quality: measured on labels, and estimated without."""
        return (*self.quality.findings, *self.estimate.findings)

    @property
    def losses_quiet(self) -> bool | None:
        """Whether no loss is seen any more; None where that cannot be told. Labels outweigh an estimate."""
        if self.quality.rows:
            return self.quality.quiet and not self.estimate.findings
        return None if self.quality.alarmed else self.estimate.quiet

    @property
    def drift_statistic(self) -> float:
        """Largest log evidence of drift, as a share of what an alarm needs; never below 0."""
        return max((max(report.log_evidence, 0.0) / self.log_threshold for report in self.reports), default=0.0)

    @property
    def quality_loss_statistic(self) -> float:
        """Log evidence of a loss of quality, as a share of what an alarm needs; never below 0."""
        return max(self.quality.log_evidence, self.estimate.log_evidence, 0.0) / self.log_threshold


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
    days; without it, as of a table, rows are taken to be of all hours, and only days may differ by themselves.
    Rows with a schema violation are kept out of the drift histories: a broken feed is not drift.
    """
    threshold = log_threshold(tests_of(len(baseline.features)), limits.alarm_budget_per_year, limits.windows_per_year)
    schema = check_schema(baseline, window, _schema_limits(limits, threshold))
    broken = any(finding.kind in ROW_FAULTS for finding in schema)
    counts = {} if broken else _window_counts(baseline, window)
    judged, known = state.drift.observe(distributions(baseline), counts, limits.minimum_rows, hour)
    state = replace(state, drift=_with_labels(baseline, known, labelled, hour))
    unknown_rhythm = 0.0 if hour is None else limits.unknown_rhythm
    drift = DriftLimits(threshold, limits.minimum_effect, limits.null_rows, unknown_rhythm)
    reports, findings = _check_drift(baseline, state.drift, drift)
    state = replace(state, drift=state.drift.parted(reports))
    told = labelled.predictions, labelled.labels
    quality, after = check_quality(state.quality, *told, threshold, hour=labelled.hour)
    shifted = _shifted(baseline, window, reports)
    scores = window.scores if judged else ()
    estimate, expected = check_estimate(baseline.reference, state.estimate, scores, shifted, threshold)
    evaluation = Evaluation(
        rows=window.rows + window.misfits,
        judged_rows=judged,
        pending_rows=max((sum(item) for item in state.drift.pending.values()), default=0),
        schema=schema,
        drift=findings if judged or labelled.labels else (),
        drift_quiet=all(report.quiet for report in reports) if judged else None,
        reports=reports,
        quality=quality,
        log_threshold=threshold,
        estimate=estimate,
    )
    losses = state.losses.plus(labelled.hour, brier_losses(labelled.predictions, labelled.labels))
    after_all = replace(state, quality=after, estimate=expected, losses=losses)
    return replace(evaluation, root_cause=_explain(baseline, evaluation, after_all, window, labelled)), after_all


def _of_probabilities(labelled: Labelled) -> Labelled:
    """Without predictions that are no probabilities: a single NaN would blind the detectors of loss for ever."""
    usable = [0 <= score <= 1 for score in labelled.predictions]
    if all(usable):
        return labelled
    return replace(
        labelled,
        predictions=list(compress(labelled.predictions, usable)),
        labels=list(compress(labelled.labels, usable)),
        rows=list(compress(labelled.rows, usable)),
    )


def _explain(
    baseline: Baseline, evaluation: Evaluation, state: MonitorState, window: WindowSummary, labelled: Labelled
) -> RootCause | None:
    """The root cause of what the window tells; None when it tells nothing. Drifted inputs explain a loss, too."""
    if not evaluation.drift and not evaluation.losses:
        return None
    # Only an alarm needs these modules: a cold start does without them.
    from seatrial.statistics.explanation import explain_drift, explain_labelled_loss

    drift = None
    if evaluation.drift:
        drift = explain_drift(baseline, evaluation.reports, state.drift.histories, window.sample)
    inputs = any(finding.kind == "input_drift" for finding in evaluation.drift)
    if not evaluation.losses or (inputs and drift is not None):
        return drift
    seen = (labelled.rows, labelled.predictions, labelled.labels)
    return explain_labelled_loss(baseline, *seen, series=state.losses, drift=drift)


def _shifted(baseline: Baseline, window: WindowSummary, reports: Sequence[DriftReport]) -> dict[int, Counts]:
    """Counts of the features that have drifted most: where the reference must be weighted like the window."""
    drifted = sorted((report for report in reports if report.drifted), key=lambda report: -report.effect)
    places = {item.name: place for place, item in enumerate(baseline.features)}
    chosen = [places[report.name] for report in drifted if report.name in places][:MOST_SHIFTED]
    return {place: window.features[place].cells for place in chosen if window.features[place].rows}


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


def tests_of(features: int) -> int:
    """Tests that share the budget: drift and schema by feature; schema, predictions, labels and losses by window."""
    return (1 + TESTS_A_FEATURE) * features + TESTS_A_WINDOW + 5


def _schema_limits(limits: MonitorLimits, threshold: float) -> SchemaLimits:
    return SchemaLimits(
        log_threshold=threshold,
        maximum_missing_share=limits.maximum_missing_share,
        maximum_unknown_share=limits.maximum_unknown_share,
        maximum_repeated_share=limits.maximum_repeated_share,
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
    watched = {item.name: item for item in distributions(baseline)}
    reports = tuple(state.check(list(watched.values()), limits))
    drifted = [report for report in reports if report.drifted]
    return reports, tuple(drift_finding(watched[report.name], report, limits) for report in drifted)
