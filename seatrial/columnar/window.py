"""A monitored window of any size, a part at a time: parts merge to the last bit into the monitor's window summary."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from seatrial.columnar.arrow import ColumnError, category_counts, is_numeric, numbers
from seatrial.columnar.model_monitor import moments_of, sketch_of
from seatrial.columnar.texts import text_numbers
from seatrial.statistics.baseline import Baseline, FeatureBaseline
from seatrial.statistics.bins import Categories
from seatrial.statistics.columns.affine import AffineMap
from seatrial.statistics.columns.numeric_column import BLOCK, NumericColumn
from seatrial.statistics.parsing import LARGEST_MAGNITUDE, is_missing
from seatrial.statistics.row_sample import RowSample
from seatrial.statistics.summary import FeatureSummary, Range
from seatrial.statistics.window import SCORE_CELLS, WindowSummary, is_header, summarise_window

PREDICTION_COLUMN = "prediction"
Values = pa.Array | pa.ChunkedArray


@dataclass(frozen=True)
class WindowPart:
    """Some rows of a window: counts in the baseline's cells, and a summary of each numeric column.

    `counted` has neither moments nor sketches, which do not add exactly: they are made of `columns` (None for texts)
    and `predictions` once all parts are together.
    """

    counted: WindowSummary
    columns: tuple[NumericColumn | None, ...]
    predictions: NumericColumn

    def merge(self, other: "WindowPart") -> "WindowPart":
        """Part of both stretches of rows, in any order and grouping the same to the last bit."""
        pairs = zip(self.columns, other.columns, strict=True)
        columns = tuple(mine.merge(theirs) if mine and theirs else None for mine, theirs in pairs)
        return WindowPart(self.counted.merge(other.counted), columns, self.predictions.merge(other.predictions))

    def summary(self) -> WindowSummary:
        """What the monitor judges.

        Everything that it judges by equals what the monitor's function counts, to the last bit. Means and deviations,
        which only statistics.json tells, differ by up to 1e-7 of an interquartile range and 1e-6 of themselves, its
        quantiles and buckets by the width of a cell of the histogram (1/64 of the distance from the median).
        """
        pairs = zip(self.counted.features, self.columns, strict=True)
        features = tuple(replace(item, moments=moments_of(column)) if column else item for item, column in pairs)
        predictions = replace(self.counted.predictions, moments=moments_of(self.predictions))
        sketches = tuple(sketch_of(column) if column else None for column in self.columns)
        return replace(self.counted, features=features, predictions=predictions, sketches=sketches)

    def to_bytes(self) -> bytes:
        """Deflated JSON; equal parts give equal bytes."""
        columns = [column.to_json() if column else None for column in self.columns]
        document = {"counted": self.counted.to_json(), "columns": columns, "predictions": self.predictions.to_json()}
        return zlib.compress(json.dumps(document, sort_keys=True, separators=(",", ":")).encode(), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> "WindowPart":
        """Read what `to_bytes` wrote."""
        document: dict[str, Any] = json.loads(zlib.decompress(data))
        columns = tuple(NumericColumn.from_json(item) if item else None for item in document["columns"])
        counted = WindowSummary.from_json(document["counted"])
        return cls(counted, columns, NumericColumn.from_json(document["predictions"]))


def merge_parts(baseline: Baseline, parts: Iterable[WindowPart]) -> WindowPart:
    """All parts together; an empty window without any."""
    return reduce(WindowPart.merge, parts, part_of_rows(baseline, [], []))


def part_of_rows(
    baseline: Baseline, rows: Sequence[Sequence[str]], predictions: Sequence[float], ids: Sequence[str] = ()
) -> WindowPart:
    """Part of captured rows: feature values as text, in schema order, as `summarise_window` takes them."""
    names, width = baseline.schema.names, len(baseline.features)
    named = list(ids) if len(ids) == len(rows) else [""] * len(rows)
    apart = [len(row) != width or is_header(row, names) for row in rows]
    others = [(row, name) for row, name, odd in zip(rows, named, apart, strict=True) if odd]
    fitting = [(row, name) for row, name, odd in zip(rows, named, apart, strict=True) if not odd]
    columns = list(zip(*(row for row, _ in fitting), strict=True)) or [()] * width
    part = _part(
        baseline,
        len(fitting),
        [pa.array(column, pa.string()) for column in columns],
        pa.array(predictions, pa.float64()),
    )
    sampled = replace(part.counted, sample=RowSample.of(*_apart(fitting)))
    rest = _without_rounding(summarise_window(baseline, _apart(others)[0], [], ids=_apart(others)[1]))
    return replace(part, counted=sampled.merge(rest))


def part_of_batch(
    baseline: Baseline, batch: pa.RecordBatch | pa.Table, prediction: str | None = PREDICTION_COLUMN
) -> WindowPart:
    """Part of a table's rows, whose columns are found by name; raises `ColumnError` for one that is not there.

    Numbers count as their own texts would in a captured request. A table has no ids, so no rows are sampled.
    """
    absent = [name for name in baseline.schema.names if name not in batch.schema.names]
    if absent:
        raise ColumnError(f"table has no column {', '.join(absent)}; it has {', '.join(batch.schema.names)}")
    scored = prediction is not None and prediction in batch.schema.names
    scores = batch.column(prediction) if scored else pa.array([], pa.float64())
    return _part(baseline, batch.num_rows, [batch.column(name) for name in baseline.schema.names], scores)


def _part(baseline: Baseline, rows: int, columns: Sequence[Values], scores: Values) -> WindowPart:
    found = [_feature(item, values) for item, values in zip(baseline.features, columns, strict=True)]
    counts, column = _feature(baseline.predictions, scores)
    counted = WindowSummary(
        rows=rows,
        widths=(),
        features=tuple(counts for counts, _ in found),
        predictions=counts,
        scores=_score_tally(scores),
    )
    return WindowPart(
        counted, tuple(column for _, column in found), column or NumericColumn(map_of(baseline.predictions))
    )


def _apart(pairs: Sequence[tuple[Sequence[str], str]]) -> tuple[list[Sequence[str]], list[str]]:
    return [row for row, _ in pairs], [name for _, name in pairs]


def map_of(feature: FeatureBaseline) -> AffineMap:
    """The map that the baseline freezes for a feature: it follows from the order statistics that it keeps."""
    return AffineMap.of(np.array(feature.sketch.points if feature.sketch else ()))


def _without_rounding(window: WindowSummary) -> WindowSummary:
    features = tuple(replace(item, moments=None) for item in window.features)
    return replace(window, features=features, predictions=replace(window.predictions, moments=None), sketches=())


def _feature(feature: FeatureBaseline, values: Values) -> tuple[FeatureSummary, NumericColumn | None]:
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    if isinstance(feature.cells, Categories):
        held = [_count_texts(feature.cells, category_counts(feature.name, chunk)) for chunk in chunks]
        return reduce(FeatureSummary.merge, held, FeatureSummary((0,) * feature.cells.size)), None
    total, column = FeatureSummary((0,) * feature.cells.size), NumericColumn(map_of(feature))
    for chunk in chunks:
        counts, piece = _count_chunk(feature, chunk, column.map)
        total, column = total.merge(counts), column.merge(piece)
    return total, column


def _count_chunk(feature: FeatureBaseline, chunk: pa.Array, map: AffineMap) -> tuple[FeatureSummary, NumericColumn]:  # noqa: A002
    finite, missing = _finite(feature.name, chunk)
    invalid = len(chunk) - missing - len(finite)
    counts, outside = _count_numbers(feature.cells, finite, feature.plausible_range)
    return FeatureSummary(counts, missing, invalid, None, outside), NumericColumn.of(finite, map, missing, invalid)


def _finite(name: str, chunk: pa.Array) -> tuple[np.ndarray, int]:
    """The numbers that count, float64, and how many values are missing; what remains is invalid."""
    if not is_numeric(chunk.type):
        return text_numbers(chunk)
    present = np.asarray(numbers(name, chunk), np.float64)
    return present[np.abs(present) <= LARGEST_MAGNITUDE], chunk.null_count + int(np.isnan(present).sum())


def _count_numbers(cells: Any, values: np.ndarray, plausible: Range | None) -> tuple[tuple[int, ...], int]:
    """Counts by cell and how many are implausible: comparisons with ten edges take less than searching among them."""
    above = np.zeros(len(cells.edges), np.int64)
    outside = 0
    for start in range(0, len(values), BLOCK):
        block = values[start : start + BLOCK]
        above += [np.count_nonzero(block > edge) for edge in cells.edges]
        if plausible:
            outside += int(np.count_nonzero((block < plausible[0]) | (block > plausible[1])))
    reached = [len(values), *above.tolist(), 0]
    return tuple(more - fewer for more, fewer in pairwise(reached)), outside


def _count_texts(cells: Categories, counts: Mapping[str, int]) -> FeatureSummary:
    held, missing = [0] * cells.size, 0
    for text, count in counts.items():
        if is_missing(text):
            missing += count
        else:
            held[cells.cell(text.strip())] += count
    return FeatureSummary(tuple(held), missing)


def _score_tally(scores: Values) -> tuple[tuple[int, int], ...]:
    values = np.asarray(scores.drop_null().to_numpy(zero_copy_only=False), np.float64)
    cells = np.clip(np.rint(values[np.isfinite(values)] * SCORE_CELLS), 0, SCORE_CELLS).astype(np.int64)
    counts = np.bincount(cells, minlength=1)
    return tuple((int(cell), int(counts[cell])) for cell in np.flatnonzero(counts))
