"""A month of one block as records: what the contract asks, faults that are counted, leavers and movers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from seatrial.contracts.cdr import CDR, from_the_future, is_late
from seatrial.telecom.events import EVENT_SCHEMA, draw_events
from seatrial.telecom.lifecycle import live
from seatrial.telecom.plan import Faults, Plan
from seatrial.telecom.stream import plain
from seatrial.telecom.usage import draw_records

SPOILT = Faults(duplicates=0.03, late=0.03, too_late=0.02, out_of_order=0.02, bad=0.04)


@pytest.fixture(scope="module")
def months():
    return list(live(Plan(subscribers=600, days=45, seed=5, faults=SPOILT), 0))


@pytest.fixture(scope="module")
def spoilt(months):
    return draw_events(months[0])


@pytest.fixture(scope="module")
def rows(spoilt):
    return plain(spoilt.table).to_pylist()


@pytest.fixture(scope="module")
def clean():
    plan = Plan(subscribers=600, days=45, seed=5)
    drawn = [draw_events(month) for month in live(plan, 0)]
    return [plain(one.table) for one in drawn], drawn


def test_no_tail_is_so_heavy_that_a_record_breaks_the_contract(months):
    heavy = replace(months[0].people, data_mb=np.full(len(months[0].people.data_mb), 1e9))

    records = draw_records(months[0].source, heavy, months[0].habits)

    assert records.data_mb.max() == CDR["data_mb"].maximum
    assert records.duration_seconds.max() <= CDR["duration_seconds"].maximum


def test_the_columns_are_the_contracts(spoilt):
    assert tuple(EVENT_SCHEMA.names) == CDR.names == tuple(spoilt.table.column_names)


def test_clean_rows_break_nothing(clean):
    tables, drawn = clean

    for row in pa.concat_tables(tables).slice(0, 20_000).to_pylist():
        assert CDR.problem(row) is None
        assert not is_late(row["started_at"], row["received_at"])
        assert row["received_at"] > row["started_at"]
    assert all(one.late == 0 and not one.faults.total() for one in drawn)


def test_ids_are_never_used_twice_but_for_duplicates(clean, spoilt, rows):
    ids = pa.concat_tables(clean[0])["event_id"]

    assert len(pc.unique(ids)) == len(ids)
    assert len(rows) - len({row["event_id"] for row in rows}) == spoilt.faults["duplicates"] > 0


def test_rows_lie_in_order_of_arrival_cut_by_its_day(spoilt):
    received = spoilt.table["received_at"].to_numpy()

    assert (np.diff(received) >= np.timedelta64(0)).all()
    for day, piece in spoilt.days.items():
        assert set(received[piece].astype("datetime64[D]").astype(date)) == {day}
    assert sum(piece.stop - piece.start for piece in spoilt.days.values()) == len(received)


def test_whoever_checks_the_rows_finds_the_counts_that_were_told(spoilt, rows):
    """Reads as a job would: refused by the contract, from the future, too late, used; a copy counts once."""
    found, seen, late, usable = {}, set(), 0, {}
    for row in rows:
        reason = CDR.problem(row)
        if reason is None and from_the_future(row["started_at"], row["received_at"]):
            reason = "future"
        if reason is None and (row["received_at"] - row["started_at"]).total_seconds() > 3 * 86_400:
            reason = "too_late"
        if reason is None and row["event_id"] in seen:
            reason = "duplicates"
        if reason is None:
            seen.add(row["event_id"])
            late += is_late(row["started_at"], row["received_at"])
            usable[row["started_at"].date()] = usable.get(row["started_at"].date(), 0) + 1
        found[reason] = found.get(reason, 0) + 1

    told = {name.removeprefix("bad."): count for name, count in spoilt.faults.items()}
    told.pop("out_of_order")
    assert late == told.pop("late") == spoilt.late
    found.pop(None)
    assert found == told
    assert usable == spoilt.usable


def test_out_of_order_events_come_after_younger_ones(clean):
    plan = Plan(subscribers=600, days=10, seed=5, faults=Faults(out_of_order=0.05))
    drawn = draw_events(next(live(plan, 0)))

    delay = (drawn.table["received_at"].to_numpy() - drawn.table["started_at"].to_numpy()) / np.timedelta64(1, "m")
    assert (delay > 29).sum() == drawn.faults["out_of_order"]
    assert drawn.faults["out_of_order"] == pytest.approx(0.05 * len(delay), rel=0.1)
    assert delay.max() < 6 * 60 + 30


def test_faults_change_nothing_about_what_happened(clean, months):
    """The events are those of the clean operator, delivered otherwise."""
    started = plain(draw_events(months[0]).table)
    good = started.filter(pc.is_valid(started["started_at"]))
    before = dict(zip(clean[0][0]["event_id"].to_pylist(), clean[0][0]["data_mb"].to_pylist(), strict=True))

    kept = [(i, mb) for i, mb in zip(good["event_id"].to_pylist(), good["data_mb"].to_pylist(), strict=True) if mb >= 0]
    assert all(before[i] == mb for i, mb in kept)


def test_leavers_fall_silent_and_movers_use_the_cells_of_their_new_region(clean, months):
    month, table = months[0], clean[0][0].to_pandas()
    ids = np.array([f"s000000{seat:05d}" for seat in month.people.position])
    day = (table["started_at"] - table["started_at"].min().normalize()).dt.total_seconds() / 86_400
    index = {name: number for number, name in enumerate(ids)}
    owner = table["subscriber_id"].map(index).to_numpy()

    assert (day < month.leaves_on[owner]).all()
    moved = month.people.region != month.after.region
    region = table["cell_id"].str.rsplit("-", n=1).str[0].to_numpy()
    names = np.array(["north", "northeast", "east", "southeast", "south", "southwest", "west", "capital"])
    after = moved[owner] & (day > month.changes_on[owner]).to_numpy()
    expected = np.where(after, names[month.after.region[owner]], names[month.people.region[owner]])
    assert after.any()
    assert (region == expected).all()


def test_partners_who_left_are_called_by_a_ported_number(clean, months):
    second = clean[0][1]["partner_id"].drop_null().to_pylist()
    gone = months[0].people.position[months[0].present & (months[0].leaves_on < 30)]

    called = set(second)
    assert any(f"ported-000000{seat:05d}" in called for seat in gone)
    assert not any(f"s000000{seat:05d}" in called for seat in gone)
