"""Silent feeds: what is far less than usual, and when nothing can be said."""

from datetime import date

import pytest

from seatrial.spark.feeds import days_before, silent_feeds, takes_nothing_back


def account(**rows):
    return {"sources": {source: {"read": count} for source, count in rows.items()}}


WEEK = [account(batch=1_000, stream=count) for count in (900, 1_000, 1_100, 1_000, 400, 1_000, 1_200)]


@pytest.mark.parametrize(
    ("today", "before", "expected"),
    [
        (account(batch=1_000, stream=0), WEEK, {"stream": (0, 1_000)}),
        (account(batch=499, stream=500), WEEK, {"batch": (499, 1_000)}),
        (account(batch=0), WEEK, {"batch": (0, 1_000), "stream": (0, 1_000)}),
        (account(batch=1_000, stream=0), WEEK[:3], {}),
        (account(batch=0, stream=0), [account(batch=99, stream=0)] * 7, {}),
        (account(batch=0, stream=0), [account(batch=100, stream=0)] * 7, {"batch": (0, 100)}),
        (account(batch=1_000, stream=0), [*WEEK[:3], *[account(batch=1_000, stream=0)] * 4], {}),
        (account(batch=1_000, stream=1), [*[account(batch=1_000, stream=0)] * 6, WEEK[0]], {}),
    ],
    ids=[
        "a source fell silent",
        "less than half",
        "both fell silent",
        "too few days to know",
        "too few rows to know",
        "just enough rows to know",
        "silent for most of a week",
        "a source that is new",
    ],
)
def test_a_source_is_silent_below_its_share_of_the_median_of_the_week_before(today, before, expected):
    assert silent_feeds(today, before, 0.5) == expected


def test_with_a_share_of_zero_no_source_is_ever_silent():
    assert silent_feeds(account(batch=0, stream=0), WEEK, 0.0) == {}


def test_a_day_that_only_grew_takes_nothing_back():
    published = account(batch=60, stream=50)

    assert takes_nothing_back(account(batch=60, stream=51), published)
    assert not takes_nothing_back(account(batch=61, stream=49), published)
    assert not takes_nothing_back(account(batch=61, stream=51), None)


def test_a_usual_day_is_told_by_the_seven_days_before():
    assert [str(day) for day in days_before(date(2026, 3, 3))] == [
        *(f"2026-02-{number}" for number in (24, 25, 26, 27, 28)),
        "2026-03-01",
        "2026-03-02",
    ]
