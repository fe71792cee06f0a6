"""Reads the text of one feature value; it decides what is a number, what is missing and what is neither."""

import math

MISSING_TEXTS = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
LARGEST_MAGNITUDE = 1e150
"""Beyond this the square of a value overflows; such a value is counted as invalid, never averaged."""


def is_missing(text: str) -> bool:
    """Whether the text stands for no value.

    >>> is_missing(" N/A "), is_missing("0")
    (True, False)
    """
    return text.strip().lower() in MISSING_TEXTS


def to_number(text: str) -> float | None:
    """The finite number that the text holds, None when it holds none.

    >>> to_number(" 1e3 "), to_number("inf"), to_number("twelve")
    (1000.0, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) <= LARGEST_MAGNITUDE else None
