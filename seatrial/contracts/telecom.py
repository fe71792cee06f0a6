"""The contracts of the operator's tables (CRM, billing, care, labels) and of the CRM history that is made of them."""

from __future__ import annotations

from seatrial.contracts.table import Field, TableContract

CARE_CATEGORIES = ("billing", "coverage", "device", "other")
CRM_ATTRIBUTES = ("plan_type", "contract", "region", "age_band", "device_tier", "autopay")
"""A change of one of these makes a new version in the history; tenure grows by itself and makes none."""

CRM = TableContract(
    name="crm",
    key=("subscriber_id",),
    fields=(
        Field(name="subscriber_id", kind="string"),
        Field(name="tenure_months", kind="int32", minimum=0, maximum=1200),
        *(Field(name=name, kind="string") for name in CRM_ATTRIBUTES[:-1]),
        Field(name="autopay", kind="int32", minimum=0, maximum=1),
    ),
    longest_silence_days=31,
)
"""One extract a day holds every subscriber who is a customer on that day."""

BILLING = TableContract(
    name="billing",
    key=("subscriber_id", "invoice_month"),
    fields=(
        Field(name="subscriber_id", kind="string"),
        Field(name="invoice_month", kind="string"),
        Field(name="amount", kind="double", minimum=0, maximum=1_000_000),
        Field(name="overdue_days", kind="int32", minimum=0, maximum=10_000),
    ),
    longest_silence_days=62,
)
"""Invoices that became known on the extract's day; a later extract of the same month corrects an earlier one."""

CARE = TableContract(
    name="care",
    key=("subscriber_id", "opened_at", "category"),
    fields=(
        Field(name="subscriber_id", kind="string"),
        Field(name="opened_at", kind="timestamp"),
        Field(name="category", kind="string", choices=CARE_CATEGORIES),
    ),
    longest_silence_days=31,
    dated_by="opened_at",
    oldest_days=92,
)
"""Contacts with care that became known on the extract's day."""

HORIZON_DAYS = 30
"""A label is about this many days, the first of which is `as_of`."""
LABELS = TableContract(
    name="labels",
    key=("subscriber_id", "as_of"),
    fields=(
        Field(name="subscriber_id", kind="string"),
        Field(name="as_of", kind="date"),
        Field(name="churned", kind="int32", minimum=0, maximum=1),
        Field(name="known_at", kind="timestamp"),
    ),
    dated_by="known_at",
    oldest_days=3660,
)
"""Whether who was a customer at the end of the day before `as_of` left in the `HORIZON_DAYS` from then on.

What claims to be known only after its extract was delivered is refused: it would be a guess.
"""
