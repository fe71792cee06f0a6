"""The paired bootstrap: the same rows for both models, within each class."""

import numpy as np

from seatrial.statistics.paired.bootstrap import paired_bootstrap
from seatrial.statistics.paired.delong import auc_interval, paired_gain


def auc(labels, scores) -> float:
    return auc_interval(labels, scores).auc


def test_its_interval_for_the_auc_is_close_to_delongs() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random(500) < 0.3).astype(float)
    good, bad = rng.normal(size=500) + labels, rng.normal(size=500) + 0.4 * labels

    found, expected = paired_bootstrap(auc, labels, good, bad), paired_gain(labels, good, bad)

    assert found.difference == expected.gain
    assert abs(found.low - expected.low) < 0.03
    assert abs(found.high - expected.high) < 0.03


def test_the_share_of_churners_stays_and_the_draws_are_the_same_every_time() -> None:
    labels = np.array([1.0] * 3 + [0.0] * 97)
    seen = []

    def statistic(y, s) -> float:
        seen.append(y.sum())
        return float((y * s).sum())

    one, other = (paired_bootstrap(statistic, labels, np.arange(100.0), np.zeros(100), draws=20) for _ in range(2))

    assert set(seen) == {3.0}
    assert one == other
