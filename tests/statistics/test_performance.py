"""Quality figures agree with scikit-learn, intervals hold what they promise, estimates without labels come true."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

from seatrial.statistics.performance.binomial import exact_interval
from seatrial.statistics.performance.bootstrap import bootstrap
from seatrial.statistics.performance.calibration import calibration
from seatrial.statistics.performance.cbpe import estimate_by_confidence
from seatrial.statistics.performance.classification import classification_quality
from seatrial.statistics.performance.errors import NotEnoughDataError, ShapeError
from seatrial.statistics.performance.ground_truth import join_labels
from seatrial.statistics.performance.isotonic import IsotonicCalibrator
from seatrial.statistics.performance.multiclass import multiclass_quality
from seatrial.statistics.performance.pape import effective_rows, estimate_by_importance, importance_weights
from seatrial.statistics.performance.ranks import area_under_curve, midranks
from seatrial.statistics.performance.regression import regression_quality
from seatrial.statistics.performance.segments import by_segment


def logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


@given(st.integers(1, 400), st.data())
@settings(max_examples=40, deadline=None)
def test_intervals_of_shares_are_clopper_and_pearson_s(rows, data):
    count = data.draw(st.integers(0, rows))

    found, expected = exact_interval(count, rows), stats.binomtest(count, rows).proportion_ci(method="exact")

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_classification_figures_are_scikit_learn_s():
    rng = np.random.default_rng(1)
    scores = rng.random(400)
    labels = (rng.random(400) < scores).astype(int)

    quality = classification_quality(scores, labels, threshold=0.4)

    said = scores >= 0.4
    assert quality.accuracy.value == pytest.approx(metrics.accuracy_score(labels, said))
    assert quality.precision.value == pytest.approx(metrics.precision_score(labels, said))
    assert quality.recall.value == pytest.approx(metrics.recall_score(labels, said))
    assert quality.specificity.value == pytest.approx(metrics.recall_score(1 - labels, ~said))
    assert quality.f1.value == pytest.approx(metrics.f1_score(labels, said))
    assert quality.log_loss.value == pytest.approx(metrics.log_loss(labels, scores), rel=1e-6)
    assert quality.brier.value == pytest.approx(metrics.brier_score_loss(labels, scores))
    assert quality.auc.value == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert quality.true_positives + quality.false_positives == said.sum()
    assert quality == classification_quality(scores, labels, threshold=0.4)


def test_figures_of_one_class_are_undefined_rather_than_wrong():
    quality = classification_quality(np.array([0.1, 0.2]), np.array([0, 0]))

    assert np.isnan([quality.auc.value, quality.recall.value, quality.precision.value, quality.f1.value]).all()
    assert quality.accuracy.value == 1


def test_multiclass_figures_are_scikit_learn_s():
    rng = np.random.default_rng(2)
    labels = rng.choice(["bronze", "gold", "silver"], 300).tolist()
    said = [label if rng.random() < 0.6 else "gold" for label in labels]

    quality = multiclass_quality(said, labels)

    assert np.array_equal(quality.confusion, metrics.confusion_matrix(labels, said))
    assert quality.macro_f1.value == pytest.approx(metrics.f1_score(labels, said, average="macro"))
    assert quality.weighted_f1.value == pytest.approx(metrics.f1_score(labels, said, average="weighted"))
    assert quality.macro_f1.low < quality.macro_f1.value < quality.macro_f1.high
    with pytest.raises(ShapeError, match=r"\['tin'\] are not among"):
        multiclass_quality(["tin"], ["gold"], classes=["gold"])


def test_regression_figures_are_scikit_learn_s():
    rng = np.random.default_rng(3)
    labels = rng.normal(size=200)
    said = labels + rng.normal(0.1, 0.5, 200)

    quality = regression_quality(said, labels)

    assert quality.mae.value == pytest.approx(metrics.mean_absolute_error(labels, said))
    assert quality.rmse.value == pytest.approx(metrics.root_mean_squared_error(labels, said))
    assert quality.r2.value == pytest.approx(metrics.r2_score(labels, said))
    assert quality.bias.holds(0.1)
    assert np.isnan(regression_quality(np.ones(3), np.ones(3)).r2.value)


def test_bootstrap_intervals_hold_the_truth_nineteen_times_of_twenty():
    held = 0
    for seed in range(200):
        sample = np.random.default_rng(seed).exponential(size=60)
        held += bootstrap(lambda values: {"mean": float(values.mean())}, sample, seed=seed)["mean"].holds(1.0)

    assert 0.86 <= held / 200 <= 0.99


def test_calibrated_predictions_have_little_error_and_the_brier_score_has_its_parts():
    rng = np.random.default_rng(4)
    chances = rng.random(4000)
    labels = (rng.random(4000) < chances).astype(int)

    honest, bold = calibration(chances, labels), calibration(np.where(chances > 0.5, 0.95, 0.05), labels)

    for item in (honest, bold):
        parts = item.reliability - item.resolution + item.uncertainty + item.within
        assert item.brier == pytest.approx(parts)
    assert abs(honest.within) < 0.01
    assert honest.ece.value < 0.03
    assert bold.ece.low > 0.15
    assert sum(count for _, _, count in honest.curve) == 4000


def test_quality_is_told_for_segments_with_enough_rows():
    rng = np.random.default_rng(5)
    names = ["north"] * 100 + ["south"] * 60 + ["isle"] * 5
    scores = rng.random(165)
    labels = np.concatenate([(scores[:100] > 0.5), (scores[100:] < 0.5)]).astype(int)

    north, south, isle = by_segment(classification_quality, names, scores, labels)

    assert (north.name, north.quality.accuracy.value) == ("north", 1)
    assert (south.name, south.quality.accuracy.value) == ("south", 0)
    assert (isle.rows, isle.quality) == (5, None)


def test_labels_that_come_selectively_are_told():
    ids = [str(number) for number in range(100)]
    scores = np.linspace(0, 1, 100)

    random = join_labels(ids, scores, dict.fromkeys(ids[::2], 1))
    selective = join_labels([*ids, "7"], [*scores, 0.9], dict.fromkeys([*ids[80:], "elsewhere"], 1))

    assert random.sentence == "50 of 100 predictions have a label (50%)"
    assert selective.sentence.endswith("labelled rows were predicted +0.40 on average: they are no random sample")
    assert (selective.coverage, selective.unknown, selective.repeated) == (0.2, 1, 1)
    assert join_labels([], [], {"a": 1}).coverage == 0


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 1), st.integers(1, 4)), min_size=1, max_size=40),
)
@settings(max_examples=50, deadline=None)
def test_isotonic_regression_is_scikit_learn_s(rows):
    scores, labels, weights = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    at = np.linspace(-1, 9, 21)

    found = IsotonicCalibrator.fit(scores, labels, weights)(at)

    expected = IsotonicRegression(out_of_bounds="clip").fit(scores, labels, sample_weight=weights).predict(at)
    assert found == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1)), min_size=2, max_size=40))
@settings(max_examples=40, deadline=None)
def test_ranks_and_area_are_those_of_others(rows):
    scores, labels = (np.array(column, np.float64) for column in zip(*rows, strict=True))

    assert midranks(scores).tolist() == stats.rankdata(scores).tolist()
    if 0 < labels.sum() < len(labels):
        assert area_under_curve(scores, labels) == pytest.approx(metrics.roc_auc_score(labels, scores))
    else:
        assert np.isnan(area_under_curve(scores, labels))


def world(seed: int, rows: int, shift: float, flipped: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs, overconfident predictions and labels; the model knows the first of two inputs only."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal([shift, shift], 1, (rows, 2))
    truth = logistic(1.5 * inputs[:, 0] + 1.0 * inputs[:, 1] * (-1 if flipped else 1))
    return inputs, logistic(2.5 * inputs[:, 0]), (rng.random(rows) < truth).astype(int)


def test_estimated_performance_follows_a_shift_of_the_scores():
    inputs, scores, labels = world(1, 4000, 0.0)
    chosen = np.abs(scores - 0.5) < 0.35

    estimate = estimate_by_confidence(scores, labels, scores[chosen])

    measured = classification_quality(scores[chosen], labels[chosen])
    assert estimate.trusted
    assert estimate.figures["auc"].value == pytest.approx(measured.auc.value, abs=0.02)
    assert estimate.figures["accuracy"].holds(measured.accuracy.value)
    assert estimate.lost("auc", 0.02)
    assert estimate.sentence.endswith("(concept shift): only labels can")
    assert len(inputs) == 4000


def test_where_inputs_shift_importance_weights_estimate_better_than_confidence_alone():
    before, scores, labels = world(1, 6000, 0.0)
    after, window, truth = world(2, 3000, 0.8)

    plain = estimate_by_confidence(scores, labels, window).figures
    weighted = estimate_by_importance(before, scores, labels, after, window)

    measured = classification_quality(window, truth)
    errors = [abs(side["accuracy"].value - measured.accuracy.value) for side in (plain, weighted.figures)]
    assert weighted.trusted
    assert errors[1] < 0.02 < errors[0]


def test_concept_shift_is_not_seen_and_the_sentence_says_so():
    _, scores, labels = world(1, 4000, 0.0)
    _, window, truth = world(2, 2000, 0.0, flipped=True)
    truth = 1 - truth

    estimate = estimate_by_confidence(scores, labels, window)

    assert classification_quality(window, truth).auc.value < 0.3
    assert estimate.figures["auc"].value > 0.7
    assert "concept shift" in estimate.sentence


def test_an_estimate_whose_assumptions_fail_is_not_trusted():
    before, scores, labels = world(1, 2000, 0.0)
    after, window, _ = world(2, 500, 4.0)
    late = np.concatenate([labels[:1000], np.ones(1000, int)])

    beyond = estimate_by_confidence(scores * 0.5, labels, np.full(50, 0.9))
    apart = estimate_by_importance(before, scores, labels, after, window)
    turned = estimate_by_confidence(scores, late, scores)

    assert "outside the reference's" in beyond.sentence
    assert "effective rows" in apart.sentence
    assert "later half" in turned.sentence
    assert not any(item.trusted or item.lost("auc", 0.0) for item in (beyond, apart, turned))


def test_importance_weights_are_the_density_ratio():
    rng = np.random.default_rng(6)
    before, after = rng.normal(0, 1, (20_000, 1)), rng.normal(0.5, 1, (20_000, 1))

    weights = importance_weights(before, after)

    exact = stats.norm.pdf(before[:, 0], 0.5) / stats.norm.pdf(before[:, 0])
    assert np.abs(weights - exact).mean() < 0.05
    assert effective_rows(weights) == pytest.approx(20_000 / np.exp(0.25), rel=0.1)


@pytest.mark.parametrize(
    ("predictions", "labels", "sentence"),
    [
        ([], [], "at least one"),
        ([0.5], [], "got 1 predictions and 0"),
        ([1.5], [1], "between 0 and 1"),
        ([0.5], [2], "0 or 1"),
    ],
)
def test_nonsense_is_refused(predictions, labels, sentence):
    with pytest.raises((ShapeError, NotEnoughDataError), match=sentence):
        classification_quality(np.array(predictions), np.array(labels))


def test_a_reference_of_one_class_is_refused():
    with pytest.raises(NotEnoughDataError, match="20 labelled rows of each class, got 0"):
        estimate_by_confidence(np.full(50, 0.5), np.zeros(50), np.array([0.5]))
