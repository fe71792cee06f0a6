"""From a window's data to its judgement: statistics first, then the verdict and the incidents."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from memory import Memory
from parse import HOUR, Configuration, format_time, parse_time
from report import Judgement, report_prefix
from window_data import WindowData

from seatrial.contracts import layout, model_monitor
from seatrial.contracts.events import MonitoringVerdict
from seatrial.contracts.serving import Serving
from seatrial.decisions.alerting import AlertDecision, WindowEvidence, decide
from seatrial.monitoring.evidence import window_evidence
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Evaluation, MonitorState, evaluate
from seatrial.statistics.schema_checks import ROW_FAULTS
from seatrial.statistics.summary import summarise
from seatrial.statistics.window import WindowSummary


@dataclass(frozen=True, kw_only=True)
class Case:
    """One window with all that it is judged by."""

    window: str
    data: WindowData
    baseline: Baseline
    memory: Memory
    serving: Serving
    configuration: Configuration


def judge(case: Case) -> tuple[Judgement, Memory]:
    """Judge one window; returns the judgement and what is remembered for the next."""
    data, baseline, memory, limits = case.data, case.baseline, case.memory, case.configuration.limits
    fresh = MonitorState.fresh(baseline, limits)
    state = MonitorState.from_json(memory.statistics) if memory.statistics else fresh
    summary = _without_predictions(baseline, data.summary) if memory.replaced else data.summary
    hour = int(parse_time(case.window).timestamp()) // 3600
    evaluation, state = evaluate(baseline, state, summary, data.labelled, limits, hour=hour)
    evaluation = replace(evaluation, schema=(*evaluation.schema, *data.findings))
    decision = decide(_evidence(case, evaluation), memory.incidents, model_replaced=memory.replaced)
    cleared = {incident.condition for incident in decision.cleared}
    state = state.without_drift() if "drift" in cleared else state
    state = state.without_quality_loss(baseline, limits) if "quality_loss" in cleared else state
    after = _remember(case, evaluation, decision, state)
    verdict = _verdict(case, evaluation, decision)
    statistics = summary.to_model_monitor_statistics(baseline)
    return _judgement(case, verdict, evaluation, decision, statistics), after


def _without_predictions(baseline: Baseline, summary: WindowSummary) -> WindowSummary:
    """A window in which the model was replaced: part of its predictions are the predecessor's."""
    return replace(summary, predictions=summarise(baseline.predictions.cells, ()), scores=())


def _evidence(case: Case, evaluation: Evaluation) -> WindowEvidence:
    data = case.data
    return window_evidence(
        case.window,
        evaluation,
        files=len(data.capture_files),
        idle=_idle(case),
        requests=data.invocations,
        hint=data.hint,
        absent=_absent(case),
    )


def _idle(case: Case) -> bool | None:
    """Whether nothing could have come; None where nobody knows, as of transform jobs and of tables that may be late."""
    source = case.configuration.source
    if source is None:
        return case.data.idle
    return False if source.required or case.data.unread else None


def _absent(case: Case) -> str:
    """What is told of a source that has nothing in a window."""
    source = case.configuration.source
    if source is None:
        return ""
    place = f"s3://{source.bucket}/{source.prefix}"
    return case.data.unread or f"nothing of this {source.window} lies below {place}, which monitoring.sources requires"


def _remember(case: Case, evaluation: Evaluation, decision: AlertDecision, state: MonitorState) -> Memory:
    """The next memory; hours that have left the look-back are forgotten."""
    window, memory, settings = case.window, case.memory, case.configuration.settings
    lookback = HOUR * (settings.label_delay_hours + settings.label_lookback_hours)
    faulty = [hour for hour in memory.faulty_hours if parse_time(hour) >= parse_time(window) - lookback]
    since = format_time(parse_time(window) + HOUR) if memory.replaced else memory.since
    spoilt = any(finding.kind in ROW_FAULTS for finding in evaluation.schema)
    return replace(
        memory,
        since=since,
        last_window=window,
        statistics=state.to_json(),
        incidents=decision.incidents,
        used_labels=dict(case.data.used_labels),
        faulty_hours=(*faulty, window) if spoilt else tuple(faulty),
        labelled_before=memory.labelled_before or bool(case.data.labels),
        waiting_since=_waiting_since(case, evaluation),
        replaced=False,
    )


def _waiting_since(case: Case, evaluation: Evaluation) -> str | None:
    """The first hour with rows after the newest one whose labels have come."""
    since, newest = case.memory.waiting_since, max(case.data.labels, default="")
    if since is not None and newest < since:
        return since
    return case.window if evaluation.rows and newest < case.window else None


