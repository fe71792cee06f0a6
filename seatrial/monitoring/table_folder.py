"""Windows of a table in many files: by the path that its partitions have, by a time column, or all as one."""

from collections.abc import Iterator
from datetime import UTC, datetime

from seatrial.contracts.monitored_source import is_table_file
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.places import InputError, Place
from seatrial.monitoring.table import Columns, merged, read_table, table_windows
from seatrial.monitoring.window_data import Period, WindowData


def table_files(place: Place) -> list[str]:
    """Files of rows below a folder, in order."""
    return [name for name in place.files() if is_table_file(name)]


def folder_windows(
    place: Place, counting: Counting, columns: Columns, period: Period, partition: str | None
) -> Iterator[WindowData]:
    """The windows of a table's files, in order of time; raises `InputError`.

    `partition` is the path of a window's files as `strftime` writes it, such as `date=%Y-%m-%d/`.
    """
    if partition is None:
        return _by_rows(place, counting, columns, period)
    return _by_path(place, counting, columns, period, partition)


def _by_path(
    place: Place, counting: Counting, columns: Columns, period: Period, partition: str
) -> Iterator[WindowData]:
    """A window for each partition of the period; with a time column, of the rows that belong to it."""
    files: dict[datetime, list[str]] = {}
    for name in table_files(place):
        start = _start(name, partition)
        if start is not None and period.holds(start):
            files.setdefault(start, []).append(name)
    if not files:
        raise InputError(f"{place.name}: has no files of rows below {partition}; check --partition, --from and --to")
    for start in period.hours(list(files)):
        rows = Period(start, start + period.length, period.length) if columns.time else Period(length=period.length)
        found = [
            window
            for name in files.get(start, ())
            for window in table_windows(read_table(place.child(name)), counting, columns, rows)
        ]
        yield counting.at(start, merged(found) if found else None, period.length)


def _start(name: str, partition: str) -> datetime | None:
    """The time that the beginning of a path tells.

    >>> _start("date=2026-11-01/part-0.parquet", "date=%Y-%m-%d/").day, _start("other.parquet", "date=%Y-%m-%d/")
    (1, None)
    """
    depth = partition.count("/")
    folders = name.split("/")[:depth]
    try:
        return datetime.strptime("/".join(folders) + "/", partition).replace(tzinfo=UTC)
    except ValueError:
        return None


def _by_rows(place: Place, counting: Counting, columns: Columns, period: Period) -> Iterator[WindowData]:
    found: dict[datetime | None, list[WindowData]] = {}
    for name in table_files(place):
        for window in table_windows(read_table(place.child(name)), counting, columns, period):
            found.setdefault(window.start, []).append(window)
    starts = [start for start in found if start is not None]
    for start in period.hours(starts) if starts else found:
        yield counting.at(start, merged(found[start]) if start in found else None, period.length)
