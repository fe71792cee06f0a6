"""Cross-validated figures: right on constructed cases, honest on the public tables."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from seatrial.rehearsal.cross_validation import auc_interval, cross_validate, delong
from seatrial.rehearsal.customer import load_customer_table
from tests.rehearsal.public_tables import IBM, IRANIAN


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=8, max_size=60))
def test_delongs_auc_is_the_usual_one_also_with_ties(pairs):
    churned = np.array([1, 1, 0, 0] + [int(label) for label, _ in pairs])
    scores = np.array([3.0, 1.0, 2.0, 3.0] + [float(score) for _, score in pairs])

    auc, covariance = delong(churned, scores[np.newaxis, :])

    assert auc[0] == pytest.approx(roc_auc_score(churned, scores))
    assert covariance[0, 0] >= -1e-12


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(8)
    truth, covered = 0.7602, 0  # P(N(1, 1) > N(0, 1))
    for _ in range(400):
        churned = (rng.random(300) < 0.3).astype(np.int64)
        interval = auc_interval(churned, rng.normal(0, 1, 300) + churned)
        covered += interval.low <= truth <= interval.high

    assert 0.92 < covered / 400 < 0.98


def test_two_equal_models_differ_by_nothing(table, spec):
    result = cross_validate(table, spec, "scikit-learn", {}, 7)

    assert result.model.auc == result.reference.auc
    assert (result.difference.value, result.difference.low, result.difference.high) == pytest.approx(
        (0, 0, 0), abs=1e-9
    )


def test_noise_as_the_label_gives_one_half(table, spec):
    shuffled = np.random.default_rng(2).permutation(table.num_rows)
    index = table.schema.get_field_index("left")
    noise = table.set_column(index, "left", table["left"].take(shuffled))

    result = cross_validate(noise, spec, "xgboost", {}, 7)

    assert result.model.auc.low < 0.5 < result.model.auc.high


def test_hyperparameters_reach_the_model(table, spec):
    stump = cross_validate(table, spec, "xgboost", {"rounds": "1", "max_depth": "1"}, 7)
    usual = cross_validate(table, spec, "xgboost", {}, 7)

    assert stump.model.auc.value < usual.model.auc.value - 0.02
    assert stump.reference == usual.reference


def test_copies_of_rows_do_not_flatter(table, spec):
    nameless = type(spec)(**{**vars(spec), "id": None})
    small = table.drop(["id"]).slice(0, 600)
    doubled = small.take(list(range(600)) * 2)

    once, twice = (cross_validate(data, nameless, "xgboost", {"max_depth": "8"}, 7) for data in (small, doubled))

    assert twice.repeated_rows == 600
    assert twice.model.auc.value < once.model.auc.value + 0.05


def test_ibm_gives_the_honest_figures(public_data):
    table = load_customer_table(public_data / "ibm_telco_customer_churn.csv.gz", IBM)

    result = cross_validate(table, IBM, "xgboost", {}, 7)

    assert result.reference.auc.value == pytest.approx(0.845, abs=0.003)
    assert result.model.auc.value == pytest.approx(0.8475, abs=0.0035)
    assert 0.008 < result.model.auc.high - result.model.auc.value < 0.012


def test_the_iranian_tables_repeated_rows_are_seen(public_data):
    table = load_customer_table(public_data / "iranian_churn_uci563.csv.gz", IRANIAN)

    result = cross_validate(table, IRANIAN, "xgboost", {}, 7)

    assert result.repeated_rows >= 300
    assert result.model.auc.low > result.reference.auc.high


def test_an_unknown_hyperparameter_is_refused_by_name(table, spec):
    with pytest.raises(
        ValueError, match=r"training\.hyperparameters\.num_round: unknown, choose from colsample_bytree"
    ):
        cross_validate(table, spec, "xgboost", {"num_round": "1"}, 7)
