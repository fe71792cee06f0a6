"""Metric math: expressions over metrics, worked out for aligned stretches of time where a value may be missing.

Syntax: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Values = list[float | None]
"""One metric: a value for each stretch of time, oldest first, None where there is none."""

_OPERATORS: dict[type, Callable[[Any, Any], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_REDUCTIONS: dict[str, Callable[[list[float]], float]] = {
    "SUM": math.fsum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: math.fsum(values) / len(values),
}
_EACH: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}


class ExpressionError(ValueError):
    """A metric math expression that CloudWatch would refuse, or that is not emulated."""


def evaluate(expression: str, metrics: Mapping[str, Values], length: int, period: int) -> Values:
    """Work out an expression over `length` stretches of `period` seconds.

    >>> evaluate("IF(n > 0, FILL(e, 0) / n * 100, 0)", {"e": [None, 1.0], "n": [4.0, 2.0]}, 2, 60)
    [0.0, 50.0]
    """
    try:
        tree = ast.parse(_as_python(expression), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"metric math expression {expression!r}: {error.msg}") from error
    result = _Evaluation(expression, metrics, length, period).visit(tree)
    return _spread(result, length)


def names_in(expression: str) -> set[str]:
    """Ids of the metrics that an expression uses; METRICS() uses all, told by "*"."""
    tree = ast.parse(_as_python(expression), mode="eval")
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called
    return names | ({"*"} if "METRICS" in called else set())


def _as_python(expression: str) -> str:
    text = re.sub(r"&&|\bAND\b", " and ", expression)
    text = re.sub(r"\|\||\bOR\b", " or ", text)
    return text.replace("^", "**").strip()


class _Evaluation:
    def __init__(self, expression: str, metrics: Mapping[str, Values], length: int, period: int) -> None:
        self._expression = expression
        self._metrics = metrics
        self._length = length
        self._period = period

    def visit(self, node: ast.AST) -> Any:
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            raise self._refuse(f"{type(node).__name__} is not understood")
        return method(node)

    def _constant(self, node: ast.Constant) -> Any:
        return node.value

    def _name(self, node: ast.Name) -> Any:
        if node.id in {"REPEAT", "LINEAR"}:
            return node.id
        if node.id not in self._metrics:
            raise self._refuse(f"there is no metric with the id {node.id!r}")
        return self._metrics[node.id]

    def _list(self, node: ast.List) -> list[Values]:
        return [_spread(self.visit(element), self._length) for element in node.elts]

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        return self._combine(operator.mul, -1.0, self.visit(node.operand))

    def _binop(self, node: ast.BinOp) -> Any:
        return self._combine(_OPERATORS[type(node.op)], self.visit(node.left), self.visit(node.right))

    def _compare(self, node: ast.Compare) -> Any:
        right = self.visit(node.comparators[0])
        return self._combine(_OPERATORS[type(node.ops[0])], self.visit(node.left), right)

    def _boolop(self, node: ast.BoolOp) -> Any:
        both = isinstance(node.op, ast.And)
        result = self.visit(node.values[0])
        for value in node.values[1:]:
            result = self._combine(
                lambda a, b: bool(a) and bool(b) if both else bool(a) or bool(b), result, self.visit(value)
            )
        return result

    def _call(self, node: ast.Call) -> Any:
        name = node.func.id if isinstance(node.func, ast.Name) else "?"
        if name == "METRICS":
            return list(self._metrics.values())
        arguments = [self.visit(argument) for argument in node.args]
        if name == "IF":
            return self._if(*arguments)
        if name == "FILL":
            return self._fill(*arguments)
        if name == "PERIOD":
            return float(self._period)
        if name in _REDUCTIONS:
            return self._reduce(_REDUCTIONS[name], arguments[0])
        if name in _EACH:
            values = _spread(arguments[0], self._length)
            return [None if value is None else float(_EACH[name](value)) for value in values]
        raise self._refuse(f"the function {name} is not emulated by the offline cloud")

    def _if(self, condition: Any, then: Any, otherwise: Any = None) -> Values:
        rows = zip(*(_spread(part, self._length) for part in (condition, then, otherwise)), strict=True)
        return [None if test is None else (yes if test else no) for test, yes, no in rows]

    def _fill(self, values: Any, filler: Any) -> Any:
        if values and isinstance(values[0], list):
            return [self._fill(each, filler) for each in values]
        if filler == "LINEAR":
            raise self._refuse("FILL with LINEAR is not emulated by the offline cloud")
        if filler == "REPEAT":
            return _repeated(values)
        fillers = _spread(filler, self._length)
        return [fill if value is None else value for value, fill in zip(values, fillers, strict=True)]

    def _reduce(self, reduction: Callable[[list[float]], float], values: Any) -> Any:
        if not isinstance(values, list):
            return values
        if values and isinstance(values[0], list):
            rows = ([value for value in row if value is not None] for row in zip(*values, strict=True))
            return [reduction(row) if row else None for row in rows]
        present = [value for value in values if value is not None]
        return reduction(present) if present else None

    def _combine(self, operation: Callable[[Any, Any], float], left: Any, right: Any) -> Any:
        if not isinstance(left, list) and not isinstance(right, list):
            return _apply(operation, left, right)
        rows = zip(_spread(left, self._length), _spread(right, self._length), strict=True)
        return [_apply(operation, a, b) for a, b in rows]

    def _refuse(self, why: str) -> ExpressionError:
        return ExpressionError(f"metric math expression {self._expression!r}: {why}")


def _apply(operation: Callable[[Any, Any], float], left: float | None, right: float | None) -> float | None:
    if left is None or right is None:
        return None
    try:
        return float(operation(left, right))
    except (ZeroDivisionError, OverflowError):
        return None


def _repeated(values: Values) -> Values:
    filled: Values = []
    for value in values:
        filled.append(value if value is not None else (filled[-1] if filled else None))
    return filled


def _spread(value: Any, length: int) -> Values:
    return value if isinstance(value, list) else [value] * length
