"""Values of IoT SQL: Undefined, conversions and operators, as AWS documents them for SQL version 2016-03-23.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-operators.html and iot-sql-data-types.html
"""

import json
from collections.abc import Callable
from typing import Any


class Undefined:
    """What an absent field and an impossible operation give; it is left out of results."""

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED = Undefined()


def number(value: Any) -> int | float | None:
    """The value as a number, None when it cannot be one; whole numbers are Int, also when written as 10.0."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        decimal = float(value)
    except ValueError:
        return None
    if isinstance(value, int):
        return value
    return int(decimal) if decimal.is_integer() and not isinstance(value, str) else decimal


def text(value: Any) -> str:
    """The value as a string, as + and templates convert it; Undefined is empty."""
    if value is UNDEFINED:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return json.dumps(value, separators=(",", ":"), default=str)


def truth(value: Any) -> bool | None:
    """The value as a boolean, None when it cannot be one."""
    if isinstance(value, bool):
        return value
    lowered = value.lower() if isinstance(value, str) else ""
    return {"true": True, "false": False}.get(lowered)


def both(left: Any, right: Any) -> Any:
    """AND."""
    return _logical(left, right, lambda a, b: a and b)


def either(left: Any, right: Any) -> Any:
    """OR."""
    return _logical(left, right, lambda a, b: a or b)


def negation(value: Any) -> Any:
    """NOT."""
    known = truth(value)
    return UNDEFINED if known is None else not known


def equal(left: Any, right: Any) -> Any:
    """=: types that differ are not equal, and nothing equals Undefined."""
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return left == right


def unequal(left: Any, right: Any) -> Any:
    """<>."""
    same = equal(left, right)
    return same if same is UNDEFINED else not same


def plus(left: Any, right: Any) -> Any:
    """+: concatenation as soon as one side is a string."""
    if isinstance(left, str) or isinstance(right, str):
        return text(left) + text(right)
    return _arithmetic(left, right, lambda a, b: a + b)


def divided(left: Any, right: Any) -> Any:
    """/: of two Ints an Int, without what is left over."""
    return _arithmetic(left, right, _quotient)


def remainder(left: Any, right: Any) -> Any:
    """%: with the sign of the left side."""
    return _arithmetic(left, right, lambda a, b: a - b * int(a / b))


def contained(item: Any, items: Any) -> Any:
    """IN: whether an array has the item."""
    return item in items if isinstance(items, list) else UNDEFINED


def comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """An operator that compares numbers."""

    def operator(left: Any, right: Any) -> Any:
        first, second = number(left), number(right)
        return UNDEFINED if first is None or second is None else compare(first, second)

    return operator


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "or": either,
    "and": both,
    "=": equal,
    "<>": unequal,
    "!=": unequal,
    "<": comparison(lambda a, b: a < b),
    "<=": comparison(lambda a, b: a <= b),
    ">": comparison(lambda a, b: a > b),
    ">=": comparison(lambda a, b: a >= b),
    "in": contained,
    "+": plus,
    "-": lambda left, right: _arithmetic(left, right, lambda a, b: a - b),
    "*": lambda left, right: _arithmetic(left, right, lambda a, b: a * b),
    "/": divided,
    "%": remainder,
}
"""Binary operators by their sign."""


def _logical(left: Any, right: Any, combine: Callable[[bool, bool], bool]) -> Any:
    first, second = truth(left), truth(right)
    return UNDEFINED if first is None or second is None else combine(first, second)


def _arithmetic(left: Any, right: Any, compute: Callable[[Any, Any], Any]) -> Any:
    first, second = number(left), number(right)
    if first is None or second is None:
        return UNDEFINED
    try:
        result = compute(first, second)
    except (ZeroDivisionError, OverflowError):
        return UNDEFINED
    return float(result) if isinstance(left, str) or isinstance(right, str) else result


def _quotient(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        whole = abs(left) // abs(right)
        return whole if (left < 0) == (right < 0) else -whole
    return left / right
