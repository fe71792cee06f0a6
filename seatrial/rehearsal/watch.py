"""Quiet hours, then labelled drift scenarios: is each one told, as what it is, and nothing before it?"""

from dataclasses import dataclass
from datetime import datetime

from seatrial.rehearsal.traffic import Traffic
from seatrial.rehearsal.voyage import RehearsalError, Sighting, Voyage, Window

QUIET_HOURS = 8
RECOVERY_HOURS = 12


@dataclass(frozen=True)
class Scenario:
    """A labelled change in the live data, the verdicts that name it rightly, and the hours it may take."""

    name: str
    title: str
    expected: tuple[str, ...]
    hours: int


INPUT_SCENARIOS = (
    Scenario("covariate", "covariate shift", ("drift",), 8),
    Scenario("prior", "prior shift", ("drift", "quality_loss"), 12),
    Scenario("broken_feed", "broken upstream feed", ("schema_violation",), 4),
)
CONCEPT = Scenario("concept", "concept shift", ("quality_loss",), 16)


def watch_quiet(voyage: Voyage, traffic: Traffic) -> str:
    """Nothing has changed: any word from the monitor is a false alarm, and ends the rehearsal."""
    windows = [window for _ in range(QUIET_HOURS + 1) for window in traffic.run_hour("quiet")]
    false_alarms = [window for window in windows if window.alarming]
    if false_alarms:
        raise RehearsalError(f"false alarm in the quiet stretch: {false_alarms[0].verdict['sentence']}")
    if len(windows) < QUIET_HOURS:
        raise RehearsalError(f"the monitor evaluated {len(windows)} of {QUIET_HOURS} quiet windows")
    return f"{len(windows)} windows, none alarming"


def watch_scenario(voyage: Voyage, traffic: Traffic, scenario: Scenario) -> Sighting:
    """Inject one scenario and look until the monitor tells it, or the hours are over."""
    injected, seen = voyage.now, 0
    told: Window | None = None
    for _ in range(scenario.hours + 1):
        windows = [window for window in traffic.run_hour(scenario.name) if window.start >= injected]
        seen += len(windows)
        told = next((window for window in windows if window.alarming), None)
        if told:
            break
    sighting = _sighting(scenario, injected, told, seen)
    voyage.sightings.append(sighting)
    return sighting


def _sighting(scenario: Scenario, injected: datetime, told: Window | None, seen: int) -> Sighting:
    if told is None:
        return Sighting(scenario.name, scenario.expected, injected, None, None, "not detected", seen)
    verdict = told.verdict
    return Sighting(
        scenario.name, scenario.expected, injected, told.start, verdict["verdict"], verdict["sentence"], seen
    )


def recover(voyage: Voyage, traffic: Traffic) -> int:
    """Quiet traffic until the incident has cleared; returns the hours that took."""
    for hours in range(1, RECOVERY_HOURS + 1):
        windows = traffic.run_hour("quiet")
        if windows and windows[-1].verdict["incident_id"] is None:
            return hours
    raise RehearsalError(f"the incident did not clear within {RECOVERY_HOURS} quiet hours")


def watch_input_scenarios(voyage: Voyage, traffic: Traffic) -> str:
    """Covariate, prior, broken feed: each told as what it is; then quiet again."""
    parts = []
    for scenario in INPUT_SCENARIOS:
        sighting = watch_scenario(voyage, traffic, scenario)
        if not sighting.as_expected:
            raise RehearsalError(f"{scenario.title}: {_told(sighting)}, expected {' or '.join(scenario.expected)}")
        parts.append(f"{scenario.title} after {sighting.windows} h")
        recover(voyage, traffic)
    return ", ".join(parts)


def _told(sighting: Sighting) -> str:
    if sighting.detected is None:
        return f"not detected in {sighting.windows} windows"
    return f"told as {sighting.verdict} ({sighting.sentence})"
