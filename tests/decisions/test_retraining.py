"""The retraining policy: each rule with its sentence, and what holds whatever is delivered in whatever order."""

from dataclasses import replace
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
    allowance,
    decide,
    paced_until,
)
from seatrial.decisions.settings import SettingsError

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DATA = TrainingData("s3://raw/churn/training/v2/", 4000, NOW)
SETTINGS = RetrainingSettings(confirm_windows=1)


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
        (
            trigger(),
            RetrainingState(tuple(NOW - timedelta(days=day) for day in range(2, 6))),
            DATA,
            "half of the monthly budget is used, the rest is spread over the month; the next may start at 2026-11-13",
        ),
        (trigger(), RetrainingState(), None, "there is no training data"),
        (trigger(), RetrainingState(), TrainingData("s3://x/", 499, NOW), "499 labelled rows are fewer"),
        (trigger(), RetrainingState(last_data_as_of=NOW), DATA, "no new data"),
        (
            trigger(),
            RetrainingState(),
            TrainingData("s3://x/", 4000, NOW, fresh_rows=40),
            "40 of 4000 labelled rows are new, fewer than the minimum of 200",
        ),
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


@pytest.mark.parametrize(
    ("state", "data"),
    [
        (RetrainingState(), replace(DATA, labelled_rows=500)),
        (RetrainingState(), replace(DATA, fresh_rows=200)),
        (RetrainingState((NOW - timedelta(hours=24),)), DATA),
        (RetrainingState(tuple(NOW - timedelta(days=day) for day in range(30, 38))), DATA),
        (RetrainingState(runs_without_gain=2), DATA),
        (RetrainingState(last_data_as_of=NOW - timedelta(seconds=1)), DATA),
    ],
)
def test_a_limit_that_is_just_met_holds_nothing_up(state: RetrainingState, data: TrainingData) -> None:
    assert decide(trigger(), state, data, SETTINGS).action == "start"


def test_a_run_of_just_under_a_day_ago_is_of_the_daily_budget() -> None:
    settings = RetrainingSettings(confirm_windows=1, cooldown_hours=1, daily_budget=2)
    near, past = [NOW - timedelta(hours=hours, minutes=minutes) for hours, minutes in ((23, 59), (24, 0))]

    full = decide(trigger(), RetrainingState((near, NOW - timedelta(hours=2))), DATA, settings)
    left = decide(trigger(), RetrainingState((past, NOW - timedelta(hours=2))), DATA, settings)

    assert (full.rule, left.action) == ("budget", "start")
    assert full.reason == "budget: 2 of 2 runs of the last 24 hours are used"


def test_the_pace_ends_at_its_own_moment() -> None:
    starts = tuple(NOW - timedelta(days=day) for day in (12, 8, 6, 2))
    due = paced_until(starts, SETTINGS, NOW)
    assert due is not None

    just_before = decide(trigger(time=due - timedelta(seconds=1)), RetrainingState(starts), DATA, SETTINGS)
    then = decide(trigger(time=due), RetrainingState(starts), DATA, SETTINGS)

    assert (just_before.rule, then.action) == ("pace", "start")


@pytest.mark.parametrize("reason", ["quality_loss: mean Brier loss 0.31", "mean Brier loss 0.31"])
def test_the_reason_names_its_kind_once(reason: str) -> None:
    decision = decide(replace(trigger(), reason=reason), RetrainingState(), DATA, SETTINGS)

    assert decision.reason.startswith("quality_loss: mean Brier loss 0.31; training on")


def test_a_person_passes_cooldown_budget_breaker_and_freshness() -> None:
    state = RetrainingState((NOW,), None, NOW, runs_without_gain=9)

    assert decide(trigger("manual"), state, DATA, SETTINGS).action == "start"


def test_not_even_a_person_starts_a_second_run_or_trains_without_data() -> None:
    assert decide(trigger("manual"), RetrainingState(in_flight="run"), DATA, SETTINGS).action == "refuse"
    assert decide(trigger("manual"), RetrainingState(), None, SETTINGS).action == "refuse"


