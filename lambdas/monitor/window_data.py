"""Collects what one window is judged by: its capture, and the labels that have arrived since the last window."""

import hashlib
import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters import Aws
from capture import counted, find_files, inputs_counted
from found import CaptureFiles
from memory import Memory
from parse import HOUR, Configuration, format_time, parse_time
from source_window import UNREAD, hand_over_source, reads_labels, take_files
from volume import read_by_job

from seatrial.contracts import layout
from seatrial.contracts.events import Finding
from seatrial.contracts.ground_truth import parse_ground_truth
from seatrial.decisions.freshness import OLDEST_CAPTURE, check_capture_age, check_join, check_label_age
from seatrial.decisions.monitor_form import choose_form
from seatrial.monitoring.capture_reader import CaptureReader, Labels, Matched, sampled
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Labelled
from seatrial.statistics.window import WindowSummary

if TYPE_CHECKING:
    from seatrial.contracts.volume import HandOver, HourFiles

logger = logging.getLogger("monitor")
INPUTS_VERSION = 1
REACH = 16
"""Times the bytes that the function reads in full: so much it can look through for a sample before its time is over."""


@dataclass(frozen=True)
class HourLabels:
    """Labels of one hour that came with a window: of `requests` captured ones, `joined` have a label now."""

    requests: int
    joined: int
    predictions: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WindowData:
    """What a window is judged by; it is kept, so that later windows can be judged again when an earlier one changes.

    `capture_files` are the objects read. `invocations` is how many requests the endpoint counted, None where that was
    not asked. `labels` holds what came by the hour of its predictions, `unmatched` the labels without a captured
    prediction. `rows` are those of the labelled predictions, in the order of `labels`; they are not kept.
    """

    summary: WindowSummary
    capture_files: tuple[str, ...] = ()
    invocations: float | None = None
    labels: Mapping[str, HourLabels] = field(default_factory=dict)
    used_labels: Mapping[str, list[str]] = field(default_factory=dict)
    unmatched: int = 0
    findings: tuple[Finding, ...] = ()
    hint: str = ""
    reasons: Mapping[str, int] = field(default_factory=dict)
    quarantine: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    unread: str = ""
    """Why files that are there were not read; empty when they were."""

    @property
    def idle(self) -> bool:
        """Nothing could be captured, because no request came."""
        return not self.capture_files and not self.invocations

    @property
    def digest(self) -> str:
        """Checksum of the capture as it was counted."""
        return hashlib.sha256(self.summary.to_json().encode()).hexdigest()

    @property
    def labelled(self) -> Labelled:
        """All labelled predictions that are new."""
        hours = self.labels.values()
        predictions = [score for hour in hours for score in hour.predictions]
        labels = [label for hour in hours for label in hour.labels]
        newest = max(self.labels, default=None)
        hour = int(parse_time(newest).timestamp()) // 3600 if newest else None
        return Labelled(predictions, labels, self.rows, hour)

    @property
    def label_coverage(self) -> float | None:
        """Share of the requests, of the hours whose labels came, that have one; None when none came."""
        requests = sum(hour.requests for hour in self.labels.values())
        return sum(hour.joined for hour in self.labels.values()) / requests if requests else None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form, without rows and unreadable lines."""
        kept = {"capture_files": list(self.capture_files), "invocations": self.invocations, "hint": self.hint}
        kept |= {"unread": self.unread} if self.unread else {}
        return {
            **kept,
            "version": INPUTS_VERSION,
            "summary": json.loads(self.summary.to_json()),
            "labels": {hour: asdict(item) for hour, item in self.labels.items()},
            "used_labels": dict(self.used_labels),
            "unmatched": self.unmatched,
            "reasons": dict(self.reasons),
            "findings": [asdict(item) for item in self.findings],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "WindowData":
        """Read what `to_json` wrote."""
        names = {item.name for item in fields(cls)}
        read = {name: value for name, value in data.items() if name in names}
        read["summary"] = WindowSummary.from_json(json.dumps(data["summary"]))
        read["capture_files"] = tuple(data["capture_files"])
        read["findings"] = tuple(Finding(**item) for item in data["findings"])
        read["labels"] = {hour: _hour_labels(item) for hour, item in data["labels"].items()}
        return cls(**read)


def _hour_labels(data: Mapping[str, Any]) -> HourLabels:
    return HourLabels(data["requests"], data["joined"], tuple(data["predictions"]), tuple(data["labels"]))


@dataclass(frozen=True)
class Reading:
    """Where and for whom a window is read."""

    window: str
    baseline: Baseline
    memory: Memory
    configuration: Configuration
    aws: Aws
    baseline_uri: str = ""
    outcomes: bool = True
    """Whether the baseline knows predictions and labels: Model Monitor's do not."""


