"""What an operator's other systems deliver: extracts of CRM, billing, care and labels, cut by the day of delivery.

Nothing in an extract is younger than its day, so a reader who stops at a day sees what was known on it.
"""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from seatrial.telecom.distributions import Integers
from seatrial.telecom.events import DAY_MICROSECONDS, MOMENT, encoded
from seatrial.telecom.lifecycle import NEVER, Month
from seatrial.telecom.names import subscriber_ids
from seatrial.telecom.plan import Plan
from seatrial.telecom.population import AGES, CONTRACTS, DEVICES, PLANS, REGIONS
from seatrial.telecom.spec import MONTH_DAYS
from seatrial.telecom.tables import CARE_CATEGORIES, REPORTING_DAYS, invoice_amounts, invoice_month
from seatrial.telecom.usage import network_kpi

EXTRACTS = ("crm", "billing", "care", "labels")
BILLING_SCHEMA = pa.schema(
    [
        ("subscriber_id", pa.string()),
        ("invoice_month", pa.string()),
        ("amount", pa.float64()),
        ("overdue_days", pa.int32()),
    ]
)
LABEL_SCHEMA = pa.schema(
    [("subscriber_id", pa.string()), ("as_of", pa.date32()), ("churned", pa.int32()), ("known_at", MOMENT)]
)
"""Whether who was a subscriber at the end of the day before `as_of` left within 30 days."""


def extract(month: Month, name: str) -> dict[date, pa.Table]:
    """The month's extracts of one block from one of the systems in `EXTRACTS`, by day of delivery."""
    make = {"crm": _crm, "billing": _billing, "care": _care, "labels": _labels}[name]
    table, moments = make(month, subscriber_ids(month.source.block, month.people.position))
    return _by_day(table, moments)


def network_extracts(plan: Plan, month: int) -> dict[date, pa.Table]:
    """A month's daily measurements of all cells, by day."""
    table = network_kpi(plan.operator_month(month))
    moments = table["day"].combine_chunks().cast(pa.int32()).to_numpy().astype(np.int64) * DAY_MICROSECONDS
    return _by_day(table, moments)


def _crm(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """Every subscriber at the end of every `crm_every`-th day, with the change of that day: contract `telecom.CRM`."""
    source = month.source
    days = np.arange(source.days)[(source.first_day + np.arange(source.days)) % source.plan.crm_every == 0]
    there = month.present & (month.leaves_on >= days[:, None] + 1)
    row, index = np.nonzero(there)
    changed = (month.changes_on < days[:, None] + 1)[row, index]

    def state(name: str) -> Integers:
        return np.where(changed, getattr(month.after, name)[index], getattr(month.people, name)[index])

    table = pa.table(
        {
            "subscriber_id": encoded(index, ids),
            "tenure_months": pa.array(month.people.tenure_months[index].astype(np.int32)),
            "plan_type": encoded(state("plan"), pa.array(PLANS)),
            "contract": encoded(state("contract"), pa.array(CONTRACTS)),
            "region": encoded(state("region"), pa.array(REGIONS)),
            "age_band": encoded(state("age"), pa.array(AGES)),
            "device_tier": encoded(state("device"), pa.array(DEVICES)),
            "autopay": pa.array(state("autopay").astype(np.int32)),
        }
    )
    return table, source.start_microseconds() + days[row] * DAY_MICROSECONDS


def _billing(month: Month, ids: pa.Array) -> tuple[pa.Table, Integers]:
    """One invoice on the month's last day for who is still there."""
    index = np.flatnonzero(month.present & (month.leaves_on >= month.source.days))
    rng, people = month.source.generator("billing"), month.people.take(index)
    table = pa.table(
        {
            "subscriber_id": ids.take(pa.array(index)),
            "invoice_month": pa.array([invoice_month(month.source.plan.start, month.source.month)] * len(index)),
            "amount": invoice_amounts(rng, people.plan, people.data_mb),
            "overdue_days": pa.array(people.overdue_days, pa.int32()),
        },
        schema=BILLING_SCHEMA,
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
    if not len(moments):
        return {}
    day = moments // DAY_MICROSECONDS
    order = np.argsort(day, kind="stable")
    found, starts = np.unique(day[order], return_index=True)
    ordered = table.take(pa.array(order))
    stops = [*starts[1:], len(day)]
    return {
        date(1970, 1, 1) + timedelta(days=int(number)): ordered.slice(start, stop - start)
        for number, start, stop in zip(found.tolist(), starts.tolist(), stops, strict=True)
    }
