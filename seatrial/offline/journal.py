"""What happened in the offline cloud, in order: the raw material of the rehearsal's report."""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.offline.clock import Clock


class Journal:
    """Append-only list of entries, kept in memory and as JSON Lines in the run folder.

    An entry is `{"time": cloud time (ISO 8601), "elapsed": real seconds since the start, "kind": str, ...}`.
    Kinds: "stack", "function", "event", "alarm", "schedule", "execution", "step", "job", "endpoint",
    "package", "state_machine", "fidelity", "fault".
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._entries: list[dict[str, Any]] = []
        self._spans: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._clock = clock
        self._started = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def record(self, kind: str, **fields: Any) -> None:
        """Append one entry; values must be JSON-ready or have a readable `str`."""
        elapsed = round(time.monotonic() - self._started, 3)
        entry = {"time": self._clock.now().isoformat(), "elapsed": elapsed, "kind": kind, **fields}
        with self._lock:
            if self._file.closed:
                return
            self._entries.append(entry)
            self._file.write(json.dumps(entry, default=str) + "\n")
            self._file.flush()

    def fidelity(self, subject: str, how: str, detail: str) -> None:
        """Note how something ran: `how` is "aws-code", "real", "emulated", "not-proven" or "version"."""
        if not any(e.get("subject") == subject and e.get("detail") == detail for e in self.entries("fidelity")):
            self.record("fidelity", subject=subject, how=how, detail=detail)

    def entries(self, kind: str | None = None) -> list[dict[str, Any]]:
        """All entries so far, or those of one kind, oldest first."""
        with self._lock:
            return [entry for entry in self._entries if kind is None or entry["kind"] == kind]

    @contextmanager
    def working(self, kind: str) -> Iterator[None]:
        """Note that the cloud waits for a process of the user's own meanwhile: too short and too often for entries."""
        began = time.monotonic()
        try:
            yield
        finally:
            span = (began - self._started, time.monotonic() - self._started)
            with self._lock:
                self._spans[kind].append(span)

    def spans(self, kind: str) -> list[tuple[float, float]]:
        """When such processes worked: real seconds since the start, from and to."""
        with self._lock:
            return list(self._spans[kind])

    def close(self) -> None:
        """Close the file; later records are dropped."""
        with self._lock:
            self._file.close()
