"""One window as read: its rows counted, its labelled predictions, and how much of it could be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seatrial.contracts.monitored_source import LENGTHS
from seatrial.statistics.monitor import Labelled
from seatrial.statistics.window import WindowSummary

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Rejected:
    """A line that cannot be used: in which file, which line (from 1), and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class WindowData:
    """What is judged together, as it was counted; `start` is None for rows that carry no time.

    `unmatched` counts labels for which no prediction was found, `reasons` lines that could not be used, the first of
    which are `rejected`.
    """

    start: datetime | None
    summary: WindowSummary
    length: timedelta = HOUR
    labelled: Labelled = field(default_factory=Labelled)
    unmatched: int = 0
    files: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()

    @property
    def unreadable(self) -> int:
        """Lines that could not be used."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class Period:
    """From the first window to before the second time, UTC; None stands for the data's own end.

    `length` is that of the windows: an hour, or a day.
    """

    start: datetime | None = None
    end: datetime | None = None
    length: timedelta = HOUR

    def floor(self, moment: datetime) -> datetime:
        """Beginning of the window in which a moment (UTC) lies."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        return hour if self.length == HOUR else hour.replace(hour=0)

    def holds(self, hour: datetime) -> bool:
        """Whether the window that begins then is to be judged."""
        return (self.start is None or hour >= self.start) and (self.end is None or hour < self.end)

    def hours(self, found: Sequence[datetime]) -> list[datetime]:
        """All windows of the period, also those in which nothing was found; without bounds from the first to the last.

        >>> from datetime import UTC
        >>> first = datetime(2026, 11, 1, 7, tzinfo=UTC)
        >>> len(Period().hours([first, first + 3 * HOUR])), Period(first, first + 2 * HOUR).hours([])[1].hour
        (4, 8)
        """
        if not found and (self.start is None or self.end is None):
            return []
        start = self.start or min(found)
        end = self.end or max(found) + self.length
        return [start + self.length * index for index in range((end - start) // self.length)]

    def with_next_hour(self) -> "Period":
        """The period and the hour after it, in whose folder late requests of the last hour may lie."""
        return Period(self.start, None if self.end is None else self.end + HOUR)


def window_length(name: str) -> timedelta:
    """Length of a window that is called `hour` or `day`.

    >>> window_length("day") / HOUR
    24.0
    """
    return LENGTHS[name]


def hour_number(start: datetime | None) -> int | None:
    """The hour since 1970 (UTC) that begins then, as the statistics count time.

    >>> hour_number(None)
    """
    return None if start is None else int(start.timestamp()) // 3600
