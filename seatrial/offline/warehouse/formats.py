"""TO_CHAR, TO_DATE, TO_TIMESTAMP and TO_NUMBER: format strings of PostgreSQL 8 as Redshift documents them."""

import functools
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_TOKENS = [
    "HH24",
    "HH12",
    "YYYY",
    "Y,YYY",
    "IYYY",
    "MONTH",
    "DDD",
    "IDDD",
    "DAY",
    "MON",
    "SSSS",
    "IYY",
    "YYY",
    "A.M.",
    "P.M.",
    "B.C.",
    "A.D.",
    "HH",
    "MI",
    "MM",
    "MS",
    "SS",
    "US",
    "DD",
    "DY",
    "ID",
    "IW",
    "WW",
    "RM",
    "CC",
    "BC",
    "AD",
    "AM",
    "PM",
    "YY",
    "IY",
    "TZ",
    "Q",
    "J",
    "D",
    "I",
    "Y",
    "W",
]
_PATTERN = re.compile(
    '"[^"]*"|(?:FM|fm)?(?:' + "|".join(map(re.escape, _TOKENS)) + ")(?:TH|th)?|.", re.IGNORECASE | re.DOTALL
)
_ROMANS = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
_ROMANS += [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_ORDINALS = {1: "st", 2: "nd", 3: "rd"}


_HALVES = {"AM", "PM", "A.M.", "P.M."}
_WORDS: dict[str, Callable[[datetime], tuple[str, int]]] = {
    "MONTH": lambda time: (_MONTHS[time.month - 1], 9),
    "MON": lambda time: (_MONTHS[time.month - 1][:3], 0),
    "DAY": lambda time: (f"{time:%A}", 9),
    "DY": lambda time: (f"{time:%a}", 0),
    "RM": lambda time: (roman(time.month), 4),
    "BC": lambda time: ("AD", 0),
    "AD": lambda time: ("AD", 0),
    "B.C.": lambda time: ("A.D.", 0),
    "A.D.": lambda time: ("A.D.", 0),
    "TZ": lambda time: ("UTC", 0),
}
"""Fields that are words, and the width to which each is padded."""
_NUMBERS: dict[str, Callable[[datetime], str]] = {
    "HH24": lambda time: f"{time.hour:02}",
    "HH12": lambda time: f"{(time.hour + 11) % 12 + 1:02}",
    "HH": lambda time: f"{(time.hour + 11) % 12 + 1:02}",
    "YYYY": lambda time: f"{time.year:04}",
    "Y,YYY": lambda time: f"{time.year:,}",
    "YYY": lambda time: f"{time.year % 1000:03}",
    "YY": lambda time: f"{time.year % 100:02}",
    "Y": lambda time: str(time.year % 10),
    "IYYY": lambda time: f"{time.isocalendar()[0]:04}",
    "IYY": lambda time: f"{time.isocalendar()[0] % 1000:03}",
    "IY": lambda time: f"{time.isocalendar()[0] % 100:02}",
    "I": lambda time: str(time.isocalendar()[0] % 10),
    "DDD": lambda time: f"{time:%j}",
    "IDDD": lambda time: f"{(time.isocalendar()[1] - 1) * 7 + time.isoweekday():03}",
    "SSSS": lambda time: str(time.hour * 3600 + time.minute * 60 + time.second),
    "MI": lambda time: f"{time.minute:02}",
    "MM": lambda time: f"{time.month:02}",
    "MS": lambda time: f"{time.microsecond // 1000:03}",
    "US": lambda time: f"{time.microsecond:06}",
    "SS": lambda time: f"{time.second:02}",
    "DD": lambda time: f"{time.day:02}",
    "D": lambda time: str(time.isoweekday() % 7 + 1),
    "ID": lambda time: str(time.isoweekday()),
    "IW": lambda time: f"{time.isocalendar()[1]:02}",
    "WW": lambda time: f"{(time.timetuple().tm_yday - 1) // 7 + 1:02}",
    "W": lambda time: str((time.day - 1) // 7 + 1),
    "CC": lambda time: f"{(time.year - 1) // 100 + 1:02}",
    "Q": lambda time: str((time.month - 1) // 3 + 1),
    "J": lambda time: str(time.toordinal() + 1721425),
}


def to_char_time(time: datetime, pattern: str) -> str:
    """A time as text.

    >>> to_char_time(datetime(2009, 12, 31, 23, 15, 59), "MON-DD-YYYY HH12:MIPM")
    'DEC-31-2009 11:15PM'
    """
    return "".join(_piece(time, token) for token in _PATTERN.findall(pattern))


def _piece(time: datetime, token: str) -> str:
    if token.startswith('"'):
        return token.strip('"')
    bare = token[2:] if token[:2].upper() == "FM" and len(token) > 2 else token
    is_ordinal = bare.upper() not in _TOKENS and bare[:-2].upper() in _TOKENS
    ordinal = bare[-2:] if is_ordinal else ""
    bare = bare[: len(bare) - len(ordinal)]
    if bare.upper() not in _TOKENS:
        return token
    text = _field(time, bare)
    if token != bare and token[:2].upper() == "FM":
        text = text.strip() if not text.strip().isdigit() else str(int(text))
    if ordinal:
        number = int(text)
        suffix = "th" if number % 100 in (11, 12, 13) else _ORDINALS.get(number % 10, "th")
        text += suffix.upper() if ordinal.isupper() else suffix
    return text


def _field(time: datetime, token: str) -> str:
    upper = token.upper()
    if upper in _HALVES:
        text = "AM" if time.hour < 12 else "PM"
        return _as_cased(text if "." not in upper else f"{text[0]}.M.", token)
    if upper in _WORDS:
        text, width = _WORDS[upper](time)
        return _as_cased(text, token).ljust(width)
    return _NUMBERS[upper](time)


def _as_cased(text: str, token: str) -> str:
    if token.isupper():
        return text.upper()
    return text.lower() if token.islower() else text


def roman(number: int) -> str:
    """A Roman numeral.

    >>> roman(125)
    'CXXV'
    """
    text = ""
    for value, letters in _ROMANS:
        while number >= value:
            text, number = text + letters, number - value
    return text


@functools.lru_cache(maxsize=64)
def _reader(pattern: str) -> tuple[re.Pattern[str], list[str]]:
    """A regular expression for texts of a format, and the fields of its groups."""
    widths = {
        "YYYY": r"\d{1,4}",
        "IYYY": r"\d{4}",
        "YYY": r"\d{3}",
        "DDD": r"\d{1,3}",
        "MS": r"\d{1,3}",
        "US": r"\d{1,6}",
    }
    widths |= {"SSSS": r"\d{1,5}", "J": r"\d+", "D": r"\d", "Y": r"\d", "Q": r"\d"}
    words = {"MONTH", "MON", "DAY", "DY", "AM", "PM", "A.M.", "P.M.", "TZ"}
    expression, fields = "", []
    for token in _PATTERN.findall(pattern):
        bare = re.sub("^FM", "", token, flags=re.IGNORECASE).upper()
        bare = bare if bare in _TOKENS else bare.removesuffix("TH")
        if bare in _TOKENS:
            width = widths.get(bare, r"\d{1,2}")
            expression += r"\s*([A-Za-z.]+)" if bare in words else rf"\s*({width})"
            fields.append(bare)
        elif token.strip():
            expression += r"\W?" if not token.isalnum() else re.escape(token)
        else:
            expression += r"\s*"
    return re.compile(expression), fields


def to_timestamp(text: str, pattern: str) -> datetime:
    """The time in a text; parts that the format lacks are those of the first day, overflow carries on.

    >>> to_timestamp("2011-12-18 24:38:15", "YYYY-MM-DD HH24:MI:SS")
    datetime.datetime(2011, 12, 19, 0, 38, 15)
    """
    expression, fields = _reader(pattern)
    found = expression.match(text.strip())
    if found is None:
        raise ValueError(f"{text!r} does not match the format {pattern!r}")
    values = dict(zip(fields, found.groups(), strict=True))
    year, month, day = _year(values), _month(values), int(values.get("DD", 1))
    base = _first(year) if "J" not in values else datetime.fromordinal(int(values["J"]) - 1721425)
    if "J" not in values:
        base = _first(year + (month - 1) // 12, (month - 1) % 12 + 1) + timedelta(days=day - 1)
    if "DDD" in values:
        base = _first(year) + timedelta(days=int(values["DDD"]) - 1)
    return base + _clock(values)


def to_timestamp_strict(text: str, pattern: str, is_strict: bool) -> datetime:
    """As `to_timestamp`; when strict, a part out of its range is an error."""
    found = to_timestamp(text, pattern)
    if is_strict:
        expression, fields = _reader(pattern)
        match = expression.match(text.strip())
        values = dict(zip(fields, match.groups() if match else (), strict=True))
        told = {"DD": found.day, "HH24": found.hour, "MI": found.minute, "SS": found.second, "MM": found.month}
        if any(int(values[name]) != value for name, value in told.items() if name in values):
            raise ValueError(f"date/time field value out of range: {text}")
    return found


def _first(year: int, month: int = 1) -> datetime:
    return datetime(year, month, 1)  # noqa: DTZ001 - TIMESTAMP has no zone


def _year(values: dict[str, str]) -> int:
    for name in ("YYYY", "IYYY"):
        if name in values:
            return int(values[name])
    if "YY" in values:
        short = int(values["YY"])
        return 2000 + short if short < 70 else 1900 + short
    return 1


def _month(values: dict[str, str]) -> int:
    name = values.get("MONTH") or values.get("MON")
    if name is None:
        return int(values.get("MM", 1))
    found = [number for number, full in enumerate(_MONTHS, 1) if full[:3].lower() == name[:3].lower()]
    if not found:
        raise ValueError(f"{name!r} is not a month")
    return found[0]


def _clock(values: dict[str, str]) -> timedelta:
    hour = int(values.get("HH24", 0))
    if "HH" in values or "HH12" in values:
        half = "".join(values.get(name, "") for name in ("AM", "PM", "A.M.", "P.M.")).upper()
        hour = int(values.get("HH12") or values["HH"]) % 12 + (12 if half.startswith("P") else 0)
    milliseconds = int(values.get("MS", "0").ljust(3, "0"))
    microseconds = int(values.get("US", "0").ljust(6, "0"))
    seconds = int(values.get("SS", values.get("SSSS", 0)))
    return timedelta(
        hours=hour,
        minutes=int(values.get("MI", 0)),
        seconds=seconds,
        milliseconds=milliseconds,
        microseconds=microseconds,
    )


def to_number(text: str, pattern: str) -> Decimal:
    """The number in a formatted text.

    >>> to_number("12,454.8-", "99G999D9S")
    Decimal('-12454.8')
    """
    digits = re.sub(r"[^0-9.]", "", text)
    if not digits:
        raise ValueError(f"{text!r} holds no number of the format {pattern!r}")
    negative = "-" in text or "<" in text
    if "V" in pattern.upper():
        raise ValueError("the format V of TO_NUMBER is not supported by the offline warehouse")
    return -Decimal(digits) if negative else Decimal(digits)


def to_char_number(text: str, pattern: str) -> str:
    """A number as text; groups, currency and signs of PostgreSQL 8's formats.

    >>> to_char_number("-125.8", "999D99S")
    '125.80-'
    """
    number, upper = Decimal(text), pattern.upper()
    fill = not upper.startswith("FM")
    upper = upper.removeprefix("FM")
    if upper == "RN":
        numeral = roman(int(number.to_integral_value(ROUND_HALF_UP)))
        numeral = numeral.lower() if pattern.islower() else numeral
        return numeral.rjust(15) if fill else numeral
    unknown = set(upper) - set("0129.,DGSLMIPR$ -+:/")
    if unknown or "EEEE" in upper or "V" in upper:
        raise ValueError(f"the number format {pattern!r} is not supported by the offline warehouse")
    body = re.sub(r"MI|PR|PL|SG|S|L|\$| ", "", upper)
    whole, _, part = body.replace("D", ".").replace("G", ",").partition(".")
    scaled = abs(number).quantize(Decimal(1).scaleb(-len(part)), ROUND_HALF_UP)
    digits = _grouped(whole, str(scaled).partition(".")[0])
    return _signed(number, upper, digits + (f".{str(scaled).partition('.')[2]}" if part else ""), fill)


def _grouped(mask: str, digits: str) -> str:
    """Digits laid into a mask of 9, 0 and commas, from the right; `#` when they do not fit."""
    room = mask.count("9") + mask.count("0")
    if digits.strip("0") and len(digits) > room:
        return "#" * len(mask)
    padded = ("" if digits == "0" and "0" not in mask[-1:] else digits).rjust(room)
    forced = mask.find("0")
    if forced >= 0:
        zeros_from = len(mask[:forced].replace(",", ""))
        padded = padded[:zeros_from] + padded[zeros_from:].replace(" ", "0")
    result, position = "", 0
    for place in mask:
        if place == ",":
            result += "," if result.strip() else " "
        else:
            result, position = result + padded[position], position + 1
    return result


def _signed(number: Decimal, mask: str, digits: str, fill: bool) -> str:
    negative = number < 0
    currency = "$" if mask.startswith("$") or "L" in mask else ""
    bare = digits.strip() if currency or not fill else digits
    if mask.endswith("PR"):
        text = f"<{bare.strip()}>" if negative else f" {bare} "
        return currency + text
    if mask.endswith(("MI", "S")) and not mask.startswith("S"):
        return currency + bare.strip() + ("-" if negative else "+" if mask.endswith("S") else " ")
    if "S" in mask:
        return currency + ("-" if negative else "+") + bare.strip()
    lead = len(bare) - len(bare.lstrip())
    signed = " " * lead + ("-" if negative else " ") + bare.strip()
    text = currency + signed.strip() if currency else signed
    return text if fill else text.strip()


FUNCTIONS: tuple[tuple[str, Any, tuple[str, ...], str], ...] = (
    ("rs_to_char_time", to_char_time, ("TIMESTAMP", "VARCHAR"), "VARCHAR"),
    ("rs_to_char_number", to_char_number, ("VARCHAR", "VARCHAR"), "VARCHAR"),
    ("rs_to_timestamp", to_timestamp, ("VARCHAR", "VARCHAR"), "TIMESTAMP"),
    ("rs_to_timestamp_strict", to_timestamp_strict, ("VARCHAR", "VARCHAR", "BOOLEAN"), "TIMESTAMP"),
    ("rs_to_number", to_number, ("VARCHAR", "VARCHAR"), "DECIMAL(38,6)"),
)
