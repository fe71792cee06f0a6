"""Laws of the statistics: summaries merge like one pass, distances are distances, alarms keep to their budget."""

import doctest
import importlib
import math
import pkgutil
import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import seatrial.columnar
import seatrial.contracts
import seatrial.decisions
import seatrial.statistics
from seatrial.statistics.auc import estimate_auc
from seatrial.statistics.bins import Categories, NumericBins
from seatrial.statistics.chi_square import chi_square
from seatrial.statistics.jensen_shannon import jensen_shannon_distance
from seatrial.statistics.kolmogorov_smirnov import ks_distance, l_infinity_distance
from seatrial.statistics.mean_detector import MeanDetector
from seatrial.statistics.population_stability import population_stability_index
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.summary import FeatureSummary, summarise

BINS = NumericBins((0.0, 1.0, 10.0))
PLANS = Categories(("prepaid", "postpaid"))
VALUES = st.lists(st.sampled_from(["", "NaN", "1e308", "inf", "abc", "0", "-3", "0.5", "7", "1e9", "ü", "N/A"]))
COUNTS = st.lists(st.integers(0, 500), min_size=4, max_size=4)
MODULES = [
    module.name
    for package in (seatrial.statistics, seatrial.decisions, seatrial.contracts, seatrial.columnar)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
]


def alike(first: FeatureSummary, second: FeatureSummary) -> bool:
    exact = (first.counts, first.missing, first.invalid) == (second.counts, second.missing, second.invalid)
    if first.moments is None or second.moments is None:
        return exact and first.moments is second.moments
    pairs = zip(first.moments.to_list(), second.moments.to_list(), strict=True)
    return exact and all(a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs)


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_the_documentation_hold(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS).failed == 0


@pytest.mark.parametrize("cells", [BINS, PLANS])
@given(first=VALUES, second=VALUES, third=VALUES)
def test_summaries_merge_in_any_order_and_grouping(cells, first, second, third) -> None:
    a, b, c = (summarise(cells, values) for values in (first, second, third))

    whole = summarise(cells, first + second + third)

    assert alike(a.merge(b).merge(c), whole)
    assert alike(a.merge(b.merge(c)), whole)
    assert alike(c.merge(a).merge(b), whole)
    assert alike(FeatureSummary.from_json(whole.to_json()), whole)


@given(values=VALUES)
def test_every_value_is_counted_once_and_every_figure_is_finite(values) -> None:
    summary = summarise(BINS, values)

    assert summary.rows == len(values)
    assert all(map(math.isfinite, summary.moments.to_list()[:3]))


@given(first=COUNTS, second=COUNTS)
def test_distances_are_symmetric_bounded_and_zero_for_equals(first, second) -> None:
    for distance in (ks_distance, l_infinity_distance, jensen_shannon_distance):
        assert math.isclose(distance(first, second), distance(second, first), abs_tol=1e-9)
        assert 0 <= distance(first, second) <= 1 + 1e-9
        assert distance(first, first) == pytest.approx(0, abs=1e-6)
    assert population_stability_index(first, second) >= -1e-12
    assert chi_square(first, second).statistic >= 0


@given(scores=st.lists(st.integers(0, 5), min_size=1, max_size=30), data=st.data())
def test_auc_is_the_share_of_ordered_pairs(scores, data) -> None:
    labels = data.draw(st.lists(st.integers(0, 1), min_size=len(scores), max_size=len(scores)))
    pairs = [
        (positive > negative) + 0.5 * (positive == negative)
        for positive, label in zip(scores, labels, strict=True)
        if label
        for negative, other in zip(scores, labels, strict=True)
        if not other
    ]

    estimate = estimate_auc(scores, labels)

    if not pairs:
        assert estimate is None
    else:
        assert estimate.area == pytest.approx(sum(pairs) / len(pairs))
        assert estimate.low <= estimate.area <= estimate.high


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=1000))
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_sketch_counts_every_value_and_stays_small(values) -> None:
    sketch = QuantileSketch.of(values)

    assert sum(sketch.counts) == len(values)
    assert len(sketch.points) <= 129
    assert abs(len(sketch.points) * 2**sketch.level - len(values)) < 2**sketch.level


def test_losses_at_the_limit_alarm_more_rarely_than_the_budget() -> None:
    rng = random.Random(13)
    threshold, alarms = math.log(200), 0
    for _ in range(200):
        detector = MeanDetector(0.3)
        for _ in range(20):
            detector = detector.update([float(rng.random() < 0.3) for _ in range(40)])
            if detector.log_evidence >= threshold:
                alarms += 1
                break

    assert alarms / 200 <= 20 / 200


def test_a_loss_above_the_limit_is_found_soon() -> None:
    rng = random.Random(17)
    detector = MeanDetector(0.3)
    for _ in range(4):
        detector = detector.update([float(rng.random() < 0.5) for _ in range(100)])

    assert detector.log_evidence > math.log(8766 * 80)


def test_what_the_monitor_s_function_carries_needs_no_numpy() -> None:
    modules = [f"seatrial.statistics.{item.name}" for item in pkgutil.iter_modules(seatrial.statistics.__path__)]
    program = "import importlib, sys; [*map(importlib.import_module, sys.argv[1:])]; print('numpy' in sys.modules)"
    flat = [name for name in modules if not hasattr(importlib.import_module(name), "__path__")]

    result = subprocess.run([sys.executable, "-c", program, *flat], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "False"
