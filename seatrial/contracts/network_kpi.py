"""Network KPIs of a cell in one window of time: what is counted, under which key, and as which features."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

COUNTS = ("events", "calls", "dropped_calls", "sms", "data_sessions", "late_events")
SUMS = ("duration_seconds", "data_mb")
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
Totals = dict[str, Decimal]


@dataclass(frozen=True, order=True)
class Window:
    """One cell from `start` on (UTC)."""

    cell_id: str
    start: datetime

    @property
    def partition_key(self) -> str:
        """`pk` of the window's item.

        >>> Window("north-001", datetime(2026, 6, 1, 12, 15, tzinfo=UTC)).partition_key
        'cell#north-001'
        """
        return f"cell#{self.cell_id}"

    @property
    def sort_key(self) -> str:
        """`sk` of the window's item.

        >>> Window("north-001", datetime(2026, 6, 1, 12, 15, tzinfo=UTC)).sort_key
        'window#2026-06-01T12:15:00Z'
        """
        return f"window#{self.start:{TIME_FORMAT}}"


def window_of(cell_id: str, moment: datetime, minutes: int) -> Window:
    """The window in which a moment lies; windows begin at midnight UTC.

    >>> window_of("c", datetime(2026, 6, 1, 12, 29, 59, tzinfo=UTC), 15).start.minute
    15
    """
    moment = moment.astimezone(UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    length = timedelta(minutes=minutes)
    return Window(cell_id, midnight + (moment - midnight) // length * length)


FEATURE_TYPES = {
    "cell_id": "String",
    "event_time": "String",
    **dict.fromkeys(COUNTS, "Integral"),
    **dict.fromkeys(SUMS, "Fractional"),
    "drop_rate": "Fractional",
}
"""Features of the group `network-kpi` and their types in SageMaker Feature Store."""


def features(window: Window, totals: Totals) -> dict[str, str]:
    """One record of the feature group: a window's totals, with its start as the event time.

    >>> features(Window("c", datetime(2026, 6, 1, tzinfo=UTC)), {"calls": Decimal(8), "dropped_calls": Decimal(2)})[
    ...     "drop_rate"
    ... ]
    '0.25'
    """
    values = {name: totals.get(name, Decimal()) for name in (*COUNTS, *SUMS)}
    calls = values["calls"]
    rate = values["dropped_calls"] / calls if calls else Decimal()
    texts = {name: f"{value.normalize():f}" for name, value in values.items()}
    return {"cell_id": window.cell_id, "event_time": f"{window.start:{TIME_FORMAT}}", **texts, "drop_rate": f"{rate:f}"}
