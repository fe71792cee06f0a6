"""The churn features of a subscriber as of a day: names and types, the same from Spark and from the warehouse.

Every number is a count, or one division of two whole numbers as doubles, so two engines agree to the last bit:
durations are whole milliseconds, volumes whole kilobytes (thousandths of a megabyte), amounts whole cents.
"""

from __future__ import annotations

from seatrial.contracts.table import Field, TableContract
from seatrial.contracts.telecom import CARE_CATEGORIES, CRM_ATTRIBUTES

RECENT_DAYS = 7
WINDOW_DAYS = 30
INVOICE_DAYS = 90
CHANGE_DAYS = 90
WINDOWED = ("voice_calls", "voice_minutes", "sms", "data_sessions", "data_mb", "active_days", "partners")
COUNTED = ("voice_calls", "sms", "data_sessions", "active_days", "partners")
RATIOS = (
    "voice_trend",
    "data_trend",
    "drop_rate_7d",
    "drop_rate_30d",
    "data_share_30d",
    "night_share_30d",
    "ported_share_30d",
    "cell_drop_rate_30d",
)
"""Trends are the rate of the last 7 days over that of the last 30: 1 is steady. Null when nothing is to divide by."""
BILLING = ("invoice_amount", "invoice_amount_mean", "overdue_days", "overdue_days_max")


def _windowed(name: str) -> list[Field]:
    kind = "int32" if name in COUNTED else "double"
    return [Field(name=f"{name}_{days}d", kind=kind, minimum=0) for days in (RECENT_DAYS, WINDOW_DAYS)]


CHURN_FEATURES = TableContract(
    name="churn_features",
    key=("subscriber_id",),
    fields=(
        Field(name="subscriber_id", kind="string"),
        Field(name="tenure_months", kind="int32", minimum=0),
        *(Field(name=name, kind="string", nullable=True) for name in CRM_ATTRIBUTES[:-1]),
        Field(name="autopay", kind="int32", nullable=True),
        Field(name="plan_changes_90d", kind="int32", minimum=0),
        Field(name="region_changes_90d", kind="int32", minimum=0),
        *(field for name in WINDOWED for field in _windowed(name)),
        Field(name="cells_30d", kind="int32", minimum=0),
        *(Field(name=name, kind="double", nullable=True, minimum=0) for name in RATIOS),
        Field(name="days_since_last_activity", kind="double", minimum=0, maximum=WINDOW_DAYS),
        *(Field(name=name, kind="double" if "amount" in name else "int32", nullable=True) for name in BILLING),
        *(Field(name=f"care_{category}_30d", kind="int32", minimum=0) for category in CARE_CATEGORIES),
    ),
)
"""One row for each subscriber who is a customer at the end of the day before `as_of`; later data plays no part."""
