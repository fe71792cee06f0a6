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
    minimum_effect: float = 0.05
    """In standard deviations, as soon as the rhythm of the traffic is known."""
    unknown_rhythm: float = 0.05
    """Standard deviations by which hours may wander around their day's mean before that."""
    loss_tolerance: float = 0.1
    auc_tolerance: float = 0.02
    maximum_repeated_share: float = 0.05
    """Requests whose id came before in the window."""
    minimum_join_share: float = 0.5
    """Labels that must match a captured request before any of their hour is used."""
    maximum_unreadable_share: float = 0.01
    """Captured lines that may be unreadable before a window's result is called partial."""
    capture_percent: int = 100
    """Share of the requests that the endpoint captures."""
    allowed_lateness_minutes: int = 15
    """A window is judged this long after its end: capture files may come minutes late."""
    late_hours: int = 24
    """Capture files that come later than that, but within so many hours, give their window a revised result."""
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
    severity: Severity | None = None
    """Where it is another one than the condition's."""


@dataclass(frozen=True)
class Incident:
    """An open alarm; `severity` is that of the signal that was last seen."""

    id: str
    condition: Condition
    opened_at: str
    quiet_windows: int = 0
    severity: Severity | None = None


@dataclass(frozen=True)
class WindowEvidence:
    """A window's signals by condition; a condition left out says nothing."""

    window_start: str
    rows: int
    sufficient: bool
    signals: Mapping[Condition, Signal] = field(default_factory=dict)
    idle: bool = False
    """No request came in this hour."""
    numbers: str = ""
    """What an `ok` or `insufficient_data` verdict rests on, in words."""


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
        (leading.severity if leading else None) or SEVERITY[verdict],
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
        opened = incident or Incident(f"{condition}-{start}", condition, start)
        return Incident(opened.id, condition, opened.opened_at, 0, signal.severity)
    if incident is None or not signal.quiet:
        return incident
    quiet = incident.quiet_windows + 1
    if quiet >= QUIET_WINDOWS_TO_CLEAR[condition]:
        return None
    return Incident(incident.id, condition, incident.opened_at, quiet, incident.severity)


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
        return f"insufficient_data: {evidence.rows} rows are too few to judge{_numbers(evidence)}{ended}"
    return f"ok: {evidence.rows} rows agree with the baseline{_numbers(evidence)}{ended}"


def _numbers(evidence: WindowEvidence) -> str:
    return f" ({evidence.numbers})" if evidence.numbers else ""


def revise(
    incidents: tuple[Incident, ...], replayed: tuple[Incident, ...]
) -> tuple[tuple[Incident, ...], tuple[Incident, ...]]:
    """Open and cleared incidents after past windows have been judged again: what has been told keeps its name.

    `incidents` are open as told so far, `replayed` those that would be open had late data been in time. A condition
    in both is one alarm, under the id that is known already.

    >>> told, again = Incident("drift-11", "drift", "11"), Incident("drift-10", "drift", "10")
    >>> revise((told,), (again,))[0][0].id, revise((told,), ())[1][0].id
    ('drift-11', 'drift-11')
    """
    known = {incident.condition: incident for incident in incidents}
    after = tuple(
        Incident(told.id, told.condition, told.opened_at, incident.quiet_windows, incident.severity)
        if (told := known.get(incident.condition))
        else incident
        for incident in replayed
    )
    still = {incident.condition for incident in after}
    return after, tuple(incident for incident in incidents if incident.condition not in still)
