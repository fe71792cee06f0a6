"""Parquet and Arrow columns give the summaries that their plain values give, in bounded memory."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.columnar.arrow import ColumnError, summarise_batch, summarise_column
from seatrial.columnar.parquet import freeze_maps, summarise_parquet
from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.numeric_column import NumericColumn


@pytest.fixture
def table():
    rng = np.random.default_rng(1)
    amount = rng.lognormal(3, 1, 5000)
    return pa.table(
        {
            "amount": pa.array(amount, mask=rng.random(5000) < 0.1),
            "calls": pa.array(rng.poisson(4, 5000).astype("i4")),
            "plan": pa.array(rng.choice(["prepaid", "family", None], 5000)),
            "active": pa.array(rng.random(5000) < 0.5),
        }
    )


def test_a_file_s_summary_is_that_of_its_values(table, tmp_path):
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=700)

    maps = freeze_maps([tmp_path / "a.parquet"])
    summary = summarise_parquet([tmp_path / "a.parquet"], maps)

    amounts = table["amount"].to_numpy()
    assert summary.rows == 5000
    assert maps["plan"] is None
    assert summary.columns["amount"] == NumericColumn.of(amounts, maps["amount"])
    assert summary.columns["calls"].integral == 5000
    assert summary.columns["plan"] == CategoryColumn.of_values([text or "" for text in table["plan"].to_pylist()])
    assert summary.columns["active"].types["Boolean"] == 5000


def test_files_row_groups_and_batches_of_any_cut_give_the_same_bytes(table, tmp_path):
    pq.write_table(table, tmp_path / "whole.parquet")
    pq.write_table(table.slice(0, 1234), tmp_path / "a.parquet", row_group_size=100)
    pq.write_table(table.slice(1234), tmp_path / "b.parquet", use_dictionary=False)
    maps = freeze_maps([tmp_path / "whole.parquet"])

    whole = summarise_parquet([tmp_path / "whole.parquet"], maps)
    parts = summarise_parquet([tmp_path / "b.parquet", tmp_path / "a.parquet"], maps)
    batches = [summarise_batch(batch, maps) for batch in table.to_batches(max_chunksize=333)]
    merged = batches[0]
    for batch in batches[1:]:
        merged = merged.merge(batch)

    assert whole.to_bytes() == parts.to_bytes() == merged.to_bytes()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([decimal.Decimal("1.5"), None]), [1.5]),
        (pa.array([datetime.date(1970, 1, 3)]), [2.0]),
        (pa.array([1_000_000], pa.timestamp("us")), [1e6]),
        (pa.array(["3", "", None, "x"]), [3.0]),
        (pa.array([None, None]), []),
    ],
)
def test_other_types_count_by_their_numbers(values, expected):
    column = summarise_column("x", values, AffineMap())

    assert column.present == len(expected)
    assert column.rows == len(values)
    assert not expected or column.maximum == expected[0]


def test_what_cannot_be_summarised_is_told(table, tmp_path):
    pq.write_table(table, tmp_path / "a.parquet")

    with pytest.raises(ColumnError, match="has no column age; there are amount, calls, plan, active"):
        freeze_maps([tmp_path / "a.parquet"], ["age"])
    with pytest.raises(ColumnError, match="has no column age"):
        summarise_parquet([tmp_path / "a.parquet"], {"age": AffineMap()})
    with pytest.raises(ColumnError, match=r"x: columns of list.* have no summary"):
        summarise_column("x", pa.array([[1]]), None)
    with pytest.raises(ColumnError, match="x: expected numbers, got bool"):
        summarise_column("x", pa.array([True]), AffineMap())
    with pytest.raises(ColumnError, match="no Parquet files"):
        freeze_maps([])
