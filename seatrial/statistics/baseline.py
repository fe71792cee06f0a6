"""The baseline of a model: what its inputs, predictions and losses looked like when it was validated."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seatrial.contracts import model_monitor
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.statistics.auc import AucEstimate, estimate_auc
from seatrial.statistics.bins import Categories, Cells, FeatureType, NumericBins, cells_from_json, cells_to_json
from seatrial.statistics.losses import brier_losses, log_losses
from seatrial.statistics.moments import Moments
from seatrial.statistics.parsing import is_missing, to_number
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.reference import Reference
from seatrial.statistics.rhythm import Rhythm
from seatrial.statistics.summary import FeatureSummary, Range, cell_indices, summarise

BASELINE_VERSION = 1
PREDICTION = "prediction"
"""Name under which the distribution of predictions is reported."""


@dataclass(frozen=True)
class FeatureBaseline:
    """One feature as validated: its cells, its summary and what Model Monitor's files say of it."""

    name: str
    type: FeatureType
    cells: Cells
    summary: FeatureSummary
    sketch: QuantileSketch | None = None
    integral: bool = False

    @property
    def inferred_type(self) -> model_monitor.InferredType:
        """The type in Model Monitor's words."""
        if self.type == "categorical":
            return "String"
        return "Integral" if self.integral else "Fractional"

    @property
    def missing_share(self) -> float:
        """Share of values that were missing or invalid."""
        return 1 - self.summary.present / self.summary.rows

    @property
    def invalid_share(self) -> float:
        """Share of values that were present but no number."""
        return self.summary.invalid / self.summary.rows

    @property
    def plausible_range(self) -> Range | None:
        """Numbers that can be the feature's own: its range and once its width on either side, never across zero.

        What lies beyond is another unit or a sentinel (MB for GB, -1 for "unknown"), not drift. None for features
        without numbers or of one single value. Predictions are probabilities where the baseline's are.
        """
        moments = self.summary.moments
        if self.name == PREDICTION and moments and moments.count and 0 <= moments.minimum <= moments.maximum <= 1:
            return 0.0, 1.0
        if not moments or not moments.count or not (width := moments.maximum - moments.minimum) > 0:
            return None
        low, high = moments.minimum - width, moments.maximum + width
        return (0.0 if moments.minimum >= 0 else low), (0.0 if moments.maximum <= 0 else high)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "name": self.name,
            "type": self.type,
            "cells": cells_to_json(self.cells),
            "summary": self.summary.to_json(),
            "sketch": self.sketch.to_json() if self.sketch else None,
            "integral": self.integral,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "FeatureBaseline":
        """Read what `to_json` wrote."""
        sketch = QuantileSketch.from_json(data["sketch"]) if data["sketch"] else None
        cells, summary = cells_from_json(data["cells"]), FeatureSummary.from_json(data["summary"])
        return cls(data["name"], data["type"], cells, summary, sketch, data["integral"])


