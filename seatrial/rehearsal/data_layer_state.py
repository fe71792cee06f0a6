"""What the stages of the data layer's rehearsal share: the operator that was generated, its counts, the evidence."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from seatrial.contracts.cdr import REACH
from seatrial.contracts.churn_features import WINDOW_DAYS
from seatrial.rehearsal.data_layer_reconcile import Check, Line


@dataclass(frozen=True)
class Rate:
    """Rows that a step of the data layer moved, and the real seconds that it took."""

    name: str
    rows: int
    seconds: float


@dataclass
class DataLayer:
    """State of one rehearsal's data layer; stages fill it from top to bottom."""

    folder: Path
    """Where the generated files lie: the folder of one data set."""
    dataset: str
    first_day: date
    days: int
    generated: dict[str, Any] = field(default_factory=dict)
    """The generator's own account (`_generated.json`)."""
    cells: tuple[str, ...] = ()
    """Cells whose events of the last day, and all that come later, arrive by stream."""
    streamed: int = 0
    """Events put into the stream, those through IoT included."""
    published: int = 0
    """Of these, events that devices published."""
    poisoned: int = 0
    """Records put into the stream that no reader can read."""
    landed: dict[str, int] = field(default_factory=dict)
    """Rows in files of the raw zone by source."""
    stream_errors: int = 0
    """Records that Firehose could not convert and kept apart."""
    consumed: dict[str, int] = field(default_factory=dict)
    """The KPI consumer's counts, by metric."""
    lines: list[Line] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    rates: list[Rate] = field(default_factory=list)
    stream_start: datetime | None = None

    @property
    def last_day(self) -> date:
        """The last day on which events begin."""
        return self.first_day + timedelta(days=self.days - 1)

    @property
    def as_of(self) -> date:
        """The day of the features: what happened before it counts."""
        return self.last_day + timedelta(days=1)

    @property
    def last_arrival(self) -> date:
        """The last day on which something arrived."""
        arrivals = self.generated["events"]["rows_by_arrival"]
        return max(date.fromisoformat(day) for day in arrivals)

    @property
    def flow_start(self) -> date:
        """Where curation begins: features look back on a whole window, also where there is nothing yet."""
        return min(self.first_day, self.as_of - timedelta(days=WINDOW_DAYS))

    @property
    def curated_days(self) -> list[date]:
        """Every day to which a raw row may belong, in order."""
        first = self.flow_start - REACH
        return [first + timedelta(days=number) for number in range((self.last_arrival - first).days + 1)]
