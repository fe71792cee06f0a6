"""Silent feeds: sources that delivered far less of a day than of the days before it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from statistics import median
from typing import Any

Account = Mapping[str, Any]
USUAL_DAYS = 7
"""Days before a day that say what is usual: a whole week, so each day of the week counts once."""
LEAST_DAYS = 4
"""Fewer of these days with an account say nothing: a lake that begins has no usual day."""
LEAST_ROWS = 100
"""A usual day of fewer rows says nothing: chance alone could halve it."""


def days_before(day: date) -> list[date]:
    """The days that say what is usual, oldest first."""
    return [day - timedelta(days=number) for number in range(USUAL_DAYS, 0, -1)]


def rows_from(account: Account, source: str) -> int:
    """Rows of a day that came from a source, whatever became of them."""
    return int(account["sources"].get(source, {}).get("read", 0))


def silent_feeds(account: Account, before: Iterable[Account], share: float) -> dict[str, tuple[int, int]]:
    """Sources with less than `share` of their usual rows: rows of the day, and the median of the days before.

    A source that is new has no usual day, and one that was silent for most of a week is silent as usual.

    >>> week = [{"sources": {"stream": {"read": 1_000}}}] * 7
    >>> silent_feeds({"sources": {"stream": {"read": 499}}}, week, 0.5)
    {'stream': (499, 1000)}
    >>> silent_feeds({"sources": {"stream": {"read": 500}}}, week, 0.5)
    {}
    """
    week = list(before)
    if len(week) < LEAST_DAYS:
        return {}
    found = {}
    for source in sorted({name for one in week for name in one["sources"]}):
        usual, rows = int(median(rows_from(one, source) for one in week)), rows_from(account, source)
        if usual >= LEAST_ROWS and rows < share * usual:
            found[source] = (rows, usual)
    return found


def takes_nothing_back(account: Account, published: Account | None) -> bool:
    """Whether every source has at least the rows that were published of the day before: then nothing gets worse."""
    return published is not None and all(
        rows_from(account, source) >= rows_from(published, source) for source in published["sources"]
    )
