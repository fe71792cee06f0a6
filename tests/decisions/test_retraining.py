"""The retraining policy: each rule with its sentence, and what holds whatever is delivered in whatever order."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from seatrial.decisions.retraining import (
    RetrainingSettings,
    RetrainingState,
    TrainingData,
    Trigger,
    decide,
)

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DATA = TrainingData("s3://raw/churn/training/v2/", 4000, NOW)
SETTINGS = RetrainingSettings()


def trigger(kind: str = "quality_loss", time: datetime = NOW) -> Trigger:
    return Trigger(kind, f"{kind}:{time.isoformat()}", time, "mean Brier loss 0.31 is above the limit 0.20")


@pytest.mark.parametrize(
    ("asked", "state", "data", "sentence"),
    [
        (trigger("schema_violation"), RetrainingState(), DATA, "schema_violation is never cured by training"),
        (trigger("drift"), RetrainingState(), DATA, "drift is not among the triggers allowed: quality_loss, schedule"),
        (trigger(), RetrainingState(in_flight="run-7"), DATA, "run-7 is still in flight"),
        (trigger(), RetrainingState(runs_without_gain=3), DATA, "3 runs in a row brought no better model"),
        (trigger(), RetrainingState((NOW - timedelta(hours=23),)), DATA, "cooldown of 24 h"),
        (trigger(), RetrainingState((NOW + timedelta(hours=1),)), DATA, "cooldown of 24 h"),
        (
            trigger(),
            RetrainingState(tuple(NOW - timedelta(days=day) for day in range(2, 10))),
            DATA,
            "8 of 8 runs of the last 30 days are used",
        ),
        (trigger(), RetrainingState(), None, "there is no training data"),
        (trigger(), RetrainingState(), TrainingData("s3://x/", 499, NOW), "499 labelled rows are fewer"),
        (trigger(), RetrainingState(last_data_as_of=NOW), DATA, "no new data"),
    ],
)
def test_refuses_with_the_rule_in_a_sentence(
    asked: Trigger, state: RetrainingState, data: TrainingData | None, sentence: str
) -> None:
    decision = decide(asked, state, data, SETTINGS)

    assert decision.action == "refuse"
    assert sentence in decision.reason


def test_starts_when_no_rule_objects() -> None:
    decision = decide(trigger(), RetrainingState((NOW - timedelta(hours=25),)), DATA, SETTINGS)

    assert decision.action == "start"
    assert "mean Brier loss" in decision.reason
    assert "4000 labelled rows" in decision.reason


def test_a_person_passes_cooldown_budget_breaker_and_freshness() -> None:
    state = RetrainingState((NOW,), None, NOW, runs_without_gain=9)

    assert decide(trigger("manual"), state, DATA, SETTINGS).action == "start"


def test_not_even_a_person_starts_a_second_run_or_trains_without_data() -> None:
    assert decide(trigger("manual"), RetrainingState(in_flight="run"), DATA, SETTINGS).action == "refuse"
    assert decide(trigger("manual"), RetrainingState(), None, SETTINGS).action == "refuse"


class DeliveriesInAnyOrder(RuleBasedStateMachine):
    """Verdicts are delivered late, repeatedly and out of order; runs end when they like."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RetrainingState()
        self.hour = 0
        self.starts: list[datetime] = []
        self.failures = 0

    @rule(
        kind=st.sampled_from(["quality_loss", "drift", "schema_violation", "schedule", "ok"]),
        late=st.integers(0, 200),
        fresh=st.booleans(),
    )
    def deliver(self, kind: str, late: int, fresh: bool) -> None:
        time = NOW + timedelta(hours=self.hour - late)
        data = TrainingData("s3://x/", 4000, NOW + timedelta(hours=self.hour)) if fresh else DATA
        decision = decide(trigger(kind, time), self.state, data, SETTINGS)
        if decision.action != "start":
            return
        assert kind in SETTINGS.triggers
        assert self.state.in_flight is None
        self.starts.append(time)
        self.state = RetrainingState((*self.state.starts, time), "run", data.as_of, self.state.runs_without_gain)

    @rule(gained=st.booleans())
    def end(self, gained: bool) -> None:
        if self.state.in_flight:
            runs = 0 if gained else self.state.runs_without_gain + 1
            self.state = RetrainingState(self.state.starts, None, self.state.last_data_as_of, runs)

    @rule(hours=st.integers(1, 60))
    def pass_time(self, hours: int) -> None:
        self.hour += hours

    @invariant()
    def cooldown_and_budget_hold(self) -> None:
        ordered = sorted(self.starts)
        gaps = [later - earlier for earlier, later in pairwise(ordered)]
        assert all(gap >= timedelta(hours=SETTINGS.cooldown_hours) for gap in gaps)
        for start in ordered:
            month = [other for other in ordered if timedelta() <= start - other < timedelta(days=30)]
            assert len(month) <= SETTINGS.monthly_budget

    @invariant()
    def the_breaker_holds(self) -> None:
        assert self.state.runs_without_gain <= SETTINGS.breaker_after


TestDeliveriesInAnyOrder = DeliveriesInAnyOrder.TestCase
TestDeliveriesInAnyOrder.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
