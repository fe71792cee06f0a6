"""Redshift's grammar for sqlglot, with calls kept as they are written, so that none is translated behind our back."""

import logging
from typing import Any

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift
from sqlglot.typing.redshift import EXPRESSION_METADATA as REDSHIFT_METADATA

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.datatypes import DECIMALS, FLOATS, INTEGERS, Kind
from seatrial.offline.warehouse.functions import result_type

# What sqlglot cannot parse is refused by name here; its own warning would say the same less clearly.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
_KNOWN_TO_SQLGLOT = [
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "COUNT",
    "COALESCE",
    "NULLIF",
    "GREATEST",
    "LEAST",
    "ROW_NUMBER",
    "RANK",
    "DENSE_RANK",
    "LAG",
    "LEAD",
    "FIRST_VALUE",
    "LAST_VALUE",
    "NTH_VALUE",
    "NTILE",
    "CUME_DIST",
    "PERCENT_RANK",
    "EXISTS",
]
"""Standard functions that mean the same everywhere, or whose difference is corrected by type; all others are ours."""
_WITH_OWN_GRAMMAR = ("CAST", "TRY_CAST", "CONVERT", "EXTRACT", "POSITION", "SUBSTRING", "TRIM")


class Warehouse(Redshift):
    """Redshift as it is written by users of the warehouse."""

    class Parser(Redshift.Parser):  # pyrefly: ignore[bad-override]
        """Knows few functions by meaning; `APPROXIMATE` keeps its call."""

        FUNCTIONS = {name: Redshift.Parser.FUNCTIONS[name] for name in _KNOWN_TO_SQLGLOT}
        FUNCTION_PARSERS = {name: Redshift.Parser.FUNCTION_PARSERS[name] for name in _WITH_OWN_GRAMMAR}


def _annotate_division(annotator: Any, node: exp.Div) -> None:
    left, right = node.left.type, node.right.type
    annotator._set_type(node, quotient_type(left, right))


def quotient_type(left: exp.DataType | None, right: exp.DataType | None) -> exp.DataType:
    """Type of a quotient; unknown when an operand's type is.

    Precision and scale: "Computations with numeric values" of the Amazon Redshift developer guide.
    """
    kinds = {one.this if one is not None else Kind.UNKNOWN for one in (left, right)}
    if left is None or right is None or kinds & {Kind.UNKNOWN, Kind.NULL}:
        return exp.DataType.build("unknown")
    if kinds <= set(INTEGERS):
        return exp.DataType.build("bigint" if Kind.BIGINT in kinds else "int")
    if kinds & FLOATS or not kinds <= DECIMALS | set(INTEGERS):
        return exp.DataType.build("double")
    return decimal_quotient(datatypes.precision_of(left), datatypes.precision_of(right))


def decimal_quotient(left: tuple[int, int], right: tuple[int, int]) -> exp.DataType:
    """The type of a quotient of two decimals, given as (precision, scale).

    >>> decimal_quotient((8, 2), (8, 2)).sql("redshift")
    'DECIMAL(17, 9)'
    """
    (p1, s1), (p2, s2) = left, right
    scale = max(4, s1 + p2 - s2 + 1)
    precision = p1 - s1 + s2 + scale
    if precision > 38:
        precision, scale = 38, min(max(38 + scale - precision, 4), 37)
    return exp.DataType.build(f"decimal({precision},{scale})", dialect="redshift")


def _annotate_sum(annotator: Any, node: exp.Sum) -> None:
    kind = _kind_of_argument(node)
    if kind is not None and kind.this in INTEGERS:
        annotator._set_type(node, Kind.BIGINT)
    elif kind is not None and kind.this in DECIMALS:
        annotator._set_type(node, exp.DataType.build(f"decimal(38,{datatypes.precision_of(kind)[1]})"))
    else:
        annotator._set_type(node, Kind.DOUBLE if kind is None or kind.this in FLOATS else kind)


