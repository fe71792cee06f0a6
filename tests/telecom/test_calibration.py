"""The generator's statistics against what the field has published, and the difficulty of the churn problem."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seatrial.telecom import TelecomSpec, bayes_auc, draw_population, generate
from seatrial.telecom.distributions import (
    bend_to_trend,
    bursty_positions,
    double_pareto_lognormal,
    top_share,
    truncated_log_logistic,
)


def test_a_tenth_of_the_subscribers_makes_most_of_the_traffic():
    shares = [top_share(draw_population(TelecomSpec(seed=seed)).data_mb) for seed in range(5)]

    assert all(0.55 < share < 0.85 for share in shares), shares


def test_calls_have_a_pareto_tail_of_the_exponent_asked_for():
    drawn = double_pareto_lognormal(np.random.default_rng(1), 400_000, mu=3.2, sigma=0.55, alpha=2.6, beta=2.2)

    tail = np.sort(drawn)[-2000:]  # Hill estimator
    assert 1 / np.mean(np.log(tail / tail[0])) == pytest.approx(2.6, rel=0.12)


def test_call_durations_follow_the_truncated_log_logistic_distribution():
    size, location, scale = 200_000, 4.2, 0.6

    drawn = truncated_log_logistic(np.random.default_rng(2), np.full(size, location), np.full(size, scale))

    def cumulated(seconds):
        return 1 / (1 + np.exp(-(np.log(seconds) - location) / scale))

    for seconds in (10, 30, 67, 200, 1000):
        expected = (cumulated(seconds) - cumulated(1)) / (cumulated(7200) - cumulated(1))
        assert np.mean(drawn <= seconds) == pytest.approx(expected, abs=0.005)
    assert drawn.min() >= 1
    assert drawn.max() <= 7200


def test_calls_come_in_bursts():
    counts = np.full(400, 200)

    positions = bursty_positions(np.random.default_rng(3), counts, np.full(400, 0.6)).reshape(400, 200)

    gaps = np.diff(np.sort(positions), axis=1)
    burstiness = (gaps.std(axis=1) - gaps.mean(axis=1)) / (gaps.std(axis=1) + gaps.mean(axis=1))
    assert 0.15 < burstiness.mean() < 0.4  # 0 for a Poisson process, 1 at most


def test_no_moment_of_a_period_is_busier_than_another_before_trend_and_daytime():
    positions = bursty_positions(np.random.default_rng(3), np.full(20_000, 10), np.full(20_000, 0.6))

    shares = np.histogram(positions, bins=10, range=(0, 1))[0] / len(positions)
    assert shares == pytest.approx(0.1, abs=0.004)


def test_a_falling_trend_thins_out_the_last_third():
    even = np.linspace(0, 1, 30_000, endpoint=False)

    bent = bend_to_trend(even, np.full(30_000, np.log(0.5)))

    assert np.mean(bent >= 2 / 3) == pytest.approx(0.5 / 2.5, abs=0.001)


def test_churn_spreads_to_friends_of_leavers():
    people = draw_population(TelecomSpec(subscribers=40_000, seed=4))

    many, few = people.friends_left > 0.4, people.friends_left == 0
    assert people.churned[many].mean() > 1.5 * people.churned[few].mean()


@pytest.mark.parametrize("scenario", ["none", "covariate", "concept"])
def test_the_churn_rate_of_a_training_snapshot_is_realistic(scenario):
    rates = [draw_population(TelecomSpec(seed=seed, scenario=scenario)).churned.mean() for seed in range(10)]

    assert 0.12 < np.mean(rates) < 0.18, rates
    assert all(0.1 < rate < 0.2 for rate in rates), rates


def test_the_ceiling_on_any_model_leaves_room_for_error():
    ceilings = [bayes_auc(draw_population(TelecomSpec(seed=seed))) for seed in range(10)]

    assert all(0.84 < ceiling < 0.9 for ceiling in ceilings), ceilings


def test_the_ceiling_is_the_auc_that_the_true_probabilities_reach():
    people = draw_population(TelecomSpec(subscribers=100_000, seed=1))

    assert roc_auc_score(people.churned, people.probability) == pytest.approx(bayes_auc(people), abs=0.01)


@pytest.mark.parametrize("scenario", ["none", "concept"])
def test_a_good_model_on_aggregates_reaches_an_auc_between_075_and_085(scenario):
    aucs = [_holdout_auc(TelecomSpec(seed=seed, scenario=scenario)) for seed in range(3)]

    assert 0.75 < np.mean(aucs) < 0.85, aucs


def _holdout_auc(spec):
    tables = generate(spec)
    features = _aggregates(tables)
    churned = tables["labels"].to_pandas().set_index("subscriber_id")["churned"].reindex(features.index)
    train = np.arange(len(features)) % 5 < 3
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(features[train], churned[train])
    return roc_auc_score(churned[~train], model.predict_proba(features[~train])[:, 1])


def _aggregates(tables):
    """What a feature job would compute: nothing but sums, means and counts of the raw tables."""
    features = pd.get_dummies(tables["crm"].to_pandas().set_index("subscriber_id"), dtype=float)
    records, billing, care = (tables[name].to_pandas() for name in ("cdr", "billing", "care"))
    late = records["started_at"] >= records["started_at"].max() - pd.Timedelta(days=10)
    counts = records.groupby("subscriber_id").size().reindex(features.index).fillna(0)
    quality = tables["network_kpi"].to_pandas().groupby("cell_id")["drop_rate"].mean()
    added = {
        "tenure": np.log1p(features["tenure_months"]),
        "records": np.log1p(counts),
        "late_share": records[late].groupby("subscriber_id").size() / counts.clip(lower=1),
        "drop_rate": records["cell_id"].map(quality).groupby(records["subscriber_id"]).mean(),
        "overdue": billing.groupby("subscriber_id")["overdue_days"].max(),
        "care": care[care["category"] != "other"].groupby("subscriber_id").size(),
    }
    return features.assign(**{name: column.reindex(features.index).fillna(0) for name, column in added.items()})
