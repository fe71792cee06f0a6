"""The online store of a feature group: the newest record of each identifier, until it expires."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Stored:
    """A record as text by feature; a record that was deleted softly has no features and keeps its event time."""

    event_time: datetime
    features: dict[str, str] = field(default_factory=dict)
    expires: datetime | None = None
    is_deleted: bool = False


class OnlineStore:
    """Records by identifier; an older event time never replaces a newer one."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._records: dict[str, Stored] = {}
        self._lock = threading.Lock()

    def put(self, identifier: str, record: Stored) -> bool:
        """Keep a record; False when it is older than what is there, or has expired already."""
        with self._lock:
            present = self._live(identifier)
            if present is not None and record.event_time < present.event_time:
                return False
            if record.expires is not None and record.expires <= self._now():
                return False
            self._records[identifier] = record
            return True

    def get(self, identifier: str) -> Stored | None:
        """The record of an identifier, None when it is absent, deleted or expired."""
        with self._lock:
            found = self._live(identifier)
            return None if found is None or found.is_deleted else found

    def delete(self, identifier: str, event_time: datetime, *, hard: bool) -> bool:
        """Delete a record; False when a newer one is there."""
        with self._lock:
            present = self._live(identifier)
            if present is not None and event_time < present.event_time:
                return False
            if hard:
                self._records.pop(identifier, None)
            else:
                expires = present.expires if present else None
                self._records[identifier] = Stored(event_time, expires=expires, is_deleted=True)
            return True

    def size(self) -> int:
        """About how many bytes the live records take."""
        with self._lock:
            records = [found for identifier in list(self._records) if (found := self._live(identifier))]
        return sum(len(name) + len(value) for record in records for name, value in record.features.items())

    def _live(self, identifier: str) -> Stored | None:
        found = self._records.get(identifier)
        if found is not None and found.expires is not None and found.expires <= self._now():
            del self._records[identifier]
            return None
        return found
