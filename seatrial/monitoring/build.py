"""Makes the report's record from judged windows."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from itertools import repeat
from typing import Any

from seatrial.contracts.model_monitor import statistics_document
from seatrial.decisions.alerting import SEVERITY
from seatrial.monitoring.features import rank_features
from seatrial.monitoring.known_baseline import KnownBaseline
from seatrial.monitoring.record import (
    BaselineRecord,
    Coverage,
    EstimateRecord,
    IncidentRecord,
    MonitorReport,
    QualityRecord,
    WindowRecord,
)
from seatrial.monitoring.watch import Judged, window_end
from seatrial.monitoring.words import headline, meaning
from seatrial.statistics.baseline import Baseline, feature_statistics
from seatrial.statistics.monitor import Evaluation, MonitorLimits
from seatrial.statistics.summary import FeatureSummary

EXPLAINED = ("drift", "quality_loss")
"""Conditions that have a root cause in the statistics; the others name theirs in the finding itself."""
LEADING = 8
"""Features whose evidence is kept for every window: more lines than a chart can show."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the user asked for, as the report repeats it."""

    window: str
    kind: str
    limits: MonitorLimits
    made_at: datetime


def build_report(known: KnownBaseline, asked: Asked, judged: Sequence[Judged]) -> MonitorReport:
    """Put together what the windows, which must be at least one, say."""
    coverage, incidents = _coverage(judged), _incidents(judged)
    features = rank_features(known.baseline, judged)
    quality, estimate = _quality(known, judged), _estimate(judged)
    performance = (quality, estimate) if known.judges_outcomes else None
    budget = asked.limits.alarm_budget_per_year
    return MonitorReport(
        made_at=asked.made_at,
        window=asked.window,
        kind=asked.kind,
        start=judged[0].name if judged[0].data.start else None,
        end=window_end(judged[-1]),
        baseline=_baseline(known),
        alarm_budget_per_year=budget,
        minimum_effect=asked.limits.minimum_effect,
        minimum_rows=asked.limits.minimum_rows,
        windows=tuple(map(_window, judged)),
        incidents=incidents,
        features=features,
        coverage=coverage,
        quality=quality,
        estimate=estimate,
        headline=headline(incidents, features, coverage),
        meaning=(*meaning(incidents, features, coverage, performance, budget), *_hints(known, judged)),
    )


def merged_statistics(baseline: Baseline, judged: Sequence[Judged]) -> dict[str, Any]:
    """All windows together as Model Monitor's statistics.json."""
    features = [
        reduce(FeatureSummary.merge, (item.summary.features[index] for item in judged))
        for index in range(len(baseline.features))
    ]
    entries = map(feature_statistics, baseline.features, features, repeat(None))
    return statistics_document(sum(item.summary.rows for item in judged), entries)


def _hints(known: KnownBaseline, judged: Sequence[Judged]) -> list[str]:
    """What to look at when rows do not fit a baseline of Model Monitor."""
    kinds = {finding.kind for item in judged for finding in item.evaluation.schema}
    if known.judges_outcomes or "missing_column" not in kinds:
        return []
    first = known.baseline.schema.names[0]
    sentence = (
        "Model Monitor's baselines often hold the label beside the inputs. If that is why columns seem to be missing, "
        f"name it with --ignore (the first column of this baseline is {first})."
    )
    return [sentence]


def _baseline(known: KnownBaseline) -> BaselineRecord:
    return BaselineRecord(
        place=known.place,
        origin=known.origin,
        digest=known.digest,
        package_arn=known.package_arn,
        rows=known.baseline.rows,
        features=len(known.baseline.features),
        notes=known.notes,
    )


def _window(judged: Judged) -> WindowRecord:
    evaluation, decision = judged.evaluation, judged.decision
    ranked = sorted(evaluation.reports, key=lambda report: -report.log_evidence)[:LEADING]
    told = evaluation.judged_rows > 0
    return WindowRecord(
        name=judged.name,
        start=judged.data.start,
        verdict=decision.verdict,
        severity=decision.severity,
        sentence=decision.sentence,
        incident_id=decision.incident_id,
        incident_state=decision.incident_state,
        rows=evaluation.rows,
        labelled_rows=evaluation.quality.rows,
        unreadable=judged.data.unreadable,
        files=judged.data.files,
        drift=evaluation.drift_statistic if told else None,
        quality=evaluation.quality_loss_statistic if _judges_quality(evaluation) else None,
        findings=(*evaluation.schema, *evaluation.losses, *evaluation.drift),
        root_cause=evaluation.root_cause,
        leading={item.name: max(item.log_evidence, 0.0) / evaluation.log_threshold for item in ranked if told},
    )


