"""Reads a customer's own table (CSV, TSV, Parquet) and refuses, in one sentence, what cannot be rehearsed.

Every check runs before anything starts; the caller gets a table of strings with nulls for missing values.
"""

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.contracts.dataset import TIME_ADVICE, DatasetSpec, is_time

MINIMUM_ROWS = 1000
MINIMUM_OF_A_CLASS = 50
MINIMUM_SUBSCRIBERS = 100
LARGEST_NUMBER = 1e15
LONGEST_TEXT = 10_000
MOST_CATEGORIES = 1000
# What the features step reads as missing and as a number (pipelines/churn/steps/features.py): the same here.
_MISSING_WORDS = {"", "na", "n/a", "nan", "null", "none", "?"}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?inf(inity)?", re.IGNORECASE)
_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")
_QUOTED_VALUE_LENGTH = 60


Values = list[str | None]


class DataError(ValueError):
    """The customer's data cannot be used; the text names the file, the place, the value and the remedy."""


def load_customer_table(path: Path, spec: DatasetSpec, *, minimum_rows: int = MINIMUM_ROWS) -> pa.Table:
    """Read and check a table: the columns that `spec` names, all strings, nulls where missing.

    Columns that the engagement file does not name are left out. Raises `DataError`.
    """
    place = Place(path)
    table, place.lines = _read(place)
    _check_columns(place, table, spec)
    timed = [spec.time_column] if spec.time_column else []
    wanted = [*([spec.id] if spec.id else []), spec.label, *spec.columns, *timed]
    columns = {name: _cleaned(table.column(name)) for name in wanted}
    columns[spec.label] = [_same_label(value, spec.positive) for value in columns[spec.label]]
    for name, kind in spec.columns.items():
        check = _check_numbers if kind == "numeric" else _check_categories
        check(place, name, columns[name])
    if spec.id:
        _check_identifiers(place, spec.id, columns[spec.id])
    for name in timed:
        _check_times(place, name, columns[name])
    _check_labels(place, spec, columns[spec.label])
    if table.num_rows < minimum_rows:
        needed = f"a rehearsal trains, compares and drifts, so give at least {minimum_rows:,}"
        place.fail(f"{table.num_rows:,} rows are too few; {needed}")
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


