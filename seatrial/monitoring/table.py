"""Windows of a table with a row a prediction: CSV with a header, JSON Lines or Parquet; columns are found by name."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from seatrial.columnar.arrow import ColumnError
from seatrial.contracts.data_capture import text_of
from seatrial.contracts.ground_truth import label_of
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.places import InputError, Place
from seatrial.monitoring.transform_records import uncompressed
from seatrial.monitoring.window_data import Period, WindowData, hour_number
from seatrial.statistics.monitor import Labelled
from seatrial.statistics.parsing import is_missing, to_number
from seatrial.statistics.window import WindowSummary

SUFFIXES = (".csv", ".jsonl", ".json", ".parquet")
PREDICTION_COLUMN, LABEL_COLUMN = "prediction", "label"
NO_LABEL = -1
MOST_EXPLAINED = 100_000
"""Labelled rows whose inputs are kept, to say in which part of them a loss lies; of more only the loss is told."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table are no inputs; None for a column that is looked for under its usual name."""

    prediction: str | None = None
    label: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Table:
    """Columns as they lie in the file; those of CSV are all texts."""

    place: str
    data: pa.Table

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.data.num_rows

    def column(self, asked: str | None, usual: str | None, option: str) -> pa.ChunkedArray | None:
        """A column by the name that was asked for, else by its usual one; raises `InputError` for an unknown name."""
        names = self.data.column_names
        if asked is not None and asked not in names:
            raise InputError(f"{option}: {self.place} has no column {asked!r}; it has {', '.join(names)}")
        name = asked or usual
        return self.data.column(name) if name in names else None


def is_table(name: str) -> bool:
    """Whether the name is that of a table, also compressed by gzip."""
    return name.removesuffix(".gz").endswith(SUFFIXES)


def read_table(place: Place) -> Table:
    """Read the whole file; raises `InputError`."""
    body = uncompressed(place.read())
    name = place.name.removesuffix(".gz")
    if name.endswith((".jsonl", ".json")):
        return Table(place.name, _json_lines(body, place.name))
    try:
        if name.endswith(".csv"):
            return Table(place.name, _csv(body))
        return Table(place.name, pyarrow.parquet.read_table(pa.BufferReader(body)))
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{place.name}: cannot be read as a table: {reason}; repair the file") from None


def table_windows(table: Table, counting: Counting, columns: Columns, period: Period) -> Iterator[WindowData]:
    """One window of all rows or, by the time column, one for every hour (or day) of the period; raises `InputError`.

    A column of the model that the table lacks makes its rows too short, which the schema check tells.
    """
    names = counting.names
    if not set(names) & set(table.data.column_names):
        known = ", ".join(table.data.column_names[:8])
        raise InputError(f"{table.place}: has none of the baseline's columns ({', '.join(names[:8])}); it has {known}")
    scores = table.column(columns.prediction, _usual(PREDICTION_COLUMN, names), "--prediction-column")
    labels = table.column(columns.label, _usual(LABEL_COLUMN, names), "--label-column")
    times = table.column(columns.time, None, "--time-column")
    rows = Rows(
        table,
        counting,
        _predictions(scores, table.place) if scores is not None and counting.outcomes else None,
        _labels(labels, table.place) if labels is not None else None,
    )
    for start, places in _hours(times, table.rows, period, table.place):
        yield rows.window(start, places)


def merged(windows: Sequence[WindowData]) -> WindowData:
    """Windows of one time out of several files, together."""
    first, *others = windows
    if not others:
        return first
    return replace(
        first,
        summary=reduce(WindowSummary.merge, (item.summary for item in others), first.summary),
        labelled=_together([item.labelled for item in windows]),
        unmatched=sum(item.unmatched for item in windows),
        files=sum(item.files for item in windows),
    )


def _together(parts: Sequence[Labelled]) -> Labelled:
    """Labelled rows of several files; without their inputs where one has left them out."""
    explained = all(len(part.rows) == len(part.labels) for part in parts)
    return Labelled(
        [score for part in parts for score in part.predictions],
        [label for part in parts for label in part.labels],
        [row for part in parts for row in part.rows] if explained else (),
        max((part.hour for part in parts if part.hour is not None), default=None),
    )


def _usual(name: str, inputs: Sequence[str]) -> str | None:
    return None if name in inputs else name