def _verdict(case: Case, evaluation: Evaluation, decision: AlertDecision) -> MonitoringVerdict:
    window, configuration, data = case.window, case.configuration, case.data
    prefix = f"s3://{configuration.artifacts_bucket}/{report_prefix(configuration, window)}"
    alarming = decision.verdict in {"drift", "quality_loss"}
    estimate = evaluation.estimate.estimate
    return MonitoringVerdict(
        endpoint_name=configuration.endpoint_name,
        variant_name=configuration.variant_name,
        model_package_arn=case.serving.package_arn,
        window_start=window,
        window_end=format_time(parse_time(window) + configuration.window_length),
        verdict=decision.verdict,
        severity=decision.severity,
        rows=evaluation.rows,
        labelled_rows=evaluation.quality.rows,
        sentence=_sentence(case, evaluation, decision),
        incident_id=decision.incident_id,
        incident_state=decision.incident_state,
        report_uri=prefix + layout.VERDICT_FILE,
        violations_uri=prefix + model_monitor.VIOLATIONS_FILE,
        findings=(*evaluation.schema, *evaluation.losses, *evaluation.drift),
        root_cause=evaluation.root_cause if alarming else None,
        sampled_share=data.summary.sampled_share,
        unreadable=data.summary.unreadable,
        partial=_partial(case),
        label_coverage=data.label_coverage,
        estimated_auc=estimate.figures["auc"].value if estimate and estimate.trusted else None,
    )


def _partial(case: Case) -> bool:
    """Whether more of the captured lines than is in order could not be read."""
    summary = case.data.summary
    total = summary.rows + summary.misfits + summary.unreadable
    return summary.unreadable > case.configuration.settings.maximum_unreadable_share * total


def _sentence(case: Case, evaluation: Evaluation, decision: AlertDecision) -> str:
    """The decision's sentence, with the root cause and with what limits its truth."""
    summary, parts = case.data.summary, [decision.sentence]
    if evaluation.root_cause and decision.verdict in {"drift", "quality_loss"}:
        parts.append(f"root cause: {evaluation.root_cause.sentence}")
    if _partial(case):
        reasons = ", ".join(f"{reason}: {count}" for reason, count in case.data.reasons.items())
        parts.append(f"partial: {summary.unreadable} captured lines cannot be read ({reasons}) and are in quarantine")
    if summary.sampled_share < 1:
        parts.append(f"read was a sample of {summary.sampled_share:.1%} of the requests: {_why(case.configuration)}")
    return "; ".join(parts)


def _why(configuration: Configuration) -> str:
    """Why not all of a window was read, and which key of the engagement changes that."""
    if configuration.source and configuration.window_job:
        return "monitoring.volume.processing_maximum_gib is the most that a job reads of a source"
    if configuration.window_spark:
        return "the jobs that were to read all of them failed"
    if configuration.window_job:
        return "monitoring.volume.spark names what reads larger windows in full"
    return "monitoring.volume.larger names what reads larger windows in full"


def _judgement(
    case: Case,
    verdict: MonitoringVerdict,
    evaluation: Evaluation,
    decision: AlertDecision,
    statistics: Mapping[str, Any],
) -> Judgement:
    return Judgement(
        window=case.window,
        detail=verdict.to_detail(),
        metrics=_metrics(case, evaluation, decision),
        statistics=statistics,
        violations=model_monitor.violations_document(verdict.findings),
        inputs=case.data,
        before=case.memory,
        digest=case.data.digest,
        evidence={
            "log_threshold": evaluation.log_threshold,
            "drift_statistic": evaluation.drift_statistic,
            "quality_loss_statistic": evaluation.quality_loss_statistic,
            "distributions": [report.to_json() for report in evaluation.reports],
            "quality": {"brier": evaluation.quality.brier, "misordered_pairs": evaluation.quality.misordered},
            "estimate": evaluation.estimate.to_json(),
            "labels": {
                hour: {"requests": item.requests, "joined": item.joined} for hour, item in case.data.labels.items()
            },
            "open_incidents": [asdict(incident) for incident in decision.incidents],
        },
    )


def _metrics(case: Case, evaluation: Evaluation, decision: AlertDecision) -> dict[str, float]:
    data, estimate = case.data, evaluation.estimate.estimate
    conditions = {incident.condition for incident in decision.incidents}
    metrics: dict[str, float] = {
        "WindowRows": evaluation.rows,
        "LabelledRows": evaluation.quality.rows,
        "UnmatchedLabels": data.unmatched,
        "UnreadableLines": data.summary.unreadable,
        "RepeatedIds": data.summary.repeated,
        "SampledShare": data.summary.sampled_share,
        "DriftStatistic": evaluation.drift_statistic,
        "QualityLossStatistic": evaluation.quality_loss_statistic,
        "SchemaViolations": len(evaluation.schema),
        "InputDrift": int("drift" in conditions),
        "QualityLoss": int("quality_loss" in conditions),
        "MissingData": int("missing_data" in conditions),
    }
    if data.label_coverage is not None:
        metrics["LabelCoverage"] = data.label_coverage
    if estimate and estimate.trusted:
        metrics["EstimatedAuc"] = estimate.figures["auc"].value
    return metrics