class Place:
    """Names places of a file for error messages."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: Sequence[int] | None = None

    def fail(
        self, message: str, *, row: int | None = None, line: int | None = None, column: str | None = None
    ) -> NoReturn:
        """Raise `DataError` naming the file and, as far as given, the line (or row) and the column."""
        parts = [str(self.path)]
        if row is not None:
            line, spot = (self.lines[row], None) if self.lines is not None else (None, f"row {row + 1}")
            parts += [spot] if spot else []
        parts += [f"line {line}"] if line is not None else []
        parts += [f"column {column!r}"] if column is not None else []
        raise DataError(f"{', '.join(parts)}: {message}")


def _read(place: Place) -> tuple[pa.Table, Sequence[int] | None]:
    name = place.path.name.lower()
    if not place.path.is_file():
        place.fail("no such file; give the path of a CSV, TSV or Parquet file")
    if not name.endswith(_SUFFIXES):
        place.fail(f"unknown kind of file; give one of {', '.join(_SUFFIXES)}")
    if place.path.stat().st_size == 0:
        place.fail("the file is empty; give one with a header line and rows")
    return (_read_parquet(place), None) if name.endswith(".parquet") else _read_text(place)


def _read_parquet(place: Place) -> pa.Table:
    try:
        table = pq.read_table(place.path)
    except (pa.ArrowException, OSError) as error:
        place.fail(f"not a readable Parquet file ({_first_line(error)}); write it again")
    _check_header(place, table.column_names)
    if table.num_rows == 0:
        place.fail("the file has no rows; give one with labelled subscribers")
    return pa.table({name: _as_text(place, name, table.column(name)) for name in table.column_names})


def _as_text(place: Place, name: str, column: pa.ChunkedArray) -> pa.Array:
    """Text of each value; a whole number stored as float (pandas does so beside missing values) loses its '.0'."""
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        place.fail(f"type {column.type} is not supported; store numbers or text", column=name)
    texts = [None if value is None else str(value) for value in column.to_pylist()]
    if pa.types.is_floating(column.type):
        texts = [text.removesuffix(".0") if text else text for text in texts]
    if pa.types.is_boolean(column.type):
        texts = [text.lower() if text else text for text in texts]
    return pa.array(texts, pa.string())


def _read_text(place: Place) -> tuple[pa.Table, Sequence[int]]:
    text = _decode(place, _bytes(place))
    if not text.strip():
        place.fail("the file is empty; give one with a header line and rows")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(place, text), strict=True)
    header = [name.strip() for name in next(reader, [])]
    _check_header(place, header)
    rows, lines = _rows(place, reader, len(header))
    if not rows:
        place.fail("the file has a header but no rows; give one with labelled subscribers")
    columns = zip(*rows, strict=True)
    return pa.table({name: pa.array(values, pa.string()) for name, values in zip(header, columns, strict=True)}), lines


def _bytes(place: Place) -> bytes:
    raw = place.path.read_bytes()
    if place.path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        place.fail(f"not a complete gzip file ({_first_line(error)}); compress it again")


def _decode(place: Place, raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        place.fail("the text is UTF-16; convert it to UTF-8: iconv -f utf-16 -t utf-8")
    if (zero := raw.find(b"\0")) >= 0:
        place.fail("a zero byte: this is no text, or it is damaged; export it again as UTF-8", line=_line_of(raw, zero))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = _line_of(raw, error.start), raw[error.start]
        hint = (
            "lines before it are UTF-8, so encodings are mixed"
            if _has_accents(raw[: error.start])
            else "it may be Latin-1"
        )
        place.fail(
            f"byte 0x{byte:02x} is not UTF-8, {hint}; convert the file to UTF-8: iconv -f latin1 -t utf-8", line=line
        )


def _has_accents(raw: bytes) -> bool:
    return any(byte > 127 for byte in raw.removeprefix(codecs.BOM_UTF8))


def _line_of(raw: bytes, offset: int) -> int:
    return raw.count(b"\n", 0, offset) + 1


def _delimiter(place: Place, text: str) -> str:
    """Tab in a .tsv file; else comma or semicolon, whichever the header has more of."""
    if ".tsv" in place.path.name.lower():
        return "\t"
    header = text.split("\n", 1)[0]
    return max((",", ";", "\t"), key=header.count)


def _rows(place: Place, reader: Any, width: int) -> tuple[list[list[str]], list[int]]:
    rows, lines = [], []
    try:
        for row in reader:
            if not row:
                continue
            if len(row) != width:
                place.fail(
                    f"{len(row)} values where the header has {width}; quote values that hold the separator",
                    line=reader.line_num,
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        place.fail(f"not readable as CSV ({_first_line(error)}); check the quotes", line=reader.line_num)
    return rows, lines


def _check_header(place: Place, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        place.fail(
            f"the header names it {Counter(names)[twice[0]]} times; rename or remove the others", column=twice[0]
        )


def _check_columns(place: Place, table: pa.Table, spec: DatasetSpec) -> None:
    if not spec.columns:
        place.fail("the engagement file maps no columns; name each feature under training.dataset.columns")
    if spec.label not in table.column_names:
        place.fail(_absent("the label", table, "training.dataset.label"), column=spec.label)
    if spec.id and spec.id not in table.column_names:
        place.fail(_absent("the subscriber's id", table, "training.dataset.id (or set it to null)"), column=spec.id)
    absent = [name for name in spec.columns if name not in table.column_names]
    if absent:
        also = f" (and {len(absent) - 1} more)" if len(absent) > 1 else ""
        place.fail(_absent(f"a feature{also}", table, "training.dataset.columns"), column=absent[0])
    if spec.time_column and spec.time_column not in table.column_names:
        key = "training.dataset.time_column (or leave it out)"
        place.fail(_absent("the rows' time", table, key), column=spec.time_column)
    clash = [name for name in (spec.label, spec.id) if name in spec.columns]
    if clash:
        place.fail(
            "is the label or the id and must not be a feature; take it out of training.dataset.columns", column=clash[0]
        )


def _absent(what: str, table: pa.Table, key: str) -> str:
    names = ", ".join(table.column_names[:12]) + (", ..." if table.num_columns > 12 else "")
    return f"{what} is not in the file, which has {names}; correct {key} or the file"


def _cleaned(column: pa.ChunkedArray) -> Values:
    """Strip blanks; make None of the usual words for missing."""
    texts = ((value or "").strip() for value in column.to_pylist())
    return [None if text.lower() in _MISSING_WORDS else text for text in texts]


def _same_label(value: str | None, positive: str) -> str | None:
    """The positive label in the engagement's spelling ("1" for "1.0"); every other value as it is."""
    if value is None or value == positive:
        return value
    number = _number(value)
    return positive if number is not None and number == _number(positive) else value