def read_window(reading: Reading, kept: WindowData | None = None) -> WindowData:
    """Read the window's capture and every label that is new: here, or by a job where the window is too large.

    With `kept`, what the window was judged by before, only its capture is read again: labels count once. Raises
    `StillReadingError` while a job reads.
    """
    files = find_files(reading.window, reading.configuration, reading.aws)
    found = {} if kept else _label_keys(reading)
    hours = Hours(files, found, _earlier(reading, found))
    read = _by_job(reading, hours, kept) or _here(reading, hours)
    invocations = None if files.own or reading.configuration.source else _invocations(reading)
    common = {
        "summary": read.summary,
        "capture_files": read.capture_files,
        "invocations": invocations,
        "hint": files.hint if invocations else "",
        "reasons": dict(read.reasons),
        "quarantine": read.quarantine,
        "unread": read.unread,
    }
    if kept:
        labels = {"labels": kept.labels, "used_labels": kept.used_labels, "unmatched": kept.unmatched}
        return WindowData(**common, **labels, findings=kept.findings)
    return _with_labels(reading, common, read.found, read.arrived)


@dataclass(frozen=True)
class Read:
    """What the files hold; `arrived` is, by hour, what labels belong to and how many labels there were.

    `capture_files` are the objects that were read, `found` the ground truth objects that were looked at, by hour.
    """

    summary: WindowSummary
    reasons: Mapping[str, int]
    quarantine: tuple[str, ...]
    arrived: dict[str, tuple[Matched, int]]
    capture_files: tuple[str, ...]
    found: Mapping[str, list[str]]
    unread: str = ""


@dataclass(frozen=True)
class Hours:
    """What there is to read: the window's files, ground truth by hour, files of earlier hours with new labels."""

    files: CaptureFiles
    found: Mapping[str, list[str]]
    earlier: Mapping[str, CaptureFiles]

    @property
    def largest(self) -> int:
        """Bytes of the largest hour."""
        return max(self.files.size, *(item.size for item in self.earlier.values()), 0)


def _earlier(reading: Reading, found: Mapping[str, list[str]]) -> dict[str, CaptureFiles]:
    """Capture of the hours whose new labels count."""
    return {
        hour: find_files(hour, reading.configuration, reading.aws)
        for hour, keys in found.items()
        if hour != reading.window and _usable(reading, hour) and _fresh(reading, hour, keys)
    }


def _here(reading: Reading, hours: Hours) -> Read:
    """What this function reads itself: of hours beyond its reach some files and no labels, which are left for later."""
    most = reach(reading.configuration)
    files, share = hours.files.within(most)
    earlier = {hour: item for hour, item in hours.earlier.items() if item.size <= most}
    left = {*hours.earlier} - {*earlier} | ({reading.window} if share < 1 else set())
    if left:
        logger.warning("labels of %s are left for later: the capture is beyond the function's reach", sorted(left))
    found = {hour: keys for hour, keys in hours.found.items() if hour not in left}
    reader = _reader(reading, reading.window, files, found.get(reading.window, []))
    matched = _read_all(reading, reader, files)
    facts = reader.facts | {"sampled_share": reader.share * share}
    arrived = {reading.window: (matched, len(reader.labels))} if reader.labels else {}
    arrived |= _other_hours(reading, earlier, found)
    keys = hours.files.keys if hours.files.own else ()
    return Read(replace(reader.finish(), **facts), reader.reasons, tuple(reader.quarantine), arrived, keys, found)


