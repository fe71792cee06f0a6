"""The evaluation's figures against scikit-learn and brute force, and its verdict on real artifacts."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tests.pipelines.conftest import load_step, run_step, write_split

evaluate = load_step("evaluate")
NAMES = ("minutes", "plan")
LINEAR = {"weights": [1.0, 0.5, 0.0, 0.0], "intercept": 0.0}


def sample(seed, rows=400, strength=1.0):
    rng = np.random.default_rng(seed)
    labels = (rng.random(rows) < 0.3).astype(float)
    scores = 1 / (1 + np.exp(-(rng.normal(size=rows) + strength * labels)))
    return labels, np.round(scores, 2)  # ties


@pytest.mark.parametrize("seed", range(5))
def test_figures_equal_those_of_scikit_learn(seed):
    labels, scores = sample(seed)

    figures = evaluate.measure(labels, scores)

    assert figures["auc"] == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert figures["pr_auc"] == pytest.approx(metrics.average_precision_score(labels, scores))
    assert figures["brier"] == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7)))


def test_the_delong_deviation_is_that_of_repeated_samples():
    areas, deviations = [], []
    for seed in range(300):
        figures = evaluate.auc_interval(*sample(seed, rows=300))
        areas.append(figures["auc"])
        deviations.append(figures["auc_standard_deviation"])

    assert np.mean(deviations) == pytest.approx(np.std(areas), rel=0.15)


def test_the_paired_interval_is_narrower_than_that_of_independent_models():
    labels, scores = sample(1)
    worse = np.clip(scores + np.random.default_rng(2).normal(0, 0.02, len(scores)), 0, 1)

    gain = evaluate.paired_gain(labels, scores, worse)

    width = gain["gain_high"] - gain["gain_low"]
    figures = evaluate.auc_interval(labels, scores)
    assert width < 0.5 * (figures["auc_high"] - figures["auc_low"])
    assert gain["gain"] == pytest.approx(metrics.roc_auc_score(labels, scores) - metrics.roc_auc_score(labels, worse))
    assert 0 <= gain["p_value"] <= 1


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=4, max_size=30))
def test_the_area_counts_pairs_in_the_right_order_and_half_of_the_ties(pairs):
    labels = np.array([float(label) for label, _ in pairs])
    scores = np.array([score / 5 for _, score in pairs])
    if not 0 < labels.sum() < len(labels):
        return

    found = evaluate.auc_interval(labels, scores)["auc"]

    positive, negative = scores[labels == 1][:, None], scores[labels == 0][None, :]
    assert found == pytest.approx(float(np.mean((positive > negative) + 0.5 * (positive == negative))))


def test_a_model_compared_with_itself_gains_nothing_for_certain():
    labels, scores = sample(3)

    assert evaluate.paired_gain(labels, scores, scores) == {
        "gain": 0.0,
        "gain_low": 0.0,
        "gain_high": 0.0,
        "p_value": 1.0,
    }


def test_calibration_bins_cover_every_row():
    labels, scores = sample(4)

    found = evaluate.calibration(labels, scores)

    assert sum(entry["rows"] for entry in found["bins"]) == len(labels)
    assert found["expected_calibration_error"] > 0


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [([0, 1], [0.1, math.nan], "1 of 2 predictions are not finite"), ([0, 0], [0.1, 0.2], "both classes are needed")],
)
def test_refuses_figures_that_cannot_be_trusted(labels, scores, message):
    with pytest.raises(ValueError, match=message):
        evaluate.measure(np.array(labels, float), np.array(scores))


# The verdict, on artifacts that carry their own inference code.


def artifact(folder, names=NAMES, sign=1.0, weights=None):
    """A logistic model packed as train.py packs it; `sign` -1 makes it wrong about everything."""
    from tests.pipelines.conftest import STEPS, pack

    model = folder / "model"
    (model / "code").mkdir(parents=True)
    columns = [
        {"name": names[0], "type": "numeric", "median": 0.0, "scale": 1.0, "mean": 0.0},
        {"name": names[1], "type": "categorical", "categories": ["basic", "premium"]},
    ]
    (model / "preprocess.json").write_text(json.dumps({"version": 1, "columns": columns}))
    weights = weights or [sign * weight for weight in LINEAR["weights"]]
    (model / "linear-model.json").write_text(json.dumps({"weights": weights, "intercept": 0.0}))
    for name in ("inference.py", "encoding.py"):
        (model / "code" / name).write_text((STEPS / name).read_text())
    return pack(model, folder / "input")


@pytest.fixture
def verdict(tmp_path):
    """Run the step on the test split of the sample; gives evaluation.json's content."""
    labels, scores = sample(0)
    plans = np.random.default_rng(9).choice(["basic", "premium"], len(labels))
    rows = [
        (f"s{i}", int(labels[i]), math.log(s / (1 - s)), plans[i]) for i, s in enumerate(np.clip(scores, 0.01, 0.99))
    ]
    write_split(tmp_path / "test", ["subscriber_id", "label", *NAMES], rows)
    schema = {
        "version": 1,
        "features": [{"name": "minutes", "type": "numeric"}, {"name": "plan", "type": "categorical"}],
    }
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.json").write_text(json.dumps(schema))
    (tmp_path / "nothing").mkdir()

    def run(challenger, champion=None, gain=0.0, auc=0.0):
        paths = {"model": challenger, "champion": champion or tmp_path / "nothing"}
        paths |= {name: tmp_path / name for name in ("test", "schema", "output", "message")}
        arguments = [item for name, path in paths.items() for item in (f"--{name}", path)]
        done = run_step("evaluate", *arguments, "--minimum-gain", gain, "--minimum-auc", auc)
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "output" / "evaluation.json").read_text())
        assert (tmp_path / "message").read_text() == "; ".join(found["reasons"])
        return found

    return run


