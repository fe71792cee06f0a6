"""Reads dates and times from text as PostgreSQL 8 and Redshift do: month before day, names of months and zones."""

import re
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

ABBREVIATIONS = {"UTC": 0, "GMT": 0, "Z": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6}
ABBREVIATIONS |= {"PST": -8, "PDT": -7, "CET": 1, "CEST": 2, "MSK": 3, "JST": 9}
MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DATES = [
    re.compile(text, re.IGNORECASE)
    for text in (
        r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?!\d)",
        r"(?P<y>\d{4})/(?P<m>\d{1,2})/(?P<d>\d{1,2})",
        r"(?P<m>\d{1,2})[/.-](?P<d>\d{1,2})[/.-](?P<y>\d{4})",
        r"(?P<n>[a-z]{3,9})\.? +(?P<d>\d{1,2}),? *(?P<y>\d{4})",
        r"(?P<d>\d{1,2})[ -](?P<n>[a-z]{3,9})[ -](?P<y>\d{4})",
        r"(?P<y>\d{4})-(?P<n>[a-z]{3,9})-(?P<d>\d{1,2})",
    )
]
_TIME = re.compile(
    r"[T ]*(?P<h>\d{1,2}):(?P<mi>\d{2})(:(?P<s>\d{2})(\.(?P<f>\d{1,9}))?)?\s*(?P<half>[ap]m)?\s*"
    r"(?P<zone>[a-z_/]+|[+-]\d{1,2}(:?\d{2})?)?$",
    re.IGNORECASE,
)


def parse(text: str) -> datetime:
    """The moment in a text, with a zone when the text has one; raises `ValueError`.

    >>> parse("Jun 1,2008 09:59:59 EST").isoformat()
    '2008-06-01T09:59:59-05:00'
    """
    plain = text.strip()
    for pattern in _DATES:
        found = pattern.match(plain)
        if found is not None:
            parts = found.groupdict()
            day = datetime(int(parts["y"]), _month(parts), int(parts["d"]))  # noqa: DTZ001 - the zone comes below
            rest = plain[found.end() :].strip()
            return _with_time(day, rest, text) if rest else day
    raise ValueError(f'invalid input syntax for type timestamp: "{text}"')


def _month(parts: dict[str, str | None]) -> int:
    if parts.get("m"):
        return int(parts["m"] or 0)
    name = (parts.get("n") or "").lower()
    found = [number for number, month in enumerate(MONTHS, 1) if month.startswith(name)]
    if not found:
        raise ValueError(f"{name!r} is not a month")
    return found[0]


def _with_time(day: datetime, rest: str, text: str) -> datetime:
    found = _TIME.match(rest)
    if found is None:
        raise ValueError(f'invalid input syntax for type timestamp: "{text}"')
    hour = int(found["h"])
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "pm" else 0)
    microseconds = int((found["f"] or "0").ljust(6, "0")[:6])
    moment = day + timedelta(
        hours=hour, minutes=int(found["mi"]), seconds=int(found["s"] or 0), microseconds=microseconds
    )
    return moment.replace(tzinfo=_zone(found["zone"])) if found["zone"] else moment


def _zone(name: str) -> timezone | ZoneInfo:
    if name[0] in "+-":
        digits = name[1:].replace(":", "").ljust(4, "0") if len(name) > 3 else f"{int(name[1:]):02}00"
        shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-shift if name[0] == "-" else shift)
    if name.upper() in ABBREVIATIONS:
        return timezone(timedelta(hours=ABBREVIATIONS[name.upper()]))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f'time zone "{name}" not recognized') from error


def parse_time(text: str) -> datetime:
    """The moment in a text; a zone in it does not count."""
    return parse(text).replace(tzinfo=None)


def parse_time_utc(text: str) -> datetime:
    """The moment in a text, brought to UTC."""
    found = parse(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


FUNCTIONS = (
    ("rs_parse_time", parse_time, ("VARCHAR",), "TIMESTAMP"),
    ("rs_parse_time_utc", parse_time_utc, ("VARCHAR",), "TIMESTAMP"),
)
"""Name in DuckDB, function, types of the arguments and of the result."""
