"""From a window's evidence to one verdict; an incident is one alarm from its opening until it clears."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from seatrial.contracts.events import Finding, Severity, Verdict
from seatrial.decisions.settings import parse_settings

Condition = Literal["missing_data", "schema_violation", "quality_loss", "drift"]
IncidentState = Literal["none", "opened", "ongoing", "cleared"]

PRECEDENCE: tuple[Verdict, ...] = ("missing_data", "schema_violation", "quality_loss", "insufficient_data", "drift")
"""Which of several conditions names the verdict: first what makes the others unknowable or explains them."""

SEVERITY: Mapping[Verdict, Severity] = {
    "missing_data": "ticket",
    "schema_violation": "page",
    "quality_loss": "page",
    "drift": "ticket",
    "insufficient_data": "none",
    "ok": "none",
}
"""Input drift alone says little about harm, so it makes a ticket; loss of performance and broken feeds page."""

QUIET_WINDOWS_TO_CLEAR: Mapping[Condition, int] = {
    "missing_data": 1,
    "schema_violation": 1,
    "quality_loss": 3,
    "drift": 3,
}


MOST_TOLD = 3
"""Findings that a sentence names; the report and the event hold all of them."""


@dataclass(frozen=True, kw_only=True)
class MonitoringSettings:
    """What an engagement sets about monitoring."""

    minimum_rows: int = 50
    alarm_budget_per_year: float = 1.0
    label_delay_hours: int = 2
    label_lookback_hours: int = 24
    """Labels are looked for this much longer than the usual delay; what comes later is not used."""
    maximum_missing_share: float = 0.05
    maximum_unknown_share: float = 0.05
    minimum_effect: float = 0.1
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    catch_up_windows: int = 24
    """Windows missed by lost schedules that one run makes good."""

    @classmethod
    def from_json(cls, text: str) -> "MonitoringSettings":
        """Read the environment variable; raises `SettingsError`.

        >>> MonitoringSettings.from_json('{"minimum_rows": 100}').minimum_rows
        100
        """
        return parse_settings(cls, text, "monitoring")


@dataclass(frozen=True)
class Signal:
    """What a window says of one condition: it is there, it is gone (`quiet`), or neither can be told."""

    present: bool
    quiet: bool
    sentence: str = ""


@dataclass(frozen=True)
class Incident:
    """An open alarm."""

    id: str
    condition: Condition
    opened_at: str
    quiet_windows: int = 0


@dataclass(frozen=True)
class WindowEvidence:
    """A window's signals by condition; a condition left out says nothing."""

    window_start: str
    rows: int
    sufficient: bool
    signals: Mapping[Condition, Signal] = field(default_factory=dict)
    idle: bool = False
    """No request came in this hour."""


@dataclass(frozen=True)
class AlertDecision:
    """The verdict with its sentence, and the incidents open after the window."""

    verdict: Verdict
    severity: Severity
    sentence: str
    incident_id: str | None
    incident_state: IncidentState
    incidents: tuple[Incident, ...]
    cleared: tuple[Incident, ...]


def told(findings: Sequence[Finding]) -> str:
    """The sentences of the strongest findings, by how far each is beyond its threshold; the others are counted.

    >>> names = [("age", 0.2), ("tenure", 0.5), ("plan", 0.3), ("region", 0.15)]
    >>> found = [
    ...     Finding(kind="input_drift", feature=name, statistic="l", value=value, threshold=0.1, sentence=name)
    ...     for name, value in names
    ... ]
    >>> told(found)
    'tenure; plan; age; and 1 more'
    """
    ranked = sorted(findings, key=lambda finding: finding.value / (finding.threshold or 1e-9), reverse=True)
    sentences = [finding.sentence for finding in ranked[:MOST_TOLD]]
    rest = [f"and {len(ranked) - MOST_TOLD} more"] if len(ranked) > MOST_TOLD else []
    return "; ".join([*sentences, *rest])


def decide(
    evidence: WindowEvidence, open_incidents: tuple[Incident, ...], *, model_replaced: bool = False
) -> AlertDecision:
    """Name the verdict of one window and carry the incidents on; a replaced model closes those of its predecessor.

    >>> loss = WindowEvidence("2026-11-01T10:00:00Z", 180, True, {"quality_loss": Signal(True, False, "loss is up")})
    >>> first = decide(loss, ())
    >>> first.verdict, first.incident_state, decide(loss, first.incidents).incident_state
    ('quality_loss', 'opened', 'ongoing')
    """
    before = {} if model_replaced else {incident.condition: incident for incident in open_incidents}
    after = {condition: incident for condition in SIGNAL_ORDER if (incident := _carry(condition, before, evidence))}
    cleared = tuple(item for item in open_incidents if model_replaced or item.condition not in after)
    verdict = _verdict(after, evidence)
    leading = next((item for item in after.values() if item.condition == verdict), None)
    return AlertDecision(
        verdict,
        SEVERITY[verdict],
        _sentence(verdict, leading, evidence, cleared),
        *_incident(leading, before, cleared),
        tuple(after.values()),
        cleared,
    )


SIGNAL_ORDER: tuple[Condition, ...] = ("missing_data", "schema_violation", "quality_loss", "drift")


def _carry(condition: Condition, before: Mapping[Condition, Incident], evidence: WindowEvidence) -> Incident | None:
    """The condition's incident after this window: opened, continued, one quiet window nearer its end, or gone."""
    incident, signal = before.get(condition), evidence.signals.get(condition)
    if signal is None:
        return incident
    if signal.present:
        start = evidence.window_start
        return Incident(f"{condition}-{start}", condition, start) if incident is None else _restarted(incident)
    if incident is None or not signal.quiet:
        return incident
    quiet = incident.quiet_windows + 1
    if quiet >= QUIET_WINDOWS_TO_CLEAR[condition]:
        return None
    return Incident(incident.id, condition, incident.opened_at, quiet)


def _restarted(incident: Incident) -> Incident:
    return Incident(incident.id, incident.condition, incident.opened_at)


def _verdict(after: Mapping[Condition, Incident], evidence: WindowEvidence) -> Verdict:
    for verdict in PRECEDENCE:
        if verdict in after or (verdict == "insufficient_data" and not evidence.sufficient):
            return verdict
    return "ok"


def _incident(
    leading: Incident | None, before: Mapping[Condition, Incident], cleared: tuple[Incident, ...]
) -> tuple[str | None, IncidentState]:
    if leading is not None:
        return leading.id, "ongoing" if leading.condition in before else "opened"
    return None, "cleared" if cleared else "none"


def _sentence(
    verdict: Verdict, leading: Incident | None, evidence: WindowEvidence, cleared: tuple[Incident, ...]
) -> str:
    ended = "".join(f"; {incident.id} has cleared" for incident in cleared)
    if leading is not None:
        signal = evidence.signals.get(leading.condition)
        present = signal.sentence if signal and signal.present else f"still open since {leading.opened_at}"
        return f"{verdict}: {present}{ended}"
    if verdict == "insufficient_data":
        if evidence.idle:
            return f"insufficient_data: no request came in this hour{ended}"
        return f"insufficient_data: {evidence.rows} rows are too few to judge{ended}"
    return f"ok: {evidence.rows} rows agree with the baseline{ended}"
