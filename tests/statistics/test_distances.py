"""Distances on summaries and counts agree with scipy on random data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from seatrial.statistics.chi_square import chi_square
from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.numeric_column import NumericColumn
from seatrial.statistics.distances.comparison import aligned_counts, compare
from seatrial.statistics.distances.cramers_v import cramers_v
from seatrial.statistics.distances.p_values import chi_square_p_value, kolmogorov_p_value
from seatrial.statistics.distances.wasserstein import wasserstein_of_samples
from seatrial.statistics.jensen_shannon import jensen_shannon_distance

COUNTS = st.lists(st.integers(1, 500), min_size=5, max_size=5)
SAMPLES = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30)


@given(COUNTS, COUNTS)
@settings(max_examples=40, deadline=None)
def test_distances_of_counts_are_scipy_s(first, second):
    table = np.array([first, second])

    expected = stats.chi2_contingency(table, correction=False)

    assert chi_square(first, second).statistic == pytest.approx(expected.statistic, abs=1e-9)
    assert chi_square_p_value(expected.statistic, 4) == pytest.approx(expected.pvalue, rel=1e-9, abs=1e-300)
    assert cramers_v(first, second) == pytest.approx(stats.contingency.association(table, "cramer"), abs=1e-9)
    assert jensen_shannon_distance(first, second) == pytest.approx(jensenshannon(first, second, base=2), abs=1e-7)


@given(SAMPLES, SAMPLES)
@settings(max_examples=40, deadline=None)
def test_wasserstein_distance_of_samples_is_scipy_s(first, second):
    distance = wasserstein_of_samples(np.array(first), np.array(second))

    assert distance == pytest.approx(stats.wasserstein_distance(first, second), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("degrees", [1, 2, 7, 60, 4000])
def test_chi_square_tails_are_scipy_s(degrees):
    for share in (0.01, 0.5, 1.0, 1.2, 3.0):
        expected = stats.chi2.sf(share * degrees, degrees)
        assert chi_square_p_value(share * degrees, degrees) == pytest.approx(expected, rel=1e-8, abs=1e-300)


@pytest.mark.parametrize("distance", [0.02, 0.05, 0.1, 0.2])
def test_ks_tails_are_close_to_scipy_s(distance):
    expected = stats.kstwo.sf(distance, 500)

    assert kolmogorov_p_value(distance, 1000, 1000) == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize(
    ("shift", "draw"), [(0.1, "normal"), (0.5, "normal"), (0.2, "exponential"), (0.3, "lognormal")]
)
def test_distances_of_summaries_are_those_of_the_samples(shift, draw):
    rng = np.random.default_rng(11)
    first, second = getattr(rng, draw)(size=40_000), getattr(rng, draw)(size=30_000) + shift
    frozen = AffineMap.of(first)

    found = compare(NumericColumn.of(first, frozen), NumericColumn.of(second, frozen))

    exact = stats.ks_2samp(first, second, method="asymp")
    edges = np.quantile(first, np.arange(1, 10) / 10)
    shares = [np.histogram(side, [-np.inf, *edges, np.inf])[0] / len(side) for side in (first, second)]
    assert found.l_infinity == pytest.approx(exact.statistic, abs=0.004)
    assert found.p_value == pytest.approx(exact.pvalue, abs=1e-3)
    assert found.wasserstein == pytest.approx(stats.wasserstein_distance(first, second) / first.std(), rel=0.02)
    assert found.jensen_shannon == pytest.approx(jensenshannon(*shares, base=2), rel=0.05)
    shares = [(share * size + 0.5) / (size + 5) for share, size in zip(shares, (40_000, 30_000), strict=True)]
    psi = ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum()
    assert found.population_stability_index == pytest.approx(psi, rel=0.15)
    assert found.robust == pytest.approx(max(0, found.l_infinity - 1.8 * np.sqrt(70_000 / (40_000 * 30_000))))


def test_categories_are_compared_by_name_while_few_and_by_hash_beyond():
    few = CategoryColumn.of({"a": 10, "b": 30})
    many = CategoryColumn.of({f"cell-{number}": 1 + number % 3 for number in range(2000)})
    half = CategoryColumn.of({f"cell-{number}": 1 + number % 3 for number in range(1000)})

    assert aligned_counts(few, CategoryColumn.of({"b": 1, "c": 2})) == ([10, 30, 0], [0, 1, 2])
    assert compare(many, many).l_infinity == 0
    assert compare(many, half).jensen_shannon > 0.4


def test_what_cannot_be_compared_is_told():
    numbers = NumericColumn.of(np.array([1.0]), AffineMap())

    assert compare(numbers, NumericColumn(AffineMap())) is None
    with pytest.raises(ValueError, match="a numeric column and one of texts"):
        compare(numbers, CategoryColumn.of({"a": 1}))
    with pytest.raises(ValueError, match="mapped differently"):
        compare(numbers, NumericColumn.of(np.array([1.0]), AffineMap(1.0, 2.0)))


def test_an_unvarying_column_that_moves_is_as_far_as_can_be():
    frozen = AffineMap.of(np.full(100, 5.0))

    found = compare(NumericColumn.of(np.full(100, 5.0), frozen), NumericColumn.of(np.full(100, 6.0), frozen))

    assert found.l_infinity == 1
    assert found.wasserstein == pytest.approx(0.2, rel=2**-8)
