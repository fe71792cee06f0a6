"""Expected maximum profit of a retention campaign that contacts the subscribers with the highest scores (EMPC).

Verbraken, Verbeke and Baesens, "A Novel Profit Maximizing Metric for Measuring Classification Performance of
Customer Churn Prediction Models", IEEE TKDE 25 (2013), after Verbeke et al., EJOR 218 (2012). A contacted churner
accepts the offer with probability g and then stays: worth the lifetime value less the offer; a contacted
subscriber who would have stayed takes the offer as well. g is uncertain, Beta distributed around the acceptance
rate; for each g the best share of subscribers is contacted.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STRENGTH = 20
"""Sum of the Beta distribution's parameters; with an acceptance rate of 0.3 the paper's Beta(6, 14)."""
RATES = 50
MOST_CUTS = 2000


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What a subscriber is worth and what the campaign costs, in one currency; the paper's figures."""

    lifetime_value: float = 200.0
    offer_cost: float = 10.0
    contact_cost: float = 1.0
    acceptance_rate: float = 0.3


@dataclass(frozen=True)
class CampaignProfit:
    """Expected profit for each subscriber of the base, and the share of the base to contact for it."""

    profit: float
    contacted: float


def campaign_profit(labels: Array, scores: Array, campaign: Campaign) -> CampaignProfit:
    """`labels` (1 leaves) and `scores` of shape (rows,); never negative, because nobody has to be contacted.

    >>> labels = np.array([1.0] * 10 + [0.0] * 90)
    >>> perfect = campaign_profit(labels, labels, Campaign())
    >>> round(perfect.profit, 2), round(perfect.contacted, 2)  # 0.1 * (0.3 * 190 - 1), everybody who leaves
    (5.6, 0.1)
    >>> campaign_profit(labels, 1 - labels, Campaign(lifetime_value=20.0))
    CampaignProfit(profit=0.0, contacted=0.0)
    """
    leavers, stayers = _reached(labels, scores)
    rates, weights = _acceptance(campaign.acceptance_rate)
    gained = rates * (campaign.lifetime_value - campaign.offer_cost) - campaign.contact_cost
    profits = np.outer(gained, leavers) - (campaign.offer_cost + campaign.contact_cost) * stayers
    best = profits.argmax(axis=1)
    profit = float(weights @ profits[np.arange(len(rates)), best])
    return CampaignProfit(profit, float(weights @ (leavers + stayers)[best]))


def _reached(labels: Array, scores: Array) -> tuple[Array, Array]:
    """Shares of the base that leave and that stay among those contacted, for every cut from nobody to everybody."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    if len(ends) > MOST_CUTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, MOST_CUTS).astype(int))]
    leavers = np.cumsum(labels[order])[ends]
    counts = [np.append(0.0, part) / len(labels) for part in (leavers, ends + 1 - leavers)]
    return counts[0], counts[1]


def _acceptance(rate: float) -> tuple[Array, Array]:
    """Acceptance rates and their weights: a Beta density on a grid, moved onto its mean."""
    grid = (np.arange(RATES) + 0.5) / RATES
    alpha, beta = STRENGTH * rate, STRENGTH * (1 - rate)
    logarithm = (alpha - 1) * np.log(grid) + (beta - 1) * np.log1p(-grid)
    weights = np.exp(logarithm - logarithm.max())
    weights /= weights.sum()
    return np.clip(grid + (rate - weights @ grid), 0.0, 1.0), weights
