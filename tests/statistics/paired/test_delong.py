"""DeLong's variance against repeated samples, the area against counting pairs, the paired test against chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.statistics.paired.delong import auc_interval, paired_gain


def sample(seed: int, rows: int = 400) -> tuple:
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(float)
    return labels, np.round(1 / (1 + np.exp(-(rng.normal(size=rows) + labels))), 2)  # ties


def test_the_deviation_is_that_of_repeated_samples() -> None:
    found = [auc_interval(*sample(seed, rows=300)) for seed in range(300)]

    assert np.mean([area.standard_deviation for area in found]) == pytest.approx(
        np.std([a.auc for a in found]), rel=0.15
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=30))
def test_the_area_counts_pairs_in_the_right_order_and_half_of_the_ties(pairs: list) -> None:
    labels = np.array([float(label) for label, _ in pairs])
    scores = np.array([score / 5 for _, score in pairs])
    if not 0 < labels.sum() < len(labels):
        return

    found = auc_interval(labels, scores).auc

    positive, negative = scores[labels == 1][:, None], scores[labels == 0][None, :]
    assert found == pytest.approx(float(np.mean((positive > negative) + 0.5 * (positive == negative))))


def test_the_paired_interval_is_narrower_than_that_of_independent_models() -> None:
    labels, scores = sample(1)
    worse = np.clip(scores + np.random.default_rng(2).normal(0, 0.02, len(scores)), 0, 1)

    found = paired_gain(labels, scores, worse)

    area = auc_interval(labels, scores)
    assert found.high - found.low < 0.5 * (area.high - area.low)
    assert found.gain == pytest.approx(area.auc - auc_interval(labels, worse).auc)


def test_a_model_compared_with_itself_gains_nothing_for_certain() -> None:
    labels, scores = sample(3)

    found = paired_gain(labels, scores, scores)

    assert (found.gain, found.low, found.high, found.p_value, found.p_no_gain) == (0.0, 0.0, 0.0, 1.0, 0.5)


def test_models_that_differ_by_chance_alone_are_told_apart_as_often_as_promised() -> None:
    """Two noisy copies of one score: a one-sided p-value below 0.05 in about 5 % of the samples."""
    small = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        labels = (rng.random(300) < 0.3).astype(float)
        score = rng.normal(size=300) + labels
        first, second = (score + rng.normal(0, 0.5, 300) for _ in range(2))
        small += paired_gain(labels, first, second).p_no_gain < 0.05

    assert 8 <= small <= 35
