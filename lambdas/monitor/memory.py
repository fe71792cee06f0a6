"""What the monitor remembers from window to window, and how it is packed into one item."""

import base64
import json
import zlib
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from seatrial.decisions.alerting import Incident


class BaselineChangedError(ValueError):
    """The champion's baseline is not the file that was read before."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """State of the monitor after a window; `statistics` is the JSON of `MonitorState`, None when it starts afresh.

    `since` is the first hour whose predictions all come from this model package; `used_labels` maps an hour to the
    ground truth objects already used; `faulty_hours` are those whose rows violated the schema.
    """

    package_arn: str
    baseline_digest: str
    since: str
    last_window: str | None = None
    statistics: str | None = None
    incidents: tuple[Incident, ...] = ()
    used_labels: dict[str, list[str]] = field(default_factory=dict)
    faulty_hours: tuple[str, ...] = ()
    labelled_before: bool = False
    """Labels have come before: their absence is news."""
    waiting_since: str | None = None
    """The first hour with requests after the newest one whose labels have come."""
    files: dict[str, list[int]] = field(default_factory=dict)
    """Number and checksum of the capture files by window, of windows that late files can still change."""
    committed: str | None = None
    """The window whose result was written last: it may not have been told yet."""
    replaced: bool = False
    """The model was replaced during the window at hand: part of its predictions come from the predecessor."""

    @classmethod
    def recall(cls, memory: "Memory | None", window: str, package_arn: str, digest: str) -> "Memory":
        """The memory with which a window is judged: a newly promoted model starts afresh."""
        if memory is None:
            return cls(package_arn=package_arn, baseline_digest=digest, since=window)
        if memory.package_arn != package_arn:
            return cls(
                package_arn=package_arn,
                baseline_digest=digest,
                since=window,
                last_window=memory.last_window,
                incidents=memory.incidents,
                used_labels=memory.used_labels,
                labelled_before=memory.labelled_before,
                waiting_since=memory.waiting_since,
                files=memory.files,
                replaced=True,
            )
        if memory.baseline_digest != digest:
            raise BaselineChangedError(f"{package_arn}: its baseline has been changed since it was first read")
        return replace(memory, replaced=False)

    def pack(self) -> str:
        """Compressed text."""
        return base64.b85encode(zlib.compress(json.dumps(asdict(self), sort_keys=True).encode(), 9)).decode()

    @classmethod
    def unpack(cls, text: str) -> "Memory":
        """Read what `pack` wrote."""
        data: dict[str, Any] = json.loads(zlib.decompress(base64.b85decode(text)))
        data["incidents"] = tuple(Incident(**incident) for incident in data["incidents"])
        data["faulty_hours"] = tuple(data["faulty_hours"])
        return cls(**data)
