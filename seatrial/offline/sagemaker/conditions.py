"""The conditions of a Condition step; they are ANDed."""

from collections.abc import Mapping, Sequence
from typing import Any

from seatrial.offline.sagemaker.expressions import ExpressionError, Resolver


def holds(conditions: Sequence[Mapping[str, Any]], resolver: Resolver) -> bool:
    """Whether every condition holds."""
    return all(_holds(condition, resolver) for condition in conditions)


def _holds(condition: Mapping[str, Any], resolver: Resolver) -> bool:
    kind = condition["Type"]
    if kind == "Not":
        return not _holds(condition["Expression"], resolver)
    if kind == "Or":
        return any(_holds(item, resolver) for item in condition["Conditions"])
    if kind == "In":
        wanted = resolver.resolve(condition["QueryValue"])
        return any(_equal(wanted, value) for value in resolver.resolve(condition["Values"]))
    left, right = resolver.resolve(condition["LeftValue"]), resolver.resolve(condition["RightValue"])
    if kind == "Equals":
        return _equal(left, right)
    return _compare(kind, left, right)


def _compare(kind: str, left: Any, right: Any) -> bool:
    one, two = _number(left), _number(right)
    if one is None or two is None:
        raise ExpressionError(f"{kind} compares numbers, got {left!r} and {right!r}")
    outcomes = {
        "GreaterThan": one > two,
        "GreaterThanOrEqualTo": one >= two,
        "LessThan": one < two,
        "LessThanOrEqualTo": one <= two,
    }
    if kind not in outcomes:
        raise ExpressionError(f"condition type {kind!r} is not known: {', '.join(outcomes)}, Equals, In, Not, Or")
    return outcomes[kind]


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return str(left).lower() == str(right).lower()
    one, two = _number(left), _number(right)
    return left == right if one is None or two is None else one == two


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
