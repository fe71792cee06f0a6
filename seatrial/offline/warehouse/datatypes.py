"""Redshift's data types: how a column is declared, how DuckDB stores it, and how catalog views and the API name it."""

import re
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse.errors import NotSupportedError, SqlError

Kind = exp.DataType.Type
INTEGERS = {Kind.SMALLINT: "SMALLINT", Kind.INT: "INTEGER", Kind.BIGINT: "BIGINT"}
TEXTS = {Kind.CHAR, Kind.NCHAR, Kind.BPCHAR, Kind.VARCHAR, Kind.NVARCHAR, Kind.TEXT}
FLOATS = {Kind.FLOAT, Kind.DOUBLE}
DECIMALS = {Kind.DECIMAL}
NUMBERS = set(INTEGERS) | FLOATS | DECIMALS
DATES = {Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ}
_CHARACTERS = {Kind.CHAR, Kind.NCHAR, Kind.BPCHAR}
_MOST = {"char": 4096, "varchar": 65535}
_STORED = {
    **INTEGERS,
    Kind.FLOAT: "FLOAT",
    Kind.DOUBLE: "DOUBLE",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.DATE: "DATE",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.TIMESTAMPTZ: "TIMESTAMPTZ",
    Kind.TIME: "TIME",
    Kind.TIMETZ: "TIMETZ",
    Kind.SUPER: "JSON",
    Kind.VARBINARY: "BLOB",
    Kind.INTERVAL: "INTERVAL",
}
_SHOWN = {
    Kind.SMALLINT: "smallint",
    Kind.INT: "integer",
    Kind.BIGINT: "bigint",
    Kind.FLOAT: "real",
    Kind.DOUBLE: "double precision",
    Kind.BOOLEAN: "boolean",
    Kind.DATE: "date",
    Kind.TIMESTAMP: "timestamp without time zone",
    Kind.TIMESTAMPTZ: "timestamp with time zone",
    Kind.TIME: "time without time zone",
    Kind.TIMETZ: "time with time zone",
    Kind.SUPER: "super",
    Kind.VARBINARY: "binary varying",
}
_OF_DUCKDB = {
    "SMALLINT": ("int2", 5, 0, True),
    "TINYINT": ("int2", 5, 0, True),
    "INTEGER": ("int4", 10, 0, True),
    "BIGINT": ("int8", 19, 0, True),
    "UBIGINT": ("int8", 19, 0, True),
    "HUGEINT": ("numeric", 38, 0, True),
    "FLOAT": ("float4", 8, 8, True),
    "DOUBLE": ("float8", 17, 17, True),
    "BOOLEAN": ("bool", 1, 0, False),
    "VARCHAR": ("varchar", 0, 0, False),
    "DATE": ("date", 13, 0, False),
    "TIMESTAMP": ("timestamp", 29, 6, False),
    "TIMESTAMP_S": ("timestamp", 29, 6, False),
    "TIMESTAMP_MS": ("timestamp", 29, 6, False),
    "TIMESTAMP_NS": ("timestamp", 29, 6, False),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz", 35, 6, False),
    "TIME": ("time", 15, 6, False),
    "TIME WITH TIME ZONE": ("timetz", 21, 6, False),
    "JSON": ("super", 0, 0, False),
    "BLOB": ("varbyte", 0, 0, False),
    "INTERVAL": ("intervald2s", 0, 0, False),
    '"NULL"': ("varchar", 0, 0, False),
}


def declared(kind: exp.DataType) -> exp.DataType:
    """The type of a column as Redshift makes it of its declaration: lengths and precisions filled in.

    >>> declared(exp.DataType.build("text", dialect="redshift")).sql("redshift")
    'VARCHAR(256)'
    """
    if kind.this in TEXTS:
        name = "char" if kind.this in _CHARACTERS else "varchar"
        default = 256 if name == "varchar" or kind.this is Kind.BPCHAR else 1
        return exp.DataType.build(f"{name}({length_of(kind) or default})", dialect="redshift")
    if kind.this in DECIMALS and not kind.expressions:
        return exp.DataType.build("decimal(18,0)", dialect="redshift")
    stored(kind)
    return kind


