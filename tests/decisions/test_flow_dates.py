"""The dates of a flow: what may start one, and what is told to whoever starts one wrongly."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.decisions.flow_dates import FlowInputError, plan_dates

DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))


def plan(event, maximum_days=92, lookback_days=3):
    return plan_dates(event, maximum_days=maximum_days, lookback_days=lookback_days).to_dict()


def test_one_date_is_a_flow_of_one_date():
    assert plan({"date": "2026-03-01"}) == {
        "dates": ["2026-03-01"],
        "first": "2026-03-01",
        "last": "2026-03-01",
        "since": "2026-02-26",
        "after": "2026-03-02",
        "stages": 1000,
        "from_stage": 1,
        "silent_feeds": "stop",
    }


def test_days_of_silent_feeds_are_published_when_a_flow_is_told_to():
    assert plan({"date": "2026-03-01", "silent_feeds": "publish"})["silent_feeds"] == "publish"


def test_a_leap_day_is_a_date_of_the_range():
    assert plan({"from": "2028-02-28", "to": "2028-03-01"})["dates"] == ["2028-02-28", "2028-02-29", "2028-03-01"]


@pytest.mark.parametrize("time", ["2026-06-02T00:00:00Z", "2026-06-02T23:59:59Z", "2026-06-03T01:00:00+02:00"])
def test_a_schedule_runs_for_the_day_before_in_utc(time):
    assert plan({"scheduled_time": time})["dates"] == ["2026-06-01"]


@given(first=DAYS, length=st.integers(min_value=1, max_value=92), lookback=st.integers(min_value=0, max_value=30))
def test_every_date_of_a_range_comes_once_and_in_order(first, length, lookback):
    last = first + timedelta(days=length - 1)

    made = plan({"from": first.isoformat(), "to": last.isoformat()}, lookback_days=lookback)

    assert made["dates"] == sorted(set(made["dates"]))
    assert (len(made["dates"]), made["first"], made["last"]) == (length, first.isoformat(), last.isoformat())
    assert date.fromisoformat(made["since"]) == first - timedelta(days=lookback)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({}, "input: must be .* got the keys none"),
        ({"date": "2026-01-01", "to": "2026-01-02"}, "input: must be .* got the keys date, to"),
        ({"date": "2026-01-01", "silent_feeds": "ignore"}, "silent_feeds: must be stop or publish, got 'ignore'"),
        ({"date": "01.01.2026"}, "date: must be a date YYYY-MM-DD, got '01.01.2026'"),
        ({"date": "20260101"}, "date: must be a date YYYY-MM-DD, got '20260101'"),
        ({"date": None}, "date: must be a date YYYY-MM-DD, got None"),
        ({"from": "2026-02-01", "to": "2026-02-30"}, "to: must be a date YYYY-MM-DD, got '2026-02-30'"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, r"from: must not be after to \(2026-02-01\), got 2026-02-02"),
        ({"from": "2026-01-01", "to": "2026-04-03"}, "from, to: must be at most 92 days, got 93"),
        ({"date": "2026-01-01", "stages": 0}, "stages: must be a whole number of at least 1, got 0"),
        ({"date": "2026-01-01", "stages": "1"}, "stages: must be a whole number of at least 1, got '1'"),
        ({"scheduled_time": "<aws.scheduler.scheduled-time>"}, "scheduled_time: must be a time"),
    ],
)
def test_refuses_an_input_that_is_no_date_or_range(event, message):
    with pytest.raises(FlowInputError, match=message):
        plan(event)
