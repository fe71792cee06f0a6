"""A query of Athena's, compiled for DuckDB: tables are views over their files, less what it rules out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from seatrial.offline.warehouse.datatypes import INTEGERS
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError, from_duckdb
from seatrial.offline.warehouse.lake import iceberg
from seatrial.offline.warehouse.lake import tables as lake_tables
from seatrial.offline.warehouse.lake.cloud import CloudLake
from seatrial.offline.warehouse.lake.tables import LakeTable, Partition
from seatrial.offline.warehouse.queries import is_cte

_CATALOGS = {"", "awsdatacatalog"}


@dataclass
class Result:
    """Rows of a query, and the bytes that it read."""

    columns: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    scanned: int = 0
    kind: str = "DML"
    changed: int | None = None


@dataclass
class _Source:
    """A table at one place of a query."""

    table: exp.Table
    scope: Scope
    record: dict[str, Any]
    lake: LakeTable | None


class Runner:
    """Runs the queries of one execution on a connection of its own."""

    def __init__(self, lake: CloudLake, database: str, limit: int | None) -> None:
        self.lake, self.database, self.limit = lake, database, limit
        self.connection = duckdb.connect(config={"threads": 2})
        self.connection.execute("SET TimeZone = 'UTC'")
        self.scanned = 0

    def query(self, tree: exp.Expr) -> Result:
        """Run a SELECT; raises `SqlError`, also when it would read more than the workgroup allows."""
        sql = self.compiled(tree)
        try:
            cursor = self.connection.execute(sql)
            described = cursor.description or []
            names, kinds = (
                [re.sub(r"^_col_(\d+)$", r"_col\1", str(one[0])) for one in described],
                [str(one[1]) for one in described],
            )
            return Result(names, [_trino_type(kind) for kind in kinds], cursor.fetchall(), self.scanned)
        except duckdb.Error as error:
            raise from_duckdb(error) from error

    def compiled(self, tree: exp.Expr) -> str:
        """DuckDB's text of a query, its sources registered and their bytes counted."""
        self._replace_clock(tree)
        sources = self._sources(tree)
        schema = MappingSchema(dialect="athena")
        for one in sources:
            columns = {name: _sql_type(kind) for name, kind in self._columns(one)}
            place = f'"{one.table.db or self.database}"."{one.table.name.lower()}"'
            schema.add_table(place, columns, match_depth=False)
            one.table.set("db", exp.to_identifier(one.table.db or self.database))
            one.table.set("catalog", None)
        try:
            tree = qualify(tree, dialect="athena", schema=schema, expand_alias_refs=False)
            tree = annotate_types(tree, schema, dialect="athena")
            self._register_all(tree, sources)
            _divide_integers(tree)
            return tree.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
        except SqlglotError as error:
            raise SqlError(f"SYNTAX_ERROR: {error}") from error

    def _replace_clock(self, tree: exp.Expr) -> None:
        now = self.lake.now()
        for node in list(tree.find_all(exp.CurrentTimestamp, exp.CurrentDate)):
            day = isinstance(node, exp.CurrentDate)
            text = f"{now:%Y-%m-%d}" if day else f"{now:%Y-%m-%d %H:%M:%S.%f}+00"
            node.replace(exp.cast(exp.Literal.string(text), "date" if day else "timestamptz"))

    def _sources(self, tree: exp.Expr) -> list[_Source]:
        found = []
        for scope in traverse_scope(tree):
            for table in scope.tables:
                if not table.db and is_cte(scope, table):
                    continue
                if table.catalog.lower() not in _CATALOGS or table.db.lower() == "information_schema":
                    raise NotSupportedError(f"the table {table.sql('athena')}")
                record = lake_tables.describe(self.lake, (table.db or self.database).lower(), table.name.lower())
                lake = (
                    None if lake_tables.is_iceberg(record) else lake_tables.load(self.lake, self.lake.storage, record)
                )
                found.append(_Source(table, scope, record, lake))
        return found

    def _columns(self, one: _Source) -> list[tuple[str, str]]:
        if one.lake is not None:
            return one.lake.all_columns
        return [(column["Name"].lower(), column["Type"]) for column in one.record["StorageDescriptor"]["Columns"]]

    def _register_all(self, tree: exp.Expr, sources: Sequence[_Source]) -> None:
        by_name = {(one.record["DatabaseName"], one.record["Name"]): one for one in sources}
        number = 0
        for scope in traverse_scope(tree):
            for table in scope.tables:
                source = by_name.get((table.db.lower(), table.name.lower()))
                if source is None:
                    continue
                alias = table.alias_or_name
                view = f"source_{number}"
                number += 1
                used = {column.name for column in scope.columns if column.table == alias}
                self._register(view, source, scope, alias, used)
                table.set("this", exp.to_identifier(view))
                table.set("db", None)

    def _register(self, view: str, source: _Source, scope: Scope, alias: str, used: set[str]) -> None:
        if source.lake is None:
            table = iceberg.table(self.lake.context, source.record["DatabaseName"], source.record["Name"])
            self._count(iceberg.scanned_bytes(table))
            self.connection.register(view, iceberg.content(table, tuple(sorted(used)) or ("*",)))
            return
        chosen = self._pruned(source.lake, scope, alias)
        self._count(lake_tables.scanned_bytes(self.connection, self.lake.storage, source.lake, chosen, used))
        text = lake_tables.query(self.connection, self.lake.storage, source.lake, chosen)
        self.connection.execute(f"CREATE TEMP VIEW {view} AS {text}")

    def _count(self, scanned: int) -> None:
        self.scanned += scanned
        if self.limit is not None and self.scanned > self.limit:
            raise ScanLimitError(f"Bytes scanned limit was exceeded: {self.scanned} of {self.limit}")

    def _pruned(self, table: LakeTable, scope: Scope, alias: str) -> list[Partition]:
        """Partitions that the conditions on partition keys leave."""
        keys = [name for name, _ in table.keys]
        where = scope.expression.args.get("where") if isinstance(scope.expression, exp.Select) else None
        if not keys or where is None:
            return table.partitions
        tests = [one for one in _conjuncts(where.this) if _concerns_only(one, alias, set(keys))]
        if not tests or not table.partitions:
            return table.partitions
        text = " AND ".join(f"({_without_table(one).sql('duckdb')})" for one in tests)
        typed = ", ".join(
            f'CAST(k{number} AS {lake_tables.duckdb_type(kind)}) AS "{name}"'
            for number, (name, kind) in enumerate(table.keys)
        )
        listed = ", ".join(f"k{number}" for number in range(len(keys)))
        marks = ", ".join(f"({number}, {', '.join('?' for _ in keys)})" for number in range(len(table.partitions)))
        values = [value for one in table.partitions for value in one.values]
        sql = f"SELECT n FROM (SELECT n, {typed} FROM (VALUES {marks}) AS v(n, {listed})) WHERE {text}"
        kept = {row[0] for row in self.connection.execute(sql, values).fetchall()}
        return [one for number, one in enumerate(table.partitions) if number in kept]

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class ScanLimitError(SqlError):
    """A query would read more than its workgroup allows."""


