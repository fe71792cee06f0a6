"""The drift detector: quiet by law, quick by measurement; it learns the rhythm of the traffic and never its level."""

import json
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from seatrial.statistics.distribution_check import Distribution, DriftLimits, check_distribution
from seatrial.statistics.distribution_detector import ShiftTest
from seatrial.statistics.distribution_history import History
from seatrial.statistics.drift_state import DriftState
from seatrial.statistics.rhythm import Rhythm
from seatrial.statistics.rhythm_estimate import learn_rhythms
from seatrial.statistics.rhythm_learning import Learning
from seatrial.statistics.shift_scores import ShiftScores
from seatrial.statistics.simulation.traffic import cell_shares

ROWS = 1000
WATCHED = Distribution("x", "input_drift", (*[67_200] * 10, 0), ordered=True)
LIMITS = DriftLimits(13.8, 0.05, 10_000)


def still(scores: ShiftScores) -> Rhythm:
    """No rhythm and no unrest, known for sure."""
    size = len(scores.weights)
    nothing = (0.0,) * size
    return Rhythm(day_variance=nothing, window_variance=nothing, freedom=(math.inf,) * size, days=28)


def counts(rng, mean=0.0, rows=ROWS, missing=0):
    return (*rng.multinomial(rows - missing, cell_shares(mean)).tolist(), missing)


def generator(seed):
    return np.random.default_rng(seed)


def windows(seed, days, *, level=0.0, amplitude=0.0, jitter=0.0, rows=ROWS):
    """Windows by hour; the mean follows the hour of the day, and each day has a mean of its own."""
    rng = np.random.default_rng(seed)
    of_days = rng.normal(0, jitter, days)
    for hour in range(24 * days):
        mean = level + of_days[hour // 24] + amplitude * math.sin(2 * math.pi * hour / 24)
        yield hour, counts(rng, mean, rows)


@cache
def rhythm(days=28, **traffic) -> Rhythm:
    learned = Learning.of(WATCHED.scores, windows(1, days, **traffic))
    return learn_rhythms({"x": WATCHED.scores}, {"x": learned})["x"]


def told(stream, known, since=0):
    """Windows until the drift is told, counted from `since`."""
    history = History()
    for hour, item in stream:
        history = history.push(item, hour)
        if check_distribution(WATCHED, history, LIMITS, known).drifted:
            return hour - since + 1
    return None


@given(items=st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=500))
@hypothesis_settings(max_examples=20, deadline=None)
def test_a_history_forgets_nothing_and_stays_small(items) -> None:
    history = History()
    for window in items:
        history = history.push(window)

    assert tuple(map(sum, zip(*(block.counts for block in history.blocks), strict=True))) == tuple(
        map(sum, zip(*items, strict=True))
    )
    assert sum(block.windows for block in history.blocks) == len(items)
    assert len(history.blocks) <= 36
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


@pytest.mark.parametrize("shares", [(0.3, 0.3, 0.4, 0.0), (0.97, 0.02, 0.005, 0.005)])
def test_large_evidence_is_as_rare_without_a_shift_as_markov_says(shares) -> None:
    rng = np.random.default_rng(7)
    baseline = rng.multinomial(5000, shares)
    scores = ShiftScores.of(baseline.tolist(), ordered=True)
    test = ShiftTest(scores, still(scores), 1 / 5000)
    values = [test.detect(History().push(rng.multinomial(60, shares).tolist())).log_evidence for _ in range(3000)]

    for size in (3, 10, 30, 100):
        assert np.mean(np.array(values) >= math.log(size)) <= 1 / size


def test_a_quiet_stream_alarms_more_rarely_than_the_budget() -> None:
    rng = np.random.default_rng(11)
    alarms = 0
    for _ in range(60):
        baseline = counts(rng, rows=2000)
        scores = ShiftScores.of(baseline, ordered=True)
        test, history = ShiftTest(scores, still(scores), 1 / 2000), History()
        for _ in range(25):
            history = history.push(counts(rng, rows=100))
        alarms += test.detect(history).log_evidence >= math.log(100)

    assert alarms / 60 <= 25 / 100


@pytest.mark.parametrize(("shift", "at_most"), [(1.0, 1), (0.3, 2), (0.1, 24)])
def test_a_shift_is_told_within_the_windows_that_its_size_needs(shift, at_most) -> None:
    rng = np.random.default_rng(3)
    stream = [(hour, counts(rng, shift if hour >= 60 else 0.0)) for hour in range(90)]

    assert told(stream, rhythm(), since=60) in range(1, at_most + 1)


def test_the_hours_of_the_day_are_learned_and_are_no_drift() -> None:
    known = rhythm(amplitude=0.3)

    assert len(known.hours) == 24
    assert not known.weekdays
    assert told(windows(2, 10, amplitude=0.3), known) is None
    assert told(windows(2, 10, amplitude=0.3), rhythm()) is not None
    assert told(windows(2, 1, amplitude=0.3, level=0.3), known) <= 2


def test_unrest_from_day_to_day_is_learned_and_is_no_drift() -> None:
    known = rhythm(jitter=0.05)

    assert math.sqrt(known.day_variance[0]) == pytest.approx(0.05, rel=0.4)
    assert told(windows(4, 30, jitter=0.05), known) is None
    assert told(windows(4, 30, jitter=0.05), rhythm()) is not None