def length_of(kind: exp.DataType) -> int | None:
    """Length in bytes of a text type, None when it has none; `MAX` is 4096 or 65535."""
    if not kind.expressions:
        return None
    size = kind.expressions[0].name
    most = _MOST["char" if kind.this in _CHARACTERS else "varchar"]
    length = most if size.lower() == "max" else int(size)
    if length > most:
        raise SqlError(f"length for type {'char' if most == _MOST['char'] else 'varchar'} cannot exceed {most}")
    return length


def precision_of(kind: exp.DataType) -> tuple[int, int]:
    """Precision and scale of a number that takes part in decimal arithmetic; integers count as decimals."""
    of_integers = {Kind.SMALLINT: (5, 0), Kind.INT: (10, 0), Kind.BIGINT: (19, 0)}
    if kind.this in of_integers:
        return of_integers[kind.this]
    sizes = [*(int(one.name) for one in kind.expressions), 0]
    return (sizes[0], sizes[1]) if kind.expressions else (18, 0)


def stored(kind: exp.DataType) -> str:
    """DuckDB's type for a Redshift type; raises `NotSupportedError` for types without one."""
    if kind.this in TEXTS:
        return "VARCHAR"
    if kind.this in DECIMALS:
        precision, scale = precision_of(kind)
        return f"DECIMAL({precision},{scale})"
    if kind.this not in _STORED:
        raise NotSupportedError(f"the data type {kind.sql('redshift')}")
    return _STORED[kind.this]


def shown(kind: exp.DataType) -> str:
    """A type as pg_table_def shows it.

    >>> shown(exp.DataType.build("varchar(10)", dialect="redshift"))
    'character varying(10)'
    """
    if kind.this in TEXTS:
        name = "character" if kind.this in _CHARACTERS else "character varying"
        return f"{name}({length_of(kind) or 256})"
    if kind.this in DECIMALS:
        precision, scale = precision_of(kind)
        return f"numeric({precision},{scale})"
    return _SHOWN.get(kind.this, kind.sql("redshift").lower())


def of_duckdb(name: str) -> exp.DataType:
    """The Redshift type of a DuckDB column: for derived tables and files; raises `SqlError` for nested types."""
    plain = name.upper()
    if plain.startswith(("STRUCT", "MAP", "UNION")) or plain.endswith("]") or plain == "JSON":
        return exp.DataType.build("super", dialect="redshift")
    if plain in {"VARCHAR", '"NULL"'}:
        return exp.DataType.build("varchar(65535)", dialect="redshift")
    names = {"HUGEINT": "decimal(38,0)", "BLOB": "varbyte", "UBIGINT": "decimal(20,0)", "UINTEGER": "bigint"}
    names |= {"TINYINT": "smallint", "UTINYINT": "smallint", "USMALLINT": "integer"}
    names |= {"TIMESTAMP_NS": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_S": "timestamp"}
    return exp.DataType.build(names.get(plain, plain), dialect="postgres" if "ZONE" in plain else "redshift")


def column_metadata(name: str, duckdb_type: str) -> dict[str, Any]:
    """One entry of GetStatementResult's ColumnMetadata."""
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", duckdb_type)
    if decimal:
        kind, precision, scale, signed = "numeric", int(decimal[1]), int(decimal[2]), True
    else:
        kind, precision, scale, signed = _OF_DUCKDB.get(duckdb_type, ("super", 0, 0, False))
    return {
        "isCaseSensitive": kind in {"varchar", "super"},
        "isCurrency": False,
        "isSigned": signed,
        "label": name,
        "length": 0,
        "name": name,
        "nullable": 1,
        "precision": precision,
        "scale": scale,
        "schemaName": "",
        "tableName": "",
        "typeName": kind,
    }
