"""Bias metrics are those of AWS's documentation, computed here from its formulas in plain arithmetic."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.clarify import ATTRIBUTION_LIMIT, POST_TRAINING, PRE_TRAINING, FacetMetrics
from seatrial.statistics.bias.attribution_drift import attribution_ndcg
from seatrial.statistics.bias.bias_drift import bias_drift
from seatrial.statistics.bias.disparity import conditional_disparity
from seatrial.statistics.bias.facet_report import LabelledRows, facet_report
from seatrial.statistics.bias.facets import FacetError
from seatrial.statistics.bias.flip_test import flip_test
from seatrial.statistics.bias.post_training import post_training_bias
from seatrial.statistics.bias.pre_training import pre_training_bias

CELLS = ("TP", "FP", "TN", "FN")


def table(advantaged: dict[str, int], disadvantaged: dict[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Facet, labels and predictions of these confusion counts."""
    rows = [
        (facet, int(cell in {"TP", "FN"}), int(cell in {"TP", "FP"}))
        for facet, counts in enumerate((advantaged, disadvantaged))
        for cell in CELLS
        for _ in range(counts[cell])
    ]
    facet, labels, predictions = np.array(rows).T
    return facet, labels, predictions


A = {"TP": 30, "FP": 10, "TN": 50, "FN": 10}
D = {"TP": 8, "FP": 4, "TN": 24, "FN": 14}


def test_data_metrics_follow_their_formulas():
    facet, labels, _ = table(A, D)

    metrics = pre_training_bias(facet, labels, ["x"] * 150)

    pa, pd = (0.6, 0.4), (28 / 50, 22 / 50)
    assert metrics["CI"] == pytest.approx((100 - 50) / 150)
    assert metrics["DPL"] == pytest.approx(0.4 - 22 / 50)
    assert metrics["KL"] == pytest.approx(sum(p * math.log(p / q) for p, q in zip(pa, pd, strict=True)))
    mid = [(p + q) / 2 for p, q in zip(pa, pd, strict=True)]
    halves = [sum(p * math.log(p / m) for p, m in zip(side, mid, strict=True)) for side in (pa, pd)]
    assert metrics["JS"] == pytest.approx(sum(halves) / 2)
    assert metrics["LP"] == pytest.approx(0.04 * math.sqrt(2))
    assert metrics["TVD"] == pytest.approx(0.04)
    assert metrics["KS"] == pytest.approx(0.04)
    assert metrics["CDDL"] == pytest.approx(28 / 88 - 22 / 62)
    assert metrics.keys() == PRE_TRAINING.keys()


def test_model_metrics_follow_their_formulas():
    facet, labels, predictions = table(A, D)

    metrics = post_training_bias(facet, labels, predictions, ["x"] * 150)

    assert metrics["DPPL"] == pytest.approx(40 / 100 - 12 / 50)
    assert metrics["DI"] == pytest.approx((12 / 50) / (40 / 100))
    assert metrics["DCA"] == pytest.approx(40 / 40 - 22 / 12)
    assert metrics["DCR"] == pytest.approx(28 / 38 - 60 / 60)
    assert metrics["RD"] == pytest.approx(30 / 40 - 8 / 22)
    assert metrics["SD"] == pytest.approx(24 / 28 - 50 / 60)
    assert metrics["DAR"] == pytest.approx(30 / 40 - 8 / 12)
    assert metrics["DRR"] == pytest.approx(24 / 38 - 50 / 60)
    assert metrics["AD"] == pytest.approx(80 / 100 - 32 / 50)
    assert metrics["CDDPL"] == pytest.approx(38 / 98 - 12 / 52)
    assert metrics["TE"] == pytest.approx(14 / 4 - 10 / 10)
    benefits = predictions - labels + 1
    assert metrics["GE"] == pytest.approx(((benefits / benefits.mean()) ** 2 - 1).sum() / (2 * 150))
    assert metrics.keys() == POST_TRAINING.keys() - {"FT"}


