"""Windows of a table with a row a prediction: CSV with a header, JSON Lines or Parquet; columns are found by name."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from seatrial.contracts.data_capture import text_of
from seatrial.contracts.ground_truth import label_of
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.places import InputError, Place
from seatrial.monitoring.transform_capture import uncompressed
from seatrial.monitoring.window_data import Period, WindowData, hour_number
from seatrial.statistics.monitor import Labelled
from seatrial.statistics.parsing import is_missing, to_number

SUFFIXES = (".csv", ".jsonl", ".json", ".parquet")
PREDICTION_COLUMN, LABEL_COLUMN = "prediction", "label"


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table are no inputs; None for a column that is looked for under its usual name."""

    prediction: str | None = None
    label: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Table:
    """Columns of texts, all equally long."""

    place: str
    columns: Mapping[str, Sequence[str]]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()), ()))

    def column(self, asked: str | None, usual: str | None, option: str) -> Sequence[str] | None:
        """A column by the name that was asked for, else by its usual one; raises `InputError` for an unknown name."""
        if asked is not None and asked not in self.columns:
            known = ", ".join(self.columns)
            raise InputError(f"{option}: {self.place} has no column {asked!r}; it has {known}")
        return self.columns.get(asked or usual or "")


def is_table(name: str) -> bool:
    """Whether the name is that of a table, also compressed by gzip."""
    return name.removesuffix(".gz").endswith(SUFFIXES)


def read_table(place: Place) -> Table:
    """Read the whole file as texts; raises `InputError`."""
    body = uncompressed(place.read())
    name = place.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        return Table(place.name, _parquet(body, place.name))
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{place.name}: is no text in UTF-8; convert it, or give Parquet") from None
    columns = _csv(text, place.name) if name.endswith(".csv") else _json_lines(text, place.name)
    return Table(place.name, columns)


def table_windows(table: Table, counting: Counting, columns: Columns, period: Period) -> Iterator[WindowData]:
    """One window of all rows or, by the time column, one for every hour; raises `InputError`.

    A column of the model that the table lacks makes its rows too short, which the schema check tells.
    """
    names = counting.names
    present = [name for name in names if name in table.columns]
    if not present:
        known = ", ".join(list(table.columns)[:8])
        raise InputError(f"{table.place}: has none of the baseline's columns ({', '.join(names[:8])}); it has {known}")
    scores = table.column(columns.prediction, _usual(PREDICTION_COLUMN, names), "--prediction-column")
    labels = table.column(columns.label, _usual(LABEL_COLUMN, names), "--label-column")
    times = table.column(columns.time, None, "--time-column")
    known = Rows(
        list(zip(*(table.columns[name] for name in present), strict=True)),
        _predictions(scores, table.place),
        _labels(labels, table.place),
    )
    for start, places in _hours(times, table.rows, period, table.place):
        yield known.window(start, places, counting)


def _usual(name: str, inputs: Sequence[str]) -> str | None:
    return None if name in inputs else name


@dataclass(frozen=True)
class Rows:
    """Rows of inputs with their predictions and labels, None without such a column; a label may be None itself."""

    values: Sequence[Sequence[str]]
    predictions: Sequence[float] | None
    labels: Sequence[int | None] | None

    def window(self, start: datetime | None, places: Sequence[int], counting: Counting) -> WindowData:
        """The window of some of the rows."""
        scores = [self.predictions[place] for place in places] if self.predictions is not None else []
        labelled = list(self._labelled(places))
        judged = labelled if self.predictions is not None and counting.outcomes else []
        return WindowData(
            start=start,
            summary=counting.summary([self.values[place] for place in places], scores),
            labelled=self._matched(judged, start),
            unmatched=len(labelled) - len(judged),
            files=1 if places else 0,
        )

    def _labelled(self, places: Sequence[int]) -> Iterator[tuple[int, int]]:
        for place in places if self.labels is not None else ():
            label = self.labels[place] if self.labels is not None else None
            if label is not None:
                yield place, label

    def _matched(self, judged: Sequence[tuple[int, int]], start: datetime | None) -> Labelled:
        scores = [self.predictions[place] for place, _ in judged] if self.predictions is not None else []
        rows = [self.values[place] for place, _ in judged]
        return Labelled(scores, [label for _, label in judged], rows, hour_number(start))


def _hours(
    times: Sequence[str] | None, rows: int, period: Period, place: str
) -> Iterator[tuple[datetime | None, Sequence[int]]]:
    if times is None:
        if period.start or period.end:
            raise InputError(f"{place}: --from and --to need the rows' times; name their column with --time-column")
        yield None, range(rows)
        return
    found: dict[datetime, list[int]] = {}
    for index, text in enumerate(times):
        hour = _moment(text, place, index).replace(minute=0, second=0, microsecond=0)
        if period.holds(hour):
            found.setdefault(hour, []).append(index)
    yield from ((hour, found.get(hour, [])) for hour in period.hours(list(found)))


def _moment(text: str, place: str, row: int) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputError(f"{place}: row {row + 1}: time must be ISO 8601, got {text!r}; repair the column") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _predictions(texts: Sequence[str] | None, place: str) -> list[float] | None:
    if texts is None:
        return None
    numbers = [to_number(text) for text in texts]
    bad = next((index for index, number in enumerate(numbers) if number is None), None)
    if bad is not None:
        raise InputError(f"{place}: row {bad + 1}: prediction must be a number, got {texts[bad]!r}; repair the column")
    return [number for number in numbers if number is not None]


def _labels(texts: Sequence[str] | None, place: str) -> list[int | None] | None:
    """Labels, None where none is known yet."""
    if texts is None:
        return None
    found: list[int | None] = []
    for index, text in enumerate(texts):
        try:
            found.append(None if is_missing(text) else label_of(text))
        except ValueError as error:
            raise InputError(f"{place}: row {index + 1}: {error}; repair the column") from None
    return found


def _csv(text: str, place: str) -> dict[str, list[str]]:
    reader = csv.reader(io.StringIO(text))
    header = next(reader, None)
    if not header:
        raise InputError(f"{place}: is empty; give a CSV file with a header")
    rows = [row for row in reader if row]
    for number, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{place}: line {number} has {len(row)} values, the header {len(header)}; repair the file")
    return {name: [row[index] for row in rows] for index, name in enumerate(header)}


def _json_lines(text: str, place: str) -> dict[str, list[str]]:
    items: list[Any] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            items += [json.loads(line)] if line.strip() else []
        except ValueError as error:
            raise InputError(f"{place}: line {number}: no JSON: {error}; give an object a line") from None
    if not all(isinstance(item, dict) for item in items):
        raise InputError(f"{place}: every line must be a JSON object; give JSON Lines")
    names = dict.fromkeys(name for item in items for name in item)
    return {name: [text_of(item.get(name)) for item in items] for name in names}


def _parquet(body: bytes, place: str) -> dict[str, list[str]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(body))
    except pyarrow.ArrowException as error:
        raise InputError(f"{place}: is no Parquet file: {str(error).splitlines()[0]}; check the file") from None
    return {name: [text_of(value) for value in table[name].to_pylist()] for name in table.column_names}
