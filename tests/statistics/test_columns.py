"""Laws of column summaries: merging equals one pass to the last bit, in any order and grouping; errors are bounded."""

import json
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.bit_histogram import BitHistogram, edges
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.exact_moments import UNIT, ExactMoments
from seatrial.statistics.columns.hashing import hash_texts
from seatrial.statistics.columns.heavy_hitters import CAPACITY, HeavyHitters
from seatrial.statistics.columns.hyperloglog import HyperLogLog
from seatrial.statistics.columns.numeric_column import BLOCK, NumericColumn
from seatrial.statistics.columns.table import TableSummary

FLOATS = st.lists(st.floats(width=64), max_size=30).map(lambda values: np.array(values, np.float64))
FLOATS_32 = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=40)
MAPS = st.builds(AffineMap, st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
TEXTS = st.lists(st.sampled_from(["", "NaN", "a", " a", "true", "7", "0.5", "ü", "x" * 300]), max_size=30)


@given(FLOATS, FLOATS, FLOATS, MAPS)
@settings(max_examples=60, deadline=None)
def test_numeric_summaries_merge_to_the_last_bit_in_any_order_and_grouping(first, second, third, frozen):
    a, b, c = (NumericColumn.of(values, frozen) for values in (first, second, third))

    whole = NumericColumn.of(np.concatenate([first, second, third]), frozen)

    assert a.merge(b).merge(c) == whole == c.merge(a.merge(b)) == b.merge(c).merge(a)
    assert whole.rows == len(first) + len(second) + len(third)
    assert NumericColumn.from_json(json.loads(json.dumps(whole.to_json()))) == whole


@given(TEXTS, TEXTS, TEXTS)
@settings(max_examples=40, deadline=None)
def test_category_summaries_merge_to_the_last_bit_in_any_order_and_grouping(first, second, third):
    a, b, c = (CategoryColumn.of_values(values) for values in (first, second, third))

    whole = CategoryColumn.of_values(first + second + third)

    assert a.merge(b).merge(c) == whole == c.merge(a.merge(b))
    assert whole.rows == len(first + second + third)
    assert CategoryColumn.from_json(json.loads(json.dumps(whole.to_json()))) == whole


@given(FLOATS_32)
@settings(max_examples=60, deadline=None)
def test_moments_are_exact_sums_of_numbers_rounded_near_zero(values):
    moments = ExactMoments.of(np.array(values, np.float32))

    rounded = [
        Fraction(round(Fraction(value) * 2**20), 2**20) if abs(value) <= 8 else Fraction(value) for value in values
    ]
    assert Fraction(moments.total, UNIT) == sum(rounded)
    assert Fraction(moments.squares, UNIT) == sum(value**2 for value in rounded)


@given(FLOATS_32)
@settings(max_examples=60, deadline=None)
def test_cells_keep_the_order_of_the_numbers_and_contain_them(values):
    ordered = np.sort(np.array(values, np.float32))
    ordered[np.abs(ordered) < 2.0**-131] = 0

    held = [int(np.flatnonzero(BitHistogram.of(ordered[index : index + 1]).counts)[0]) for index in range(len(ordered))]

    assert held == sorted(held)
    assert all(edges()[cell] <= value <= edges()[cell + 1] for cell, value in zip(held, ordered, strict=True))


def test_a_shift_far_from_zero_is_seen_and_the_distance_is_right_to_two_in_ten_thousand():
    rng = np.random.default_rng(3)
    reference, current = rng.normal(1e6, 1, 200_000), rng.normal(1e6 + 0.1, 1, 200_000)
    frozen = AffineMap.of(reference[:50_000])
    before, after = NumericColumn.of(reference, frozen), NumericColumn.of(current, frozen)

    distance = np.abs(before.histogram.cumulative() - after.histogram.cumulative()).max()

    assert distance == pytest.approx(stats.ks_2samp(reference, current, method="asymp").statistic, abs=2e-4)
    assert before.mean == pytest.approx(reference.mean(), abs=1e-6)
    assert before.std_dev == pytest.approx(reference.std(), rel=1e-6)
    assert before.quantile(0.9) == pytest.approx(np.quantile(reference, 0.9), abs=0.01)


def test_storage_types_and_blocks_do_not_change_the_summary():
    values = np.arange(2 * BLOCK + 5) % 1000
    frozen = AffineMap(500.0, 250.0)

    summaries = [NumericColumn.of(values.astype(kind), frozen) for kind in ("i2", "i8", "f4", "f8")]
    texts = NumericColumn.of_texts([str(value) for value in values.tolist()], frozen)

    assert all(summary == summaries[0] for summary in [*summaries, texts])
    assert summaries[0].integral == len(values)


def test_what_is_no_number_is_counted_apart():
    texts = NumericColumn.of_texts(["1", "", "NaN", "inf", "twelve", "2.5"], AffineMap())
    floats = NumericColumn.of(np.array([1, np.nan, np.inf, -np.inf, 1e300, -1e-300]), AffineMap())

    assert (texts.missing, texts.invalid, texts.present) == (2, 2, 2)
    assert texts.types == {"Integral": 1, "Fractional": 1, "String": 2}
    assert (floats.missing, floats.invalid, floats.present, floats.maximum) == (1, 2, 3, 1e300)


def test_columns_of_other_maps_or_kinds_are_not_merged():
    numeric = TableSummary(1, {"age": NumericColumn.of(np.array([1.0]), AffineMap())})
    shifted = TableSummary(1, {"age": NumericColumn.of(np.array([1.0]), AffineMap(1.0, 1.0))})
    texts = TableSummary(1, {"age": CategoryColumn.of_values(["1"])})

    with pytest.raises(ValueError, match="mapped differently"):
        numeric.merge(shifted)
    with pytest.raises(ValueError, match="age: a numeric column and one of texts"):
        numeric.merge(texts)
    with pytest.raises(ValueError, match=r"only one of them has \['age'\]"):
        numeric.merge(TableSummary())


@given(
    st.lists(st.dictionaries(st.integers(0, 900).map(str), st.integers(1, 50), max_size=400), min_size=3, max_size=3)
)
@settings(max_examples=20, deadline=None)
def test_frequent_texts_keep_their_bound_in_any_grouping(parts):
    a, b, c = map(HeavyHitters.of, parts)
    true = {text: sum(part.get(text, 0) for part in parts) for part in parts for text in part}

    for merged in (a.merge(b).merge(c), c.merge(b.merge(a))):
        assert len(merged.counts) <= CAPACITY
        assert merged.error * (CAPACITY + 1) <= sum(true.values())
        assert all(0 <= count - merged.counts.get(text, 0) <= merged.error for text, count in true.items())
    assert a.merge(b) == b.merge(a)


@pytest.mark.parametrize("distinct", [10, 3_000, 60_000])
def test_distinct_texts_are_counted_within_five_percent_and_merging_loses_nothing(distinct):
    hashes = hash_texts(map(str, range(distinct)))

    merged = HyperLogLog.of(hashes[: distinct // 2]).merge(HyperLogLog.of(hashes[distinct // 3 :]))

    assert merged == HyperLogLog.of(hashes)
    assert merged.estimate() == pytest.approx(distinct, rel=0.05)


def test_a_column_of_many_texts_stays_small_and_names_its_frequent_ones():
    texts = [f"cell-{number}" for number in range(20_000)] + ["cell-7"] * 5_000

    column = CategoryColumn.of_values(texts[::2]).merge(CategoryColumn.of_values(texts[1::2]))
    table = TableSummary(len(texts), {"cell": column})

    assert column.distinct == pytest.approx(20_000, rel=0.05)
    assert column.hitters.ranked()[0][0] == "cell-7"
    assert not column.exact
    assert TableSummary.from_bytes(table.to_bytes()) == table
    assert len(table.to_bytes()) < 20_000


def test_twenty_columns_are_written_in_kilobytes_and_equal_summaries_in_equal_bytes():
    rng = np.random.default_rng(5)
    columns = {f"x{i}": rng.normal(i, 1 + i, 50_000) for i in range(20)}
    maps = {name: AffineMap.of(values) for name, values in columns.items()}

    def summary(part: slice) -> TableSummary:
        return TableSummary(
            len(columns["x0"][part]),
            {name: NumericColumn.of(values[part], maps[name]) for name, values in columns.items()},
        )

    first, second = summary(slice(0, 20_000)), summary(slice(20_000, None))

    assert first.merge(second).to_bytes() == second.merge(first).to_bytes() == summary(slice(None)).to_bytes()
    assert len(summary(slice(None)).to_bytes()) < 60_000


@pytest.mark.parametrize("data", [b"", b"nonsense", zlib.compress(b"{}"), zlib.compress(b'{"version": 9}')])
def test_anything_else_than_a_summary_is_refused(data):
    with pytest.raises(ValueError, match="summary: "):
        TableSummary.from_bytes(data)


@pytest.mark.parametrize(("center", "scale"), [(0.0, 0.0), (float("nan"), 1.0), (0.0, float("inf")), (0.0, -1.0)])
def test_a_map_that_cannot_be_undone_is_refused(center, scale):
    with pytest.raises(ValueError, match="scale above 0"):
        AffineMap(center, scale)


@pytest.mark.parametrize("values", [[], [5.0] * 9, [0.0] * 9, [0.0] * 9 + [3.0], [np.nan, np.inf], [1e308, -1e308]])
def test_a_map_can_be_made_of_any_sample(values):
    frozen = AffineMap.of(np.array(values))

    assert NumericColumn.of(np.array(values), frozen).rows == len(values)


def test_moments_of_many_numbers_are_exact_too():
    values = np.random.default_rng(4).normal(0, 3, 70_001).astype(np.float32)

    moments = ExactMoments.of(values)

    rounded = [round(float(value) * 2**20) for value in values[np.abs(values) <= 8]]
    far = [Fraction(float(value)) for value in values[np.abs(values) > 8]]
    assert Fraction(moments.total, UNIT) == Fraction(sum(rounded), 2**20) + sum(far)
    assert Fraction(moments.squares, UNIT) == Fraction(sum(one * one for one in rounded), 2**40) + sum(
        x * x for x in far
    )