def test_aws_s_example_of_conditional_acceptance():
    """100 people of facet a with 60 predicted and 70 observed acceptances, 50 of facet d with 30 and 20."""
    facet = np.repeat([0, 1], [100, 50])
    predictions = np.concatenate([np.arange(100) < 60, np.arange(50) < 30])
    labels = np.concatenate([np.arange(100) < 70, np.arange(50) < 20])

    metrics = post_training_bias(facet, labels, predictions)

    assert metrics["DPPL"] == 0
    assert metrics["DCA"] == pytest.approx(70 / 60 - 20 / 30)


def test_a_disparity_within_groups_can_contradict_the_whole():
    facet = np.array([1] * 80 + [0] * 20 + [1] * 20 + [0] * 80)
    accepted = np.array([1] * 24 + [0] * 56 + [1] * 6 + [0] * 14 + [1] * 16 + [0] * 4 + [1] * 64 + [0] * 16)
    offices = ["strict"] * 100 + ["lenient"] * 100

    assert conditional_disparity(facet, accepted, ["all"] * 200) > 0.2
    assert conditional_disparity(facet, accepted, offices) == pytest.approx(0)


@given(st.lists(st.tuples(*[st.integers(0, 1)] * 3), min_size=2, max_size=40))
@settings(max_examples=60, deadline=None)
def test_groups_that_are_swapped_turn_differences_round(rows):
    facet, labels, predictions = np.array(rows).T
    if len(set(facet)) < 2:
        return

    here, there = (post_training_bias(side, labels, predictions) for side in (facet, 1 - facet))

    for name in ("DPPL", "DCA", "DCR", "RD", "SD", "DAR", "DRR", "AD", "TE"):
        assert here[name] == pytest.approx(-there[name])
    assert here["GE"] == there["GE"]


def test_what_is_divided_by_nothing_is_infinite():
    facet, labels = np.array([0, 0, 1, 1]), np.array([1, 0, 1, 0])

    metrics = post_training_bias(facet, labels, np.array([0, 0, 1, 1]))

    assert metrics["DI"] == math.inf


def test_groups_without_sense_are_refused():
    with pytest.raises(FacetError, match="one of the two groups has no rows"):
        pre_training_bias(np.zeros(3), np.ones(3))
    with pytest.raises(FacetError, match="labels: must be 0 or 1"):
        pre_training_bias(np.array([0, 1]), np.array([0, 2]))
    with pytest.raises(FacetError, match="predictions: must have 2 rows"):
        post_training_bias(np.array([0, 1]), np.array([0, 1]), np.array([1]))
    with pytest.raises(FacetError, match="groups: must have 2 rows"):
        conditional_disparity(np.array([0, 1]), np.array([0, 1]), ["x"])


def test_attributions_that_change_places_drift():
    baseline = {"tenure": 0.5, "plan": 0.3, "age": 0.15, "region": 0.05}
    swapped = {"tenure": 0.3, "plan": 0.5, "age": 0.15, "region": 0.05}
    turned = {"tenure": 0.05, "plan": 0.15, "age": 0.3, "region": 0.5}

    assert attribution_ndcg(baseline, {name: 3 * value for name, value in baseline.items()}) == 1
    assert ATTRIBUTION_LIMIT < attribution_ndcg(baseline, swapped) < 1
    assert attribution_ndcg(baseline, turned) < ATTRIBUTION_LIMIT
    assert math.isnan(attribution_ndcg({"a": 0.0}, {"a": 1.0}))
    with pytest.raises(ValueError, match=r"only one of baseline and current has \['plan'\]"):
        attribution_ndcg({"plan": 1.0}, {})


