"""How the report words figures: a missing value is "not measured", never a zero and never "ok"."""

import math
from datetime import datetime

NOT_MEASURED = "not measured"


def duration(seconds: float | None) -> str:
    """Seconds in the units a person would use.

    >>> [duration(value) for value in (None, 0.31, 8.26, 61, 3700)]
    ['not measured', '0.3 s', '8.3 s', '1 min 1 s', '1 h 1 min']
    """
    if seconds is None or not math.isfinite(seconds):
        return NOT_MEASURED
    if seconds < 59.95:
        return f"{seconds:.1f} s" if seconds % 1 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def figure(value: float | None, digits: int = 4) -> str:
    """A number to four significant digits.

    >>> [figure(value) for value in (None, 0.0, 0.123456, 12345.6, float("nan"), float("inf"))]
    ['not measured', '0', '0.1235', '12,350', 'not measured', 'infinite']
    """
    if value is None or math.isnan(value):
        return NOT_MEASURED
    if math.isinf(value):
        return "infinite"
    if value == 0:
        return "0"
    rounded = round(value, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"


def count(value: int | None) -> str:
    """A whole number with thousands separated.

    >>> count(12345), count(None)
    ('12,345', 'not measured')
    """
    return NOT_MEASURED if value is None else f"{value:,}"


def moment(value: datetime | None) -> str:
    """Date and minute, UTC.

    >>> moment(None)
    'not measured'
    """
    return NOT_MEASURED if value is None else f"{value.day} {value:%b %Y, %H:%M}"


def clock(value: datetime | None) -> str:
    """Day and minute of the cloud's time, short enough for a table.

    >>> clock(datetime(2026, 11, 2, 17, 5))
    '2 Nov 17:05'
    """
    return NOT_MEASURED if value is None else f"{value.day} {value:%b %H:%M}"


def percent(value: float | None) -> str:
    """A share in percent.

    >>> percent(0.1234), percent(None)
    ('12.3 %', 'not measured')
    """
    return NOT_MEASURED if value is None or not math.isfinite(value) else f"{value * 100:.1f} %"


def plain(word: str) -> str:
    """A code word as plain words.

    >>> plain("quality_loss")
    'quality loss'
    """
    return word.replace("_", " ")
