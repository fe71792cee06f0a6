"""Schedule expressions: rate(), cron() with AWS's six fields, and at(); each tells the next time after a time.

Format: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

NextTime = Callable[[datetime], datetime | None]
"""From a moment to the next one due after it, None when there is none; both in UTC."""

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_LIMITS = (("minutes", 0, 59), ("hours", 0, 23), ("day-of-month", 1, 31), ("month", 1, 12), ("day-of-week", 1, 7))
_YEARS = ("year", 1970, 2199)
_HORIZON_DAYS = 366 * 12


class ScheduleError(ValueError):
    """A schedule expression that AWS would refuse."""


def parse(expression: str, *, begin: datetime, zone: str = "UTC") -> NextTime:
    """Read an expression; `begin` is what rate() counts from, `zone` where cron() and at() live.

    >>> noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    >>> parse("cron(0 3 ? * SUN *)", begin=noon)(noon).isoformat()
    '2026-11-29T03:00:00+00:00'
    """
    match = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression.strip())
    if not match:
        raise ScheduleError(f"schedule expression {expression!r}: must be rate(...), cron(...) or at(...)")
    kind, body = match.groups()
    if kind == "rate":
        return _rate(body, expression, begin)
    where = ZoneInfo(zone)
    return _at(body, expression, where) if kind == "at" else Cron(body, expression, where).next_after


def _rate(body: str, expression: str, begin: datetime) -> NextTime:
    match = re.fullmatch(r"([1-9]\d*)\s+(minute|hour|day)(s?)", body.strip())
    if not match or (match.group(1) == "1") != (match.group(3) == ""):
        raise ScheduleError(f'schedule expression {expression!r}: a rate is like "1 minute" or "5 hours"')
    step = int(match.group(1)) * _UNITS[match.group(2)]

    def next_time(after: datetime) -> datetime:
        elapsed = (after - begin).total_seconds()
        return begin + timedelta(seconds=(max(elapsed, 0.0) // step + 1) * step)

    return next_time


def _at(body: str, expression: str, zone: ZoneInfo) -> NextTime:
    try:
        when = datetime.strptime(body.strip(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone).astimezone(UTC)
    except ValueError as error:
        raise ScheduleError(f"schedule expression {expression!r}: at() takes yyyy-mm-ddThh:mm:ss") from error
    return lambda after: when if when > after else None


class Cron:
    """A cron expression: minutes, hours, day of month, month, day of week (1 is Sunday), year."""

    def __init__(self, body: str, expression: str, zone: ZoneInfo) -> None:
        fields = body.split()
        if len(fields) != 6:
            raise ScheduleError(f"schedule expression {expression!r}: cron() takes six fields, got {len(fields)}")
        if (fields[2] == "?") == (fields[4] == "?"):
            raise ScheduleError(f'schedule expression {expression!r}: one of day-of-month and day-of-week must be "?"')
        self._zone = zone
        self._expression = expression
        self._minutes = self._plain(fields[0], *_LIMITS[0])
        self._hours = self._plain(fields[1], *_LIMITS[1])
        self._months = self._plain(_named(fields[3], _MONTHS), *_LIMITS[3])
        self._years = self._plain(fields[5], *_YEARS)
        self._days = self._day_test(fields[2], _named(fields[4], _DAYS))

    def next_after(self, after: datetime) -> datetime | None:
        """The next moment due; a local time that the change to summer time leaves out is skipped."""
        local = after.astimezone(self._zone)
        for offset in range(_HORIZON_DAYS):
            day = local.date() + timedelta(days=offset)
            if day.year > max(self._years):
                return None
            if day.year in self._years and day.month in self._months and self._days(day):
                for moment in self._moments(day):
                    if moment > after:
                        return moment
        return None

    def _moments(self, day: date) -> Iterator[datetime]:
        for hour in sorted(self._hours):
            for minute in sorted(self._minutes):
                wall = datetime.combine(day, time(hour, minute), self._zone)
                moment = wall.astimezone(UTC)
                if moment.astimezone(self._zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
                    yield moment

    def _plain(self, text: str, name: str, low: int, high: int) -> frozenset[int]:
        values: set[int] = set()
        for part in text.split(","):
            values |= set(self._range(part, name, low, high))
        return frozenset(values)

    def _range(self, part: str, name: str, low: int, high: int) -> range:
        match = re.fullmatch(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not match:
            raise ScheduleError(f"schedule expression {self._expression!r}: {name} cannot be {part!r}")
        star, first, last, step = match.groups()
        begin = low if star else int(first)
        end = high if star or (step and not last) else int(last or first)
        if not low <= begin <= end <= high:
            raise ScheduleError(f"schedule expression {self._expression!r}: {name} must be {low} to {high}")
        return range(begin, end + 1, int(step or 1))

    def _day_test(self, month_day: str, week_day: str) -> Callable[[date], bool]:
        if week_day == "?":
            return self._month_day_test(month_day)
        if "#" in week_day:
            number, nth = (int(part) for part in week_day.split("#"))
            return lambda day: _week_number(day) == number and (day.day - 1) // 7 + 1 == nth
        if week_day.endswith("L"):
            number = int(week_day[:-1] or 7)
            return lambda day: _week_number(day) == number and day.day + 7 > _last_day(day)
        numbers = self._plain(week_day, *_LIMITS[4])
        return lambda day: _week_number(day) in numbers

    def _month_day_test(self, text: str) -> Callable[[date], bool]:
        if text == "L":
            return lambda day: day.day == _last_day(day)
        if text.endswith("W"):
            wanted = text[:-1]
            return lambda day: day == _nearest_week_day(day, _last_day(day) if wanted == "L" else int(wanted))
        numbers = self._plain(text, *_LIMITS[2])
        return lambda day: day.day in numbers


def _named(text: str, names: dict[str, Any]) -> str:
    return re.sub(r"[A-Za-z]{3}", lambda match: str(names.get(match.group(0).upper(), match.group(0))), text)


def _week_number(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_week_day(day: date, wanted: int) -> date:
    target = day.replace(day=min(wanted, _last_day(day)))
    shift = {6: -1, 7: 1}.get(target.isoweekday(), 0)
    if (target + timedelta(days=shift)).month != target.month:
        shift = 2 if shift < 0 else -2
    return target + timedelta(days=shift)
