"""Performance without labels on counts alone: equal to the estimators on rows, and honest about what it cannot know."""

import random
from collections import Counter

import numpy as np
import pytest

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.estimated_quality import Calibrator, Estimator
from seatrial.statistics.monitor import Labelled, MonitorLimits, MonitorState, evaluate
from seatrial.statistics.performance.cbpe import estimate_by_confidence
from seatrial.statistics.performance.isotonic import IsotonicCalibrator
from seatrial.statistics.raking import effective_rows, raked_weights
from seatrial.statistics.reference import Reference
from seatrial.statistics.window import summarise_window

LIMITS = MonitorLimits()
SCHEMA = FeatureSchema((Feature("risk", "numeric"), Feature("plan", "categorical")))


def population(seed: int, count: int, shift: float = 0.0) -> tuple[list[list[str]], list[float], list[int]]:
    """Rows whose label depends on `risk`; the model knows the chances exactly."""
    source = random.Random(seed)
    risks = [source.gauss(shift, 1) for _ in range(count)]
    scores = [1 / (1 + np.exp(2.2 - 1.2 * risk)) for risk in risks]
    labels = [int(source.random() < score) for score in scores]
    return [[f"{risk:.4f}", source.choice("ab")] for risk in risks], [float(score) for score in scores], labels


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return build_baseline(SCHEMA, *population(0, 1000))


def tally(scores: list[float]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(Counter(round(score * 1000) for score in scores).items()))


def test_the_calibrator_is_the_isotonic_regression_of_the_numpy_method() -> None:
    rng = np.random.default_rng(0)
    scores, labels = np.sort(rng.random(300).round(2)), rng.integers(0, 2, 300)
    weights = rng.random(300)

    ours = Calibrator.fit(scores.tolist(), labels.tolist(), weights.tolist())

    theirs = IsotonicCalibrator.fit(scores, labels, weights)(np.linspace(-0.1, 1.1, 50))
    assert [ours(float(score)) for score in np.linspace(-0.1, 1.1, 50)] == pytest.approx(theirs.tolist())


def test_the_estimate_on_counts_is_that_on_rows(baseline: Baseline) -> None:
    _, scores, _ = population(1, 2000, 0.4)
    estimator = Estimator.of(baseline.reference)
    assert estimator is not None

    ours, _ = estimator.estimate(tally(scores), {})

    reference = baseline.reference
    theirs = estimate_by_confidence(np.array(reference.scores), np.array(reference.labels), np.array(scores))
    assert ours.method == "CBPE"
    assert ours.figures["auc"].value == pytest.approx(theirs.figures["auc"].value, abs=0.002)
    assert ours.reference["auc"] == pytest.approx(theirs.reference["auc"])


@pytest.mark.parametrize("shift", [-0.5, 0.0, 0.5])
def test_the_estimate_holds_what_labels_would_have_told(baseline: Baseline, shift: float) -> None:
    rows, scores, labels = population(2, 4000, shift)
    estimator = Estimator.of(baseline.reference)
    assert estimator is not None
    window = summarise_window(baseline, rows, scores)

    estimate, _ = estimator.estimate(window.scores, {0: window.features[0].cells} if shift else {})

    measured = float(np.mean((np.array(scores) - np.array(labels)) ** 2))
    assert estimate.method == ("PAPE" if shift else "CBPE")
    assert estimate.figures["brier"].low - 0.01 <= measured <= estimate.figures["brier"].high + 0.01
    assert estimate.trusted


def test_raking_gives_the_reference_the_windows_shares() -> None:
    source = random.Random(0)
    reference = Reference.of(
        [[source.randrange(3) for _ in range(900)], [source.randrange(2) for _ in range(900)]], [0.5] * 900, [0] * 900
    )

    weights = raked_weights(reference, {0: [700, 200, 100], 1: [300, 700]})

    for feature, shares in ((0, [0.7, 0.2, 0.1]), (1, [0.3, 0.7])):
        held = Counter()
        for cell, weight in zip(reference.cells[feature], weights, strict=True):
            held[cell] += weight / 900
        assert [held[cell] for cell in range(len(shares))] == pytest.approx(shares, abs=1e-3)
    assert 100 < effective_rows(weights) < 900


def test_rows_where_the_reference_has_none_make_the_estimate_distrusted(baseline: Baseline) -> None:
    estimator = Estimator.of(baseline.reference)
    assert estimator is not None
    missing = len(baseline.features[0].summary.cells) - 1
    cells = [0] * missing + [50]

    estimate, _ = estimator.estimate(tally([0.2] * 50), {0: cells})

    assert not estimate.trusted
    assert "100% of the rows lie where the reference has none" in estimate.sentence


def test_a_reference_whose_later_half_contradicts_its_earlier_half_is_distrusted() -> None:
    labels = [int(row % 10 == 0) for row in range(500)] + [int(row % 2 == 0) for row in range(500)]
    estimator = Estimator.of(Reference.of([[0] * 1000], [0.3] * 1000, labels))
    assert estimator is not None

    estimate, _ = estimator.estimate(tally([0.3] * 100), {})

    assert "labels of the reference's later half differ by +0.40" in estimate.problems[0]


def follow(baseline: Baseline, shift: float, windows: int, labelled: bool = False) -> list:
    state, found = MonitorState.fresh(baseline, LIMITS), []
    for number in range(windows):
        rows, scores, labels = population(100 + number, 300, shift)
        known = Labelled(scores, labels) if labelled else Labelled()
        summary = summarise_window(baseline, rows, scores)
        evaluation, state = evaluate(baseline, state, summary, known, LIMITS, hour=498_000 + number)
        found.append(evaluation)
    return found


def test_a_shift_into_uncertain_rows_is_a_loss_without_any_label_and_says_what_it_rests_on(baseline: Baseline) -> None:
    told = [finding for evaluation in follow(baseline, 1.2, 8) for finding in evaluation.losses]

    assert {finding.kind for finding in told} == {"estimated_quality_loss"}
    assert "PAPE estimates a mean Brier loss of" in told[0].sentence
    assert "assumption checked:" in told[0].sentence
    assert "it cannot see a changed relation between inputs and label (concept shift)" in told[0].sentence


def test_quiet_windows_estimate_no_loss(baseline: Baseline) -> None:
    evaluations = follow(baseline, 0.0, 12)

    assert [evaluation.losses for evaluation in evaluations] == [()] * 12
    assert all(evaluation.estimate.quiet for evaluation in evaluations)


def test_a_loss_that_labels_have_told_is_not_ended_by_a_calm_estimate(baseline: Baseline) -> None:
    state = MonitorState.fresh(baseline, LIMITS)
    for number in range(6):
        rows, scores, labels = population(200 + number, 300)
        flipped = Labelled(scores, [1 - label for label in labels])
        summary = summarise_window(baseline, rows, scores)
        _, state = evaluate(baseline, state, summary, flipped, LIMITS, hour=498_000 + number)

    evaluation, _ = evaluate(baseline, state, summary, Labelled(), LIMITS, hour=498_006)

    assert evaluation.quality.alarmed
    assert evaluation.estimate.quiet
    assert evaluation.losses_quiet is None
