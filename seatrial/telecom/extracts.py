"""What an operator's other systems deliver: extracts of CRM, billing, care and labels, cut by the day of delivery.

Nothing in an extract is younger than its day, so a reader who stops at a day sees what was known on it.
"""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from seatrial.telecom.distributions import Integers
from seatrial.telecom.events import DAY_MICROSECONDS, MOMENT
from seatrial.telecom.lifecycle import NEVER, Month
from seatrial.telecom.names import subscriber_ids
from seatrial.telecom.plan import Plan
from seatrial.telecom.population import AGES, CONTRACTS, DEVICES, PLANS, REGIONS, Population
from seatrial.telecom.spec import MONTH_DAYS
from seatrial.telecom.tables import CARE_CATEGORIES, REPORTING_DAYS, invoice_amounts
from seatrial.telecom.usage import network_kpi

EXTRACTS = ("crm", "billing", "care", "labels")
ACTIVE, LEFT = "active", "left"
CRM_SCHEMA = pa.schema(
    [
        ("subscriber_id", pa.string()),
        ("changed_at", MOMENT),
        ("status", pa.string()),
        ("tenure_months", pa.int32()),
        ("plan_type", pa.string()),
        ("contract", pa.string()),
        ("region", pa.string()),
        ("age_band", pa.string()),
        ("device_tier", pa.string()),
        ("autopay", pa.int32()),
    ]
)
"""A row is the whole state of a subscriber from `changed_at` on: the source of a slowly changing dimension."""
LABEL_SCHEMA = pa.schema(
    [("subscriber_id", pa.string()), ("as_of", pa.date32()), ("churned", pa.int32()), ("known_at", MOMENT)]
)
"""Whether who was a subscriber at the end of the day before `as_of` left within 30 days."""

Extracts = dict[str, dict[date, pa.Table]]


def extracts(month: Month) -> Extracts:
    """The month's extracts of one block, by table and day of delivery."""
    ids = subscriber_ids(month.source.block, month.people.position)
    tables = {
        "crm": _crm(month, ids),
        "billing": _billing(month, ids),
        "care": _care(month, ids),
        "labels": _labels(month, ids),
    }
    return {name: _by_day(table, moments) for name, (table, moments) in tables.items()}


def network_extracts(plan: Plan, month: int) -> dict[date, pa.Table]:
    """A month's daily measurements of all cells, by day."""
    table = network_kpi(plan.operator_month(month))
    moments = table["day"].combine_chunks().cast(pa.int32()).to_numpy().astype(np.int64) * DAY_MICROSECONDS
    return _by_day(table, moments)


