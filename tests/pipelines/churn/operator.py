"""A small operator's curated tables with everything that the features must cope with, drawn by a seed."""

import random
from datetime import date, timedelta

import pyarrow as pa

from tests.pipelines.lake import EVENTS, customer, event, moment

AS_OF = date(2026, 7, 1)
COPIES = (("copies_batch", pa.int32()), ("copies_stream", pa.int32()))
CURATED = pa.schema([*EVENTS, ("source", pa.string()), ("late", pa.int32()), *COPIES])
BILLING = pa.schema(
    {
        "subscriber_id": pa.string(),
        "invoice_month": pa.string(),
        "amount": pa.float64(),
        "overdue_days": pa.int32(),
        "known_on": pa.date32(),
        "copies": pa.int32(),
    }
)
CARE = pa.schema(
    {
        "subscriber_id": pa.string(),
        "opened_at": pa.timestamp("us", tz="UTC"),
        "category": pa.string(),
        "known_on": pa.date32(),
        "copies": pa.int32(),
    }
)
HISTORY = pa.schema(
    [("subscriber_id", pa.string()), ("valid_from", pa.date32()), ("valid_to", pa.date32())]
    + [("tenure_months", pa.int32())]
    + [(name, pa.string()) for name in ("plan_type", "contract", "region", "age_band", "device_tier")]
    + [("autopay", pa.int32())]
)
MIDNIGHTS = (moment("06-24 00:00"), moment("06-30 23:59"), moment("06-01 00:00"))


def draw(seed=1, subscribers=25):
    """Events by day, versions, invoices and contacts; some lie outside the windows."""
    rng = random.Random(seed)
    ids = [f"s{number}" for number in range(subscribers)]
    events = [_event(rng, number, ids) for number in range(400)]
    history = [row for name in ids for row in _versions(rng, name)]
    return {"cdr": events, "history": history, "billing": _invoices(rng, ids), "care": _contacts(rng, ids)}


def _event(rng, number, ids):
    started = rng.choice([*MIDNIGHTS, moment("05-28 00:00") + timedelta(minutes=rng.randrange(36 * 1440))])
    kind = rng.choice(["voice", "voice", "sms", "data"])
    partner = rng.choice([None, "other-1", *[f"ported-{n}" for n in range(3)], *ids[:6]])
    return event(
        f"e{number}",
        started,
        subscriber_id=rng.choice(ids[:-3]),
        kind=kind,
        duration_seconds=round(rng.random() * 7000, rng.choice([1, 3, 6])),
        data_mb=round(rng.random() * 900, rng.choice([0, 3, 5])) if kind == "data" else 0.0,
        partner_id=None if kind == "data" else partner,
        cell_id=f"c{rng.randrange(8)}",
        dropped=int(rng.random() < 0.2),
    ) | {"source": "batch", "late": 0, "copies_batch": 1, "copies_stream": 0}


def _versions(rng, name):
    starts = sorted({date(2026, 1, 5) + timedelta(days=rng.randrange(200)) for _ in range(rng.randrange(1, 5))})
    ends = [*starts[1:], rng.choice([None, None, starts[-1] + timedelta(days=9)])]
    return [
        customer(
            name,
            valid_from=start,
            valid_to=end,
            tenure_months=rng.randrange(50),
            plan_type=rng.choice(["prepaid", "family"]),
            region=rng.choice(["north", "east", "west"]),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _invoices(rng, ids):
    return [
        {
            "subscriber_id": name,
            "invoice_month": f"2026-{month:02d}",
            "amount": round(rng.random() * 90, 2),
            "overdue_days": rng.randrange(30),
            "known_on": known + timedelta(days=correction),
            "copies": 1,
        }
        for name in ids[:-2]
        for month, known in ((3, date(2026, 3, 31)), (5, date(2026, 5, 31)), (6, date(2026, 6, 28)))
        for correction in ([0, 2, 5] if rng.random() < 0.3 else [0])
    ]


def _contacts(rng, ids):
    rows = []
    for number in range(60):
        opened = moment("05-25 00:00") + timedelta(minutes=rng.randrange(40 * 1440))
        row = {"subscriber_id": rng.choice(ids), "opened_at": opened, "copies": 1}
        row["category"] = rng.choice(["billing", "coverage", "device", "other"])
        rows += [
            row | {"known_on": opened.date() + timedelta(days=late)} for late in ([0, 1] if number % 9 == 0 else [0])
        ]
    return rows


def publish(lake, tables, until=None):
    """Put the tables into the lake's curated zone, partition by partition; `until` leaves out what came later."""
    first = date(2026, 5, 28)
    for day in (first + timedelta(days=back) for back in range(37)):
        rows = [row for row in tables["cdr"] if row["started_at"].date() == day]
        if until is None or day < until:
            lake.put("cdr", "curate_cdr", rows, day, CURATED)
    for name, schema in (("billing", BILLING), ("care", CARE)):
        for day in sorted({row["known_on"] for row in tables[name]}):
            if until is None or day < until:
                lake.put(name, f"curate_{name}", [row for row in tables[name] if row["known_on"] == day], day, schema)
    history = [row for row in tables["history"] if until is None or row["valid_from"] < until]
    if until is not None:
        history = [row | ({"valid_to": None} if (row["valid_to"] or until) >= until else {}) for row in history]
    lake.put("crm_history", "crm_history", history, (until or date(2026, 8, 1)) - timedelta(days=1), HISTORY)
