"""What events change in the KPIs of their windows: each event once, whatever was delivered how often and when."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from seatrial.contracts.cdr import REACH, from_the_future, is_late
from seatrial.contracts.network_kpi import SUMS, Totals
from seatrial.decisions.settings import parse_settings

FINGERPRINT_BYTES = 8
"""Of an event's id: among the 30,000 events of the fullest window, two agree by chance with probability 2e-11."""
MOST_EVENTS = 30_000
"""Fingerprints that fit into one item of DynamoDB (400 KB), with their overhead."""
_KINDS = {"voice": "calls", "sms": "sms", "data": "data_sessions"}


class FullWindowError(ValueError):
    """A window has more events than its item can tell apart."""


@dataclass(frozen=True, kw_only=True)
class KpiSettings:
    """What an engagement sets about the KPIs."""

    window_minutes: int = 15
    retention_days: int = 14

    @classmethod
    def from_json(cls, text: str) -> "KpiSettings":
        """Read the environment variable; raises `SettingsError`.

        >>> KpiSettings.from_json('{"window_minutes": 5}').retention_days
        14
        """
        return parse_settings(cls, text, "kpi")


@dataclass(frozen=True)
class Change:
    """What to add to one window: fingerprints of new events and their totals; `duplicates` were there already."""

    fingerprints: tuple[bytes, ...]
    totals: Totals
    duplicates: int


def fingerprint(event_id: str) -> bytes:
    """By what an event is recognized.

    >>> fingerprint("e1") == fingerprint("e1") != fingerprint("e2")
    True
    """
    return hashlib.sha256(event_id.encode()).digest()[:FINGERPRINT_BYTES]


def objection(started_at: datetime, received_at: datetime) -> str | None:
    """Why an event that keeps the contract is not counted all the same, in the words of the batch's quarantine."""
    if from_the_future(started_at, received_at):
        return "future"
    return "too_late" if received_at - started_at > REACH else None


def fold(events: Iterable[Mapping[str, Any]], seen: Collection[bytes]) -> Change:
    """Sum the events that the window has not seen; the first of several with one id counts.

    Sums are exact decimals, so no order of arrival changes them. Raises `FullWindowError`.
    """
    known, totals, duplicates = set(seen), dict[str, Decimal](), 0
    new: list[bytes] = []
    for event in events:
        mark = fingerprint(event["event_id"])
        if mark in known:
            duplicates += 1
            continue
        known.add(mark)
        new.append(mark)
        for name, value in _contributions(event).items():
            totals[name] = totals.get(name, Decimal()) + value
    if len(known) > MOST_EVENTS:
        raise FullWindowError(
            f"{len(known)} events are more than a window can hold ({MOST_EVENTS}): shorten the windows"
        )
    return Change(tuple(new), totals, duplicates)


def _contributions(event: Mapping[str, Any]) -> Totals:
    late = is_late(event["started_at"], event["received_at"])
    voice = event["kind"] == "voice"
    counts = {
        "events": 1,
        _KINDS[event["kind"]]: 1,
        "dropped_calls": int(event["dropped"]) if voice else 0,
        "late_events": int(late),
    }
    # Six digits: microseconds and bytes; DynamoDB takes numbers of 38 digits and refuses longer sums.
    sums = {name: round(Decimal(repr(event[name])), 6) for name in SUMS}
    return {name: value for name, value in ({k: Decimal(v) for k, v in counts.items()} | sums).items() if value}