def _crm(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """Everybody on the first day; then who changes something, and who leaves, at the moment when he does."""
    start, days = month.source.start_microseconds(), month.source.days
    everybody = np.arange(len(ids)) if month.source.month == 0 else np.zeros(0, dtype=np.int64)
    changing = np.flatnonzero(month.present & (month.changes_on < np.minimum(days, month.leaves_on)))
    leaving = np.flatnonzero(month.present & (month.leaves_on < days))
    parts = [
        _states(ids, month.people, everybody, np.full(len(everybody), start), ACTIVE),
        _states(ids, month.after, changing, _moments(start, month.changes_on[changing]), ACTIVE),
        _leavers(month, ids, leaving, start),
    ]
    table = pa.concat_tables(parts)
    return table, table["changed_at"].combine_chunks().cast(pa.int64()).to_numpy()


def _leavers(month: Month, ids: pa.Array, leaving: Integers, start: int) -> pa.Table:
    """State of who leaves: with this month's change if it came before."""
    changed = month.changes_on[leaving] < month.leaves_on[leaving]
    moments = _moments(start, month.leaves_on[leaving])
    parts = [
        _states(ids, people, leaving[chosen], moments[chosen], LEFT)
        for people, chosen in ((month.after, changed), (month.people, ~changed))
    ]
    return pa.concat_tables(parts)


def _states(ids: pa.Array, people: Population, index: Integers, moments: Integers, status: str) -> pa.Table:
    """Rows of the CRM for the subscribers at these indexes."""

    def category(names: tuple[str, ...], values: Integers) -> pa.Array:
        return pa.array(names).take(pa.array(values[index]))

    columns = [
        ids.take(pa.array(index)),
        pa.array(moments.astype(np.int64)).cast(MOMENT),
        pa.array([status], pa.string()).take(pa.array(np.zeros(len(index), dtype=np.int64))),
        pa.array(people.tenure_months[index].astype(np.int32)),
        category(PLANS, people.plan),
        category(CONTRACTS, people.contract),
        category(REGIONS, people.region),
        category(AGES, people.age),
        category(DEVICES, people.device),
        pa.array(people.autopay[index].astype(np.int32)),
    ]
    return pa.Table.from_arrays(columns, schema=CRM_SCHEMA)


def _billing(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """One invoice on the month's last day for who is still there."""
    index = np.flatnonzero(month.present & (month.leaves_on >= month.source.days))
    rng, people = month.source.generator("billing"), month.people.take(index)
    name = f"{month.source.start_time():%Y-%m-%d}"
    table = pa.table(
        {
            "subscriber_id": ids.take(pa.array(index)),
            "period_start": pa.array([month.source.start_time().date()] * len(index), pa.date32()),
            "invoice_month": pa.array([name[:7]] * len(index), pa.string()),
            "amount": invoice_amounts(rng, people.plan, people.data_mb),
            "overdue_days": pa.array(people.overdue_days, pa.int32()),
        }
    )
    last_day = month.source.start_microseconds() + (month.source.days - 1) * DAY_MICROSECONDS
    return table, np.full(len(index), last_day)


def _care(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """Contacts with care at random moments of the month, until the subscriber leaves."""
    rng, categories = month.source.generator("care"), len(CARE_CATEGORIES)
    contacts = np.where(month.present[:, None], month.people.care_contacts, 0).ravel()
    event = np.repeat(np.arange(len(contacts)), rng.binomial(contacts, month.source.days / MONTH_DAYS))
    day = rng.uniform(0, month.source.days, len(event))
    kept = np.flatnonzero(day < month.leaves_on[event // categories])
    kept = kept[np.argsort(day[kept], kind="stable")]
    moments = _moments(month.source.start_microseconds(), day[kept])
    table = pa.table(
        {
            "subscriber_id": ids.take(pa.array(event[kept] // categories)),
            "opened_at": pa.array(moments).cast(MOMENT),
            "category": pa.array(CARE_CATEGORIES).take(pa.array(event[kept] % categories)),
        }
    )
    return table, moments


def _labels(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """Labels about the 30 days after the month; all are delivered on the day on which the last became known.

    Who had decided to leave before the month's end and has not left yet is in no label set: he has given notice.
    """
    index = np.flatnonzero(month.stayed)
    end = month.source.start_microseconds() + month.source.days * DAY_MICROSECONDS
    leaving = month.leaves_next[index]
    days = REPORTING_DAYS + np.where(leaving == NEVER, MONTH_DAYS, np.ceil(np.minimum(leaving, MONTH_DAYS)))
    as_of = month.source.start_time().date() + timedelta(days=month.source.days)
    columns = [
        ids.take(pa.array(index)),
        pa.array([as_of] * len(index), pa.date32()),
        pa.array(month.people.churned[index].astype(np.int32)),
        pa.array(end + days.astype(np.int64) * DAY_MICROSECONDS).cast(MOMENT),
    ]
    delivery = end + (REPORTING_DAYS + MONTH_DAYS) * DAY_MICROSECONDS
    return pa.Table.from_arrays(columns, schema=LABEL_SCHEMA), np.full(len(index), delivery)


def _moments(start: int, days: np.ndarray) -> Integers:
    return start + (days * DAY_MICROSECONDS).astype(np.int64)


def _by_day(table: pa.Table, moments: Integers) -> dict[date, pa.Table]:
    """The rows of each day (UTC), in their order."""
    day = moments // DAY_MICROSECONDS
    order = np.argsort(day, kind="stable")
    found, starts = np.unique(day[order], return_index=True)
    ordered = table.take(pa.array(order))
    stops = [*starts[1:], len(day)]
    return {
        date(1970, 1, 1) + timedelta(days=int(number)): ordered.slice(start, stop - start)
        for number, start, stop in zip(found.tolist(), starts.tolist(), stops, strict=True)
    }
