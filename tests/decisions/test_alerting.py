"""One verdict a window, and one incident from its opening until it clears."""

import pytest

from seatrial.decisions.alerting import AlertDecision, Incident, MonitoringSettings, Signal, WindowEvidence, decide
from seatrial.decisions.settings import SettingsError

PRESENT, QUIET, UNCLEAR = Signal(True, False, "seen"), Signal(False, True), Signal(False, False)


def window(number: int, *, sufficient: bool = True, **signals: Signal) -> WindowEvidence:
    return WindowEvidence(f"2026-11-01T{number:02d}:00:00Z", 160, sufficient, signals)


def follow(*windows: WindowEvidence) -> list[AlertDecision]:
    decisions: list[AlertDecision] = []
    for evidence in windows:
        decisions.append(decide(evidence, decisions[-1].incidents if decisions else ()))
    return decisions


def test_missing_data_and_schema_violations_explain_everything_else() -> None:
    signals = {"missing_data": PRESENT, "schema_violation": PRESENT, "quality_loss": PRESENT, "drift": PRESENT}

    names = []
    while signals:
        names.append(decide(window(0, **signals), ()).verdict)
        signals.pop(names[-1])

    assert names == ["missing_data", "schema_violation", "quality_loss", "drift"]


def test_too_few_rows_are_never_ok() -> None:
    assert decide(window(0, sufficient=False, drift=UNCLEAR), ()).verdict == "insufficient_data"


def test_an_incident_keeps_its_name_until_it_clears() -> None:
    told = follow(window(0, drift=PRESENT), window(1, drift=PRESENT), *(window(2 + n, drift=QUIET) for n in range(4)))

    states = [decision.incident_state for decision in told]
    assert states == ["opened", "ongoing", "ongoing", "ongoing", "cleared", "none"]
    assert {decision.incident_id for decision in told[:4]} == {"drift-2026-11-01T00:00:00Z"}
    assert told[4].verdict == "ok"
    assert told[4].incident_id is None


def test_a_relapse_within_the_quiet_windows_is_the_same_incident() -> None:
    told = follow(window(0, drift=PRESENT), window(1, drift=QUIET), window(2, drift=PRESENT), window(3, drift=QUIET))

    assert [decision.incident_state for decision in told] == ["opened", "ongoing", "ongoing", "ongoing"]


def test_a_window_that_cannot_tell_neither_clears_nor_renews() -> None:
    told = follow(window(0, quality_loss=PRESENT), *(window(1 + n, quality_loss=UNCLEAR) for n in range(9)), window(12))

    assert {decision.verdict for decision in told} == {"quality_loss"}


def test_a_replaced_model_closes_every_incident() -> None:
    incidents = (Incident("drift-x", "drift", "x"), Incident("quality_loss-x", "quality_loss", "x"))

    decision = decide(window(1, drift=UNCLEAR), incidents, model_replaced=True)

    assert (decision.verdict, decision.incident_state, decision.cleared) == ("ok", "cleared", incidents)


def test_only_loss_and_broken_feeds_page() -> None:
    severities = {
        name: decide(window(0, **{name: PRESENT}), ()).severity
        for name in ("missing_data", "schema_violation", "quality_loss", "drift")
    }

    assert severities == {
        "missing_data": "ticket",
        "schema_violation": "page",
        "quality_loss": "page",
        "drift": "ticket",
    }


def test_settings_tell_every_mistake_at_once() -> None:
    text = '{"minimum_row": 5, "alarm_budget_per_year": "one", "label_delay_hours": 1.5, "minimum_rows": -1}'

    with pytest.raises(SettingsError) as caught:
        MonitoringSettings.from_json(text)

    assert str(caught.value).splitlines() == [
        "monitoring.minimum_row: unknown key, did you mean 'minimum_rows'",
        "monitoring.alarm_budget_per_year: must be a number, got 'one'",
        "monitoring.label_delay_hours: must be a whole number, got 1.5",
        "monitoring.minimum_rows: must not be negative, got -1",
    ]


@pytest.mark.parametrize("text", ["[1]", "{", '"x"'])
def test_settings_must_be_an_object(text: str) -> None:
    with pytest.raises(SettingsError, match="monitoring: "):
        MonitoringSettings.from_json(text)
