"""Judges windows one after another, as the hourly monitor does: the same statistics, the same policy, one memory."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from seatrial.decisions.alerting import AlertDecision, Incident, WindowEvidence, decide
from seatrial.monitoring.evidence import window_evidence
from seatrial.monitoring.window_data import WindowData, hour_number
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Evaluation, Labelled, MonitorLimits, MonitorState, evaluate
from seatrial.statistics.window import WindowSummary

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
UNTIMED = "the whole table"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One window with its evaluation and the decision that follows."""

    name: str
    """Start in ISO 8601 UTC, or `UNTIMED`."""
    data: WindowData
    evaluation: Evaluation
    evidence: WindowEvidence
    decision: AlertDecision

    @property
    def summary(self) -> WindowSummary:
        """What was counted."""
        return self.data.summary


@dataclass
class Watch:
    """Windows of one model, judged in order of time with a memory from one to the next."""

    baseline: Baseline
    limits: MonitorLimits
    state: MonitorState = field(init=False)
    incidents: tuple[Incident, ...] = ()

    def __post_init__(self) -> None:
        self.state = MonitorState.fresh(self.baseline, self.limits)

    def judge_all(self, windows: Iterable[WindowData]) -> Iterator[Judged]:
        """Judge windows in the order in which they come."""
        for window in windows:
            yield self.judge(window)

    def judge(self, window: WindowData) -> Judged:
        """Judge one window and remember what follows from it."""
        name = window.start.strftime(TIME_FORMAT) if window.start else UNTIMED
        evaluation, self.state = evaluate(
            self.baseline, self.state, window.summary, window.labelled, self.limits, hour=hour_number(window.start)
        )
        evidence = window_evidence(name, evaluation, files=window.files, idle=None)
        decision = decide(evidence, self.incidents)
        self.incidents = decision.incidents
        self._forget(decision)
        return Judged(
            name=name,
            data=replace(window, labelled=Labelled()),
            evaluation=evaluation,
            evidence=evidence,
            decision=decision,
        )

    def _forget(self, decision: AlertDecision) -> None:
        """What led to an incident is no evidence any more once it has cleared."""
        cleared = {incident.condition for incident in decision.cleared}
        if "drift" in cleared:
            self.state = self.state.without_drift()
        if "quality_loss" in cleared:
            self.state = self.state.without_quality_loss(self.baseline, self.limits)


def window_end(judged: Judged) -> str | None:
    """End of a window in ISO 8601 UTC, None for a table without times."""
    start = judged.data.start
    return (start + judged.data.length).strftime(TIME_FORMAT) if start else None
