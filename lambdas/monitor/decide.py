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
from seatrial.decisions.alerting import AlertDecision, decide
from seatrial.monitoring.evidence import window_evidence
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Evaluation, MonitorState, evaluate
from seatrial.statistics.window import summarise_window


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
    predictions = [] if memory.replaced else data.predictions
    summary = summarise_window(baseline, data.rows, predictions, data.capture.rejected)
    evaluation, state = evaluate(baseline, state, summary, data.labelled, limits)
    evidence = window_evidence(case.window, evaluation, files=data.capture_files, idle=data.idle)
    decision = decide(evidence, memory.incidents, model_replaced=memory.replaced)
    cleared = {incident.condition for incident in decision.cleared}
    state = state.without_drift() if "drift" in cleared else state
    state = state.without_quality_loss(baseline, limits) if "quality_loss" in cleared else state
    after = _remember(case, evaluation, decision, state)
    verdict = _verdict(case, evaluation, decision)
    statistics = summary.to_model_monitor_statistics(baseline)
    return _judgement(case, verdict, evaluation, decision, statistics), after


def _remember(case: Case, evaluation: Evaluation, decision: AlertDecision, state: MonitorState) -> Memory:
    """The next memory; hours that have left the look-back are forgotten."""
    window, memory, settings = case.window, case.memory, case.configuration.settings
    lookback = HOUR * (settings.label_delay_hours + settings.label_lookback_hours)
    faulty = [hour for hour in memory.faulty_hours if parse_time(hour) >= parse_time(window) - lookback]
    since = format_time(parse_time(window) + HOUR) if memory.replaced else memory.since
    return replace(
        memory,
        since=since,
        last_window=window,
        statistics=state.to_json(),
        incidents=decision.incidents,
        used_labels=dict(case.data.used_labels),
        faulty_hours=(*faulty, window) if evaluation.schema else tuple(faulty),
        replaced=False,
    )


def _verdict(case: Case, evaluation: Evaluation, decision: AlertDecision) -> MonitoringVerdict:
    window, configuration = case.window, case.configuration
    start = parse_time(window)
    prefix = f"s3://{configuration.artifacts_bucket}/{report_prefix(configuration, window)}"
    return MonitoringVerdict(
        endpoint_name=configuration.endpoint_name,
        variant_name=configuration.variant_name,
        model_package_arn=case.serving.package_arn,
        window_start=window,
        window_end=format_time(start + HOUR),
        verdict=decision.verdict,
        severity=decision.severity,
        rows=evaluation.rows,
        labelled_rows=evaluation.quality.rows,
        sentence=decision.sentence,
        incident_id=decision.incident_id,
        incident_state=decision.incident_state,
        report_uri=prefix + layout.VERDICT_FILE,
        violations_uri=prefix + model_monitor.VIOLATIONS_FILE,
        findings=(*evaluation.schema, *evaluation.quality.findings, *evaluation.drift),
    )


def _judgement(
    case: Case,
    verdict: MonitoringVerdict,
    evaluation: Evaluation,
    decision: AlertDecision,
    statistics: Mapping[str, Any],
) -> Judgement:
    open_conditions = {incident.condition for incident in decision.incidents}
    return Judgement(
        window=case.window,
        detail=verdict.to_detail(),
        metrics={
            "WindowRows": evaluation.rows,
            "LabelledRows": evaluation.quality.rows,
            "UnmatchedLabels": case.data.unmatched,
            "DriftStatistic": evaluation.drift_statistic,
            "QualityLossStatistic": evaluation.quality_loss_statistic,
            "SchemaViolations": len(evaluation.schema),
            "InputDrift": int("drift" in open_conditions),
            "QualityLoss": int("quality_loss" in open_conditions),
            "MissingData": int("missing_data" in open_conditions),
        },
        statistics=statistics,
        violations=model_monitor.violations_document(verdict.findings),
        evidence={
            "log_threshold": evaluation.log_threshold,
            "drift_statistic": evaluation.drift_statistic,
            "quality_loss_statistic": evaluation.quality_loss_statistic,
            "distributions": [report.to_json() for report in evaluation.reports],
            "quality": {"brier": evaluation.quality.brier, "misordered_pairs": evaluation.quality.misordered},
            "open_incidents": [asdict(incident) for incident in decision.incidents],
        },
    )
