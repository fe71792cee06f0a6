"""From what a user names as the window to the windows themselves: capture, transform, or a table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from seatrial.monitoring.counting import Counting
from seatrial.monitoring.endpoint_capture import capture_windows, file_window, find_year_folder, read_labels
from seatrial.monitoring.places import InputError, Place, place_of
from seatrial.monitoring.table import Columns, is_table, read_table, table_windows
from seatrial.monitoring.table_folder import folder_windows, table_files
from seatrial.monitoring.transform_capture import is_transform_capture, joined_windows, transform_windows
from seatrial.monitoring.transform_records import OUT_SUFFIX
from seatrial.monitoring.window_data import HOUR, Period, WindowData

CAPTURE_MARK = b'"captureData"'
NO_LABELS = "--labels: a table holds its own labels; name their column with --label-column"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is to be judged: a place, the period, and where its labels lie."""

    place: str
    period: Period = field(default_factory=Period)
    labels: str | None = None
    columns: Columns = field(default_factory=Columns)
    partition: str | None = None
    """Path of a window's files below a table's folder, as strftime writes it."""


@dataclass(frozen=True)
class Found:
    """The windows in order of time, and in words what they were read from."""

    kind: str
    windows: Iterator[WindowData]


def find_windows(source: Source, counting: Counting, clients: Callable[[], Any]) -> Found:
    """Tell what lies at the place and read it; raises `InputError`."""
    place = place_of(source.place, clients)
    if place.is_file():
        return _of_file(place, source, counting, clients)
    if source.partition is not None:
        return _of_table(place, source, counting)
    labels = read_labels(place_of(source.labels, clients), source.period) if source.labels else {}
    if is_transform_capture(place):
        windows = transform_windows(place, source.period, counting, labels, clients)
        return Found("data capture of batch transform", windows)
    if find_year_folder(place) is None:
        if any(name.endswith(OUT_SUFFIX) for name in place.files()):
            _refuse_labels(source)
            return Found("joined outputs of batch transform", iter([joined_windows(place, counting)]))
        if table_files(place):
            return _of_table(place, source, counting)
    if source.period.length != HOUR:
        raise InputError(f"{place.name}: an endpoint's capture is judged by the hour; leave --each out")
    return Found("data capture of an endpoint", capture_windows(place, source.period, counting, labels))


def _of_table(place: Place, source: Source, counting: Counting) -> Found:
    if source.labels:
        raise InputError(NO_LABELS)
    return Found("table", folder_windows(place, counting, source.columns, source.period, source.partition))


def _of_file(place: Place, source: Source, counting: Counting, clients: Callable[[], Any]) -> Found:
    if place.name.endswith(OUT_SUFFIX):
        _refuse_labels(source)
        return Found("joined output of batch transform", iter([joined_windows(place, counting)]))
    if _is_capture(place):
        labels = read_labels(place_of(source.labels, clients), Period()) if source.labels else {}
        every = {key: value for hour in labels.values() for key, value in hour.items()}
        return Found("one file of data capture", iter([file_window(place, counting, every)]))
    if not is_table(place.name):
        raise InputError(
            f"{place.name}: is neither data capture nor a table; give a folder of captures, a capture file, or a "
            ".csv, .jsonl or .parquet file"
        )
    if source.labels:
        raise InputError(NO_LABELS)
    table = read_table(place)
    return Found(f"table of {table.rows:,} rows", table_windows(table, counting, source.columns, source.period))


def _refuse_labels(source: Source) -> None:
    if source.labels:
        raise InputError("--labels: outputs of batch transform carry no ids to join by; name the job's data capture")


def _is_capture(place: Place) -> bool:
    return place.name.endswith((".jsonl", ".json")) and CAPTURE_MARK in place.read()[:100_000]