def _by_job(reading: Reading, hours: Hours, kept: WindowData | None) -> Read | None:
    """What a job read; None where this function reads: every hour is small enough, or all jobs failed.

    Where the jobs of a form fail, the next smaller form reads a sample; of a table, which no smaller form can read, it
    is told that it was not.
    """
    if reading.configuration.source and not hours.largest:
        return None
    forms = reading.configuration.forms
    while forms:
        decision = choose_form(hours.largest, available=forms, limits=reading.configuration.form_limits)
        if decision.form == "lambda":
            return None
        from seatrial.contracts.volume import HandOver  # few windows are that large: no cold start needs it

        key = _hand_over_key(reading, decision.form, kept)
        text = reading.aws.read(reading.configuration.artifacts_bucket, key)
        asked = HandOver.from_json(text) if text else None
        if asked is None or asked.request.baseline_digest != reading.memory.baseline_digest:
            asked = _hand_over(reading, hours, decision.sampled_share)
            reading.aws.put(reading.configuration.artifacts_bucket, key, asked.to_json())
        result = read_by_job(asked.request, asked.size, decision.form, reading.configuration, reading.aws)
        if result is not None:
            arrived = {hour: (Matched.from_json(item), result.labels[hour]) for hour, item in result.matched.items()}
            counted_files = asked.request.hours[reading.window].capture
            summary = WindowSummary.from_json(result.summary)
            return Read(summary, result.reasons, result.quarantine, arrived, counted_files, asked.labels)
        forms = forms[: forms.index(decision.form)]
    left = {hour: keys for hour, keys in hours.found.items() if hour != reading.window}
    return Read(counted(reading.baseline, [], [], []), {}, (), {}, (), left, UNREAD)


def _hand_over_key(reading: Reading, form: str, kept: WindowData | None) -> str:
    """Where it is kept what a job was first asked: files that come while it reads are another reading's."""
    before = zlib.crc32("\n".join(kept.capture_files).encode()) if kept else 0
    folder = layout.readings_prefix(reading.configuration.endpoint_name, reading.window)
    return f"{folder}{form}-{before:08x}.json"


def _hand_over(reading: Reading, hours: Hours, share: float) -> "HandOver":
    """What a job is asked: the window, and the earlier hours whose labels have come."""
    from seatrial.contracts.volume import HandOver, ReadingRequest

    if reading.configuration.source:
        return hand_over_source(reading, hours, share, lambda hour, item: _keys(reading, hours, hour, item))
    files = {reading.window: hours.files, **hours.earlier}
    request = ReadingRequest(
        window=reading.window,
        bucket=reading.configuration.capture_bucket,
        baseline_uri=reading.baseline_uri,
        baseline_digest=reading.memory.baseline_digest,
        hours={hour: _keys(reading, hours, hour, item) for hour, item in files.items()},
        share=share,
    )
    size = sum(item.size for item in files.values())
    return HandOver(request=request, size=size, labels=dict(hours.found))


def _keys(reading: Reading, hours: Hours, hour: str, files: CaptureFiles) -> "HourFiles":
    """Keys of an hour: its files, and the labels that are new."""
    from seatrial.contracts.volume import HourFiles

    used = reading.memory.used_labels.get(hour, [])
    fresh = _fresh(reading, hour, [*hours.found.get(hour, [])]) if _usable(reading, hour) else []
    return HourFiles(
        own=tuple(item.key for item in files.own),
        next_hour=tuple(item.key for item in files.next_hour) if files.own else (),
        new_labels=tuple(fresh),
        used_labels=tuple(used) if fresh else (),
    )


def _usable(reading: Reading, hour: str) -> bool:
    """Whether labels of an hour count: all its predictions are this model's, and its rows were in order."""
    return hour >= reading.memory.since and hour not in reading.memory.faulty_hours


def reach(configuration: Configuration) -> int:
    """Most bytes that the function looks through; files of a source are in memory as a whole, lines one at a time."""
    return configuration.form_limits.lambda_bytes * (1 if configuration.source else REACH)


def _fresh(reading: Reading, hour: str, keys: list[str]) -> list[str]:
    used = reading.memory.used_labels.get(hour, [])
    return [key for key in keys if key not in used]


def _with_labels(
    reading: Reading, common: dict[str, Any], found: Mapping[str, list[str]], arrived: dict[str, tuple[Matched, int]]
) -> WindowData:
    settings, findings, used = reading.configuration.settings, [], dict(found)
    minimum = settings.minimum_join_share * settings.capture_percent / 100
    hours: dict[str, Matched] = {}
    for hour, (matched, count) in arrived.items():
        finding = check_join(matched.joined, count, minimum)
        if finding:
            findings.append(finding)
            used[hour] = reading.memory.used_labels.get(hour, [])
        elif matched.joined:
            hours[hour] = matched
    return WindowData(
        **common,
        labels={
            hour: HourLabels(item.requests, item.joined, item.predictions, item.labels) for hour, item in hours.items()
        },
        used_labels=used,
        unmatched=sum(count - matched.joined for matched, count in arrived.values()),
        findings=(*findings, *_stale(reading, common["summary"])),
        rows=tuple(row for item in hours.values() for row in item.rows),
    )


