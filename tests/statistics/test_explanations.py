"""Sampled Shapley values are the exact ones where these are known, and the sample is bounded."""

from itertools import permutations

import numpy as np
import pytest

from seatrial.statistics.explanations.explain import MOST_EXACT_ROWS, MOST_SAMPLED_ROWS, explain
from seatrial.statistics.explanations.sampled_shapley import sampled_shapley


def score(rows):
    """A model with an interaction, of three numbers."""
    return [float(a) + 2 * float(b) * float(c) for a, b, c in rows]


def exact(row, background):
    """Shapley values by all orders of the features and all background rows."""
    values = np.zeros(3)
    for start in background:
        for order in permutations(range(3)):
            current = list(start)
            for place in order:
                before = score([current])[0]
                current[place] = row[place]
                values[place] += score([current])[0] - before
    return values / (6 * len(background))


def texts(rng, rows):
    return [[repr(float(value)) for value in row] for row in rng.normal(size=(rows, 3))]


def test_sampling_comes_to_the_exact_values():
    rng = np.random.default_rng(1)
    rows, background = texts(rng, 2), texts(rng, 4)

    found = sampled_shapley(score, rows, background, pairs=2000)

    assert found.values == pytest.approx(np.array([exact(row, background) for row in rows]), abs=0.15)


def test_values_of_one_background_row_sum_to_the_difference_of_scores():
    rng = np.random.default_rng(2)
    rows, background = texts(rng, 20), texts(rng, 1)

    found = sampled_shapley(score, rows, background)

    assert found.values.sum(axis=1) == pytest.approx(np.array(score(rows)) - found.expected)


def test_the_sample_is_bounded_whatever_the_number_of_rows():
    asked = []
    rows = texts(np.random.default_rng(3), 2 * MOST_EXACT_ROWS)

    def counting(chosen):
        asked.append(len(chosen))
        return score(chosen)

    sampled = explain(["a", "b", "c"], rows, counting)
    told = explain(["a", "b", "c"], rows, score, lambda chosen: exact_answer(np.ones((len(chosen), 3))))

    assert asked == [MOST_SAMPLED_ROWS * 4 * 4]
    assert (sampled.rows, sampled.method, sampled.unit) == (MOST_SAMPLED_ROWS, "sampled_shapley", "probability")
    assert (told.rows, told.method, told.attributions) == (MOST_EXACT_ROWS, "tree_shap", {"a": 1.0, "b": 1.0, "c": 1.0})


def exact_answer(values):
    return {"values": values, "expected_value": 0.5, "method": "tree_shap", "unit": "log_odds"}


def test_a_model_that_knows_no_way_is_sampled():
    found = explain(["a", "b", "c"], texts(np.random.default_rng(4), 30), score, lambda chosen: None)

    assert found.method == "sampled_shapley"


def test_nothing_cannot_be_explained():
    with pytest.raises(ValueError, match="at least one row to explain"):
        sampled_shapley(score, [], [])
