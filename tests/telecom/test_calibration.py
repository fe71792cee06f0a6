"""The generator's statistics against what the field has published, and the difficulty of the churn problem."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict
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
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.plan import BLOCK_SUBSCRIBERS, Plan
from seatrial.telecom.usage import draw_habits, draw_records


@pytest.fixture(scope="module", params=[11, 12])
def operator(request):
    """A month of 8,192 subscribers: people, habits and records."""
    spec = TelecomSpec(subscribers=8192, seed=request.param)
    people = draw_population(spec)
    habits = draw_habits(spec.generator("habits"), people)
    return people, habits, draw_records(spec, people, habits)


def per_subscriber(records, chosen, weights=None):
    return np.bincount(records.owner[chosen], weights=weights, minlength=8192)


def hill(values, largest):
    """Hill's estimate of the exponent of the upper tail."""
    tail = np.sort(values)[-largest:]
    return 1 / np.mean(np.log(tail / tail[0]))


def test_a_tenth_of_the_subscribers_makes_most_of_the_traffic(operator):
    """Jin et al. (CellNet 2012): a small number of heavy users contributes the majority of data usage."""
    _, _, records = operator
    volume = per_subscriber(records, slice(None), records.data_mb)

    assert 0.55 < top_share(volume) < 0.85
    assert 0.2 < top_share(volume, 0.01) < 0.5


def test_calls_and_partners_seen_in_the_records_have_pareto_tails(operator):
    """Seshadri et al. (KDD 2008): double-Pareto-lognormal; the exponents are the generator's, alpha 2.6 and 2.8."""
    _, _, records = operator
    called = np.unique(np.stack([records.owner, records.partner])[:, records.kind != 2], axis=1)
    calls, partners = per_subscriber(records, records.kind == 0), np.bincount(called[0], minlength=8192)

    assert 2.0 < hill(calls, 200) < 3.3
    assert 2.1 < hill(partners, 200) < 3.6
    assert 0.28 < top_share(calls) < 0.42
    assert 0.22 < top_share(partners) < 0.38


def test_calls_fit_the_double_pareto_lognormal_better_than_a_lognormal_or_a_power_law():
    people = draw_population(TelecomSpec(subscribers=40_000, seed=13))
    logs = np.log(people.calls[(people.calls > 1) & (people.calls < 3000)])

    def mills(z):
        return np.exp(norm.logsf(z) - norm.logpdf(z))

    z, (alpha, beta, sigma) = (logs - 3.2) / 0.55, (2.6, 2.2, 0.55)
    body = np.log(alpha * beta / (alpha + beta)) + norm.logpdf(z)
    ours = (body + np.log(mills(alpha * sigma - z) + mills(beta * sigma + z))).sum()
    lognormal = norm.logpdf(logs, logs.mean(), logs.std()).sum()
    power_law = (np.log(1 / logs.mean()) - logs / logs.mean()).sum()  # Pareto from 1 call on, fitted
    assert ours > lognormal + 100
    assert ours > power_law + 10_000


def test_the_calls_of_more_than_96_percent_of_the_customers_fit_their_own_log_logistic(operator):
    """Vaz de Melo et al. (ECML PKDD 2010): so for more than 96 % of users, much better than an exponential."""
    people, _, records = operator
    talks = [records.duration_seconds[(records.owner == one) & (records.kind == 0)] for one in _busiest(people, 300)]

    accepted = [_distance(talk, _log_logistic(talk)) < 1.36 / np.sqrt(len(talk)) for talk in talks]
    exponential = [
        _distance(talk, 1 - np.exp(-np.sort(talk) / talk.mean())) < 1.36 / len(talk) ** 0.5 for talk in talks
    ]
    assert np.mean(accepted) > 0.96
    assert np.mean(exponential) < 0.3


def _busiest(people, count):
    return np.argsort(people.calls)[-count:]


def _log_logistic(talk):
    """Cumulated shares of the sorted durations by the log-logistic with the customer's own quartiles."""
    low, middle, high = np.log(np.quantile(talk, [0.25, 0.5, 0.75]))
    return 1 / (1 + np.exp(-(np.log(np.sort(talk)) - middle) / ((high - low) / (2 * np.log(3)))))


