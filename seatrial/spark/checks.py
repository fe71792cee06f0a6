"""A data contract as Spark columns: which Parquet types a column may have, its cast, and why a row is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import reduce

from pyspark.sql import Column
from pyspark.sql import functions as fn

from seatrial.contracts.table import EARLIEST, Field, TableContract

_ACCEPTED = {
    "string": r"binary (STRING|UTF8|ENUM)",
    "timestamp": r"int96|int64 TIMESTAMP\((MICROS|MILLIS),(true|false)\)|int64 TIMESTAMP_(MICROS|MILLIS)|binary STRING",
    "date": r"int32 DATE|binary (STRING|UTF8)",
    "double": r"double|float|int32( INTEGER\(\d+,(true|false)\))?|int64( INTEGER\(64,true\))?|.* DECIMAL\(\d+,\d+\)",
    "int32": r"int32( INTEGER\(\d+,(true|false)\))?|int64( INTEGER\(64,true\))?",
}
_SPARK = {"string": "string", "timestamp": "timestamp", "date": "date", "double": "double", "int32": "int"}


def schema_problems(contract: TableContract, types: Mapping[str, str]) -> list[str]:
    """What is wrong with a file's columns: each column missing or of a type that cannot be read without loss."""
    problems = []
    for one in contract.fields:
        actual = types.get(one.name)
        if actual is None:
            problems.append(f"column {one.name!r} is missing")
        elif not re.fullmatch(_ACCEPTED[one.kind], actual):
            problems.append(f"column {one.name!r} must be a {one.kind}, got {actual!r}")
    return problems


def unexpected(contract: TableContract, types: Mapping[str, str]) -> list[str]:
    """Columns that the contract does not know, by name."""
    return sorted(set(types) - set(contract.names))


def spark_type(one: Field) -> str:
    """The contract's type in Spark's words."""
    return _SPARK[one.kind]


def typed(one: Field) -> Column:
    """The column as the contract's type; null where it cannot be, also under ANSI rules."""
    text = fn.col(f"`{one.name}`")
    if one.kind == "string":
        return fn.when(text != "", text).alias(one.name)
    return fn.expr(f"try_cast(`{one.name}` as {_SPARK[one.kind]})").alias(one.name)


def keeps(contract: TableContract, suffix: str = "") -> Column:
    """True when `refusal` gives none, and never null; every row is asked this, few are asked for the reason.

    Spark's code for all reasons is longer than what Java's compiler takes (8,000 bytes), so it would be interpreted.
    """
    return reduce(Column.__and__, (_keeps(one, suffix) for one in contract.fields))


def _keeps(one: Field, suffix: str) -> Column:
    raw, value = fn.col(f"`{one.name}`"), fn.col(f"`{one.name}{suffix}`")
    good = value.isNotNull() & ~_outside_choices(one, value) & ~_out_of_range(one, value)
    return raw.isNull() | (value.isNull() & (raw.cast("string") == "")) | good if one.nullable else good


def refusal(contract: TableContract, suffix: str = "") -> Column:
    """The first reason why the row breaks the contract, null when it keeps it: `TableContract.problem` in Spark.

    The typed columns are named as in the contract plus `suffix`; raw ones without it.
    """
    return fn.coalesce(*(_refusal(one, suffix) for one in contract.fields))


def staleness(contract: TableContract, day: str, suffix: str = "") -> Column:
    """Why the row is too old for the day (a column of dates) that delivered it, or from after it; else null.

    `TableContract.staleness` in Spark; a row without its moment is none of these.
    """
    end = fn.date_add(day, 1).cast("timestamp")
    begin = fn.date_add(day, 1 - contract.oldest_days).cast("timestamp")
    value = fn.col(f"`{contract.dated_by}{suffix}`")
    future = fn.when(value >= end, fn.lit(f"{contract.dated_by}_future"))
    return future.when(value <= begin, fn.lit(f"{contract.dated_by}_too_old"))


def _refusal(one: Field, suffix: str) -> Column:
    raw, value = fn.col(f"`{one.name}`"), fn.col(f"`{one.name}{suffix}`")
    missing = raw.isNull() | (raw.cast("string") == "") if one.kind in {"string", "timestamp", "date"} else raw.isNull()
    wrong = value.isNull() | _outside_choices(one, value)
    absent = fn.when(missing, None if one.nullable else fn.lit(f"{one.name}_missing"))
    reason = fn.when(wrong, fn.lit(f"{one.name}_invalid")).when(_out_of_range(one, value), fn.lit(f"{one.name}_range"))
    return fn.when(missing, absent).otherwise(reason)


def _outside_choices(one: Field, value: Column) -> Column:
    if one.choices:
        return ~value.isin(*one.choices)
    if one.kind == "double":
        return fn.isnan(value) | (fn.abs(value) == float("inf"))
    return fn.lit(False)


def _out_of_range(one: Field, value: Column) -> Column:
    if one.kind == "timestamp":
        return value < fn.lit(EARLIEST.strftime("%Y-%m-%d %H:%M:%S")).cast("timestamp")
    outside = fn.lit(False)
    if one.minimum is not None:
        outside = outside | (value < one.minimum)
    if one.maximum is not None:
        outside = outside | (value > one.maximum)
    return outside
