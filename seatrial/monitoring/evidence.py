"""What a window's evaluation says of each condition that can raise an alarm: the statistics in the policy's words."""

from collections.abc import Sequence

from seatrial.contracts.events import Finding
from seatrial.decisions.alerting import Condition, Signal, WindowEvidence, told
from seatrial.statistics.monitor import Evaluation

NOT_CAPTURED = "there were requests but no data capture files for this hour"


def window_evidence(window_start: str, evaluation: Evaluation, *, files: int, idle: bool | None) -> WindowEvidence:
    """The evidence of one window.

    `window_start` is ISO 8601 UTC, `files` the number of its capture files; `idle` tells that no request came, None
    that nobody knows: then the absence of files says nothing.
    """
    captured = files > 0
    signals: dict[Condition, Signal] = {}
    if captured or idle is not None:
        signals["missing_data"] = Signal(not captured and not idle, captured, NOT_CAPTURED)
    if captured:
        signals["schema_violation"] = _signal(evaluation.schema, quiet=evaluation.rows > 0)
    if evaluation.quality.rows:
        signals["quality_loss"] = _signal(evaluation.quality.findings, quiet=evaluation.quality.quiet is True)
    if evaluation.judged_rows or evaluation.drift:
        signals["drift"] = _signal(evaluation.drift, quiet=evaluation.drift_quiet is True)
    return WindowEvidence(window_start, evaluation.rows, evaluation.judged_rows > 0, signals, idle is True)


def _signal(findings: Sequence[Finding], *, quiet: bool) -> Signal:
    return Signal(bool(findings), quiet, told(findings))
