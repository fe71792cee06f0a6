"""Times at which nothing may be started: every week, or on certain dates; all in UTC."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from seatrial.decisions.settings import SettingsError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK_MINUTES = 7 * 24 * 60
_DAY = f"({'|'.join(DAYS)})"
WEEKLY = re.compile(rf"^{_DAY}:([01][0-9]|2[0-3]):([0-5][0-9])-{_DAY}:([01][0-9]|2[0-3]):([0-5][0-9])$")
DATES = re.compile(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})/([0-9]{4}-[0-9]{2}-[0-9]{2})$")


def blackout_end(blackouts: Iterable[str], time: datetime) -> tuple[str, datetime] | None:
    """The blackout that holds at `time` (aware) and when it ends, the one that ends last; None outside of all.

    A blackout is weekly, from one time of the week to another (the end not included), or a range of dates, the last
    day included.

    >>> saturday = datetime(2026, 11, 7, 12, tzinfo=UTC)
    >>> blackout_end(["fri:18:00-mon:06:00"], saturday)[1].isoformat()
    '2026-11-09T06:00:00+00:00'
    >>> blackout_end(["2026-12-20/2027-01-05"], saturday) is None
    True
    """
    ends = [(text, end) for text in blackouts if (end := _end(text, time))]
    return max(ends, key=lambda found: found[1], default=None)


def check_blackout(text: str) -> None:
    """Raise `SettingsError` for a text that is no blackout."""
    if WEEKLY.match(text):
        return
    found = DATES.match(text)
    try:
        ordered = found is not None and date.fromisoformat(found[1]) <= date.fromisoformat(found[2])
    except ValueError:
        ordered = False
    if not ordered:
        allowed = "such as 'fri:18:00-mon:06:00' or '2026-12-20/2027-01-05' (UTC)"
        raise SettingsError(
            f"retraining.blackouts: must be times of the week or dates in order, {allowed}, got {text!r}"
        )


def _end(text: str, time: datetime) -> datetime | None:
    check_blackout(text)
    moment = time.astimezone(UTC)
    weekly = WEEKLY.match(text)
    if weekly is None:
        first, last = (datetime.fromisoformat(part).replace(tzinfo=UTC) for part in text.split("/"))
        end = last + timedelta(days=1)
        return end if first <= moment < end else None
    start, stop = _minute(*weekly.groups()[:3]), _minute(*weekly.groups()[3:])
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    now = moment.weekday() * 1440 + (moment - midnight) // timedelta(minutes=1)
    length = (stop - start) % WEEK_MINUTES or WEEK_MINUTES
    since = (now - start) % WEEK_MINUTES
    minute = moment.replace(second=0, microsecond=0)
    return minute + timedelta(minutes=length - since) if since < length else None


def _minute(day: str, hour: str, minute: str) -> int:
    return DAYS.index(day) * 1440 + int(hour) * 60 + int(minute)
