"""How many requests a canary has to see before the silence of its alarms means anything, and who makes them."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

HITS_A_MINUTE = 3
"""Requests that should meet the new model in each minute: an alarm judges minutes, and 95 % of these see one."""
HITS_IN_ALL = 7
"""With so many expected at the new model, the chance that it saw none is below 1 in 1000."""
GRACE = timedelta(minutes=15)
"""Added to SageMaker's own limit before an update is called overdue."""
MOST_PROBES = 120
"""Probes of one poll: what a function sends within its time, one after the other."""


def needed(percent: int) -> int:
    """Fewest requests to the whole endpoint, of which `percent` meet the canary, that prove anything.

    (1 - p)^n < exp(-n p), so n = 7 / p misses the canary with a chance below exp(-7) = 0.0009.

    >>> needed(50), needed(10)
    (14, 70)
    """
    return math.ceil(HITS_IN_ALL * 100 / percent)


def probes(requests_a_minute: float, percent: int, poll_seconds: float) -> int:
    """Probes to send at each poll: none where live traffic suffices, else what the canary's alarms need.

    >>> probes(0, 50, 30), probes(5, 50, 30), probes(6, 50, 30), probes(0, 1, 30)
    (3, 3, 0, 120)
    """
    wanted = HITS_A_MINUTE * 100 / percent
    if requests_a_minute >= wanted:
        return 0
    return min(MOST_PROBES, math.ceil(wanted * poll_seconds / 60))


def overdue_at(now: datetime, update_seconds: float) -> str:
    """When an update that begins now is overdue (ISO 8601 UTC): a while after SageMaker should have given it up.

    >>> overdue_at(datetime.fromisoformat("2026-11-01T12:00:00Z"), 4800)
    '2026-11-01T13:35:00Z'
    """
    return f"{now.astimezone(UTC) + timedelta(seconds=update_seconds) + GRACE:%Y-%m-%dT%H:%M:%SZ}"


def chosen(rows: Sequence[str], count: int, now: datetime, poll_seconds: float) -> list[str]:
    """The smoke rows to send now: one after the other from poll to poll, from the first again after the last."""
    if not rows:
        return []
    start = int(now.timestamp() // poll_seconds) * count
    return [rows[(start + index) % len(rows)] for index in range(count)]


def objection(requests: float, percent: int) -> str | None:
    """Why a canary that saw so many requests proves nothing; None when it does."""
    if requests >= needed(percent):
        return None
    told = f"the canary proves nothing: the endpoint saw {requests:.0f} requests while it was watched"
    return f"{told}, at {percent} % of the capacity {needed(percent)} are needed for its alarms to mean anything"
