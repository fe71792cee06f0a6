"""The paired difference of Brier losses: its error is that of independent rows, and its bounds hold what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.statistics.paired.brier import paired_loss

PROBABILITIES = st.lists(st.tuples(st.booleans(), st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30)


def arrays(rows: list) -> tuple:
    return tuple(np.array(column, float) for column in zip(*rows, strict=True))


def sample(seed: int, rows: int = 300) -> tuple:
    """Labels, two noisy copies of the true probability."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 3, rows)
    labels = (rng.random(rows) < truth).astype(float)
    return labels, *(np.clip(truth + rng.normal(0, 0.1, rows), 0, 1) for _ in range(2))


@given(PROBABILITIES)
def test_the_difference_is_that_of_the_two_mean_losses(rows: list) -> None:
    labels, ours, theirs = arrays(rows)

    found = paired_loss(labels, ours, theirs)

    assert found.difference == pytest.approx(np.mean((ours - labels) ** 2) - np.mean((theirs - labels) ** 2), abs=1e-12)
    assert -1 <= found.low <= found.difference + 1e-12
    assert found.difference - 1e-12 <= found.high <= 1


@given(PROBABILITIES)
def test_exchanging_the_models_turns_the_sign(rows: list) -> None:
    labels, ours, theirs = arrays(rows)

    one, other = paired_loss(labels, ours, theirs), paired_loss(labels, theirs, ours)

    assert (one.difference, one.low) == pytest.approx((-other.difference, -other.high), abs=1e-12)


def test_the_error_is_that_of_independent_rows() -> None:
    labels, ours, theirs = sample(1)
    differences = (ours - labels) ** 2 - (theirs - labels) ** 2

    found = paired_loss(labels, ours, theirs)

    assert found.standard_error == pytest.approx(differences.std(ddof=1) / math.sqrt(len(differences)))


def test_the_upper_bound_lies_below_the_true_difference_in_about_five_percent_of_the_samples() -> None:
    found = [paired_loss(*sample(seed)) for seed in range(1000)]

    below = sum(one.high < 0 for one in found)

    assert 30 <= below <= 70


def test_rows_repeated_under_one_name_make_nothing_more_certain() -> None:
    labels, ours, theirs = sample(2)
    names = [f"s{row}" for row in range(len(labels))]
    once = paired_loss(labels, ours, theirs, names)

    twice = paired_loss(*(np.tile(column, 2) for column in (labels, ours, theirs)), names * 2)

    assert twice.difference == pytest.approx(once.difference)
    assert twice.standard_error == pytest.approx(once.standard_error)


def test_of_a_single_subscriber_nothing_is_known() -> None:
    labels, ours, theirs = sample(3, rows=4)

    found = paired_loss(labels, ours, theirs, ["s1"] * 4)

    assert (found.low, found.high) == (-1.0, 1.0)
