"""Blackouts: weekly ones also across the week's end, dates to the end of the last day."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.decisions.blackout import blackout_end, check_blackout
from seatrial.decisions.settings import SettingsError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("blackout", "time", "end"),
    [
        ("mon:22:00-tue:04:00", "2026-11-09T22:00", "2026-11-10T04:00"),
        ("mon:22:00-tue:04:00", "2026-11-09T21:59", None),
        ("mon:22:00-tue:04:00", "2026-11-10T04:00", None),
        ("sat:00:00-mon:06:00", "2026-11-09T05:59:59", "2026-11-09T06:00"),
        ("sun:12:00-sun:12:00", "2026-11-11T00:00", "2026-11-15T12:00"),  # the whole week
        ("2026-12-24/2026-12-26", "2026-12-26T23:59", "2026-12-27T00:00"),
        ("2026-12-24/2026-12-26", "2026-12-27T00:00", None),
        ("2026-12-24/2026-12-26", "2026-12-23T23:59", None),
    ],
)
def test_begins_and_ends_as_written(blackout: str, time: str, end: str | None) -> None:
    found = blackout_end([blackout], at(time))

    assert found == ((blackout, at(end)) if end else None)


def test_the_one_that_ends_last_counts() -> None:
    found = blackout_end(["mon:00:00-mon:12:00", "2026-11-09/2026-11-10"], at("2026-11-09T10:00"))

    assert found == ("2026-11-09/2026-11-10", at("2026-11-11T00:00"))


@pytest.mark.parametrize("text", ["weekend", "mon:24:00-tue:01:00", "2026-12-26/2026-12-24", "2026-02-30/2026-03-01"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="must be times of the week or dates in order"):
        check_blackout(text)


@given(st.integers(0, 7 * 1440 - 1), st.integers(1, 7 * 1440 - 1), st.integers(0, 7 * 1440 - 1))
def test_a_weekly_one_holds_for_exactly_its_length(start: int, length: int, now: int) -> None:
    monday = at("2026-11-09T00:00")
    begins, ends = monday + timedelta(minutes=start), monday + timedelta(minutes=start + length)

    found = blackout_end([f"{begins:%a:%H:%M}-{ends:%a:%H:%M}".lower()], monday + timedelta(minutes=now))

    assert (found is not None) == ((now - start) % (7 * 1440) < length)
