"""The evaluation's figures against scikit-learn and brute force, and its verdict on real artifacts."""

import json
import math

import numpy as np
import pytest
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

    figures = evaluate.measure(labels, scores, evaluate.Campaign())

    assert figures["auc"] == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert figures["pr_auc"] == pytest.approx(metrics.average_precision_score(labels, scores))
    assert figures["brier"] == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert figures["log_loss"] == pytest.approx(metrics.log_loss(labels, np.clip(scores, 1e-7, 1 - 1e-7)))


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
        evaluate.measure(np.array(labels, float), np.array(scores), evaluate.Campaign())


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

    def run(challenger, champion=None, gain=0.0, auc=0.0, train=None, **asked):
        paths = {
            "model": challenger,
            "champion": champion or tmp_path / "nothing",
            "train": train or tmp_path / "nothing",
        }
        paths |= {name: tmp_path / name for name in ("test", "schema", "output", "message")}
        paths["validation"] = tmp_path / "nothing"
        arguments = [item for name, path in paths.items() for item in (f"--{name}", path)]
        settings = {"minimum_gain": gain, "minimum_auc": auc, "maximum_latency_milliseconds": 1e6, **asked}
        options = [item for name, value in settings.items() for item in (f"--{name.replace('_', '-')}", value)]
        done = run_step("evaluate", *arguments, *options)
        assert done.returncode == 0, done.stderr
        found = json.loads((tmp_path / "output" / "evaluation.json").read_text())
        assert (tmp_path / "message").read_text() == "; ".join(found["reasons"])[:600]
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
    assert found["p_no_gain"] < 1e-6
    assert found["champion"]["campaign_profit"] < found["campaign_profit"]
    assert found["champion"]["campaign_profit_gain"]["low"] > 0
    assert found["accepted"] == 1


def test_a_worse_challenger_does_not(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a", sign=-1), artifact(tmp_path / "b"))

    assert found["beats_champion"] == 0
    assert "misses the minimum +0.0000" in found["reasons"][0]
    assert "is below the floor 0.5000" in " ".join(found["reasons"])


def test_a_gain_that_may_be_chance_is_not_enough(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), artifact(tmp_path / "b", weights=[1.0, 0.5, 0.0, 0.1]), gain=-0.1)

    assert found["beats_champion"] == 0
    assert "the gain may be chance: p = 0." in found["reasons"][0]


def test_a_better_order_with_worse_probabilities_objects(verdict, tmp_path):
    """The champion listens too much to the plan; the challenger orders a little better and claims far too much."""
    better = artifact(tmp_path / "a", weights=[9.0, 0.0, 0.0, 0.0])
    champion = artifact(tmp_path / "b", weights=[1.0, 1.0, 0.0, 0.0])

    found = verdict(better, champion, significance=1)

    assert found["gain"] > 0
    assert (found["accepted"], found["beats_champion"]) == (0, 0)
    assert (
        0.05 * found["champion"]["brier"]
        < found["brier_increase_low"]
        < found["brier_increase"]
        < found["brier_increase_high"]
    )
    assert found["brier_increase"] == pytest.approx(found["brier"] - found["champion"]["brier"])
    assert "(5%) is proven, so its probabilities may mislead" in found["reasons"][0]
    assert found["asked"]["maximum_brier_increase"] == 0.05


def test_a_segment_proven_below_the_floor_objects(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), minimum_segment_auc=0.999, segment="plan")

    assert found["accepted"] == 0
    assert found["reasons"][0].startswith("plan = basic: ROC AUC 0.7")
    assert "is below the floor 0.9990" in found["reasons"][0]


def test_a_slow_model_objects(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), maximum_latency_milliseconds=0)

    assert found["accepted"] == 0
    assert "ms (95th percentile), at most 0 ms are allowed" in found["reasons"][0]


def test_test_subscribers_among_the_training_data_object(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), train=tmp_path / "test")

    assert found["accepted"] == 0
    assert found["reasons"][0] == "leakage: 400 subscribers of the test split are in the training data as well"


def test_rows_resampled_before_the_split_object(verdict, tmp_path):
    """Copies of churners under new ids, as oversampling of the raw table leaves them."""
    header, *lines = (tmp_path / "test" / "part-00000.csv").read_text().splitlines()
    rows = [f"copy{line}".split(",") for line in lines if line.split(",")[1] == "1"]
    write_split(tmp_path / "resampled", header.split(","), rows)

    found = verdict(artifact(tmp_path / "a"), train=tmp_path / "resampled")

    assert found["accepted"] == 0
    assert found["reasons"][0].startswith("leakage: 100.0% of the churners and ")
    assert "were rows resampled?" in found["reasons"][0]


def test_a_feature_that_knows_the_answer_objects(verdict, tmp_path):
    found = verdict(artifact(tmp_path / "a"), maximum_single_feature_auc=0.6)

    assert found["accepted"] == 0
    assert found["reasons"][0].startswith("leakage: 'minutes' alone reaches ROC AUC 0.7")


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
