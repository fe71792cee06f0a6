"""Parts of a window merge into the window: in any order and grouping, from any place."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.moments import Moments
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.window import WindowSummary, summarise_window

SCHEMA = FeatureSchema((Feature("usage", "numeric"), Feature("plan", "categorical")))
SOURCE = random.Random(0)
TABLE = [[f"{SOURCE.gauss(10, 3):.2f}", SOURCE.choice(["a", "b"])] for _ in range(300)]
BASELINE = build_baseline(SCHEMA, TABLE, [0.3] * 300, [0, 1] * 150)
VALUES = st.sampled_from(["1.5", "9", "12.25", "400", "-3", "", "x", "a", "b", "c"])
ROWS = st.lists(st.tuples(VALUES, VALUES) | st.tuples(VALUES) | st.just(("usage", "plan_type")), max_size=30)


def part(rows: list[tuple[str, ...]], name: str) -> WindowSummary:
    ids = [f"{name}-{number}" for number in range(len(rows))]
    return summarise_window(BASELINE, rows, [0.1 * (len(row) + 1) for row in rows], 1, ids)


def exact(summary: WindowSummary) -> tuple:
    """All but moments and sketches, which merge to rounding and to their resolution."""
    counts = [(one.counts, one.missing, one.invalid, one.outside) for one in (*summary.features, summary.predictions)]
    return summary.rows, summary.widths, counts, summary.scores, summary.headers, summary.sample, summary.unreadable


@settings(max_examples=40, deadline=None)
@given(ROWS, ROWS, ROWS)
def test_merging_is_commutative_and_associative(first, second, third) -> None:
    one, two, three = part(first, "1"), part(second, "2"), part(third, "3")

    merged = one.merge(two).merge(three)

    assert exact(merged) == exact(three.merge(one.merge(two))) == exact(one.merge(three.merge(two)))


@settings(max_examples=40, deadline=None)
@given(ROWS, st.integers(0, 30))
def test_parts_together_count_what_one_pass_counts(rows, cut) -> None:
    ids = [f"id-{number}" for number in range(len(rows))]
    scores = [0.1 * (len(row) + 1) for row in rows]
    whole = summarise_window(BASELINE, rows, scores, 2, ids)
    halves = [slice(0, cut), slice(cut, None)]

    first, second = (summarise_window(BASELINE, rows[half], scores[half], 1, ids[half]) for half in halves)

    assert exact(first.merge(second)) == exact(whole)


@settings(max_examples=20, deadline=None)
@given(ROWS)
def test_a_summary_survives_its_way_through_json(rows) -> None:
    summary = part(rows, "1")

    assert WindowSummary.from_json(summary.to_json()) == summary


def test_a_summary_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="window summary: version must be 1"):
        WindowSummary.from_json('{"version": 7}')


def test_merged_sketches_keep_range_number_and_quantiles() -> None:
    source = random.Random(1)
    values = [source.gauss(0, 1) for _ in range(3000)]
    whole = QuantileSketch.of(values)

    merged = QuantileSketch.of([])
    for start in range(0, 3000, 500):
        merged = merged.merge(QuantileSketch.of(values[start : start + 500]))

    middle = merged.points[len(merged.points) // 2]
    assert (merged.minimum, merged.maximum, sum(merged.counts)) == (whole.minimum, whole.maximum, 3000)
    assert abs(middle - sorted(values)[1500]) < 0.1
    assert len(merged.points) <= 129


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.integers(0, 40))
def test_moments_merge_to_rounding(values, cut) -> None:
    merged, whole = Moments.of(values[:cut]).merge(Moments.of(values[cut:])), Moments.of(values)

    assert merged.mean == pytest.approx(whole.mean, rel=1e-12, abs=1e-6)
    assert merged.squares == pytest.approx(whole.squares, rel=1e-9, abs=1e-3)
