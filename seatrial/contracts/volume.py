"""How the monitor's function hands a large window to a job, and what the job hands back: two JSON documents in S3."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

VERSION = 1
REQUEST_FILE, RESULT_FILE = "request.json", "reading.json"


@dataclass(frozen=True, kw_only=True)
class HourFiles:
    """Keys of one hour's capture, of the files of the next hour that can hold its requests, and of its labels."""

    own: tuple[str, ...]
    next_hour: tuple[str, ...] = ()
    new_labels: tuple[str, ...] = ()
    used_labels: tuple[str, ...] = ()
    """Labels of before, whose ids do not count again."""

    @property
    def keys(self) -> tuple[str, ...]:
        """All objects."""
        return (*self.capture, *self.new_labels, *self.used_labels)

    @property
    def capture(self) -> tuple[str, ...]:
        """The objects with captured requests."""
        return (*self.own, *self.next_hour)


@dataclass(frozen=True, kw_only=True)
class SourceReading:
    """What a job must know of a source that is no endpoint (`seatrial.contracts.monitored_source`).

    `pairs` are, by window, inputs of batch transform with their outputs (None where there is none), `columns` those of
    a table, `outcomes` whether predictions and labels count, `reasons` what was not found when files were looked for.
    """

    kind: str
    length_hours: int
    outcomes: bool = True
    columns: Mapping[str, str | None] = field(default_factory=dict)
    pairs: Mapping[str, Sequence[tuple[str, str | None]]] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ReadingRequest:
    """What a job reads: the window itself (`window`, ISO 8601 UTC) and the earlier hours whose labels have come.

    All keys are of `bucket`. With a `share` below 1 only requests whose id falls into it are read. The files of a
    `source` may lie in several buckets: there is no `bucket`, keys begin with theirs, and `share` is that of the files
    which are named.
    Equal requests have equal digests: a rerun finds the job and the reading of before.
    """

    window: str
    bucket: str
    baseline_uri: str
    baseline_digest: str
    hours: Mapping[str, HourFiles]
    share: float = 1.0
    source: SourceReading | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of the document."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @property
    def keys(self) -> tuple[str, ...]:
        """All objects that the job reads, but the baseline."""
        return tuple(key for files in self.hours.values() for key in files.keys)

    def to_json(self) -> str:
        """Serialize."""
        document = {name: value for name, value in asdict(self).items() if name != "source" or value}
        return json.dumps({"version": VERSION, **document}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ReadingRequest":
        """Read what `to_json` wrote; raises `ValueError` for another version."""
        data = _versioned(text)
        hours = {
            hour: HourFiles(**{name: tuple(keys) for name, keys in item.items()})
            for hour, item in data.pop("hours").items()
        }
        source = data.pop("source", None)
        return cls(**data, hours=hours, source=SourceReading(**source) if source else None)


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """A request as it was first made, which is kept until its result is judged: more files may come meanwhile.

    `size` is the number of bytes to read, `labels` all ground truth objects that there were, by hour.
    """

    request: ReadingRequest
    size: int
    labels: Mapping[str, list[str]]

    def to_json(self) -> str:
        """Serialize."""
        return json.dumps({"request": self.request.to_json(), "size": self.size, "labels": dict(self.labels)})

    @classmethod
    def from_json(cls, text: str) -> "HandOver":
        """Read what `to_json` wrote; raises `ValueError` for another version."""
        data = json.loads(text)
        request = ReadingRequest.from_json(data["request"])
        return cls(request=request, size=data["size"], labels=data["labels"])


@dataclass(frozen=True, kw_only=True)
class ReadingResult:
    """What a job read: the window's summary, and of every hour with labels what they belong to.

    `summary` is the JSON text of a `WindowSummary`, `matched` the JSON form of `Matched` by hour, `labels` the number
    of new labels by hour; `form` is the job's (processing or spark).
    """

    request_digest: str
    form: str
    summary: str
    matched: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    quarantine: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Serialize; equal results give equal bytes."""
        return json.dumps({"version": VERSION, **asdict(self)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ReadingResult":
        """Read what `to_json` wrote; raises `ValueError` for another version."""
        data = _versioned(text)
        data["quarantine"] = tuple(data["quarantine"])
        return cls(**data)


def _versioned(text: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(text)
    if data.pop("version", None) != VERSION:
        raise ValueError(f"reading of a large window: version must be {VERSION}; deploy job and function together")
    return data
