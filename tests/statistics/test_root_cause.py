"""What the alert says of the reason: features by contribution, the part of the rows, the beginning."""

import random

import pytest

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.loss_series import LossSeries
from seatrial.statistics.monitor import Evaluation, Labelled, MonitorLimits, MonitorState, evaluate
from seatrial.statistics.window import summarise_window

LIMITS = MonitorLimits()
SCHEMA = FeatureSchema((Feature("usage", "numeric"), Feature("tenure", "numeric"), Feature("region", "categorical")))
FIRST_HOUR = 498_000


def rows_of(seed: int, count: int, shift: float = 0.0, only: str | None = None) -> list[list[str]]:
    source, rows = random.Random(seed), []
    for _ in range(count):
        region = source.choice(["north", "south", "west"])
        moved = shift if only in (None, region) else 0.0
        rows.append([f"{source.gauss(10 + moved, 2):.3f}", f"{source.gauss(30, 9):.2f}", region])
    return rows


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    source = random.Random(1)
    scores = [source.betavariate(2, 5) for _ in range(1000)]
    return build_baseline(SCHEMA, rows_of(0, 1000), scores, [int(source.random() < score) for score in scores])


def watch(baseline: Baseline, windows: list[list[list[str]]], labelled: list[Labelled] | None = None) -> Evaluation:
    state, source = MonitorState.fresh(baseline, LIMITS), random.Random(9)
    for number, rows in enumerate(windows):
        scores = [source.betavariate(2, 5) for _ in rows]
        summary = summarise_window(baseline, rows, scores, ids=[f"{number}-{row}" for row in range(len(rows))])
        known = labelled[number] if labelled else Labelled()
        evaluation, state = evaluate(baseline, state, summary, known, LIMITS, hour=FIRST_HOUR + number)
    return evaluation


def test_the_drifted_feature_its_range_and_its_beginning_are_told(baseline: Baseline) -> None:
    windows = [rows_of(number, 200) for number in range(1, 6)] + [rows_of(number, 200, 2.0) for number in (6, 7)]

    cause = watch(baseline, windows).root_cause

    assert cause is not None
    leading = cause.features[0]
    assert (leading.feature, leading.share > 0.9) == ("usage", True)
    assert leading.segment.startswith("usage > ")
    assert leading.window_share > leading.baseline_share + 0.2
    assert cause.began_at == "2026-10-24T05:00:00Z"
    assert cause.segment is None
    assert cause.sentence.startswith("usage contributes ")


def test_a_shift_that_happens_in_one_region_alone_is_placed_there(baseline: Baseline) -> None:
    windows = [rows_of(number, 300, 5.0, only="west") for number in range(1, 4)]

    cause = watch(baseline, windows).root_cause

    assert cause is not None
    assert cause.segment == "region = west"
    assert ", and that only where region = west" in cause.sentence


@pytest.mark.parametrize("seed", range(5))
def test_a_shift_everywhere_is_placed_nowhere(baseline: Baseline, seed: int) -> None:
    cause = watch(baseline, [rows_of(100 + seed, 200, 2.0)] * 2).root_cause

    assert cause is not None
    assert cause.segment is None


def test_a_loss_without_drift_names_the_part_that_loses_and_when_it_began(baseline: Baseline) -> None:
    labelled = []
    for number in range(8):
        rows, source = rows_of(200 + number, 200), random.Random(number)
        scores = [source.betavariate(2, 5) for _ in rows]
        flipped = [number >= 3 and row[2] == "south" for row in rows]
        labels = [int(source.random() < (0.95 if odd else score)) for score, odd in zip(scores, flipped, strict=True)]
        labelled.append(Labelled(scores, labels, rows, FIRST_HOUR + number))

    evaluation = watch(baseline, [rows_of(300 + number, 200) for number in range(8)], labelled)

    cause = evaluation.root_cause
    assert [finding.kind for finding in evaluation.quality.findings][:1] == ["quality_loss"]
    assert cause is not None
    assert (cause.segment, cause.began_at) == ("region = south", "2026-10-24T03:00:00Z")


def test_a_quiet_window_has_no_cause(baseline: Baseline) -> None:
    assert watch(baseline, [rows_of(400, 200)]).root_cause is None


def test_a_loss_that_falls_began_nowhere() -> None:
    series = LossSeries().plus(1, [0.3] * 50).plus(2, [0.3] * 50).plus(3, [0.1] * 50)

    assert series.began is None