def _judges_quality(evaluation: Evaluation) -> bool:
    """Whether the window said anything of performance: by labels, or by an estimate that can be trusted."""
    told = evaluation.estimate.estimate
    return bool(evaluation.quality.rows) or (told is not None and told.trusted)


def _incidents(judged: Sequence[Judged]) -> tuple[IncidentRecord, ...]:
    """Every incident that was open after some window: those still open first, of these the gravest."""
    found: dict[str, IncidentRecord] = {}
    for item in judged:
        for incident in item.decision.incidents:
            record = found.get(incident.id) or IncidentRecord(
                id=incident.id,
                condition=incident.condition,
                severity=SEVERITY[incident.condition],
                opened_at=incident.opened_at,
                cleared_at=None,
                windows=0,
                sentence=_told(item, incident.condition),
                root_cause=None,
            )
            cause = item.evaluation.root_cause if incident.condition in EXPLAINED else None
            found[incident.id] = replace(record, windows=record.windows + 1, root_cause=record.root_cause or cause)
        for incident in item.decision.cleared:
            found[incident.id] = replace(found[incident.id], cleared_at=window_end(item) or item.name)
    return tuple(sorted(found.values(), key=lambda item: (item.cleared_at is not None, item.severity != "page")))


def _told(judged: Judged, condition: str) -> str:
    signal = next((item for name, item in judged.evidence.signals.items() if name == condition), None)
    return signal.sentence if signal else judged.decision.sentence


def _coverage(judged: Sequence[Judged]) -> Coverage:
    reasons: Counter[str] = Counter()
    for item in judged:
        reasons.update(item.data.reasons)
    return Coverage(
        windows=len(judged),
        judged_windows=sum(item.evaluation.judged_rows > 0 for item in judged),
        empty_windows=sum(not item.data.files for item in judged),
        files=sum(item.data.files for item in judged),
        rows=sum(item.summary.rows for item in judged),
        rows_of_other_width=sum(item.summary.misfits for item in judged),
        predictions=sum(item.summary.predictions.rows for item in judged),
        unreadable=reasons.total(),
        repeated=sum(item.summary.repeated for item in judged),
        reasons=dict(reasons.most_common()),
        labelled_rows=sum(item.evaluation.quality.rows for item in judged),
        unmatched_labels=sum(item.data.unmatched for item in judged),
    )


def _quality(known: KnownBaseline, judged: Sequence[Judged]) -> QualityRecord | None:
    """Means over all labelled windows, weighted by their labels; None without labels."""
    reports = [item.evaluation.quality for item in judged if item.evaluation.quality.rows]
    if not reports:
        return None
    rows = sum(report.rows for report in reports)
    ordered = [report for report in reports if report.misordered is not None]
    weight = sum(report.rows for report in ordered)
    misordered = math.fsum((report.misordered or 0.0) * report.rows for report in ordered)
    auc = known.baseline.quality.auc
    return QualityRecord(
        rows=rows,
        brier=math.fsum((report.brier or 0.0) * report.rows for report in reports) / rows,
        baseline_brier=known.baseline.quality.brier,
        auc=1 - misordered / weight if weight else None,
        baseline_auc=auc.area if auc else None,
    )


def _estimate(judged: Sequence[Judged]) -> EstimateRecord | None:
    """The last estimate without labels; None where the baseline allows none."""
    found = [(item.name, item.evaluation.estimate.estimate) for item in judged]
    name, estimate = next((pair for pair in reversed(found) if pair[1] is not None), ("", None))
    if estimate is None:
        return None
    auc = estimate.figures["auc"]
    return EstimateRecord(
        window=name,
        method=estimate.method,
        auc=auc.value,
        low=auc.low,
        high=auc.high,
        reference=estimate.reference["auc"],
        problems=estimate.problems,
        sentence=estimate.sentence,
    )