def test_a_shift_within_a_restless_day_is_told_by_what_the_day_was_like_before() -> None:
    known, level = rhythm(jitter=0.05), -0.03
    day = [(hour, counts(rng, level + (0.15 if hour >= 12 else 0.0))) for rng in (generator(14),) for hour in range(24)]
    whole = [(hour, counts(rng, level + 0.15)) for rng in (generator(15),) for hour in range(24)]

    assert min(known.day_covariance[4:20]) > 0.8 * known.day_variance[0]
    assert told(day, known, since=12) <= 6
    assert told(day, replace(known, day_covariance=()), since=12) is None
    assert told(whole, known) is None


def test_days_that_begin_at_another_hour_are_no_drift() -> None:
    rng = generator(16)
    of_days = rng.normal(0, 0.05, 61)
    stream = [(hour, counts(rng, of_days[(hour + 3) // 24])) for hour in range(24 * 60)]
    learned = Learning.of(WATCHED.scores, stream[: 24 * 28])

    known = learn_rhythms({"x": WATCHED.scores}, {"x": learned})["x"]

    assert known.day_covariance[21] == 0.0
    assert told(stream[24 * 28 :], known) is None


def test_what_came_before_a_told_change_is_kept_apart() -> None:
    history = History()
    for hour in range(12 * 24):
        history = history.push([1, 2], hour)
        history = history.parted_at(hour - 2) if hour == 220 else history

    assert 217 in [block.hour for block in history.blocks]
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history
    assert history.parted_at(5).parted == 218


def test_a_told_shift_lasts_when_its_day_is_long_over() -> None:
    state, rng = DriftState(rhythms={"x": rhythm(jitter=0.05)}), generator(17)
    reports = []
    for hour in range(24 * 6):
        mean = 0.02 * (-1) ** (hour // 24) + (0.15 if hour >= 12 else 0.0)
        _, state = state.observe([WATCHED], {"x": counts(rng, mean)}, 50, hour)
        reports = state.check([WATCHED], LIMITS)
        state = state.parted(reports)

    assert reports[0].drifted
    assert abs(reports[0].began - 12) <= 2


def test_a_rhythm_stored_by_an_earlier_version_is_read() -> None:
    known = rhythm(jitter=0.05)
    stored = {name: value for name, value in known.to_json().items() if name != "day_covariance"}

    assert Rhythm.from_json(known.to_json()).day_covariance == pytest.approx(known.day_covariance, abs=1e-8)
    assert Rhythm.from_json(stored).day_covariance == ()


def test_a_weekday_of_its_own_is_learned() -> None:
    stream = [(hour, item) for hour, item in windows(5, 28) if (hour // 24) % 7]
    stream += [(hour, item) for hour, item in windows(6, 28, level=0.2) if not (hour // 24) % 7]
    learned = Learning.of(WATCHED.scores, stream)

    known = learn_rhythms({"x": WATCHED.scores}, {"x": learned})["x"]

    assert len(known.weekdays) == 7
    assert math.sqrt(known.day_variance[0]) < 0.02


def test_a_shift_during_the_learning_is_told_against_the_frozen_baseline() -> None:
    state = DriftState()
    limits, rng = LIMITS, np.random.default_rng(8)
    for hour in range(24 * 35):
        drifting = 0.3 * hour / (24 * 35)
        _, state = state.observe([WATCHED], {"x": counts(rng, drifting, rows=200)}, 50, hour)

    report = check_distribution(WATCHED, state.histories["x"], limits, state.rhythms["x"])

    assert state.rhythms["x"].days == 28
    assert not state.learning
    assert report.drifted
    assert report.shift > 0


def test_a_state_survives_being_stored_and_stays_within_kilobytes() -> None:
    state = DriftState()
    for hour, item in windows(9, 9, amplitude=0.3):
        _, state = state.observe([WATCHED], {"x": item}, 50, hour)

    text = json.dumps(state.to_json())

    again = DriftState.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert len(text) < 12_000


def test_what_is_learned_of_different_days_adds_up() -> None:
    stream = list(windows(10, 8, amplitude=0.2))
    first, second = (Learning.of(WATCHED.scores, part) for part in (stream[: 24 * 3], stream[24 * 3 :]))

    merged, whole = second.merge(first), Learning.of(WATCHED.scores, stream)

    assert (merged.by_hour, merged.by_day, merged.windows) == (whole.by_hour, whole.by_day, whole.windows)
    assert merged.squares == pytest.approx(whole.squares)
    assert merged.splits == pytest.approx(whole.splits)


def test_a_drift_that_ends_is_quiet_soon_and_one_that_lasts_is_not() -> None:
    rng = np.random.default_rng(12)
    history = History()
    for hour in range(60):
        history = history.push(counts(rng, 0.3 if hour >= 30 else 0.0), hour)
    lasting = check_distribution(WATCHED, history, LIMITS, rhythm())
    for hour in range(60, 63):
        history = history.push(counts(rng), hour)

    ended = check_distribution(WATCHED, history, LIMITS, rhythm())

    assert lasting.drifted
    assert abs(lasting.began - 30) <= 6
    assert lasting.began_earliest <= lasting.began <= lasting.began_latest
    assert ended.quiet
    assert not ended.drifted


def test_values_that_go_missing_are_told_and_a_single_one_is_not() -> None:
    rng = np.random.default_rng(13)
    one, many = (History().push(counts(rng, rows=200, missing=missing)) for missing in (1, 40))

    assert not check_distribution(WATCHED, one, LIMITS, rhythm()).drifted
    assert check_distribution(WATCHED, many, LIMITS, rhythm()).drifted
