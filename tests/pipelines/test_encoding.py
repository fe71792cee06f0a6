import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipelines.conftest import load_step

encoding = load_step("encoding")
FEATURES = [{"name": "minutes", "type": "numeric"}, {"name": "plan", "type": "categorical"}]
ROWS = [["1", "basic"], ["3", "basic"], ["", "premium"], ["8", "premium"], ["2", "rare"], ["4", ""], ["5", "n/a"]]


def test_numbers_stay_and_categories_become_columns_with_one_for_all_others():
    encoder = encoding.Encoder.fit(FEATURES, ROWS, 2)

    matrix = encoder.encode([["7", "basic"], ["", "rare"], ["1e2", "never seen"], ["0", ""]])

    assert encoder.labels == ("minutes", "plan=(missing)", "plan=basic", "plan=premium", "plan=(other)")
    np.testing.assert_array_equal(matrix, [[7, 0, 1, 0, 0], [math.nan, 0, 0, 0, 1], [100, 0, 0, 0, 1], [0, 1, 0, 0, 0]])


def test_what_was_fitted_depends_on_the_training_rows_alone():
    encoder = encoding.Encoder.fit(FEATURES, ROWS, 2)
    before = encoder.to_json()

    encoder.standardize(encoder.encode([["1000000", "new"], ["", "new"]]))

    assert encoder.to_json() == before


def test_gaps_are_filled_with_the_training_median_before_scaling():
    encoder = encoding.Encoder.fit(FEATURES, ROWS, 2)
    column = encoder.columns[0]

    filled = encoder.standardize(encoder.encode([["", "basic"], ["3.5", "basic"]]))

    assert column.median == 3.5
    assert filled[0, 0] == filled[1, 0]
    assert filled[0, 0] == pytest.approx((3.5 - column.mean) / column.scale)


def test_a_constant_or_empty_column_does_not_divide_by_zero():
    encoder = encoding.Encoder.fit([FEATURES[0], {"name": "empty", "type": "numeric"}], [["5", ""], ["5", ""]], 1)

    scaled = encoder.standardize(encoder.encode([["5", ""], ["6", "1"]]))

    assert np.isfinite(scaled).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["1"], "row 0: expected 2 values, got 1"),
        (["twelve", "basic"], "row 0, column 'minutes': not a number: 'twelve'"),
        (["inf", "basic"], "row 0, column 'minutes': not a number: 'inf'"),
        (["1e300", "basic"], "row 0, column 'minutes': not a number: '1e300'"),
    ],
)
def test_says_where_a_row_cannot_be_read(row, message):
    encoder = encoding.Encoder.fit(FEATURES, ROWS, 2)

    with pytest.raises(ValueError, match=r"^row 0") as caught:
        encoder.encode([row])

    assert str(caught.value) == message


@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.text(max_size=5)), min_size=1, max_size=20))
def test_an_encoder_read_back_encodes_alike(values):
    rows = [[repr(number), text] for number, text in values]
    encoder = encoding.Encoder.fit(FEATURES, rows, 1)

    copy = encoding.Encoder.from_json(encoder.to_json())

    np.testing.assert_array_equal(copy.encode(rows), encoder.encode(rows))
    assert (encoder.encode(rows)[:, 1:].sum(axis=1) == 1).all()
