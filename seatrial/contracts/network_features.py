"""The network KPIs of a cell on a day: names and types. Numbers are counts or one division of two whole numbers."""

from __future__ import annotations

from seatrial.contracts.table import Field, TableContract

SESSION_GAP_MINUTES = 30
"""A subscriber's session ends when nothing happens for longer than this."""
TREND_DAYS = 7

_COUNTS = ("events", "voice_calls", "data_sessions", "connections", "dropped", "subscribers", "sessions")
NETWORK_KPI = TableContract(
    name="network_kpi",
    key=("cell_id",),
    fields=(
        Field(name="cell_id", kind="string"),
        *(Field(name=name, kind="int32", minimum=0) for name in _COUNTS),
        Field(name="voice_minutes", kind="double", minimum=0),
        Field(name="data_mb", kind="double", minimum=0),
        Field(name="drop_rate", kind="double", nullable=True, minimum=0, maximum=1),
        Field(name="session_minutes", kind="double", nullable=True, minimum=0),
        Field(name="busy_hour", kind="int32", nullable=True, minimum=0, maximum=23),
        Field(name="busy_hour_events", kind="int32", minimum=0),
        Field(name="drop_rate_7d", kind="double", nullable=True, minimum=0, maximum=1),
        Field(name="traffic_trend", kind="double", minimum=0),
        Field(name="minutes_since_last_event", kind="double", minimum=0),
    ),
)
"""One row for each cell that had an event in the 7 days that end with the day.

`sessions` began on the day in the cell, `session_minutes` is their mean length; `traffic_trend` is the day's events
over the mean of the 7 days; of equal busy hours the first counts; hours are UTC.
"""