@dataclass(frozen=True)
class Rows:
    """A table with its predictions and labels (`NO_LABEL` where none is known), None without such a column."""

    table: Table
    counting: Counting
    predictions: np.ndarray | None
    labels: np.ndarray | None

    def window(self, start: datetime | None, places: np.ndarray | None) -> WindowData:
        """The window of some rows, or of all."""
        chosen = np.arange(self.table.rows) if places is None else places
        data = self.table.data if places is None else self.table.data.take(pa.array(places))
        scores = self.predictions[chosen] if self.predictions is not None else None
        known = chosen[self.labels[chosen] != NO_LABEL] if self.labels is not None else chosen[:0]
        try:
            summary = self.counting.table_summary(data, scores)
        except ColumnError as error:
            raise InputError(f"{self.table.place}: {error}") from None
        return WindowData(
            start=start,
            summary=summary,
            labelled=self._labelled(known, start),
            unmatched=len(known) if self.predictions is None else 0,
            files=1 if len(chosen) else 0,
        )

    def _labelled(self, known: np.ndarray, start: datetime | None) -> Labelled:
        if self.predictions is None or self.labels is None or not len(known):
            return Labelled()
        rows: list[tuple[str, ...]] = []
        if len(known) <= MOST_EXPLAINED and set(self.counting.names) <= set(self.table.data.column_names):
            chosen = self.table.data.select(self.counting.names).take(pa.array(known))
            texts = [[text_of(value) for value in column.to_pylist()] for column in chosen.columns]
            rows = list(zip(*texts, strict=True))
        return Labelled(self.predictions[known].tolist(), self.labels[known].tolist(), rows, hour_number(start))


def _hours(
    times: pa.ChunkedArray | None, rows: int, period: Period, place: str
) -> Iterator[tuple[datetime | None, np.ndarray | None]]:
    if times is None:
        if period.start or period.end:
            raise InputError(f"{place}: --from and --to need the rows' times; name their column with --time-column")
        yield None, None
        return
    found: dict[datetime, list[int]] = {}
    for index, value in enumerate(times.to_pylist()):
        hour = period.floor(_moment(value, place, index))
        if period.holds(hour):
            found.setdefault(hour, []).append(index)
    yield from ((hour, np.array(found.get(hour, []), np.int64)) for hour in period.hours(list(found)))


def _moment(value: Any, place: str, row: int) -> datetime:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise InputError(f"{place}: row {row + 1}: time must be ISO 8601, got {value!r}; repair the column") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _predictions(column: pa.ChunkedArray, place: str) -> np.ndarray:
    try:
        values = pc.cast(column, pa.float64())
    except pa.ArrowException:
        values = pa.chunked_array([pa.array([to_number(text_of(value)) for value in column.to_pylist()], pa.float64())])
    numbers = values.fill_null(np.nan).to_numpy()
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        value = column[int(bad[0])].as_py()
        raise InputError(f"{place}: row {bad[0] + 1}: prediction must be a number, got {value!r}; repair the column")
    return numbers


def _labels(column: pa.ChunkedArray, place: str) -> np.ndarray:
    """Labels by row; each different value is read once."""
    coded = column.combine_chunks().dictionary_encode()
    coded = coded if isinstance(coded, pa.DictionaryArray) else coded.combine_chunks()
    indices = coded.indices.fill_null(len(coded.dictionary)).to_numpy()
    codes = [_label(text_of(value), place, indices, code) for code, value in enumerate(coded.dictionary.to_pylist())]
    return np.array([*codes, NO_LABEL], np.int64)[indices]


def _label(text: str, place: str, indices: np.ndarray, code: int) -> int:
    try:
        return NO_LABEL if is_missing(text) else label_of(text)
    except ValueError as error:
        row = int(np.flatnonzero(indices == code)[0])
        raise InputError(f"{place}: row {row + 1}: {error}; repair the column") from None


def _csv(body: bytes) -> pa.Table:
    """All columns as texts: what is a number is decided by the statistics, as in a captured request."""
    reader = pyarrow.csv.open_csv(io.BytesIO(body)).schema.names
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(reader, pa.string()), strings_can_be_null=False, quoted_strings_can_be_null=False
    )
    return pyarrow.csv.read_csv(io.BytesIO(body), convert_options=options)


def _json_lines(body: bytes, place: str) -> pa.Table:
    try:
        lines = body.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{place}: is no text in UTF-8; convert it, or give Parquet") from None
    items = [_object(line, number, place) for number, line in enumerate(lines, 1) if line.strip()]
    names = dict.fromkeys(name for item in items for name in item)
    return pa.table({name: pa.array([text_of(item.get(name)) for item in items], pa.string()) for name in names})


def _object(line: str, number: int, place: str) -> dict[str, Any]:
    try:
        item = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: line {number}: no JSON: {error}; give an object a line") from None
    if not isinstance(item, dict):
        raise InputError(f"{place}: line {number}: must be a JSON object; give JSON Lines")
    return item