def _conjuncts(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.And):
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return _conjuncts(node.this) if isinstance(node, exp.Paren) and isinstance(node.this, exp.And) else [node]


def _concerns_only(node: exp.Expr, alias: str, keys: set[str]) -> bool:
    columns = list(node.find_all(exp.Column))
    outside = node.find(exp.Query, exp.AggFunc, exp.Window) is not None
    return bool(columns) and not outside and all(one.table == alias and one.name in keys for one in columns)


def _without_table(node: exp.Expr) -> exp.Expr:
    bare = node.copy()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
    return bare


def _divide_integers(tree: exp.Expr) -> None:
    """Trino divides integers to integers, towards zero."""
    for node in list(tree.find_all(exp.Div)):
        kinds = {one.type.this if one.type else None for one in (node.left, node.right)}
        if kinds <= set(INTEGERS):
            node.replace(exp.IntDiv(this=node.left.copy(), expression=node.right.copy()))


def _sql_type(hive: str) -> str:
    plain = hive.lower()
    nested = plain.startswith(("array<", "struct<", "map<"))
    names = {"string": "varchar", "int": "integer", "binary": "varbinary", "float": "real", "long": "bigint"}
    names |= {"timestamptz": "timestamp with time zone"}
    return "json" if nested else names.get(plain, plain)


def _trino_type(kind: str) -> str:
    names = {"VARCHAR": "varchar", "FLOAT": "float", "HUGEINT": "bigint", "BLOB": "varbinary", "JSON": "json"}
    names |= {"TIMESTAMP WITH TIME ZONE": "timestamp with time zone", '"NULL"': "unknown"}
    return names.get(kind, "decimal" if kind.startswith("DECIMAL") else kind.lower())
