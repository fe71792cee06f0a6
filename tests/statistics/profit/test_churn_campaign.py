"""The campaign's profit against brute force over every cut, and what must hold whatever the scores."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.statistics.profit.churn_campaign import Campaign, _acceptance, campaign_profit


def brute(labels, scores, campaign: Campaign) -> float:
    rates, weights = _acceptance(campaign.acceptance_rate)
    total = 0.0
    for rate, weight in zip(rates, weights, strict=True):
        best = 0.0
        for cut in np.unique(scores):
            reached = labels[scores >= cut]
            leavers, stayers = reached.sum(), len(reached) - reached.sum()
            each = rate * (campaign.lifetime_value - campaign.offer_cost) - campaign.contact_cost
            best = max(best, each * leavers - (campaign.offer_cost + campaign.contact_cost) * stayers)
        total += weight * best / len(labels)
    return total


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=25), st.floats(10, 500))
def test_is_the_best_over_every_cut(pairs: list, value: float) -> None:
    labels = np.array([float(label) for label, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    campaign = Campaign(lifetime_value=value)

    assert campaign_profit(labels, scores, campaign).profit == pytest.approx(brute(labels, scores, campaign))


def test_a_better_order_earns_more_and_contacts_the_same_people_or_fewer() -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random(2000) < 0.15).astype(float)
    good, bad = rng.normal(size=2000) + 3 * labels, rng.normal(size=2000) + 0.3 * labels

    better, worse = (campaign_profit(labels, scores, Campaign(offer_cost=30.0)) for scores in (good, bad))

    assert better.profit > worse.profit > 0
    assert 0 < better.contacted < 1


def test_acceptance_has_the_mean_that_was_asked_for() -> None:
    for rate in (0.05, 0.3, 0.9):
        rates, weights = _acceptance(rate)

        assert weights.sum() == pytest.approx(1)
        assert float(weights @ rates) == pytest.approx(rate, abs=0.02)
