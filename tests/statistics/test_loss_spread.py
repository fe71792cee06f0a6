"""The design effect of hourly losses: what hours share is unrest, what moves or jumps is not; and what it does."""

import math
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.statistics.baseline import QualityBaseline
from seatrial.statistics.loss_spread import FEWEST_DIFFERENCES, MOST_HOURS, LossSpread
from seatrial.statistics.mean_detector import STAKES, MeanDetector
from seatrial.statistics.quality_check import QualityState, check_quality

LOSSES = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def spread(means: list[float], rows: int = 60, seed: int = 0) -> LossSpread:
    """Losses with a standard deviation of 0.1 around each hour's mean."""
    rng, found = np.random.default_rng(seed), LossSpread()
    for hour, mean in enumerate(means):
        found = found.plus(hour, (mean + rng.normal(0, 0.1, rows)).tolist())
    return found


@pytest.mark.parametrize(
    "means",
    [
        pytest.param([0.3] * 168, id="level"),
        pytest.param([0.3] * 100 + [0.9] * 68, id="jump"),
        pytest.param([0.3 + 0.002 * hour for hour in range(168)], id="ramp"),
        pytest.param([0.3 + 0.03 * math.sin(hour * math.pi / 12) for hour in range(168)], id="rhythm"),
    ],
)
def test_what_moves_or_jumps_or_returns_every_day_is_no_unrest(means: list[float]) -> None:
    assert spread(means).design_effect < 2.5


@pytest.mark.parametrize("memory", [0.0, 0.9])
def test_what_hours_share_is_unrest_also_when_neighbours_agree(memory: float) -> None:
    rng, level, means = np.random.default_rng(3), 0.0, []
    for _ in range(168):
        level = memory * level + math.sqrt(1 - memory**2) * rng.normal()
        means.append(0.5 + 0.04 * level)

    found = spread(means).design_effect

    assert found == pytest.approx(1 + 60 * 0.04**2 / 0.1**2, rel=0.5)


def test_too_few_hours_or_equal_losses_tell_nothing() -> None:
    few = spread([0.1, 0.9] * (FEWEST_DIFFERENCES // 2))
    equal = LossSpread(tuple((hour, 5, 1.0, 0.2) for hour in range(100)))

    assert (few.design_effect, equal.design_effect, LossSpread().design_effect) == (1.0, 1.0, 1.0)


def test_hours_that_are_missing_are_no_neighbours() -> None:
    rng, found = np.random.default_rng(1), LossSpread()
    for hour in range(100):
        found = found.plus(2 * hour, (0.5 + 0.2 * (hour % 2) + rng.normal(0, 0.1, 60)).tolist())

    assert found.design_effect < 1.7  # a day apart is the same parity; nothing is an hour apart


@settings(max_examples=30)
@given(st.lists(LOSSES, max_size=200))
def test_a_week_is_remembered_and_survives_storage(batches: list[list[float]]) -> None:
    found = LossSpread()
    for losses in batches:
        found = found.plus(None, losses)

    assert len(found.hours) == min(len(batches), MOST_HOURS)
    assert found.design_effect >= 1
    assert LossSpread.from_json(found.to_json()) == found


@given(st.integers(1, 50), st.floats(0.05, 0.45))
def test_rows_that_are_copies_of_one_are_a_fair_bet_at_their_design_effect_and_none_without(
    rows: int, limit: float
) -> None:
    """Each hour is all 0 or all twice the limit, as likely: the mean is the limit."""
    hours = [[0.0] * rows, [2 * limit] * rows]

    fair = [MeanDetector(limit).update(losses, float(rows)).log_wealth for losses in hours]
    naive = [MeanDetector(limit).update(losses).log_wealth for losses in hours]

    assert np.exp(fair).mean(axis=0) == pytest.approx([1.0] * len(STAKES))
    assert (np.exp(naive).mean(axis=0) >= 1 - 1e-9).all()


def restless(hour: int) -> tuple[list[float], list[int]]:
    """Sure predictions, of which some hours get one in ten wrong, others three in ten; one in five is the limit."""
    rng = np.random.default_rng(hour)
    wrong = rng.random(100) < (0.02 if rng.random() < 0.5 else 0.28)
    labels = rng.random(100) < 0.5
    return np.where(labels ^ wrong, 0.95, 0.05).tolist(), labels.astype(int).tolist()


def test_restless_hours_page_no_one_once_their_unrest_is_known() -> None:
    """Without the design effect the same hours page again and again."""
    known = [restless(hour) for hour in range(2000, 2168)]
    scores, labels = (list(chain.from_iterable(column)) for column in zip(*known, strict=True))
    baseline = QualityBaseline.of(scores, labels)
    quiet = QualityState.fresh(baseline, 0.1, 0.02)
    for scores, labels in known:
        _, quiet = check_quality(quiet, scores, labels, math.inf)

    pages, blind = 0, 0
    watched, naive = quiet.cleared(), QualityState.fresh(baseline, 0.1, 0.02)
    for hour in range(300):
        told, watched = check_quality(watched, *restless(hour), 14.0)
        alone, naive = check_quality(QualityState(naive.brier, naive.ranking, naive.recent), *restless(hour), 14.0)
        pages, blind = pages + bool(told.findings), blind + bool(alone.findings)

    assert pages == 0
    assert blind > 0