@dataclass(frozen=True, kw_only=True)
class QualityBaseline:
    """How well the model predicted labels on the rows of the baseline.

    Losses are means over rows, `*_std_dev` their population standard deviations; `auc` is None with one class.
    """

    rows: int
    positives: int
    log_loss: float
    log_loss_std_dev: float
    brier: float
    brier_std_dev: float
    auc: AucEstimate | None

    @property
    def label_rate(self) -> float:
        """Share of positive labels."""
        return self.positives / self.rows

    @classmethod
    def of(cls, predictions: Sequence[float], labels: Sequence[int]) -> "QualityBaseline":
        """Measure predictions against their labels."""
        log_loss = Moments.of(log_losses(predictions, labels))
        brier = Moments.of(brier_losses(predictions, labels))
        return cls(
            rows=len(labels),
            positives=sum(labels),
            log_loss=log_loss.mean,
            log_loss_std_dev=log_loss.std_dev,
            brier=brier.mean,
            brier_std_dev=brier.std_dev,
            auc=estimate_auc(predictions, labels),
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "QualityBaseline":
        """Read the dictionary form."""
        auc = AucEstimate(**data["auc"]) if data["auc"] else None
        fields: dict[str, Any] = {**data, "auc": auc}
        return cls(**fields)


@dataclass(frozen=True)
class Baseline:
    """Everything the monitor compares with; written once, when the model is validated."""

    schema: FeatureSchema
    features: tuple[FeatureBaseline, ...]
    predictions: FeatureBaseline
    quality: QualityBaseline
    reference: Reference = field(default_factory=Reference)
    """Labelled rows for estimates without labels; empty in baselines of before."""
    rhythms: Mapping[str, Rhythm] = field(default_factory=dict)
    """How each feature and `PREDICTION` move by the hour and from day to day, when the rows had times."""

    @property
    def rows(self) -> int:
        """Rows on which the baseline stands."""
        return self.quality.rows

    def to_json(self) -> str:
        """Serialize; equal baselines give equal bytes."""
        document = {
            "version": BASELINE_VERSION,
            "schema": json.loads(self.schema.to_json()),
            "features": [feature.to_json() for feature in self.features],
            "predictions": self.predictions.to_json(),
            "quality": asdict(self.quality),
            "reference": self.reference.to_json(),
            "rhythms": {name: rhythm.to_json() for name, rhythm in self.rhythms.items()},
        }
        return json.dumps(document, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Baseline":
        """Read what `to_json` wrote; raises `ValueError` with what is wrong with any other text."""
        try:
            data = json.loads(text)
            if data["version"] != BASELINE_VERSION:
                raise ValueError(f"baseline: version must be {BASELINE_VERSION}, got {data['version']!r}")
            return cls(
                FeatureSchema.from_json(json.dumps(data["schema"])),
                tuple(FeatureBaseline.from_json(item) for item in data["features"]),
                FeatureBaseline.from_json(data["predictions"]),
                QualityBaseline.from_json(data["quality"]),
                Reference.from_json(data.get("reference")),
                {name: Rhythm.from_json(item) for name, item in data.get("rhythms", {}).items()},
            )
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"baseline: not a baseline file: {error!r}") from error

    def to_model_monitor_statistics(self) -> dict[str, Any]:
        """The baseline as Model Monitor's statistics.json."""
        features = [feature_statistics(feature, feature.summary, feature.sketch) for feature in self.features]
        return model_monitor.statistics_document(self.rows, features)

    def to_model_monitor_constraints(self) -> dict[str, Any]:
        """The baseline as Model Monitor's constraints.json."""
        return model_monitor.constraints_document(_constraint(feature) for feature in self.features)


def build_baseline(
    schema: FeatureSchema,
    rows: Iterable[Sequence[str]],
    predictions: Sequence[float],
    labels: Sequence[int],
    *,
    hours: Sequence[int] = (),
) -> Baseline:
    """Build the baseline from validation rows (feature values as text, in schema order), predictions and labels.

    `hours`, when known, says when each row came, in hours since 1970 (UTC): windows are then compared with the same
    hours from the first one on, instead of after the days in which the live traffic's rhythm is learned. Raises
    `ValueError` when they do not fit together.

    >>> schema = FeatureSchema((Feature("tenure_months", "numeric"), Feature("plan_type", "categorical")))
    >>> baseline = build_baseline(schema, [["3", "prepaid"], ["40", "family"]], [0.8, 0.1], [1, 0])
    >>> baseline.quality.label_rate, Baseline.from_json(baseline.to_json()) == baseline
    (0.5, True)
    """
    table = [list(row) for row in rows]
    _check_lengths(schema, table, predictions, labels)
    columns = zip(*table, strict=True)
    features = tuple(
        _feature_baseline(feature, column) for feature, column in zip(schema.features, columns, strict=True)
    )
    scores = _feature_baseline(Feature(PREDICTION, "numeric"), [repr(float(score)) for score in predictions])
    said, truth = [float(score) for score in predictions], [int(label) for label in labels]
    cells = [cell_indices(item.cells, column) for item, column in zip(features, zip(*table, strict=True), strict=True)]
    rhythms = _rhythms((*features, scores), table, said, hours) if hours else {}
    quality, reference = QualityBaseline.of(said, truth), Reference.of(cells, said, truth)
    return Baseline(schema, features, scores, quality, reference, rhythms)


def _rhythms(
    watched: Sequence[FeatureBaseline], table: list[list[str]], predictions: list[float], hours: Sequence[int]
) -> dict[str, Rhythm]:
    if len(hours) != len(table):
        raise ValueError(f"baseline: rows and hours must be equally many, got {len(table)} and {len(hours)}")
    columns = [*zip(*table, strict=True), [repr(score) for score in predictions]]
    texts = {item.name: column for item, column in zip(watched, columns, strict=True)}
    # Only the training job learns rhythms: a function that reads baselines starts without the module.
    from seatrial.statistics.baseline_rhythm import rhythms_of

    return rhythms_of({item.name: (item.cells, item.summary) for item in watched}, texts, hours)


def feature_statistics(
    baseline: FeatureBaseline, summary: FeatureSummary, sketch: QuantileSketch | None
) -> dict[str, Any]:
    """One feature's entry in statistics.json, for the baseline itself or for a window of the same feature."""
    missing = summary.missing + summary.invalid
    if isinstance(baseline.cells, Categories):
        names = (*baseline.cells.values, "(other)")
        counts = {name: count for name, count in zip(names, summary.counts, strict=True) if count}
        return model_monitor.string_feature(
            baseline.name, present=summary.present, missing=missing, distinct=len(counts), counts=counts
        )
    moments, sketch = summary.moments or Moments(), sketch or QuantileSketch.of([])
    return model_monitor.numerical_feature(
        baseline.name,
        baseline.inferred_type,
        present=summary.present,
        missing=missing,
        mean=moments.mean,
        std_dev=moments.std_dev,
        minimum=moments.minimum if moments.count else 0.0,
        maximum=moments.maximum if moments.count else 0.0,
        kll=sketch.to_kll(),
    )


def _constraint(feature: FeatureBaseline) -> dict[str, Any]:
    moments = feature.summary.moments
    cells = feature.cells
    return model_monitor.feature_constraint(
        feature.name,
        feature.inferred_type,
        completeness=1 - feature.missing_share,
        is_non_negative=moments.minimum >= 0 if moments and moments.count else None,
        domain=cells.values if isinstance(cells, Categories) and cells.closed else None,
    )


def _feature_baseline(feature: Feature, texts: Sequence[str]) -> FeatureBaseline:
    present = [text.strip() for text in texts if not is_missing(text)]
    if feature.type == "categorical":
        cells = Categories.from_values(present)
        return FeatureBaseline(feature.name, "categorical", cells, summarise(cells, texts))
    numbers = [number for number in map(to_number, present) if number is not None]
    bins = NumericBins.from_values(numbers)
    integral = bool(numbers) and all(number.is_integer() for number in numbers)
    sketch = QuantileSketch.of(numbers)
    return FeatureBaseline(feature.name, "numeric", bins, summarise(bins, texts), sketch, integral)


def _check_lengths(
    schema: FeatureSchema, table: list[list[str]], predictions: Sequence[float], labels: Sequence[int]
) -> None:
    if not table:
        raise ValueError("baseline: needs at least one row, got none")
    if not len(table) == len(predictions) == len(labels):
        counts = f"{len(table)} rows, {len(predictions)} predictions, {len(labels)} labels"
        raise ValueError(f"baseline: rows, predictions and labels must be equally many, got {counts}")
    width = len(schema.features)
    for number, row in enumerate(table):
        if len(row) != width:
            raise ValueError(f"baseline: row {number} must have {width} values as the schema says, got {len(row)}")
    _check_values(predictions, labels)


def _check_values(predictions: Sequence[float], labels: Sequence[int]) -> None:
    for number, (prediction, label) in enumerate(zip(predictions, labels, strict=True)):
        if not (math.isfinite(prediction) and 0 <= prediction <= 1):
            raise ValueError(f"baseline: prediction {number} must be a probability, got {prediction!r}")
        if label not in (0, 1):
            raise ValueError(f"baseline: label {number} must be 0 or 1, got {label!r}")
