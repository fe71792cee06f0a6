"""One month of one block as call detail records: a table in order of arrival, cut by the day of arrival."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa

from seatrial.contracts.cdr import LATE_AFTER
from seatrial.telecom.arrivals import BAD_REASONS, Arrivals, deliver
from seatrial.telecom.distributions import Integers
from seatrial.telecom.lifecycle import NEVER, Month
from seatrial.telecom.names import event_ids, partner_ids, subscriber_ids
from seatrial.telecom.spec import CELLS_PER_REGION
from seatrial.telecom.usage import KINDS, Records, cell_names, draw_records, order_of

MOMENT = pa.timestamp("us", tz="UTC")
EVENT_SCHEMA = pa.schema(
    [
        ("event_id", pa.string()),
        ("subscriber_id", pa.string()),
        ("started_at", MOMENT),
        ("received_at", MOMENT),
        ("kind", pa.string()),
        ("duration_seconds", pa.float64()),
        ("data_mb", pa.float64()),
        ("partner_id", pa.string()),
        ("cell_id", pa.string()),
        ("dropped", pa.int32()),
    ]
)
"""`contracts.cdr.CDR` in Arrow's types."""
ENCODED = ("subscriber_id", "kind", "cell_id")
"""Columns that come as dictionaries, which is how Parquet will store them."""
DAY_MICROSECONDS = 86_400_000_000
AHEAD = 2 * 3_600_000_000
"""Microseconds by which an event from the future claims to start after it was received."""
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class MonthOfEvents:
    """Events of a block's month with what is known about them."""

    table: pa.Table
    """In order of arrival; columns as in `EVENT_SCHEMA`, those in `ENCODED` as dictionaries."""
    days: dict[date, slice]
    """Rows that arrived on each day (UTC)."""
    faults: Counter[str]
    """Events that were spoilt, by fault."""
    late: int
    """Usable events that arrived later than `LATE_AFTER`."""
    usable: dict[date, int]
    """Distinct events that a reader should use, by the day on which they began (UTC)."""

    def day(self, day: date) -> pa.Table:
        """The rows that arrived on a day."""
        rows = self.days[day]
        return self.table.slice(rows.start, rows.stop - rows.start)


def draw_events(month: Month) -> MonthOfEvents:
    """Draw the events of a month and deliver them."""
    records = _of_subscribers(month)
    arrivals = deliver(month.source.generator("arrivals"), records.started_at, month.source.plan.faults)
    order = order_of(arrivals.received_at)
    received = arrivals.received_at[order]
    usable = records.started_at[arrivals.event[~arrivals.wrong_for_good]]
    lateness = arrivals.received_at - records.started_at[arrivals.event]
    late = (lateness > LATE_AFTER.total_seconds() * 1_000_000) & ~arrivals.wrong_for_good
    return MonthOfEvents(
        table=_table(month, records, arrivals, order),
        days=_days(received),
        faults=arrivals.counts,
        late=int(late.sum()),
        usable=_rows_by_day(usable),
    )


def _of_subscribers(month: Month) -> Records:
    """Usage of who is there: until he leaves, and after a move in his new region."""
    people = replace(month.people, calls=month.people.calls * month.present)
    habits = replace(month.habits, sessions=month.habits.sessions * month.present)
    records = draw_records(month.source, people, habits)
    start = month.source.start_microseconds()
    if (month.leaves_on < month.source.days).any():
        end = _moments(start, month.leaves_on)
        records = records.take(np.flatnonzero(records.started_at < end[records.owner]))
    moved = month.people.region != month.after.region
    index = np.flatnonzero(moved[records.owner])
    index = index[records.started_at[index] >= _moments(start, month.changes_on)[records.owner[index]]]
    records.cell[index] = month.after.region[records.owner[index]] * CELLS_PER_REGION + (
        records.cell[index] % CELLS_PER_REGION
    )
    return records


def _moments(start: int, days: np.ndarray) -> Integers:
    """Microseconds since 1970 of days after a start; never is the far future."""
    return start + (np.where(days == NEVER, 1e6, days) * DAY_MICROSECONDS).astype(np.int64)


def _table(month: Month, records: Records, arrivals: Arrivals, order: Integers) -> pa.Table:
    event, bad = arrivals.event[order], arrivals.bad[order]
    block, received = month.source.block, arrivals.received_at[order]
    owner, kind, cell = records.owner[event], records.kind[event], records.cell[event]

    def broken(reason: str) -> np.ndarray:
        return bad == BAD_REASONS.index(reason)

    started = np.where(broken("future"), received + AHEAD, records.started_at[event])
    names = subscriber_ids(block, month.people.position)
    return pa.table(
        {
            "event_id": event_ids(block, month.source.month, event),
            "subscriber_id": encoded(owner, names, broken("subscriber_id_missing")),
            "started_at": pa.array(started, mask=broken("started_at_missing")).cast(MOMENT),
            "received_at": pa.array(received).cast(MOMENT),
            "kind": encoded(np.where(broken("kind_invalid"), len(KINDS), kind), pa.array([*KINDS, "fax"])),
            "duration_seconds": np.where(broken("duration_seconds_range"), -1.0, records.duration_seconds[event]),
            "data_mb": np.where(broken("data_mb_range"), -1.0, records.data_mb[event]),
            "partner_id": partner_ids(block, month.occupied, records.partner[event]),
            "cell_id": encoded(cell, pa.array(cell_names()), broken("cell_id_missing")),
            "dropped": np.where(broken("dropped_range"), 2, records.dropped[event]).astype(np.int32),
        }
    )


def encoded(index: np.ndarray, names: pa.Array, missing: np.ndarray | None = None) -> pa.DictionaryArray:
    """Names by their indexes, as Parquet will store them; null where missing."""
    return pa.DictionaryArray.from_arrays(pa.array(index.astype(np.int32), mask=missing), names)


def _days(received: Integers) -> dict[date, slice]:
    """Where each day of arrival begins and ends; `received` is in order."""
    if not len(received):
        return {}
    first, last = int(received[0] // DAY_MICROSECONDS), int(received[-1] // DAY_MICROSECONDS)
    limits = np.searchsorted(received, np.arange(first, last + 2) * DAY_MICROSECONDS)
    return {
        _EPOCH + timedelta(days=first + number): slice(int(start), int(stop))
        for number, (start, stop) in enumerate(pairwise(limits))
        if stop > start
    }


def _rows_by_day(moments: Integers) -> dict[date, int]:
    if not len(moments):
        return {}
    day = moments // DAY_MICROSECONDS
    first = int(day.min())
    counts = np.bincount(day - first)
    return {_EPOCH + timedelta(days=first + n): int(count) for n, count in enumerate(counts) if count}
