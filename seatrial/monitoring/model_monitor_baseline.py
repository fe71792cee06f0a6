"""A baseline from the files of Model Monitor: its KLL sketches and buckets become our cells, its domains categories."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seatrial.contracts.model_monitor_files import Constraints, FeatureConstraint, FeatureStatistics, Statistics
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.baseline import PREDICTION, Baseline, FeatureBaseline, QualityBaseline
from seatrial.statistics.bins import Categories, NumericBins
from seatrial.statistics.moments import Moments
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.summary import FeatureSummary

QUANTILES = 1000
"""Evenly spaced quantiles of a sketch from which the cells are made."""


@dataclass(frozen=True)
class Converted:
    """The baseline and, as sentences, what its files do not tell."""

    baseline: Baseline
    notes: tuple[str, ...]


def convert(statistics: Statistics, constraints: Constraints) -> Converted:
    """Make a baseline that judges inputs only: Model Monitor's data quality files know no predictions and no labels."""
    found = [_feature(item, constraints.features.get(item.name, FeatureConstraint())) for item in statistics.features]
    features = tuple(feature for feature, _ in found)
    notes = [f"{feature.name}: {note}" for feature, note in found if note]
    schema = FeatureSchema(tuple(Feature(feature.name, feature.type) for feature in features))
    # Stand-ins, never compared: the command gives windows judged by this baseline no predictions and no labels.
    scores = FeatureBaseline(PREDICTION, "numeric", NumericBins(()), FeatureSummary((statistics.rows,)))
    unknown = QualityBaseline(
        rows=statistics.rows, positives=0, log_loss=0.0, log_loss_std_dev=0.0, brier=0.0, brier_std_dev=0.0, auc=None
    )
    return Converted(Baseline(schema, features, scores, unknown), tuple(notes))


def _feature(item: FeatureStatistics, constraint: FeatureConstraint) -> tuple[FeatureBaseline, str]:
    if item.type in ("Integral", "Fractional"):
        return _numeric(item)
    if item.type == "String":
        return _categorical(item, constraint)
    summary = FeatureSummary((item.present,), item.missing)
    note = "its type is unknown to the baseline, only missing values are judged"
    return FeatureBaseline(item.name, "categorical", Categories((), closed=False), summary), note


def _numeric(item: FeatureStatistics) -> tuple[FeatureBaseline, str]:
    bins, weights, note = _cells(item)
    counts = apportioned(weights, item.present)
    moments = Moments(
        item.present,
        item.mean or 0.0,
        (item.std_dev or 0.0) ** 2 * item.present,
        math.inf if item.minimum is None else item.minimum,
        -math.inf if item.maximum is None else item.maximum,
    )
    summary = FeatureSummary(counts, item.missing, moments=moments)
    sketch = QuantileSketch.of([value for value, _ in item.sketch])
    return FeatureBaseline(item.name, "numeric", bins, summary, sketch, item.type == "Integral"), note


def _cells(item: FeatureStatistics) -> tuple[NumericBins, list[float], str]:
    """Cells and the baseline's weight in each: from the sketch, else from the ten buckets, else one for all."""
    if item.sketch:
        bins = NumericBins.from_values(_quantiles(item.sketch))
        weights = [0.0] * bins.size
        for value, weight in item.sketch:
            weights[bins.cell(value)] += weight
        return bins, weights, ""
    filled = [bucket for bucket in item.buckets if bucket[0] < bucket[1]]
    if len(filled) > 1:
        # Model Monitor's buckets hold their lower bound, our cells their upper one.
        edges = [math.nextafter(high, -math.inf) for _, high, _ in filled[:-1]]
        note = "the baseline has no sketch of it, ten buckets of equal width see less of a change"
        return NumericBins(tuple(edges)), [count for _, _, count in filled], note
    return NumericBins(()), [1.0], "the baseline has no distribution of it, only missing values are judged"


def _quantiles(sketch: Sequence[tuple[float, int]]) -> list[float]:
    """Values at evenly spaced ranks of weighted values."""
    ordered = sorted(sketch)
    total, reached, place = sum(weight for _, weight in ordered), 0, 0
    points: list[float] = []
    for value, weight in ordered:
        reached += weight
        while place < QUANTILES and (place + 0.5) / QUANTILES * total <= reached:
            points.append(value)
            place += 1
    return points


def _categorical(item: FeatureStatistics, constraint: FeatureConstraint) -> tuple[FeatureBaseline, str]:
    known = dict.fromkeys([*item.categories, *(constraint.domain or ())])
    closed = constraint.domain is not None and constraint.evaluated
    counts = [item.categories.get(value, 0) for value in known]
    others = max(item.present - sum(counts), 0)
    summary = FeatureSummary((*counts, others), item.missing)
    note = "" if item.categories else "the baseline has no counts of its values, only missing values are judged"
    return FeatureBaseline(item.name, "categorical", Categories(tuple(known), closed), summary), note


def apportioned(weights: Sequence[float], total: int) -> tuple[int, ...]:
    """Whole counts in proportion to the weights that sum to `total` (largest remainders).

    >>> apportioned([1.0, 1.0, 1.0], 4)
    (2, 1, 1)
    """
    whole = sum(weights)
    if not whole:
        return (total, *(0 for _ in weights[1:]))
    shares = [weight / whole * total for weight in weights]
    counts = [math.floor(share) for share in shares]
    ranked = sorted(range(len(shares)), key=lambda index: counts[index] - shares[index])
    for index in ranked[: total - sum(counts)]:
        counts[index] += 1
    return tuple(counts)
