"""Whether captured requests and labels are as new as they should be."""

from datetime import datetime, timedelta

from seatrial.contracts.events import Finding

OLDEST_CAPTURE = timedelta(minutes=20)
"""Age of the newest captured request at the window's end from which on it is asked whether requests came after it."""
MINIMUM_REQUESTS = 10
MINIMUM_LABELS = 20


def check_capture_age(newest: datetime, window_end: datetime, requests_since: float) -> Finding | None:
    """A finding when capture stopped before the window's end although requests went on.

    >>> newest, end = datetime(2026, 11, 1, 10, 20), datetime(2026, 11, 1, 11)
    >>> check_capture_age(newest, end, 500).sentence
    'capture stopped: its newest request is 40 minutes older than the window, though 500 requests came after it'
    """
    age = window_end - newest
    if age <= OLDEST_CAPTURE or requests_since < MINIMUM_REQUESTS:
        return None
    minutes = age.total_seconds() / 60
    return Finding(
        kind="freshness",
        feature=None,
        statistic="minutes_since_capture",
        value=minutes,
        threshold=OLDEST_CAPTURE.total_seconds() / 60,
        sentence=f"capture stopped: its newest request is {minutes:.0f} minutes older than the window, though "
        f"{requests_since:.0f} requests came after it",
    )


def check_label_age(waiting_since: datetime | None, window: datetime, expected: timedelta) -> Finding | None:
    """A finding when no label has come for predictions that are older than labels usually are.

    `waiting_since` is the first hour with requests after the newest one with labels, None while none waits.

    >>> check_label_age(datetime(2026, 11, 1), datetime(2026, 11, 3), timedelta(hours=26)).value
    48.0
    """
    if waiting_since is None or window - waiting_since <= expected:
        return None
    age, usual = (span / timedelta(hours=1) for span in (window - waiting_since, expected))
    return Finding(
        kind="freshness",
        feature=None,
        statistic="label_age_hours",
        value=age,
        threshold=usual,
        sentence=f"no labels have come for {age:.0f} hours of predictions, since {waiting_since:%Y-%m-%dT%H:%M:%SZ}; "
        f"{usual:.0f} are in order",
    )


def check_join(matched: int, labels: int, minimum_share: float) -> Finding | None:
    """A finding when too few labels belong to a captured request: they are not used, and the loss is not known.

    >>> check_join(3, 160, 0.5).sentence
    '3 of 160 labels (2%) have the id of a captured request, at least 50% are needed: they are not used'
    """
    if labels < MINIMUM_LABELS or matched >= minimum_share * labels:
        return None
    return Finding(
        kind="label_join",
        feature=None,
        statistic="join_share",
        value=matched / labels,
        threshold=minimum_share,
        sentence=f"{matched} of {labels} labels ({matched / labels:.0%}) have the id of a captured request, at least "
        f"{minimum_share:.0%} are needed: they are not used",
    )
