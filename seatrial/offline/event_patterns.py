"""Event patterns, as EventBridge matches them: arrays of objects, exact types, and every comparison operator.

Grammar: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import ipaddress
import itertools
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

_NUMERIC = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}
_MISSING = object()


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Whether an event (or an object within it) matches a pattern: every key must, each by any of its values.

    >>> matches({"detail": {"state": ["ALARM", {"prefix": "IN"}]}}, {"detail": {"state": "INSUFFICIENT_DATA"}})
    True
    >>> matches({"detail": {"n": [{"numeric": [">", 1, "<=", 3]}]}}, {"detail": {"n": 4}})
    False
    """
    return all(_key_matches(key, wanted, event) for key, wanted in pattern.items())


def _key_matches(key: str, wanted: Any, event: Any) -> bool:
    if key == "$or":
        return any(matches(alternative, event) for alternative in wanted)
    if isinstance(wanted, dict):
        children = [_child(item, key) for item in _items(event)]
        nested = itertools.chain.from_iterable(_items(child) for child in children)
        objects = [item for item in nested if isinstance(item, dict)]
        return any(matches(wanted, item) for item in objects or [{}])
    values = list(itertools.chain.from_iterable(_leaves(_child(item, key)) for item in _items(event)))
    return any(_value_matches(rule, values) for rule in wanted)


def _child(item: Any, key: str) -> Any:
    return item.get(key, _MISSING) if isinstance(item, dict) else _MISSING


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _leaves(value: Any) -> Iterable[Any]:
    if value is _MISSING or isinstance(value, dict):
        return []
    return [item for item in _items(value) if not isinstance(item, dict)]


def _value_matches(rule: Any, values: list[Any]) -> bool:
    if not isinstance(rule, dict):
        return any(_same(rule, value) for value in values)
    ((name, operand),) = rule.items()
    if name == "exists":
        return bool(values) == operand
    if name == "anything-but":
        return bool(values) and not any(_excluded(operand, value) for value in values)
    if name not in _OPERATORS:
        raise NotImplementedError(f"the comparison {name!r} in an event pattern; known: {sorted(_OPERATORS)}")
    return any(_OPERATORS[name](value, operand) for value in values)


def _same(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(value, bool) or wanted is None or value is None:
        return wanted is value
    return wanted == value


def _excluded(operand: Any, value: Any) -> bool:
    if isinstance(operand, dict):
        ((name, inner),) = operand.items()
        return any(_OPERATORS[name](value, each) for each in _items(inner))
    return any(_same(each, value) for each in _items(operand))


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def compare(value: Any, operand: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, dict) and "equals-ignore-case" in operand:
            return test(value.lower(), operand["equals-ignore-case"].lower())
        return test(value, operand)

    return compare


def _numeric(value: Any, operand: list[Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(_NUMERIC[name](value, limit) for name, limit in pairs)


def _cidr(value: Any, operand: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(operand)
    except ValueError:
        return False


def _wildcard(value: str, operand: str) -> bool:
    pieces = re.split(r"(\\\*|\\\\|\*)", operand)
    known = {"*": ".*", "\\*": r"\*", "\\\\": r"\\"}
    return re.fullmatch("".join(known.get(piece, re.escape(piece)) for piece in pieces), value, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "equals-ignore-case": _text(lambda value, operand: value.lower() == operand.lower()),
    "wildcard": _text(_wildcard),
    "numeric": _numeric,
    "cidr": _cidr,
}
