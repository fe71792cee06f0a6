"""Reads a window of a source that is no endpoint outside the monitor's function: batch transform, or a table."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from seatrial.contracts.monitored_source import TABLE
from seatrial.contracts.volume import ReadingRequest, ReadingResult, SourceReading
from seatrial.monitoring.capture_reader import CaptureReader, Matched
from seatrial.monitoring.counting import BLOCK_ROWS, Counting
from seatrial.monitoring.places import Place, lines_of
from seatrial.monitoring.table import Columns, merged, read_table, table_windows
from seatrial.monitoring.transform_records import take_pair
from seatrial.monitoring.volume import new_labels, reading_result
from seatrial.monitoring.window_data import Period, WindowData
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Labelled

MOST_LABELLED = 200_000
"""Labelled rows of a table that are handed to the function: of more, as many evenly spread."""
Places = Callable[[str], Place]
"""The file of a key, which begins with its bucket."""


def read_source(request: ReadingRequest, baseline: Baseline, place: Places) -> ReadingResult:
    """Read what the request names, one file in memory at a time; raises `InputError` for a table that is none."""
    source = request.source
    if source is None:
        raise ValueError("the request is about an endpoint")
    return (_table if source.kind == TABLE else _transform)(request, source, Counting(baseline, source.outcomes), place)


def _transform(request: ReadingRequest, source: SourceReading, counting: Counting, place: Places) -> ReadingResult:
    readers: dict[str, CaptureReader] = {}
    for hour, files in sorted(request.hours.items()):
        labels = new_labels(files, lambda key: lines_of(place(key).read()))
        count = counting.part if hour == request.window else None
        reader = CaptureReader(hour, counting.baseline, labels=labels, count=count, block_rows=BLOCK_ROWS)
        for asked, answered in source.pairs.get(hour, ()):
            bodies = place(asked).read(), place(answered).read() if answered else None
            take_pair(reader, f"s3://{asked}", *bodies)
        readers[hour] = reader
    window = readers[request.window]
    window.reasons.update(source.reasons)
    summary = replace(window.finish().summary(), **window.facts | {"sampled_share": request.share})
    return reading_result(request, readers, summary)


def _table(request: ReadingRequest, source: SourceReading, counting: Counting, place: Places) -> ReadingResult:
    window = merged([*_files(request, source, counting, place)])
    labelled, rows = _bounded(window.labelled), window.summary.rows
    labels = tuple(labelled.labels)
    matched = Matched(rows, len(labels), tuple(labelled.predictions), labels, tuple(map(tuple, labelled.rows)))
    return ReadingResult(
        request_digest=request.digest,
        form="processing",
        summary=replace(window.summary, sampled_share=request.share).to_json(),
        matched={request.window: matched.to_json()} if labels else {},
        labels={request.window: len(labels)} if labels else {},
    )


def _files(request: ReadingRequest, source: SourceReading, counting: Counting, place: Places) -> Iterator[WindowData]:
    """The window's rows of each file."""
    start, length = datetime.fromisoformat(request.window).astimezone(UTC), timedelta(hours=source.length_hours)
    columns = Columns(**source.columns)
    period = Period(start, start + length, length) if columns.time else Period()
    for key in request.hours[request.window].own:
        yield from table_windows(read_table(place(key)), counting, columns, period)


def _bounded(labelled: Labelled) -> Labelled:
    step = -(-len(labelled.labels) // MOST_LABELLED)
    if step <= 1:
        return labelled
    return Labelled(labelled.predictions[::step], labelled.labels[::step], labelled.rows[::step], labelled.hour)
