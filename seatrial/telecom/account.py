"""What was generated, counted: readers of the data can be held to these numbers."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from seatrial.telecom.events import MonthOfEvents
from seatrial.telecom.lifecycle import Month
from seatrial.telecom.odds import Odds
from seatrial.telecom.plan import Plan

VERSION = 1


@dataclass
class Account:
    """What was written: adds up over tasks, in any order."""

    rows: Counter[str] = field(default_factory=Counter)
    """Rows by table; "events" are deliveries."""
    arrived: Counter[date] = field(default_factory=Counter)
    """Deliveries of events by day of arrival."""
    usable: Counter[date] = field(default_factory=Counter)
    """Distinct events that a reader should use, by the day on which they began."""
    faults: Counter[str] = field(default_factory=Counter)
    late: int = 0
    """Usable events that came later than `contracts.cdr.LATE_AFTER`."""
    files: int = 0
    odds: dict[date, Odds] = field(default_factory=dict)
    """True probabilities of the labels, by as_of: what the best model could know."""

    def add(self, other: "Account") -> None:
        """Take over what another task did."""
        for name in ("rows", "arrived", "usable", "faults"):
            getattr(self, name).update(getattr(other, name))
        self.late += other.late
        self.files += other.files
        for day, odds in other.odds.items():
            self.odds.setdefault(day, Odds()).add(odds)

    def add_events(self, drawn: MonthOfEvents) -> None:
        """Count the events of one block's month."""
        self.rows["events"] += drawn.table.num_rows
        self.arrived.update({day: rows.stop - rows.start for day, rows in drawn.days.items()})
        self.usable.update(drawn.usable)
        self.faults.update(drawn.faults)
        self.late += drawn.late

    def add_labels(self, month: Month) -> None:
        """Note the true probabilities behind the labels of one block's month."""
        odds = Odds.of(month.people.probability[month.stayed], month.people.churned[month.stayed])
        as_of = month.source.plan.day(month.source.first_day + month.source.days)
        self.odds.setdefault(as_of, Odds()).add(odds)

    def to_dict(self, plan: Plan) -> dict[str, Any]:
        """The content of `_generated.json`: the plan, rows, days, faults and labels; equal for equal plans."""
        specification = {**asdict(plan), "start": plan.start.isoformat()}
        events = {
            "rows": self.rows["events"],
            "distinct": self.rows["events"] - self.faults["duplicates"],
            "usable": self.usable.total(),
            "usable_late": self.late,
            "faults": dict(sorted(self.faults.items())),
            "rows_by_arrival": _by_date(self.arrived),
            "usable_by_start": _by_date(self.usable),
        }
        labels = {
            day.isoformat(): {"labels": odds.labels, "churners": odds.churners, "bayes_auc": _rounded(odds)}
            for day, odds in sorted(self.odds.items())
        }
        rows = dict(sorted(self.rows.items()))
        return {
            "version": VERSION,
            "plan": specification,
            "rows": rows,
            "files": self.files,
            "events": events,
            "labels": labels,
        }


def _by_date(counts: Counter[date]) -> dict[str, int]:
    return {day.isoformat(): count for day, count in sorted(counts.items())}


def _rounded(odds: Odds) -> float | None:
    """Rounded so that the order in which tasks ended does not show; None when nobody has a label."""
    return round(odds.bayes_auc(), 6) if odds.labels > 1 else None
