"""The reconciliation of the data layer: whatever is missing, counted twice or different is told."""

import copy
from dataclasses import replace

import pytest

from seatrial.rehearsal.data_layer_reconcile import (
    Check,
    consumer_line,
    day_checks,
    event_line,
    fault_checks,
    problems,
    table_line,
)

PART = {"read": 12, "used": 5, "late_used": 2, "duplicate": 2, "late_dropped": 1, "quarantined": {"future": 2}}
NOTHING = {"read": 0, "used": 0, "late_used": 0, "duplicate": 0, "late_dropped": 0, "quarantined": {}}
GENERATED = {"usable": 14, "usable_late": 4, "faults": {"duplicates": 4, "too_late": 2, "late": 4, "bad.future": 4}}


@pytest.fixture
def accounts() -> list[dict]:
    """Two days of 12 batch rows each, none by stream."""
    return [{**copy.deepcopy(PART), "sources": {"batch": copy.deepcopy(PART), "stream": NOTHING}} for _ in range(2)]


def test_agrees_when_every_row_is_accounted_for(accounts):
    line = event_line("batch", 24, 24, accounts)

    assert (line.used, line.late, line.duplicate, line.too_late) == (10, 4, 4, 2)
    assert line.quarantined == {"future": 4}
    assert line.difference == 0
    assert problems([line], fault_checks(GENERATED, accounts)) == []


def test_tells_an_event_that_never_landed(accounts):
    line = event_line("batch", 25, 24, accounts)

    assert line.difference == 1
    assert problems([line], []) == ["events by batch: 25 generated, 24 landed"]


def test_tells_an_event_that_curation_did_not_read(accounts):
    line = event_line("batch", 25, 25, accounts)

    assert problems([line], []) == ["events by batch: 25 landed, 24 read"]


def test_tells_an_event_that_is_counted_twice(accounts):
    accounts[0]["sources"]["batch"]["used"] += 1

    line = event_line("batch", 24, 24, accounts)

    assert problems([line], []) == ["events by batch: 24 read, 25 accounted for"]


def test_a_loss_and_a_double_count_do_not_cancel_each_other(accounts):
    line = replace(event_line("batch", 24, 23, accounts), used=9)

    assert line.difference == 3
    assert len(problems([line], [])) == 3


def test_tells_a_duplicate_that_was_used(accounts):
    accounts[0] |= {"used": 6, "duplicate": 1}

    assert problems([], fault_checks(GENERATED, accounts)) == [
        "events used on time: 10 by the generator, 11 by curation",
        "events duplicates: 4 by the generator, 3 by curation",
    ]


def test_tells_a_reason_that_nobody_made(accounts):
    accounts[1]["quarantined"] = {"future": 1, "kind_invalid": 1}

    assert problems([], fault_checks(GENERATED, accounts)) == [
        "events quarantined: future: 4 by the generator, 3 by curation",
        "events quarantined: kind_invalid: 0 by the generator, 1 by curation",
    ]


def test_tells_an_event_in_the_wrong_day_though_the_sums_agree(accounts):
    by_day = dict(zip(("2026-06-01", "2026-06-02"), accounts, strict=True))

    agreeing = day_checks({"2026-06-01": 7, "2026-06-02": 7}, by_day)
    shifted = day_checks({"2026-06-01": 8, "2026-06-02": 6}, by_day)

    assert agreeing.difference == 0
    assert problems([], [shifted]) == ["usable events, day by day: 14 by the generator, 14 by curation, 2 rows differ"]


def test_tells_a_feature_that_differs_though_the_rows_agree():
    check = Check(subject="features", expected=300, found=300, differing=1, expected_by="Spark", found_by="Redshift")

    assert check.difference == 1
    assert problems([], [check]) == ["features: 300 by Spark, 300 by Redshift, 1 rows differ"]


def test_an_event_that_failed_in_the_consumer_is_missing():
    counts = {"EventsRead": 10, "EventsUsed": 7, "EventsLate": 1, "EventsDuplicate": 1, "EventsFailed": 1}

    line = consumer_line(10, counts)

    assert problems([line], []) == ["events by stream (KPI consumer): 10 read, 9 accounted for"]


def test_rows_of_a_table_are_used_duplicates_or_quarantined():
    account = {"read": 10, "used": 7, "duplicate": 1, "quarantined": {"amount_range": 2}}

    assert table_line("billing", 10, 10, [account]).difference == 0
    assert table_line("billing", 11, 11, [account]).difference == 1
