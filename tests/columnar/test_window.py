"""Parts of a window merge to the last bit, whatever its rows were cut into, and count what the function counts."""

import dataclasses
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.columnar.arrow import ColumnError
from seatrial.columnar.texts import text_numbers
from seatrial.columnar.window import WindowPart, merge_parts, part_of_batch, part_of_rows
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.parsing import is_missing, to_number
from seatrial.statistics.window import summarise_window

SCHEMA = FeatureSchema((Feature("tenure", "numeric"), Feature("plan", "categorical")))
ODD = (
    "",
    " 3 ",
    "nan",
    "NaN",
    "inf",
    "+7",
    "twelve",
    "1_0",
    "NULL",
    "1e400",
    "1e200",
    "-.5e1",
    "0x10",
    "1e5",
    "-0",
    "٣",
)
TEXTS = st.lists(
    st.one_of(st.sampled_from(ODD), st.floats(allow_nan=False).map(repr), st.integers().map(str)), max_size=30
)


@pytest.fixture(scope="module")
def baseline():
    chance = random.Random(1)
    rows = [[f"{chance.gauss(24, 6):.1f}", chance.choice("abc")] for _ in range(400)]
    return build_baseline(SCHEMA, rows, [chance.random() for _ in rows], [index % 4 == 0 for index in range(400)])


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_numbers_of_texts_are_those_that_the_function_reads_one_by_one(texts):
    values, missing = text_numbers(pa.array(texts, pa.string()))

    numbers = [to_number(text.strip()) for text in texts if not is_missing(text)]
    assert sorted(values.tolist()) == sorted(number for number in numbers if number is not None)
    assert missing == sum(map(is_missing, texts))


def rows_of(chance, number):
    rows = [
        [chance.choice((*ODD, f"{chance.gauss(26, 6):.1f}")), chance.choice(("a", "z", "", "b"))] for _ in range(number)
    ]
    rows[:3] = [["tenure", "plan"], ["plan", "tenure"], ["1", "a", "x"]]
    return rows, [chance.random() for _ in rows], [f"e-{index}" for index in range(number)]


def test_any_cut_and_order_gives_the_same_bytes_and_the_function_s_counts(baseline):
    chance = random.Random(2)
    rows, scores, ids = rows_of(chance, 400)
    cuts = sorted(chance.sample(range(1, 400), 6))
    pieces = [slice(low, high) for low, high in zip([0, *cuts], [*cuts, 400], strict=True)]
    parts = [part_of_rows(baseline, rows[cut], scores[cut], ids[cut]) for cut in pieces]

    chance.shuffle(parts)
    merged = merge_parts(baseline, parts)

    whole = part_of_rows(baseline, rows, scores, ids)
    expected = summarise_window(baseline, rows, scores, ids=ids)
    assert merged.to_bytes() == whole.to_bytes() == WindowPart.from_bytes(whole.to_bytes()).to_bytes()
    for field in dataclasses.fields(expected):
        if field.name not in {"features", "predictions", "sketches"}:
            assert getattr(whole.summary(), field.name) == getattr(expected, field.name)
    told = [dataclasses.replace(item, moments=None) for item in whole.summary().features]
    assert told == [dataclasses.replace(item, moments=None) for item in expected.features]


def test_columns_of_any_type_count_by_their_values(baseline):
    plans = pa.array(["a", None, "z", "a"]).dictionary_encode()
    batches = [
        pa.table({"tenure": column, "plan": plans, "prediction": [0.1, 0.2, 0.3, 0.4]})
        for column in (
            pa.array([20, None, 30, 40], pa.int32()),
            pa.array([20.0, np.nan, 30.0, 40.0], pa.float32(), from_pandas=False),
            pa.array(["20", "", "30", " 40 "]),
        )
    ]

    counted = [part_of_batch(baseline, batch).counted for batch in batches]

    assert counted[0] == counted[1] == counted[2]
    assert (counted[0].features[0].missing, counted[0].features[1].missing, counted[0].rows) == (1, 1, 4)


def test_a_table_without_a_column_of_the_model_is_told(baseline):
    with pytest.raises(ColumnError, match="table has no column plan; it has tenure"):
        part_of_batch(baseline, pa.table({"tenure": [1.0]}))


def test_rows_without_ids_are_sampled_by_their_own_texts(baseline):
    rows, scores, _ = rows_of(random.Random(3), 500)

    part = part_of_rows(baseline, rows, scores)

    assert part.counted.sample == summarise_window(baseline, rows, scores).sample
    assert len({row.rank for row in part.counted.sample.rows}) > 20
