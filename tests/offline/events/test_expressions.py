from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.offline.events.expressions import ScheduleError, parse

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)  # a Sunday


def next_times(expression: str, count: int, zone: str = "UTC", after: datetime = NOON) -> list[str]:
    next_time = parse(expression, begin=NOON, zone=zone)
    found = []
    for _ in range(count):
        due = next_time(after)
        if due is None:
            break
        found.append(due.strftime("%Y-%m-%dT%H:%M"))
        after = due
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(1 minute)", ["2026-11-22T12:01", "2026-11-22T12:02"]),
        ("rate(5 hours)", ["2026-11-22T17:00", "2026-11-22T22:00"]),
        ("cron(5 * * * ? *)", ["2026-11-22T12:05", "2026-11-22T13:05"]),
        ("cron(0 3 ? * SUN *)", ["2026-11-29T03:00", "2026-12-06T03:00"]),
        ("cron(0/15 9-10 ? * MON-FRI *)", ["2026-11-23T09:00", "2026-11-23T09:15"]),
        ("cron(0 0 L * ? *)", ["2026-11-30T00:00", "2026-12-31T00:00"]),
        ("cron(0 0 15W * ? *)", ["2026-12-15T00:00", "2027-01-15T00:00"]),
        ("cron(0 0 ? * 2#1 *)", ["2026-12-07T00:00", "2027-01-04T00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-11-27T00:00", "2026-12-25T00:00"]),
        ("cron(0 0 29 FEB ? *)", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("cron(0 0 1 1 ? 2027)", ["2027-01-01T00:00"]),
        ("at(2026-11-23T08:30:00)", ["2026-11-23T08:30"]),
        ("at(2026-11-21T08:30:00)", []),
    ],
)
def test_tells_the_next_times(expression: str, expected: list[str]) -> None:
    assert next_times(expression, 2) == expected


def test_a_time_zone_shifts_a_cron_expression() -> None:
    assert next_times("cron(0 3 * * ? *)", 1, zone="Europe/Berlin") == ["2026-11-23T02:00"]


def test_a_time_that_the_change_to_summer_time_leaves_out_is_skipped() -> None:
    before = datetime(2027, 3, 27, 12, 0, tzinfo=UTC)

    assert next_times("cron(30 2 * * ? *)", 1, zone="Europe/Berlin", after=before) == ["2027-03-29T00:30"]


def test_a_time_that_comes_twice_fires_once() -> None:
    before = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)

    assert next_times("cron(30 2 * * ? *)", 2, zone="Europe/Berlin", after=before) == [
        "2026-10-25T00:30",
        "2026-10-26T01:30",
    ]


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("every hour", "must be rate"),
        ("rate(0 minutes)", "a rate is like"),
        ("rate(1 minutes)", "a rate is like"),
        ("cron(0 3 * * SUN *)", 'must be "\\?"'),
        ("cron(0 3 ? * SUN)", "six fields, got 5"),
        ("cron(61 3 ? * SUN *)", "minutes must be 0 to 59"),
        ("cron(x 3 ? * SUN *)", "minutes cannot be 'x'"),
        ("at(tomorrow)", "yyyy-mm-ddThh:mm:ss"),
    ],
)
def test_refuses_what_aws_refuses(expression: str, problem: str) -> None:
    with pytest.raises(ScheduleError, match=problem):
        parse(expression, begin=NOON)


@given(
    minute=st.integers(0, 59),
    hour=st.integers(0, 23),
    after=st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
)
def test_a_daily_time_is_always_within_a_day(minute: int, hour: int, after: datetime) -> None:
    due = parse(f"cron({minute} {hour} * * ? *)", begin=NOON)(after)

    assert due is not None
    assert 0 < (due - after).total_seconds() <= 86_400
    assert (due.hour, due.minute) == (hour, minute)
