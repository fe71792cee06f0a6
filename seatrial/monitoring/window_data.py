"""One window as read: its rows, predictions and labels, and how much of it could be read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Rejected:
    """A line that cannot be used: in which file, which line (from 1), and why."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class WindowData:
    """What is judged together; rows are texts in the order of the model's inputs.

    `start` is None for rows that carry no time. `labels` belong to `labelled_predictions`, one each; `unmatched`
    counts labels for which no prediction was found.
    """

    start: datetime | None
    rows: Sequence[Sequence[str]]
    predictions: Sequence[float] = ()
    labelled_predictions: Sequence[float] = ()
    labels: Sequence[int] = ()
    unmatched: int = 0
    files: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    """The first of the lines that `reasons` counts."""

    @property
    def unreadable(self) -> int:
        """Lines that could not be used."""
        return sum(self.reasons.values())


@dataclass(frozen=True)
class Period:
    """From the first hour to before the second, UTC; None stands for the data's own end."""

    start: datetime | None = None
    end: datetime | None = None

    def holds(self, hour: datetime) -> bool:
        """Whether the hour that begins then is to be judged."""
        return (self.start is None or hour >= self.start) and (self.end is None or hour < self.end)

    def hours(self, found: Sequence[datetime]) -> list[datetime]:
        """All hours of the period, with those in which nothing was found; without bounds from the first to the last.

        >>> from datetime import UTC
        >>> first = datetime(2026, 11, 1, 7, tzinfo=UTC)
        >>> len(Period().hours([first, first + 3 * HOUR])), Period(first, first + 2 * HOUR).hours([])[1].hour
        (4, 8)
        """
        if not found and (self.start is None or self.end is None):
            return []
        start = self.start or min(found)
        end = self.end or max(found) + HOUR
        return [start + HOUR * index for index in range((end - start) // HOUR)]
