"""KPIs of a window: whatever is delivered how often and in which order, each event counts once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.decisions.network_kpi import MOST_EVENTS, FullWindowError, fingerprint, fold, objection

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def event(number: int, **changed):
    common = {"event_id": f"e{number}", "started_at": NOON, "received_at": NOON, "kind": "voice", "dropped": 0}
    return common | {"duration_seconds": 0.1, "data_mb": 0.0} | changed


KINDS = st.sampled_from(["voice", "sms", "data"])
AMOUNTS = st.floats(0, 86_400, allow_nan=False)
EVENTS = st.lists(st.builds(lambda kind, amount: (kind, amount), KINDS, AMOUNTS), min_size=1, max_size=20).map(
    lambda pairs: [event(n, kind=kind, duration_seconds=amount) for n, (kind, amount) in enumerate(pairs)]
)


@given(EVENTS, st.data())
def test_any_schedule_of_deliveries_gives_the_totals_of_each_event_once(events, data):
    again = data.draw(st.lists(st.sampled_from(events), max_size=20))
    deliveries = data.draw(st.permutations([*events, *again]))
    cuts = data.draw(st.integers(1, 5))

    seen, totals, duplicates = set(), {}, 0
    for begin in range(0, len(deliveries), cuts):
        change = fold(deliveries[begin : begin + cuts], seen)
        seen |= set(change.fingerprints)
        duplicates += change.duplicates
        totals = {name: totals.get(name, 0) + change.totals.get(name, 0) for name in {*totals, *change.totals}}

    assert totals == fold(events, ()).totals
    assert duplicates == len(again)


def test_sums_are_exact():
    change = fold([event(n) for n in range(10)], ())

    assert change.totals["duration_seconds"] == Decimal("1.0")


def test_tiny_values_do_not_make_numbers_that_dynamodb_refuses():
    change = fold([event(1, duration_seconds=1e-300), event(2, duration_seconds=86_400.0)], ())

    assert len(change.totals["duration_seconds"].as_tuple().digits) <= 38


def test_late_events_are_used_and_counted_apart():
    late = event(1, received_at=NOON + timedelta(hours=25))

    change = fold([late, event(2)], ())

    assert (change.totals["events"], change.totals["late_events"]) == (2, 1)


def test_only_calls_can_be_dropped_calls():
    change = fold([event(1, kind="data", dropped=1), event(2, dropped=1)], ())

    assert change.totals["dropped_calls"] == 1


@pytest.mark.parametrize(
    ("started", "received", "expected"),
    [
        (NOON, NOON + timedelta(days=2), None),
        (NOON, NOON + timedelta(days=3, seconds=1), "too_late"),
        (NOON + timedelta(minutes=4), NOON, None),
        (NOON + timedelta(minutes=6), NOON, "future"),
    ],
)
def test_broken_clocks_and_very_old_events_are_set_aside(started, received, expected):
    assert objection(started, received) == expected


def test_a_window_that_is_full_says_what_to_do():
    seen = [fingerprint(f"x{n}") for n in range(MOST_EVENTS)]

    with pytest.raises(FullWindowError, match="shorten the windows"):
        fold([event(1)], seen)
