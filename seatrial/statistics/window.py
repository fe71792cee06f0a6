"""One monitored window, counted into the baseline's cells."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.contracts import model_monitor
from seatrial.statistics.baseline import Baseline, FeatureBaseline, feature_statistics
from seatrial.statistics.bins import NumericBins
from seatrial.statistics.parsing import is_missing, to_number
from seatrial.statistics.quantile_sketch import QuantileSketch
from seatrial.statistics.row_sample import RowSample
from seatrial.statistics.summary import FeatureSummary, summarise

SUMMARY_VERSION = 1
SCORE_CELLS = 1000
MAXIMUM_HEADERS = 8
Tally = tuple[tuple[Any, int], ...]
"""Pairs of a value and how often it came, in order of the values."""


@dataclass(frozen=True)
class WindowSummary:
    """Counts of a window's rows; rows of another width than the schema's are only counted by width.

    Summaries of parts of a window merge, in any order and grouping: counts exactly, moments to rounding (relative
    1e-12), sketches to their own resolution.
    """

    rows: int
    widths: tuple[tuple[int, int], ...]
    """Pairs of (width, rows) of the rows that do not fit the schema."""
    features: tuple[FeatureSummary, ...]
    predictions: FeatureSummary
    sketches: tuple[QuantileSketch | None, ...] = ()
    unreadable: int = 0
    """Captured requests that could not be read at all."""
    repeated: int = 0
    """Requests whose id had come before in the window; their rows are not counted again."""
    newest: str = ""
    """Time of the newest captured request, ISO 8601 UTC; empty when none has one."""
    scores: Tally = ()
    """Pairs of (thousandth of the prediction, rows)."""
    headers: Tally = ()
    """Pairs of (column names that a request came with, how often); names in the schema's own order are left out."""
    sample: RowSample = field(default_factory=RowSample)
    sampled_share: float = 1.0
    """Share of the window's requests that was read; below 1 the volume was above what the form of the monitor reads."""

    @property
    def misfits(self) -> int:
        """Rows that do not fit the schema."""
        return sum(rows for _, rows in self.widths)

    def merge(self, other: "WindowSummary") -> "WindowSummary":
        """Summary of both parts of a window; raises `ValueError` when they are of different schemas."""
        return WindowSummary(
            rows=self.rows + other.rows,
            widths=_added(self.widths, other.widths),
            features=tuple(mine.merge(theirs) for mine, theirs in zip(self.features, other.features, strict=True)),
            predictions=self.predictions.merge(other.predictions),
            sketches=tuple(map(_merged_sketches, self.sketches, other.sketches)),
            unreadable=self.unreadable + other.unreadable,
            repeated=self.repeated + other.repeated,
            newest=max(self.newest, other.newest),
            scores=_added(self.scores, other.scores),
            headers=_added(self.headers, other.headers),
            sample=self.sample.merge(other.sample),
            sampled_share=min(self.sampled_share, other.sampled_share),
        )

    def to_model_monitor_statistics(self, baseline: Baseline) -> dict[str, Any]:
        """The window as Model Monitor's statistics.json."""
        sketches = self.sketches or (None,) * len(self.features)
        features = map(feature_statistics, baseline.features, self.features, sketches)
        return model_monitor.statistics_document(self.rows, features)

    def to_json(self) -> str:
        """Serialize; equal summaries give equal bytes."""
        document = {
            "version": SUMMARY_VERSION,
            **{name: getattr(self, name) for name in ("rows", "unreadable", "repeated", "newest", "sampled_share")},
            **{name: getattr(self, name) for name in ("widths", "scores", "headers")},
            "features": [item.to_json() for item in self.features],
            "predictions": self.predictions.to_json(),
            "sketches": [item.to_json() if item else None for item in self.sketches],
            "sample": self.sample.to_json(),
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "WindowSummary":
        """Read what `to_json` wrote; raises `ValueError` for another version."""
        data = json.loads(text)
        if data.pop("version") != SUMMARY_VERSION:
            raise ValueError(f"window summary: version must be {SUMMARY_VERSION}")
        read: dict[str, Any] = {
            "features": tuple(FeatureSummary.from_json(item) for item in data.pop("features")),
            "predictions": FeatureSummary.from_json(data.pop("predictions")),
            "sketches": tuple(QuantileSketch.from_json(item) if item else None for item in data.pop("sketches")),
            "sample": RowSample.from_json(data.pop("sample")),
            "headers": tuple((tuple(names), count) for names, count in data.pop("headers")),
            **{name: tuple((value, count) for value, count in data.pop(name)) for name in ("widths", "scores")},
        }
        return cls(**read, **data)


def summarise_window(
    baseline: Baseline,
    rows: Sequence[Sequence[str]],
    predictions: Sequence[float],
    unreadable: int = 0,
    ids: Sequence[str] = (),
) -> WindowSummary:
    """Count rows (feature values as text, in schema order) and their predictions.

    `ids` (empty, or one for each row) choose the sampled rows. A row of column names is a header: it is not counted
    as values, and told where it is not the schema's.
    """
    names, width = baseline.schema.names, len(baseline.features)
    headers = Counter(tuple(row) for row in rows if is_header(row, names))
    values = [row for row in rows if not is_header(row, names)] if headers else rows
    known = [name for row, name in zip(rows, ids, strict=True) if not is_header(row, names)] if ids else ()
    fitting = [row for row in values if len(row) == width]
    columns = list(zip(*fitting, strict=True)) or [()] * width
    pairs = list(zip(baseline.features, columns, strict=True))
    return WindowSummary(
        rows=len(fitting),
        widths=_tally(len(row) for row in values if len(row) != width),
        features=tuple(summarise(item.cells, column, item.plausible_range) for item, column in pairs),
        predictions=_predictions(baseline.predictions, predictions),
        sketches=tuple(_sketch(item, column) for item, column in pairs),
        unreadable=unreadable,
        scores=_tally(_score_cell(score) for score in predictions if math.isfinite(score)),
        headers=tuple(sorted((row, count) for row, count in headers.items() if row != names))[:MAXIMUM_HEADERS],
        sample=RowSample.of(values, known),
    )


def is_header(row: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row holds column names: at least half of its values are among the schema's.

    >>> is_header(("tenure", "plan_type"), ("tenure", "plan")), is_header(("3", "prepaid"), ("tenure", "plan"))
    (True, False)
    """
    if not row or not (row[0] in names or row[-1] in names):
        return False
    return 2 * sum(value in names for value in row) >= len(row)


def _predictions(known: FeatureBaseline, scores: Sequence[float]) -> FeatureSummary:
    return summarise(known.cells, [repr(float(score)) for score in scores], known.plausible_range)


def _score_cell(score: float) -> int:
    return min(SCORE_CELLS, max(0, round(score * SCORE_CELLS)))


def _sketch(feature: FeatureBaseline, column: Sequence[str]) -> QuantileSketch | None:
    if not isinstance(feature.cells, NumericBins):
        return None
    numbers = [to_number(text.strip()) for text in column if not is_missing(text)]
    return QuantileSketch.of([number for number in numbers if number is not None])


def _merged_sketches(first: QuantileSketch | None, second: QuantileSketch | None) -> QuantileSketch | None:
    return first.merge(second) if first and second else first or second


def _tally(values: Iterable[Any]) -> Tally:
    return tuple(sorted(Counter(values).items()))


def _added(first: Tally, second: Tally) -> Tally:
    return tuple(sorted((Counter(dict(first)) + Counter(dict(second))).items()))