def test_the_first_model_has_nothing_to_beat(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"))

    assert found["beats_champion"] == 1
    assert found["auc_low"] < found["auc"] < found["auc_high"]
    assert found["reasons"] == ["no champion serves yet"]
    assert {(entry["feature"], entry["value"]) for entry in found["segments"]} == {
        ("plan", "basic"),
        ("plan", "premium"),
    }
    assert found["binary_classification_metrics"]["auc"]["value"] == found["auc"]


def test_a_better_challenger_beats_the_champion(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), artifact(tmp_path / "b", sign=-1))

    assert found["beats_champion"] == 1
    assert found["champion"]["auc"] == pytest.approx(1 - found["auc"])
    assert found["gain_low"] > 0
    assert found["p_value"] < 1e-6


def test_a_worse_challenger_does_not(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a", sign=-1), artifact(tmp_path / "b"))

    assert found["beats_champion"] == 0
    assert "misses the minimum +0.0000" in found["reasons"][0]


def test_a_gain_below_the_minimum_is_not_enough(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), artifact(tmp_path / "b"), gain=0.01)

    assert (found["gain"], found["beats_champion"]) == (0.0, 0)


def test_a_quality_below_the_minimum_is_the_first_reason(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), auc=0.99)

    reason, champion = found["reasons"]
    assert reason.startswith(f"ROC AUC {found['auc']:.4f} ({found['auc_low']:.4f} to ")
    assert reason.endswith("misses the minimum 0.9900")
    assert champion == "no champion serves yet"


def test_a_champion_that_needs_other_columns_closes_the_gate(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), artifact(tmp_path / "b", names=("minutes", "tariff")))

    assert found["beats_champion"] == 0
    assert found["auc"] > 0.5
    assert "not comparable" in found["reasons"][0]
    assert "['tariff']" in found["reasons"][0]


def test_predictions_that_are_no_numbers_close_the_gate(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a", weights=[math.inf, -math.inf, 0.0, 0.0]))

    assert (found["auc"], found["beats_champion"]) == (0.0, 0)
    assert "are not finite numbers" in found["reasons"][0]


def test_no_model_at_all_closes_the_gate(verdict, tmp_path):
    found = verdict(tmp_path / "nothing")

    assert (found["auc"], found["beats_champion"]) == (0.0, 0)
    assert found["reasons"] == ["challenger: no model.tar.gz among the inputs"]
