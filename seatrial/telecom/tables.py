"""The raw tables of a telecom snapshot, as an operator's systems would deliver them, and their files."""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.telecom.distributions import Floats, Integers
from seatrial.telecom.population import (
    AGES,
    CONTRACTS,
    DEVICES,
    PLANS,
    REGIONS,
    Population,
    draw_population,
    occupied_seats,
)
from seatrial.telecom.spec import HORIZON_DAYS, TelecomSpec
from seatrial.telecom.usage import (
    KINDS,
    NO_PARTNER,
    Records,
    cell_names,
    draw_habits,
    draw_records,
    network_kpi,
    order_of,
)

REPORTING_DAYS = 3
CARE_CATEGORIES = ("billing", "coverage", "device", "other")
_PRICES = np.array([18.0, 32.0, 48.0, 65.0])
_MOMENT = pa.timestamp("us", tz="UTC")


def generate(spec: TelecomSpec) -> dict[str, pa.Table]:
    """Make the tables crm, cdr, billing, care, network_kpi and labels of one snapshot."""
    people = draw_population(spec)
    ids = pa.array([f"{spec.snapshot}-{seat:07d}" for seat in people.position])
    records = draw_records(spec, people, draw_habits(spec.generator("habits"), people))
    tables = {
        "crm": _crm(people, ids),
        "cdr": _cdr(spec, ids, records.take(order_of(records.started_at))),
        "billing": _billing(spec, people, ids),
        "care": _care(spec, people, ids),
        "network_kpi": network_kpi(spec),
        "labels": _labels(spec, people, ids),
    }
    return _break_feed(tables) if spec.scenario == "broken_feed" else tables


def write(tables: dict[str, pa.Table], folder: Path) -> None:
    """Write `<folder>/<table>/part-00000.parquet` for each table; equal tables give equal bytes."""
    for name, table in tables.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        # Spark 3.5 reads microseconds; pyarrow would keep nanoseconds only if asked to.
        pq.write_table(table, target / "part-00000.parquet", compression="snappy", coerce_timestamps="us")


def _crm(people: Population, ids: pa.Array) -> pa.Table:
    return pa.table(
        {
            "subscriber_id": ids,
            "tenure_months": pa.array(people.tenure_months, pa.int32()),
            "plan_type": pa.array(PLANS).take(pa.array(people.plan)),
            "contract": pa.array(CONTRACTS).take(pa.array(people.contract)),
            "region": pa.array(REGIONS).take(pa.array(people.region)),
            "age_band": pa.array(AGES).take(pa.array(people.age)),
            "device_tier": pa.array(DEVICES).take(pa.array(people.device)),
            "autopay": pa.array(people.autopay, pa.int32()),
        }
    )


def _cdr(spec: TelecomSpec, ids: pa.Array, records: Records) -> pa.Table:
    return pa.table(
        {
            "subscriber_id": ids.take(pa.array(records.owner)),
            "started_at": pa.array(records.started_at).cast(_MOMENT),
            "kind": pa.array(KINDS).take(pa.array(records.kind)),
            "duration_seconds": records.duration_seconds,
            "data_mb": records.data_mb,
            "partner_id": _partner_ids(spec, records),
            "cell_id": pa.array(cell_names()).take(pa.array(records.cell)),
            "dropped": pa.array(records.dropped, pa.int32()),
        }
    )


def _partner_ids(spec: TelecomSpec, records: Records) -> pa.Array:
    """Own subscribers by their id, numbers of former ones as ported-*, all others as other-*; null for data."""
    distinct, index = np.unique(records.partner, return_inverse=True)
    seated = np.isin(distinct, occupied_seats(spec))
    names = [
        f"{spec.snapshot}-{partner:07d}"
        if here
        else f"ported-{partner:07d}"
        if partner >= 0
        else f"other-{-partner:07d}"
        for partner, here in zip(distinct.tolist(), seated.tolist(), strict=True)
    ]
    mask = distinct == NO_PARTNER
    return pa.array(names, mask=mask).take(pa.array(index))


