"""Freshness of the operator's tables: how long a table may be silent, and how old a row may be when it is delivered."""

from datetime import UTC, date, datetime, timedelta

import pytest

from seatrial.contracts.telecom import BILLING, CARE, CRM

DAY = date(2026, 6, 30)
END = datetime(2026, 7, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@pytest.mark.parametrize(("contract", "days"), [(CRM, 31), (BILLING, 62), (CARE, 31)])
def test_a_table_may_be_silent_for_its_longest_silence_and_no_day_more(contract, days):
    as_of = date(2026, 7, 1)

    assert contract.silence(as_of - timedelta(days=days), as_of) is None
    assert contract.silence(as_of - timedelta(days=days + 1), as_of) == (
        f"{contract.name}: must have been delivered in the {days} days before 2026-07-01, "
        f"the newest is of {as_of - timedelta(days=days + 1)}, {days + 1} days"
    )


def test_a_table_that_never_came_is_silent():
    assert CRM.silence(None, date(2026, 7, 1)) == (
        "crm: must have been delivered in the 31 days before 2026-07-01, nothing was delivered"
    )


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (END - MICROSECOND, None),
        (END, "opened_at_future"),
        (END - timedelta(days=92) + MICROSECOND, None),
        (END - timedelta(days=92), "opened_at_too_old"),
    ],
)
def test_a_row_is_of_use_from_its_moment_until_it_is_too_old(moment, reason):
    assert CARE.staleness(moment, DAY) == reason


def test_rows_without_a_moment_are_never_too_old():
    assert CRM.staleness(datetime(2000, 1, 1, tzinfo=UTC), DAY) is None
