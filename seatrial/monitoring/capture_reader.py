"""Reads the captured requests of one window, each once and block by block: memory does not grow with the volume."""

import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.contracts.data_capture import CaptureError, CaptureRecord, read_record
from seatrial.statistics.baseline import Baseline

HOUR = timedelta(hours=1)
OVERLAP = timedelta(minutes=10)
"""A request may lie in the folder of the hour after its own when it was written so shortly after the full hour."""
BLOCK_ROWS = 2000
MOST_QUARANTINED = 100
LONGEST_QUARANTINED = 2000
LONGEST_LINE = 16 * 1024 * 1024
JOIN_ID = re.compile(r'"inferenceId"\s*:\s*"([^"\\]+)"|"eventId"\s*:\s*"([^"\\]+)"')
FILE_TIME = re.compile(r"^(\d\d)-(\d\d)-")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
Labels = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Matched:
    """Labelled predictions of one hour, with their rows; `requests` of the hour were captured, `joined` had labels."""

    requests: int = 0
    joined: int = 0
    predictions: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        lists = {"predictions": list(self.predictions), "labels": list(self.labels), "rows": [*map(list, self.rows)]}
        return {"requests": self.requests, "joined": self.joined, **lists}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Matched":
        """Read what `to_json` wrote."""
        rows = tuple(tuple(row) for row in data["rows"])
        return cls(data["requests"], data["joined"], tuple(data["predictions"]), tuple(data["labels"]), rows)


@dataclass
class CaptureReader:
    """Reads lines of capture files, counts their rows, and joins labels, holding one block of rows at a time.

    With a `share` below 1 only requests whose id falls into it are read, the same ones on every reading. `count` takes
    the baseline, rows, predictions and ids of a block; without it rows are not counted.
    """

    window: str
    baseline: Baseline
    share: float = 1.0
    labels: Labels = field(default_factory=dict)
    count: Callable[[Baseline, Sequence[Sequence[str]], Sequence[float], Sequence[str]], Any] | None = None
    block_rows: int = BLOCK_ROWS
    total: Any = None
    requests: int = 0
    repeated: int = 0
    newest: str = ""
    quarantine: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        start = datetime.fromisoformat(self.window).replace(tzinfo=UTC)
        self._before = (_text(start - OVERLAP), self.window)
        self._end = (_text(start + HOUR - OVERLAP), _text(start + HOUR))
        self._names = self.baseline.schema.names
        self._seen: set[int] = set()
        self._events = 0
        self._block: list[CaptureRecord] = []
        self._held = 0
        self._unseen = dict(self.labels)
        self._matched: list[tuple[CaptureRecord, tuple[int, ...]]] = []

    def read(self, lines: Iterable[str], *, next_hour: bool = False) -> None:
        """Read the lines of one file; those of the `next_hour` hold few requests of the window."""
        for record in self.records(lines, next_hour=next_hour):
            if self.first(record):
                self.take(record)

    def records(self, lines: Iterable[str], *, next_hour: bool = False) -> Iterator[CaptureRecord]:
        """Requests of the window, also those that have come before; lines that cannot be read are kept as such.

        What a promotion asked to try its canary is nobody's request and says nothing about inputs.
        """
        for line in lines:
            if not line.strip() or (self.share < 1 and not in_sample(_join_id(line), self.share)):
                continue
            try:
                record = _record(line, self._names)
            except CaptureError as error:
                self._reject(line, str(error), next_hour)
                continue
            if self._belongs(record.inference_time, next_hour) and not record.is_probe:
                yield record

    def _belongs(self, time: str, next_hour: bool) -> bool:
        """Each request belongs to one window, whichever folder it lies in and how often that is read."""
        low, high = self._end if next_hour else self._before
        return (low <= time < high) == next_hour

    def first(self, record: CaptureRecord) -> bool:
        """Whether the event is new; an id that the caller has used before is only counted."""
        self.requests += 1
        event, call = hash(record.event_id), hash((record.inference_id,))
        again = event in self._seen
        self.repeated += again or (record.inference_id is not None and call in self._seen)
        self._seen |= {event, call} if record.inference_id is not None else {event}
        self._events += not again
        return not again

    def take(self, record: CaptureRecord) -> None:
        """Count a request and join its labels."""
        self.newest = max(self.newest, record.inference_time)
        known = self._unseen.pop(record.join_id, ())
        if known and len(known) == len(record.predictions):
            self._matched.append((record, known))
        if self.count:
            self._block.append(record)
            self._held += len(record.rows)
            if self._held >= self.block_rows:
                self._close_block()

    def _reject(self, line: str, reason: str, next_hour: bool) -> None:
        if next_hour or not self.count:
            return
        self.reasons[reason] += 1
        if len(self.quarantine) < MOST_QUARANTINED:
            self.quarantine.append(line[:LONGEST_QUARANTINED])

    def _close_block(self) -> Any:
        if self.count is None:
            return None
        rows = [row for record in self._block for row in record.rows]
        ids = [f"{record.event_id}#{number}" for record in self._block for number in range(len(record.rows))]
        scores = [score for record in self._block for score in record.predictions]
        part = self.count(self.baseline, rows, scores, ids)
        self.total = self.total.merge(part) if self.total else part
        self._block, self._held = [], 0
        return self.total

    def finish(self) -> Any:
        """Everything counted: what `count` made of the blocks, merged; the facts about requests are `facts`."""
        return self._close_block()

    @property
    def facts(self) -> dict[str, Any]:
        """What a window's summary says of requests, beside the counts of their rows."""
        return {
            "unreadable": self.reasons.total(),
            "repeated": self.repeated,
            "newest": self.newest,
            "sampled_share": self.share,
        }

    @property
    def matched(self) -> Matched:
        """What the labels given belong to."""
        pairs = [
            (score, label, row)
            for record, labels in self._matched
            for score, label, row in zip(record.predictions, labels, record.rows, strict=True)
        ]
        scores, labels, rows = zip(*pairs, strict=True) if pairs else ((), (), ())
        return Matched(self._events, len(self._matched), scores, labels, rows)


def in_sample(name: str, share: float) -> bool:
    """Whether a request of this id belongs to the sample: equal ids always or never.

    >>> in_sample("request-7", 1.0), in_sample("request-7", 0.0)
    (True, False)
    """
    return zlib.crc32(name.encode()) < share * (1 << 32)


def sampled(labels: Mapping[str, tuple[int, ...]], share: float) -> Labels:
    """The labels of requests in the sample."""
    return {name: values for name, values in labels.items() if share >= 1 or in_sample(name, share)}


def _join_id(line: str) -> str:
    """The id of a line without reading it as JSON: quotes within payloads are escaped, so the match is its own."""
    found = {match.lastindex: match[match.lastindex or 0] for match in JOIN_ID.finditer(line)}
    return found.get(1) or found.get(2) or line


def _record(line: str, names: Sequence[str]) -> CaptureRecord:
    if len(line) > LONGEST_LINE:
        raise CaptureError(f"line is longer than {LONGEST_LINE:,} characters")
    try:
        return read_record(line, names)
    except RecursionError:
        raise CaptureError("line nests too deeply") from None


def _text(moment: datetime) -> str:
    return moment.strftime(TIME_FORMAT)