def _billing(spec: TelecomSpec, people: Population, ids: pa.Array) -> pa.Table:
    """One invoice for each 30 days begun; the newest carries the payment delay in full."""
    rng, months = spec.generator("billing"), -(-spec.days // 30)
    size = len(people.position)
    names = [invoice_month(spec.start, month) for month in range(months)]
    month = np.repeat(np.arange(months), size)
    amounts = invoice_amounts(rng, np.tile(people.plan, months), np.tile(people.data_mb, months))
    overdue = np.tile(people.overdue_days, months) * (month + 1) // months
    return pa.table(
        {
            "subscriber_id": ids.take(pa.array(np.tile(np.arange(size), months))),
            "invoice_month": pa.array(names).take(pa.array(month)),
            "amount": amounts,
            "overdue_days": pa.array(overdue, pa.int32()),
        }
    )


def invoice_month(start: date, period: int) -> str:
    """The name of an invoice: calendar months from the first one on, one for each period of 30 days.

    >>> [invoice_month(date(2026, 11, 30), period) for period in range(3)]
    ['2026-11', '2026-12', '2027-01']
    """
    months = start.year * 12 + start.month - 1 + period
    return f"{months // 12}-{months % 12 + 1:02d}"


def invoice_amounts(rng: np.random.Generator, plan: Integers, data_mb: Floats) -> Floats:
    """Amounts of monthly invoices: the plan's price, a part that grows with data use, and 12 % of noise."""
    usage = _PRICES[plan] + 4.0 * np.log1p(data_mb / 500)
    return np.round(usage * rng.lognormal(0.0, 0.12, len(plan)), 2)


def _care(spec: TelecomSpec, people: Population, ids: pa.Array) -> pa.Table:
    rng = spec.generator("care")
    flat = people.care_contacts.ravel()
    event = np.repeat(np.arange(len(flat)), flat)
    moment = np.sort(rng.uniform(0, spec.days * 86_400, len(event)))
    order = rng.permutation(len(event))
    opened = int(spec.start_time().timestamp()) * 1_000_000 + (moment * 1_000_000).astype(np.int64)
    return pa.table(
        {
            "subscriber_id": ids.take(pa.array(event[order] // len(CARE_CATEGORIES))),
            "opened_at": pa.array(opened).cast(_MOMENT),
            "category": pa.array(CARE_CATEGORIES).take(pa.array(event[order] % len(CARE_CATEGORIES))),
        }
    )


def _labels(spec: TelecomSpec, people: Population, ids: pa.Array) -> pa.Table:
    """Labels with the moment at which they became known: leavers when they left, stayers after the horizon."""
    rng = spec.generator("labels")
    leaving_day = rng.integers(1, HORIZON_DAYS + 1, len(people.position))
    days = spec.days + REPORTING_DAYS + np.where(people.churned == 1, leaving_day, HORIZON_DAYS)
    known = int(spec.start_time().timestamp()) * 1_000_000 + days.astype(np.int64) * 86_400_000_000
    unknown = np.zeros(len(days), dtype=bool)
    if spec.labels_as_of is not None:
        unknown = days > (spec.labels_as_of - spec.start).days
    return pa.table(
        {
            "subscriber_id": ids,
            "churned": pa.array(people.churned.astype(np.int32), pa.int32(), mask=unknown),
            "known_at": pa.array(known, mask=unknown).cast(_MOMENT),
        }
    )


def _break_feed(tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """The network feed stops delivering and the billing extract loses its payment delays."""
    billing = tables["billing"]
    nulls = pa.nulls(billing.num_rows, pa.int32())
    index = billing.schema.get_field_index("overdue_days")
    return {
        **tables,
        "network_kpi": tables["network_kpi"].slice(0, 0),
        "billing": billing.set_column(index, "overdue_days", nulls),
    }
