"""What a window's evaluation says of each condition that can raise an alarm: the statistics in the policy's words."""

from collections.abc import Sequence

from seatrial.contracts.events import Finding, Severity
from seatrial.decisions.alerting import Condition, Signal, WindowEvidence, told
from seatrial.statistics.monitor import Evaluation

NOT_CAPTURED = "there were requests but no data capture files for this hour"


TICKETS = frozenset({"freshness", "uniqueness", "label_join"})
"""Faults that can wait for the morning: the rows that are there can still be judged."""


def window_evidence(
    window_start: str,
    evaluation: Evaluation,
    *,
    files: int,
    idle: bool | None,
    requests: float | None = None,
    hint: str = "",
    absent: str = "",
) -> WindowEvidence:
    """The evidence of one window.

    `window_start` is ISO 8601 UTC, `files` the number of its capture files; `idle` tells that no request came, None
    that nobody knows: then the absence of files says nothing. `requests` is how many came, where that is known; `hint`
    says where captures lie instead. `absent` is the sentence of a source that is no endpoint, where nothing was read.
    """
    captured = files > 0
    signals: dict[Condition, Signal] = {}
    if captured or idle is not None:
        signals["missing_data"] = Signal(not captured and not idle, captured, absent or _not_captured(requests, hint))
    if captured:
        severity = "ticket" if all(finding.kind in TICKETS for finding in evaluation.schema) else None
        signals["schema_violation"] = _signal(evaluation.schema, quiet=evaluation.rows > 0, severity=severity)
    if evaluation.quality.rows or evaluation.losses_quiet is not None or evaluation.losses:
        signals["quality_loss"] = _signal(evaluation.losses, quiet=evaluation.losses_quiet is True)
    if evaluation.judged_rows or evaluation.drift:
        signals["drift"] = _signal(evaluation.drift, quiet=evaluation.drift_quiet is True)
    judged = evaluation.judged_rows > 0
    return WindowEvidence(window_start, evaluation.rows, judged, signals, idle is True, _numbers(evaluation))


def _not_captured(requests: float | None, hint: str) -> str:
    told = NOT_CAPTURED if requests is None else NOT_CAPTURED.replace("requests", f"{requests:.0f} requests")
    return f"{told}; {hint}" if hint else told


def _numbers(evaluation: Evaluation) -> str:
    if not evaluation.judged_rows:
        return f"{evaluation.pending_rows} with those kept from before" if evaluation.pending_rows else ""
    drift, loss = evaluation.drift_statistic, evaluation.quality_loss_statistic
    return f"evidence of drift {drift:.0%}, of a loss {loss:.0%} of what an alarm needs"


def _signal(findings: Sequence[Finding], *, quiet: bool, severity: Severity | None = None) -> Signal:
    return Signal(bool(findings), quiet, told(findings), severity)
