"""All distances between a column of the baseline and the same column of a window, from their summaries alone."""

from dataclasses import dataclass

import numpy as np

from seatrial.statistics.chi_square import chi_square
from seatrial.statistics.columns.bit_histogram import edges
from seatrial.statistics.columns.category_column import CategoryColumn
from seatrial.statistics.columns.numeric_column import NumericColumn
from seatrial.statistics.columns.table import Column
from seatrial.statistics.distances.cramers_v import cramers_v
from seatrial.statistics.distances.p_values import chi_square_p_value, kolmogorov_p_value
from seatrial.statistics.distances.wasserstein import wasserstein_distance
from seatrial.statistics.jensen_shannon import jensen_shannon_distance
from seatrial.statistics.kolmogorov_smirnov import l_infinity_distance, robust_distance
from seatrial.statistics.population_stability import population_stability_index

GROUPS = 10


@dataclass(frozen=True, kw_only=True)
class ColumnDistances:
    """Distances of one column.

    `l_infinity` is Deequ's Simple distance (KS for numbers, largest difference in share for texts) and `robust` what
    sampling leaves unexplained of it. Numbers are taken in the baseline's ten quantile groups for PSI, Jensen-Shannon,
    chi-square and Cramer's V. `wasserstein` is in standard deviations of the baseline, None for texts. `p_value` is
    the KS test's for numbers and the chi-square test's for texts.
    """

    l_infinity: float
    robust: float
    population_stability_index: float
    jensen_shannon: float
    chi_square: float
    cramers_v: float
    p_value: float
    wasserstein: float | None = None


def compare(baseline: Column, window: Column) -> ColumnDistances | None:
    """Distances between present values; None when either side has none. Raises `ValueError` for different columns.

    >>> plans = CategoryColumn.of({"prepaid": 50, "family": 50})
    >>> compare(plans, CategoryColumn.of({"prepaid": 90, "family": 10})).l_infinity
    0.4
    """
    if not baseline.present or not window.present:
        return None
    if isinstance(baseline, NumericColumn) and isinstance(window, NumericColumn):
        return _compare_numbers(baseline, window)
    if isinstance(baseline, CategoryColumn) and isinstance(window, CategoryColumn):
        return _compare_texts(baseline, window)
    raise ValueError("a numeric column and one of texts cannot be compared")


def histogram_ks_distance(baseline: NumericColumn, window: NumericColumn) -> float:
    """KS distance at the resolution of the histograms: at most one cell's share from the exact one."""
    held = _held(baseline, window)
    shares = [side.histogram.counts[held].cumsum() / side.present for side in (baseline, window)]
    return float(np.abs(shares[0] - shares[1]).max())


def aligned_counts(first: CategoryColumn, second: CategoryColumn) -> tuple[list[int], list[int]]:
    """Counts of the same categories of both, by text while both know all of theirs, else by hash."""
    if first.exact and second.exact:
        names = sorted(first.hitters.counts.keys() | second.hitters.counts.keys())
        return tuple([side.hitters.counts.get(name, 0) for name in names] for side in (first, second))  # type: ignore[return-value]
    held = np.flatnonzero(first.hashed.counts + second.hashed.counts)
    return first.hashed.counts[held].tolist(), second.hashed.counts[held].tolist()


def _compare_numbers(baseline: NumericColumn, window: NumericColumn) -> ColumnDistances:
    if baseline.map != window.map:
        raise ValueError(f"columns mapped differently cannot be compared: {baseline.map} and {window.map}")
    cuts = baseline.histogram.cuts(GROUPS)
    distance = histogram_ks_distance(baseline, window)
    return _distances(
        (baseline.histogram.grouped(cuts), window.histogram.grouped(cuts)),
        distance,
        kolmogorov_p_value(distance, baseline.present, window.present),
        _normalised_wasserstein(baseline, window),
    )


def _compare_texts(baseline: CategoryColumn, window: CategoryColumn) -> ColumnDistances:
    counts = aligned_counts(baseline, window)
    test = chi_square(*counts)
    return _distances(counts, l_infinity_distance(*counts), chi_square_p_value(test.statistic, test.degrees), None)


def _distances(
    counts: tuple[list[int], list[int]], distance: float, p_value: float, wasserstein: float | None
) -> ColumnDistances:
    return ColumnDistances(
        l_infinity=distance,
        robust=robust_distance(distance, sum(counts[0]), sum(counts[1])),
        population_stability_index=population_stability_index(*counts),
        jensen_shannon=jensen_shannon_distance(*counts),
        chi_square=chi_square(*counts).statistic,
        cramers_v=cramers_v(*counts),
        p_value=p_value,
        wasserstein=wasserstein,
    )


def _normalised_wasserstein(baseline: NumericColumn, window: NumericColumn) -> float:
    """In standard deviations; an unvarying baseline's unit is its map's scale."""
    limits = np.array([min(baseline.minimum, window.minimum), max(baseline.maximum, window.maximum)])
    held = _held(baseline, window)
    middles = baseline.map.back((edges()[held] + edges()[held + 1]) / 2)
    positions = np.clip(middles, *limits)
    distance = wasserstein_distance(baseline.histogram.counts[held], window.histogram.counts[held], positions)
    return distance / (baseline.std_dev or baseline.map.scale)


def _held(baseline: NumericColumn, window: NumericColumn) -> np.ndarray:
    """The cells in which either has values: a few thousand of 65,536, and in the others nothing changes."""
    return np.flatnonzero((baseline.histogram.counts + window.histogram.counts) != 0)