HOUR = timedelta(hours=1)


def heard(*hours_ago: float, kind: str = "quality_loss") -> RetrainingState:
    return RetrainingState(alarms=tuple((kind, NOW - hours * HOUR) for hours in hours_ago))


def test_a_single_window_starts_nothing() -> None:
    decision = decide(trigger(), RetrainingState(), DATA, RetrainingSettings())

    assert decision.rule == "confirmation"
    assert decision.reason == "quality_loss is told by 1 of 2 windows within 6 h: waiting for confirmation"


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (heard(1), "start"),
        (heard(-1), "start"),  # the later window was delivered first
        (heard(0, 0), "refuse"),  # the same window again
        (heard(6), "refuse"),
        (heard(1, kind="drift"), "refuse"),
    ],
)
def test_only_other_windows_of_the_same_verdict_nearby_confirm(state: RetrainingState, action: str) -> None:
    assert decide(trigger(), state, DATA, RetrainingSettings()).action == action


@pytest.mark.parametrize("kind", ["schedule", "manual"])
def test_what_was_asked_for_needs_no_confirmation(kind: str) -> None:
    assert decide(trigger(kind), RetrainingState(), DATA, RetrainingSettings()).action == "start"


def test_confirmed_drift_starts_where_the_engagement_allows_it() -> None:
    settings = RetrainingSettings(triggers=("drift",))

    assert decide(trigger("drift"), heard(1, kind="drift"), DATA, settings).action == "start"


def test_in_a_blackout_only_a_person_starts() -> None:
    settings = RetrainingSettings(confirm_windows=1, blackouts=("tue:06:00-tue:18:00",))

    asked = {kind: decide(trigger(kind), RetrainingState(), DATA, settings) for kind in ("quality_loss", "manual")}

    assert asked["quality_loss"].reason == "blackout tue:06:00-tue:18:00: nothing is started before 2026-11-10 18:00"
    assert asked["manual"].action == "start"


def test_what_is_left_is_counted_by_the_same_rules() -> None:
    starts = tuple(NOW - hours * HOUR for hours in (1, 30, 200, 800))

    left = allowance(RetrainingState(starts, runs_without_gain=3), RetrainingSettings(), NOW)

    assert (left.daily_left, left.monthly_left, left.breaker_open) == (0, 5, True)
    assert left.cooldown_until == NOW + 23 * HOUR


@pytest.mark.parametrize(("hours_ago", "daily", "monthly"), [(23.9, 0, 7), (24, 1, 7), (719.9, 1, 7), (720, 1, 8)])
def test_a_budget_is_given_back_when_its_period_is_over(hours_ago: float, daily: int, monthly: int) -> None:
    left = allowance(RetrainingState((NOW - hours_ago * HOUR,)), RetrainingSettings(cooldown_hours=24), NOW)

    assert (left.daily_left, left.monthly_left) == (daily, monthly)
    assert (left.cooldown_until is None) == (hours_ago >= 24)


def test_settings_name_a_blackout_that_is_none() -> None:
    with pytest.raises(SettingsError, match=r"retraining\.blackouts: must be times of the week or dates in order"):
        RetrainingSettings.from_json('{"blackouts": ["weekend"]}')


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


def test_drift_that_goes_on_is_answered_all_month_long() -> None:
    state, started = RetrainingState(), []

    for hour in range(24 * 60):
        now = NOW + timedelta(hours=hour)
        data = TrainingData("s3://x/", 4000, now)
        if decide(trigger(time=now), state, data, SETTINGS).action == "start":
            started.append(hour / 24)
            state = RetrainingState((*state.starts, now), last_data_as_of=now)

    gaps = [after - before for before, after in pairwise(started)]
    assert gaps[:3] == [1, 1, 1]
    assert max(gaps) < 6
    assert len(started) == 2 * SETTINGS.monthly_budget