def _stale(reading: Reading, summary: WindowSummary) -> list[Finding]:
    """Findings on the age of capture and labels."""
    start, settings, memory = parse_time(reading.window), reading.configuration.settings, reading.memory
    end, found = start + HOUR, []
    newest = _time(summary.newest)
    watched = reading.configuration.source is None
    if watched and newest is not None and start <= newest < end - OLDEST_CAPTURE:
        minute = newest.replace(second=0, microsecond=0) + timedelta(minutes=1)
        found.append(check_capture_age(newest, end, _requests_between(reading, minute, end)))
    expected = HOUR * (settings.label_delay_hours + settings.label_lookback_hours)
    if memory.labelled_before:
        waiting = parse_time(memory.waiting_since) if memory.waiting_since else None
        found.append(check_label_age(waiting, start, expected))
    return [finding for finding in found if finding]


def _time(text: str) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None


def _reader(
    reading: Reading, hour: str, files: CaptureFiles, keys: list[str], *, counting: bool = True
) -> CaptureReader:
    """A reader of one hour's capture that joins the hour's new labels."""
    share = choose_form(files.size, limits=reading.configuration.form_limits).sampled_share
    share = 1.0 if reading.configuration.source else share  # of a source whole files are left out, or none
    memory, usable = reading.memory, keys and reading.outcomes and _usable(reading, hour)
    labels = sampled(_new_labels(reading, keys, memory.used_labels.get(hour, [])), share) if usable else {}
    count = counted if reading.outcomes else inputs_counted
    return CaptureReader(hour, reading.baseline, share, labels, count if counting else None)


def _read_all(reading: Reading, reader: CaptureReader, files: CaptureFiles) -> Matched:
    if reading.configuration.source:
        take_files(reader, files, reading)
        return reader.matched
    bucket = reading.configuration.capture_bucket
    for group, next_hour in ((files.own, False), (files.next_hour if files.own else (), True)):
        for item in group:
            reader.read(reading.aws.lines(bucket, [item.key]), next_hour=next_hour)
    return reader.matched


def _other_hours(
    reading: Reading, earlier: Mapping[str, CaptureFiles], found: Mapping[str, list[str]]
) -> dict[str, tuple[Matched, int]]:
    """New labels of earlier hours, joined with the capture of their own hour."""
    arrived = {}
    for hour, files in earlier.items():
        reader = _reader(reading, hour, files, found[hour], counting=False)
        if reader.labels:
            arrived[hour] = (_read_all(reading, reader, files), len(reader.labels))
    return arrived


def _invocations(reading: Reading) -> float:
    start = parse_time(reading.window)
    return _requests_between(reading, start, start + HOUR)


def _requests_between(reading: Reading, start: datetime, end: datetime) -> float:
    configuration = reading.configuration
    return reading.aws.invocations(configuration.endpoint_name, configuration.variant_name, start, end)


def _label_keys(reading: Reading) -> dict[str, list[str]]:
    """Ground truth objects of the hours within the look-back, by hour, up to the window's own."""
    configuration, newest = reading.configuration, parse_time(reading.window)
    if not reads_labels(reading):
        return {}
    settings = configuration.settings
    oldest = newest - HOUR * (settings.label_delay_hours + settings.label_lookback_hours)
    prefix = layout.ground_truth_prefix(configuration.endpoint_name)
    start = layout.ground_truth_hour_prefix(configuration.endpoint_name, oldest)
    found: dict[str, list[str]] = {}
    for item in reading.aws.objects(configuration.capture_bucket, prefix, start):
        hour = layout.hour_of_key(item.key)
        window = configuration.floor(hour) if hour is not None else None
        if window is not None and oldest <= window <= newest:
            found.setdefault(format_time(window), []).append(item.key)
    return found


def _new_labels(reading: Reading, keys: list[str], used: list[str]) -> Labels:
    """Labels of objects not used before, without ids that an earlier object has already labelled."""
    fresh = [key for key in keys if key not in used]
    if not fresh:
        return {}
    bucket, aws = reading.configuration.capture_bucket, reading.aws
    labels = parse_ground_truth(aws.lines(bucket, fresh)).labels
    known = parse_ground_truth(aws.lines(bucket, used)).labels if used else {}
    return {join_id: values for join_id, values in labels.items() if join_id not in known}
