"""Reads a large window outside the monitor's function: in one process, or as pieces that Spark puts together."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from seatrial.columnar.window import WindowPart, merge_parts, part_of_rows
from seatrial.contracts.ground_truth import parse_ground_truth
from seatrial.contracts.volume import HourFiles, ReadingRequest, ReadingResult
from seatrial.monitoring.capture_reader import CaptureReader, Labels, sampled
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.window import WindowSummary

BLOCK_ROWS = 50_000
"""Rows counted at a time: columns of this length make good use of Arrow, and fit any job's memory."""
Lines = Callable[[str], Iterable[str]]
"""The lines of the object of a key."""


class ReadingError(ValueError):
    """The request cannot be carried out; the text says why."""


def checked_baseline(request: ReadingRequest, body: bytes) -> Baseline:
    """The baseline of a file; raises `ReadingError` when it is not the one that the request was made for."""
    digest = hashlib.sha256(body).hexdigest()
    if digest != request.baseline_digest:
        raise ReadingError(
            f"{request.baseline_uri}: SHA-256 is {digest[:12]}, the request names {request.baseline_digest[:12]}; "
            "a baseline is never replaced"
        )
    return Baseline.from_json(body.decode())


def read_request(request: ReadingRequest, baseline: Baseline, lines: Lines) -> ReadingResult:
    """Read the window and the labelled hours one file after another, in the order of the keys."""
    readers: dict[str, CaptureReader] = {}
    for hour, files in sorted(request.hours.items()):
        readers[hour] = reader_of(request, hour, baseline, lines)
        for keys, following in ((files.own, False), (files.next_hour, True)):
            for key in keys:
                readers[hour].read(lines(key), next_hour=following)
    window = readers[request.window]
    summary = replace(merge_parts(baseline, [window.finish()]).summary(), **window.facts)
    return replace(reading_result(request, readers, summary), quarantine=tuple(window.quarantine))


def reading_result(
    request: ReadingRequest, readers: Mapping[str, CaptureReader], summary: WindowSummary
) -> ReadingResult:
    """What a job hands back: the window's summary, and what was matched with labels in each hour."""
    labelled = {hour: reader for hour, reader in readers.items() if reader.labels}
    return ReadingResult(
        request_digest=request.digest,
        form="processing",
        summary=summary.to_json(),
        matched={hour: reader.matched.to_json() for hour, reader in labelled.items()},
        labels={hour: len(reader.labels) for hour, reader in labelled.items()},
        reasons=dict(sorted(readers[request.window].reasons.items())),
    )


def reader_of(request: ReadingRequest, hour: str, baseline: Baseline, lines: Lines) -> CaptureReader:
    """A reader of one hour that joins the hour's new labels; only the window's own rows are counted."""
    return CaptureReader(
        hour,
        baseline,
        share=request.share,
        labels=sampled(new_labels(request.hours[hour], lines), request.share),
        count=part_of_rows if hour == request.window else None,
        block_rows=BLOCK_ROWS,
    )


def new_labels(files: HourFiles, lines: Lines) -> Labels:
    """Labels of objects not used before, without ids that an earlier object has already labelled."""
    fresh = parse_ground_truth(_all(files.new_labels, lines)).labels
    known = parse_ground_truth(_all(files.used_labels, lines)).labels if files.used_labels else {}
    return {name: values for name, values in fresh.items() if name not in known}


def together(
    request: ReadingRequest,
    baseline: Baseline,
    parts: Iterable[WindowPart],
    *,
    reasons: Sequence[Mapping[str, int]],
    facts: Mapping[str, Any],
    matched: Mapping[str, Mapping[str, Any]],
    labels: Mapping[str, int],
    quarantine: Sequence[str],
) -> ReadingResult:
    """The result of pieces that were read apart."""
    counts = sum((Counter(item) for item in reasons), Counter())
    whole = merge_parts(baseline, parts).summary()
    summary = replace(whole, unreadable=counts.total(), **facts)
    return ReadingResult(
        request_digest=request.digest,
        form="spark",
        summary=summary.to_json(),
        matched=matched,
        labels=labels,
        reasons=dict(sorted(counts.items())),
        quarantine=tuple(quarantine),
    )


def _all(keys: Sequence[str], lines: Lines) -> Iterator[str]:
    for key in keys:
        yield from lines(key)