def _distance(talk, expected):
    """Kolmogorov and Smirnov's."""
    steps = np.arange(len(talk) + 1) / len(talk)
    return max(np.abs(steps[1:] - expected).max(), np.abs(steps[:-1] - expected).max())


def test_some_callers_follow_a_power_law_and_ordinary_ones_a_bursty_weibull(operator):
    """Jiang et al. (PNAS 2013): 3.46 % of the users, robots, frauds and sales; the others' gaps are Weibull."""
    _, habits, _ = operator

    positions = bursty_positions(
        np.random.default_rng(5), np.array([4000] * 2), np.array([0.6] * 2), np.array([False, True])
    )
    ordinary, anomalous = (np.diff(np.sort(one)) for one in positions.reshape(2, 4000))
    assert 0.025 < habits.anomalous.mean() < 0.045
    assert habits.burstiness.max() < 1
    assert ordinary.mean() / np.median(ordinary) == pytest.approx(2.77, rel=0.1)  # Gamma(1 + 1/k) / (ln 2)^(1/k)
    assert hill(anomalous, 400) < 1.2
    assert hill(ordinary, 400) > 1.6


def test_calls_have_a_pareto_tail_of_the_exponent_asked_for():
    drawn = double_pareto_lognormal(np.random.default_rng(1), 400_000, mu=3.2, sigma=0.55, alpha=2.6, beta=2.2)

    assert hill(drawn, 2000) == pytest.approx(2.6, rel=0.12)
    assert hill(1 / drawn, 2000) == pytest.approx(2.2, rel=0.12)


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


MONTHLY_FEATURES = """
    with events as (select * from read_parquet('{place}/events/cdr/*/*.parquet')),
    cells as (select cell_id, avg(drop_rate) as quality from read_parquet('{place}/tables/network_kpi/*/*') group by 1),
    usage as (
        select subscriber_id, ln(1 + count(*)) as records,
            avg((started_at >= timestamptz '2026-06-21 00:00:00Z')::int) as late,
            avg(quality) as quality,
            count(*) filter (starts_with(partner_id, 'ported')) / (1 + count(partner_id)) as ported
        from events join cells using (cell_id) group by 1),
    crm as (select * from read_parquet('{place}/tables/crm/date=2026-06-30/*')),
    bills as (select subscriber_id, overdue_days from read_parquet('{place}/tables/billing/*/*')),
    care as (
        select subscriber_id, count(*) as contacts from read_parquet('{place}/tables/care/*/*')
        where category <> 'other' group by 1)
    select churned, ln(1 + tenure_months) as tenure, plan_type, contract, region, age_band, device_tier, autopay,
        coalesce(records, 0) as records, coalesce(late, 0) as late, coalesce(quality, 0.016) as quality,
        coalesce(ported, 0) as ported, overdue_days, coalesce(contacts, 0) as contacts
    from read_parquet('{place}/tables/labels/*/*') join crm using (subscriber_id)
    left join usage using (subscriber_id) left join bills using (subscriber_id) left join care using (subscriber_id)
    order by subscriber_id
"""


def test_who_leaves_next_month_can_be_told_as_well_as_in_the_field_and_no_better_than_the_bayes_limit(tmp_path):
    """At scale, from a month's raw events and extracts alone; a higher AUC would be a leak of the label."""
    account = generate_files(
        Plan(subscribers=3 * BLOCK_SUBSCRIBERS, days=30, seed=3, churn_rate=0.03, crm_every=29), str(tmp_path)
    )
    with duckdb.connect() as connection:
        features = connection.execute(MONTHLY_FEATURES.format(place=tmp_path)).fetchdf()

    churned = features.pop("churned")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    scores = cross_val_predict(model, pd.get_dummies(features, dtype=float), churned, cv=3, method="predict_proba")
    (odds,) = account.odds.values()
    assert 0.75 < roc_auc_score(churned, scores[:, 1]) < 0.85
    assert roc_auc_score(churned, scores[:, 1]) < odds.bayes_auc() < 0.9