def neighbours_vote(features, facet, predictions):
    """The flip test as scikit-learn's nearest neighbours make it, which Clarify uses."""
    from sklearn.neighbors import KNeighborsClassifier

    known = facet == 0
    model = KNeighborsClassifier(5 if known.sum() > 9 else 1).fit(features[known], predictions[known])
    own, told = predictions[~known], model.predict(features[~known])
    return ((own > told).sum() - (own < told).sum()) / len(own)


@pytest.mark.parametrize("rows", [14, 300])
def test_the_flip_test_votes_as_clarify_does(rows):
    rng = np.random.default_rng(rows)
    features, facet = rng.normal(size=(rows, 3)), np.arange(rows) % 2
    predictions = (features[:, 0] + 0.8 * facet + rng.normal(0, 0.5, rows) > 0).astype(int)

    found = flip_test(features, facet, predictions)

    assert found == pytest.approx(neighbours_vote(features, facet, predictions))
    assert rows < 100 or found > 0.1


def people(rng, rows, gap=0.0):
    """Ages, regions, labels and scores of a fair model, or of one that scores the old higher by `gap`."""
    ages, regions = rng.integers(18, 90, rows), rng.choice(["north", "south"], rows)
    labels = (rng.random(rows) < 0.4).astype(int)
    scores = np.clip(0.2 + 0.4 * labels + rng.normal(0, 0.15, rows) + gap * (ages > 65), 0, 1)
    texts = {"age": [str(age) if age % 20 else "" for age in ages], "region": regions.tolist()}
    return LabelledRows(texts, labels.tolist(), scores.tolist())


SETTINGS = BiasSettings(facets=(Facet(column="age", above=65.0), Facet(column="region", values=("north",))))


def test_declared_facets_get_every_metric_and_rows_without_a_value_belong_to_neither():
    rows = people(np.random.default_rng(1), 400)

    by_age, by_region = facet_report(replace(SETTINGS, group="region"), rows)

    known = [float(text) for text in rows.columns["age"] if text]
    old = sum(age > 65 for age in known)
    assert (by_age.facet, by_age.value) == ("age", "65")
    assert by_age.metrics["CI"] == pytest.approx((len(known) - 2 * old) / len(known))
    assert by_age.metrics.keys() == (PRE_TRAINING | POST_TRAINING).keys() - {"FT"}
    assert by_region.metrics.keys() == (PRE_TRAINING | POST_TRAINING).keys()


def test_a_model_that_turns_against_a_group_is_told_and_chance_is_not():
    rng = np.random.default_rng(2)
    baseline = facet_report(SETTINGS, people(rng, 2000))

    quiet = [bias_drift(baseline, SETTINGS, people(rng, 300), seed) for seed in range(4)]
    (drift, *_) = told = bias_drift(baseline, SETTINGS, people(rng, 600, gap=0.4))

    assert not any(quiet)
    assert {(item.facet, item.metric) for item in told} >= {("age", "DPPL")}
    assert all(item.facet == "age" for item in told)
    assert drift.sentence.startswith(f"{drift.metric} of age=65 is ")


def test_a_ratio_is_fair_at_one():
    settings = replace(SETTINGS, facets=SETTINGS.facets[1:], limits={"DI": 0.3})
    fair = [FacetMetrics("region", "north", {"DI": 1.0})]
    columns, labels = {"region": ["north", "south"] * 200}, [0, 1] * 200

    alike, halved = (LabelledRows(columns, labels, [0.9, 0.9, other, 0.9] * 100) for other in (0.9, 0.1))
    assert not bias_drift(fair, settings, alike)
    assert bias_drift(fair, settings, halved)[0].window == pytest.approx(0.5)


def test_facets_without_sense_are_refused():
    rows = people(np.random.default_rng(3), 50)

    with pytest.raises(FacetError, match="facet plan: no column 'plan', only age, region"):
        facet_report(BiasSettings(facets=(Facet(column="plan", values=("x",)),)), rows)
    with pytest.raises(FacetError, match="one of the two groups has no rows"):
        facet_report(BiasSettings(facets=(Facet(column="region", values=("west",)),)), rows)
