"""Months of life of an operator's subscribers: who leaves, how often, because of whom, and what never happens."""

import numpy as np
import pytest

from seatrial.telecom.lifecycle import NEVER, live
from seatrial.telecom.plan import BLOCK_SUBSCRIBERS, Plan


def months(days=90, blocks=4, **changes):
    """The months of all blocks, by month."""
    plan = Plan(subscribers=blocks * BLOCK_SUBSCRIBERS, days=days, **{"seed": 7, **changes})
    return list(zip(*(live(plan, block) for block in range(plan.blocks)), strict=True))


@pytest.fixture(scope="module")
def quarter():
    return months()


def decided(blocks_of_month, driver):
    """Driver and outcome of those whom one month's labels are about, over all blocks."""
    values = np.concatenate([driver(month)[month.stayed] for month in blocks_of_month])
    churned = np.concatenate([month.people.churned[month.stayed] for month in blocks_of_month])
    return values, churned


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.03])
def test_every_month_loses_the_share_that_was_asked_for(rate):
    rates = [decided(blocks, lambda month: month.people.network)[1].mean() for blocks in months(150, churn_rate=rate)]

    assert np.mean(rates) == pytest.approx(rate, rel=0.08)
    assert rates == pytest.approx([rate] * 5, rel=0.2)


def test_the_more_friends_have_left_the_more_leave(quarter):
    pairs = [decided(blocks, lambda month: np.rint(8 * month.people.friends_left)) for blocks in quarter]
    friends, churned = (np.concatenate(parts) for parts in zip(*pairs, strict=True))

    rates = [churned[(friends >= low) & (friends <= high)].mean() for low, high in ((0, 0), (1, 2), (3, 8))]
    assert rates[0] < rates[1] < rates[2]
    assert rates[2] > 1.8 * rates[0]  # Dasgupta et al. 2008: the propensity rises with the number of churned ties


def test_who_leaves_makes_his_neighbours_more_likely_to_leave_next_month(quarter):
    ratios = []
    for before, after in zip(quarter[0], quarter[1], strict=True):
        left = np.zeros(len(before.occupied), dtype=bool)
        left[before.people.position[before.present & (before.leaves_on < 30)]] = True
        beside = (np.roll(left, 1) | np.roll(left, -1))[after.people.position] & after.stayed
        ratios.append(after.people.probability[beside].mean() / after.people.probability[after.stayed & ~beside].mean())

    assert np.mean(ratios) > 1.15, ratios


def test_bad_cells_drive_subscribers_away(quarter):
    network, churned = decided(quarter[0], lambda month: month.people.network)

    best, worst = np.quantile(network, [0.2, 0.8])
    assert churned[network > worst].mean() > 1.3 * churned[network < best].mean()


def test_nobody_comes_back_and_leavers_are_gone_when_they_said(quarter):
    for first, second in zip(quarter[0], quarter[1], strict=True):
        gone = first.present & (first.leaves_on < 30)
        assert not second.present[gone].any()
        assert np.array_equal(second.present, first.present & ~gone)
        leaving = first.stayed & (first.people.churned == 1)
        assert np.array_equal(second.leaves_on[leaving], first.leaves_next[leaving])
        assert (second.leaves_on[second.present & ~leaving] == NEVER).all()


def test_seats_of_leavers_stand_empty_from_the_next_month_on(quarter):
    for first, second in zip(quarter[0], quarter[1], strict=True):
        gone = first.people.position[first.present & (first.leaves_on < 30)]
        assert first.occupied[gone].all()
        assert not second.occupied[gone].any()


def test_who_has_given_notice_is_in_no_label_set():
    (first,), (second,) = months(blocks=1, days=40)

    pending = second.present & (second.leaves_on >= 10) & (second.leaves_on < NEVER)
    assert pending.sum() > 20
    assert not second.stayed[pending].any()
    assert first.stayed[pending].all()


def test_changes_of_one_month_are_the_state_of_the_next(quarter):
    for first, second in zip(quarter[0], quarter[1], strict=True):
        assert np.array_equal(first.after.plan, second.people.plan)
        assert np.array_equal(first.after.region, second.people.region)
        still = first.changes_on == NEVER
        assert np.array_equal(first.people.plan[still], first.after.plan[still])
        assert 0.04 < 1 - still.mean() < 0.07
        assert np.array_equal(second.people.home_cell // 12, second.people.region)


def test_a_block_is_the_same_alone_or_among_others():
    alone = next(live(Plan(subscribers=3 * BLOCK_SUBSCRIBERS, days=30, seed=1), 1))
    among = next(live(Plan(subscribers=9 * BLOCK_SUBSCRIBERS, days=90, seed=1), 1))

    assert np.array_equal(alone.people.calls, among.people.calls)
    assert np.array_equal(alone.people.churned, among.people.churned)


@pytest.mark.parametrize("subscribers", [1, 2, 5])
def test_the_smallest_operators_live_too(subscribers):
    plan = Plan(subscribers=subscribers, days=95)

    assert [len(month.present) for month in live(plan, 0)] == [subscribers] * 4
