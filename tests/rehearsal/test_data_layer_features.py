"""Comparing what two engines made: equal rows are equal in any order, one differing bit is told."""

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.contracts.network_kpi import COUNTS, SUMS, window_of
from seatrial.decisions.network_kpi import fold
from seatrial.rehearsal.data_layer_features import compare_rows, windows_of

BY = ("Spark", "Redshift")


@pytest.fixture
def write(tmp_path):
    """Write rows as a Parquet file; gives its path."""

    def written(name: str, rows: list[dict]) -> str:
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
        return str(tmp_path / name)

    return written


ROWS = [{"id": "a", "share": 0.1}, {"id": "b", "share": None}, {"id": "b", "share": None}]


def compare(write, other):
    return compare_rows("features", write("one", ROWS), write("two", other), ("id", "share"), BY)


def test_equal_rows_in_another_order_agree(write):
    assert compare(write, ROWS[::-1]).difference == 0


def test_a_differing_bit_is_told(write):
    check = compare(write, [{"id": "a", "share": 0.1 + 2**-56}, *ROWS[1:]])

    assert (check.expected, check.found, check.differing) == (3, 3, 1)


def test_a_missing_row_and_a_doubled_one_are_told(write):
    missing, doubled = compare(write, ROWS[:2]), compare(write, [*ROWS, ROWS[0]])

    assert (missing.difference, missing.differing) == (1, 0)
    assert (doubled.difference, doubled.differing) == (1, 0)


def test_a_null_is_no_zero(write):
    assert compare(write, [ROWS[0], ROWS[1], {"id": "b", "share": 0.0}]).differing == 1


def test_windows_are_those_that_the_consumer_counts(write):
    started = datetime(2026, 6, 1, 12, 14, 59, 999_999, tzinfo=UTC)
    event = {"event_id": "e1", "cell_id": "c", "started_at": started, "received_at": started, "kind": "voice"}
    event |= {"duration_seconds": 61.25, "data_mb": 0.0, "dropped": 1}
    other = event | {"event_id": "e2", "kind": "data", "dropped": 0, "data_mb": 0.1, "duration_seconds": 0.0}
    curated = [one | {"late": 0, "copies_stream": 1} for one in (event, other)]
    by_batch = curated[0] | {"event_id": "e3", "copies_stream": 0}

    found = windows_of(write("curated", [*curated, by_batch]), 15)

    window = window_of("c", started, 15)
    totals = fold([event, other], ()).totals
    expected = tuple(float(totals.get(name, Decimal())) for name in (*COUNTS, *SUMS))
    assert found == {("c", window.sort_key.removeprefix("window#")): expected}
