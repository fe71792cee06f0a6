"""Bias metrics are those of AWS's documentation, computed here from its formulas in plain arithmetic."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.statistics.bias.attribution_drift import ALERT_BELOW, attribution_ndcg, mean_attributions
from seatrial.statistics.bias.clarify import analysis_document, read_attributions
from seatrial.statistics.bias.disparity import conditional_disparity
from seatrial.statistics.bias.facets import FacetError
from seatrial.statistics.bias.post_training import DESCRIPTIONS as POST
from seatrial.statistics.bias.post_training import post_training_bias
from seatrial.statistics.bias.pre_training import DESCRIPTIONS as PRE
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
    assert metrics.keys() == PRE.keys()


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
    assert metrics.keys() == POST.keys()


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


def test_what_is_divided_by_nothing_is_infinite_and_written_as_null():
    facet, labels = np.array([0, 0, 1, 1]), np.array([1, 0, 1, 0])

    metrics = post_training_bias(facet, labels, np.array([0, 0, 1, 1]))
    document = analysis_document(label="y", facet="g", facet_value="1", after=metrics)

    assert metrics["DI"] == math.inf
    told = document["post_training_bias_metrics"]["facets"]["g"][0]["metrics"]
    (impact,) = [item for item in told if item["name"] == "DI"]
    assert impact["value"] is None
    assert impact["error"] == "the metric is inf"
    assert "Infinity" not in json.dumps(document)


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
    assert ALERT_BELOW < attribution_ndcg(baseline, swapped) < 1
    assert attribution_ndcg(baseline, turned) < ALERT_BELOW
    assert math.isnan(attribution_ndcg({"a": 0.0}, {"a": 1.0}))
    with pytest.raises(ValueError, match=r"only one of baseline and current has \['plan'\]"):
        attribution_ndcg({"plan": 1.0}, {})


def test_attributions_survive_the_file():
    attributions = mean_attributions(["a", "b"], np.array([[0.5, -0.1], [-0.3, 0.2]]))
    document = json.loads(
        json.dumps(analysis_document(label="y", facet="g", facet_value="1", attributions=attributions))
    )

    assert read_attributions(document) == attributions
    with pytest.raises(ValueError, match="has no explanations"):
        read_attributions({"version": "1.0"})