def _kind_of_argument(node: exp.Expr) -> exp.DataType | None:
    argument = node.this
    if isinstance(argument, exp.Distinct):
        argument = argument.expressions[0]
    return argument.type


def _annotate_literal(annotator: Any, node: exp.Literal) -> None:
    if node.is_string:
        annotator._set_type(node, Kind.VARCHAR)
    elif "e" in node.name.lower():
        annotator._set_type(node, Kind.DOUBLE)
    elif "." in node.name:
        digits = node.name.replace(".", "").lstrip("0") or "0"
        scale = len(node.name.partition(".")[2])
        annotator._set_type(node, exp.DataType.build(f"decimal({max(len(digits), scale, 1)},{scale})"))
    else:
        value = int(node.name)
        wide = exp.DataType.build("decimal(38,0)") if value > 2**63 - 1 else Kind.BIGINT
        annotator._set_type(node, Kind.INT if value <= 2**31 - 1 else wide)


def _annotate_call(annotator: Any, node: exp.Expr) -> None:
    annotator._set_type(node, result_type(node))


def _annotate_arithmetic(annotator: Any, node: exp.Binary) -> None:
    annotator._set_type(node, _arithmetic_type(node))


def _arithmetic_type(node: exp.Binary) -> exp.DataType:
    left, right = node.left.type, node.right.type
    kinds = [one.this if one is not None else Kind.UNKNOWN for one in (left, right)]
    if set(kinds) <= set(INTEGERS):
        order = [Kind.SMALLINT, Kind.INT, Kind.BIGINT]
        return exp.DataType.build(max(kinds, key=order.index))
    if left is not None and right is not None and set(kinds) <= DECIMALS | set(INTEGERS):
        return _decimal_result(node, datatypes.precision_of(left), datatypes.precision_of(right))
    if set(kinds) <= datatypes.NUMBERS:
        return exp.DataType.build("double")
    return _temporal_result(node, kinds)


def _decimal_result(node: exp.Binary, left: tuple[int, int], right: tuple[int, int]) -> exp.DataType:
    (p1, s1), (p2, s2) = left, right
    if isinstance(node, exp.Mul):
        precision, scale = p1 + p2 + 1, s1 + s2
    else:
        scale = max(s1, s2)
        precision = max(p1 - s1, p2 - s2) + scale + 1
    return exp.DataType.build(f"decimal({min(38, precision)},{min(37, scale)})")


def _temporal_result(node: exp.Binary, kinds: list[Any]) -> exp.DataType:
    """Dates plus days, timestamps plus intervals, differences of dates; anything else is unknown."""
    left, right = kinds
    if left is Kind.DATE and right in INTEGERS and not isinstance(node, exp.Mul):
        return exp.DataType.build("date")
    if left is Kind.DATE and right is Kind.DATE:
        return exp.DataType.build("bigint")
    stamps = {Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
    if left in stamps | {Kind.DATE} and right is Kind.INTERVAL:
        return exp.DataType.build("timestamp" if left is Kind.DATE else left)
    if left in stamps and right in stamps:
        return exp.DataType.build("interval")
    return exp.DataType.build("unknown")


METADATA: Any = {
    **REDSHIFT_METADATA,
    exp.Anonymous: {"annotator": _annotate_call},
    exp.Div: {"annotator": _annotate_division},
    exp.Add: {"annotator": _annotate_arithmetic},
    exp.Sub: {"annotator": _annotate_arithmetic},
    exp.Mul: {"annotator": _annotate_arithmetic},
    exp.Sum: {"annotator": _annotate_sum},
    exp.Literal: {"annotator": _annotate_literal},
    exp.WithinGroup: {"annotator": lambda annotator, node: annotator._set_type(node, node.this.type)},
}
"""How sqlglot finds the type of each kind of node, with Redshift's own rules for numbers and calls."""
