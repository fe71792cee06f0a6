"""Multivariate tests find what single columns hide, keep their level without a shift, and agree with others."""

import numpy as np
import pytest
from scipy import linalg
from sklearn.linear_model import LogisticRegression as Reference

from seatrial.statistics.distances.comparison import compare
from seatrial.statistics.multivariate.embeddings import EmbeddingSummary, discrepancy_test, frechet_distance
from seatrial.statistics.multivariate.logistic import LogisticRegression
from seatrial.statistics.multivariate.reconstruction import PrincipalComponents, reconstruction_test
from seatrial.statistics.multivariate.tokens import summarise_tokens
from seatrial.statistics.multivariate.two_sample import classifier_two_sample_test
from seatrial.statistics.performance.errors import NotEnoughDataError, ShapeError

ROUNDS = 60


def correlated(rng: np.random.Generator, rows: int, sign: float = 1.0) -> np.ndarray:
    return rng.multivariate_normal([0, 0, 0], [[1, 0.8 * sign, 0], [0.8 * sign, 1, 0], [0, 0, 1]], rows)


def test_logistic_regression_is_scikit_learn_s():
    rng = np.random.default_rng(1)
    features = rng.normal(3, 2, (500, 3))
    labels = (rng.random(500) < 1 / (1 + np.exp(2 - features[:, 0] * 0.5))).astype(float)

    model = LogisticRegression.fit(features, labels)

    standard = (features - model.center) / model.scale
    design = np.column_stack([standard, standard**2])
    expected = Reference(C=1.0, tol=1e-10, max_iter=1000).fit(design, labels).predict_proba(design)[:, 1]
    assert model.probabilities(features) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "test",
    [
        lambda a, b, seed: classifier_two_sample_test(a, b, seed).p_value,
        lambda a, b, seed: reconstruction_test(PrincipalComponents.fit(a), b).p_value,
        lambda a, b, seed: discrepancy_test(a[:60], b[:60], seed).p_value,
    ],
)
def test_samples_of_one_distribution_are_told_apart_no_more_often_than_the_level(test):
    rng = np.random.default_rng(2)

    found = sum(test(correlated(rng, 400), correlated(rng, 300), seed) < 0.05 for seed in range(ROUNDS))

    assert found / ROUNDS <= 0.15


def test_a_changed_correlation_that_no_column_shows_is_found_by_reconstruction():
    rng = np.random.default_rng(3)

    found = reconstruction_test(PrincipalComponents.fit(correlated(rng, 2000)), correlated(rng, 500, sign=-1))

    assert found.p_value < 1e-6
    assert found.error.low > found.baseline_error


def test_a_shift_is_found_by_the_classifier_and_its_column_named():
    rng = np.random.default_rng(4)

    found = classifier_two_sample_test(correlated(rng, 1000), correlated(rng, 600) + np.array([0, 0, 0.4]))

    assert found.p_value < 1e-6
    assert found.auc.low > 0.5
    assert np.argmax(found.contributions) == 2
    assert sum(found.contributions) == pytest.approx(1)


def test_embeddings_that_moved_are_farther_than_halves_of_the_same():
    rng = np.random.default_rng(5)
    before, after = rng.normal(size=(400, 8)), rng.normal(size=(300, 8)) * 1.3 + 0.3

    halves = frechet_distance(EmbeddingSummary.of(before[:200]), EmbeddingSummary.of(before[200:]))
    moved = frechet_distance(EmbeddingSummary.of(before), EmbeddingSummary.of(after))

    covariances = [EmbeddingSummary.of(side).covariance for side in (before, after)]
    gap = before.mean(axis=0) - after.mean(axis=0)
    expected = gap @ gap + np.trace(sum(covariances) - 2 * linalg.sqrtm(covariances[0] @ covariances[1]).real)
    assert moved == pytest.approx(expected, rel=1e-6)
    assert moved > 5 * halves
    assert discrepancy_test(before, after).p_value < 0.01


def test_words_that_come_up_are_seen():
    before = summarise_tokens(["my bill is too high", "no signal at home"] * 50)
    after = summarise_tokens(["my bill is too high", "roaming roaming roaming"] * 50)

    assert compare(before, before).jensen_shannon == 0
    assert compare(before, after).jensen_shannon > 0.4


def test_matrices_without_sense_are_refused():
    with pytest.raises(ShapeError, match="window: 2 columns, the baseline has 3"):
        classifier_two_sample_test(np.zeros((9, 3)), np.zeros((9, 2)))
    with pytest.raises(ShapeError, match="must be finite; fill missing values"):
        PrincipalComponents.fit(np.array([[1.0], [np.nan]]))
    with pytest.raises(NotEnoughDataError, match="at least two rows, got 1"):
        EmbeddingSummary.of(np.zeros((1, 2)))
    with pytest.raises(ShapeError, match="must have rows and columns"):
        discrepancy_test(np.zeros(3), np.zeros(3))