def _check_numbers(place: Place, name: str, values: Values) -> None:
    known = 0
    for row, value in enumerate(values):
        if value is None:
            continue
        known += 1
        number = _number(value)
        if number is None:
            place.fail(f"{_quoted(value)} is not a number; {_number_hint(value)}", row=row, column=name)
        if not abs(number) <= LARGEST_NUMBER:
            remedy = "correct it, or leave it empty if it is unknown"
            place.fail(f"{_quoted(value)} is beyond {LARGEST_NUMBER:.0e}; {remedy}", row=row, column=name)
    if not known:
        place.fail("has no value at all; fill it or take it out of training.dataset.columns", column=name)


def _number(value: str) -> float | None:
    """The number a text holds; None for other texts."""
    return float(value) if _NUMBER.fullmatch(value) else None


def _number_hint(value: str) -> str:
    if _number(value.replace(",", ".", 1)) is not None:
        return "write a decimal point"
    return "correct it, or map the column as categorical"


def _check_categories(place: Place, name: str, values: Values) -> None:
    distinct = {value for value in values if value is not None}
    if not distinct:
        place.fail("has no value at all; fill it or take it out of training.dataset.columns", column=name)
    longest = max(distinct, key=len)
    if len(longest) > LONGEST_TEXT:
        message = f"a text of {len(longest):,} characters is no category; shorten it or leave the column out"
        place.fail(message, row=values.index(longest), column=name)
    if len(distinct) > MOST_CATEGORIES and len(distinct) > len(values) / 2:
        names = f"{len(distinct):,} different values in {len(values):,} rows"
        place.fail(f"{names}: this names rows, it is no category; leave the column out", column=name)


def _check_identifiers(place: Place, name: str, values: Values) -> None:
    if None in values:
        message = "the subscriber's id is missing; fill it, or set training.dataset.id to null"
        place.fail(message, row=values.index(None), column=name)
    distinct = len(set(values))
    if distinct < MINIMUM_SUBSCRIBERS:
        few = f"{distinct:,} different subscribers in {len(values):,} rows are too few"
        place.fail(f"{few}; name the column that tells them apart, at least {MINIMUM_SUBSCRIBERS}", column=name)


def _check_times(place: Place, name: str, values: Values) -> None:
    for row, value in enumerate(values):
        if not is_time(value or ""):
            place.fail(f"{TIME_ADVICE}, got {_quoted(value or '')}", row=row, column=name)


def _check_labels(place: Place, spec: DatasetSpec, values: Values) -> None:
    missing = [row for row, value in enumerate(values) if value is None]
    if missing:
        message = f"{len(missing):,} of {len(values):,} rows have no label; fill them or leave these rows out"
        place.fail(message, row=missing[0], column=spec.label)
    counts = Counter(value for value in values if value is not None)
    if len(counts) == 1:
        place.fail(
            f"every label is {_quoted(next(iter(counts)))}: one class only; give rows of both", column=spec.label
        )
    if spec.positive not in counts:
        seen = ", ".join(_quoted(value) for value, _ in counts.most_common(5))
        message = f"no label is {spec.positive!r}, which means churn, but {seen}; correct training.dataset.positive"
        place.fail(message, column=spec.label)
    positives = counts[spec.positive]
    fewest = min(positives, len(values) - positives)
    if fewest < MINIMUM_OF_A_CLASS:
        which = "churners" if fewest == positives else "rows without churn"
        place.fail(f"only {fewest} {which}; give at least {MINIMUM_OF_A_CLASS} of each class", column=spec.label)


def _quoted(value: str) -> str:
    return repr(value if len(value) <= _QUOTED_VALUE_LENGTH else value[:_QUOTED_VALUE_LENGTH] + "...")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
