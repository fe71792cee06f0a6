"""From a query in Redshift's SQL to DuckDB's: names resolved against the catalog, types found, then rendered."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify_columns import qualify_columns
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema
from sqlglot.transforms import eliminate_join_marks

from seatrial.offline.warehouse.dialect import METADATA, Warehouse
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.generator import to_duckdb
from seatrial.offline.warehouse.paths import rewrite_paths
from seatrial.offline.warehouse.preparation import Facts, output_name, prepare


@dataclass(frozen=True)
class Relation:
    """A table or view that a query names: where DuckDB has it, and its columns with Redshift's types."""

    schema: str
    name: str
    columns: Mapping[str, exp.DataType]


@dataclass(frozen=True)
class Compiled:
    """A query for DuckDB, the names of its columns, and their Redshift types."""

    sql: str
    names: list[str]
    types: list[exp.DataType] = field(default_factory=list)
    tree: exp.Expr | None = None


Resolve = Callable[[exp.Table], Relation]


def compile_query(tree: exp.Expr, resolve: Resolve, facts: Facts) -> Compiled:
    """Compile a SELECT, a set operation or VALUES; `tree` is changed.

    Raises `SqlError` for names that are not there and `NotSupportedError` for constructs without counterpart.
    """
    tree = analysed(tree, resolve, facts)
    names = list(tree.meta["names"])
    types = [column.type or exp.DataType.build("unknown") for column in _projections(tree)]
    return Compiled(to_duckdb(tree), names, types, tree)


def analysed(tree: exp.Expr, resolve: Resolve, facts: Facts) -> exp.Expr:
    """The tree with qualified names and types on its nodes."""
    names = _alias_outermost(tree)
    tree = prepare(tree, facts)
    schema = MappingSchema(dialect=Warehouse)
    _resolve_tables(tree, resolve, schema)
    try:
        tree = eliminate_join_marks(tree) if any(c.args.get("join_mark") for c in tree.find_all(exp.Column)) else tree
        tree = qualify_tables(tree, dialect=Warehouse)
        rewrite_paths(tree, schema)
        _name_derived(tree)
        tree = qualify_columns(tree, schema, expand_alias_refs=False)
        _settle_names(tree)
        tree = annotate_types(tree, schema, expression_metadata=METADATA, dialect=Warehouse)
    except SqlglotError as error:
        raise SqlError(str(error)) from error
    tree.meta["names"] = [names.get(one.alias_or_name, one.alias_or_name) for one in _projections(tree)]
    return tree


def _projections(tree: exp.Expr) -> list[exp.Expr]:
    while isinstance(tree, exp.SetOperation | exp.Subquery):
        tree = tree.this
    return list(tree.expressions) if isinstance(tree, exp.Select) else []


def _is_star(node: exp.Expr) -> bool:
    """`count(*)` is no star."""
    return isinstance(node, exp.Star) or (isinstance(node, exp.Column) and isinstance(node.this, exp.Star))


def _alias_outermost(tree: exp.Expr) -> dict[str, str]:
    """Give the outermost columns without alias one of ours; the names that Redshift gives them, by alias."""
    names: dict[str, str] = {}
    columns = _projections(tree)
    for number, column in enumerate(columns):
        if isinstance(column, exp.Alias | exp.Column) or _is_star(column):
            continue
        names[f"_n{number}"] = name = output_name(column)
        column.replace(exp.alias_(column.copy(), f"_n{number}"))
        if not any(_is_star(one) for one in columns):
            _order_by_position(tree, name, number + 1)
    return names


def _order_by_position(tree: exp.Expr, name: str, position: int) -> None:
    """`ORDER BY count` means the column that has no alias of its own."""
    order = tree.args.get("order")
    for key in order.expressions if order is not None else ():
        column = key.this if isinstance(key, exp.Ordered) else key
        if isinstance(column, exp.Column) and not column.table and column.name == name:
            column.replace(exp.Literal.number(position))


def _name_derived(tree: exp.Expr) -> None:
    """Columns of subqueries and WITH clauses can be asked for by the names that Redshift gives them."""
    for holder in tree.find_all(exp.Subquery, exp.CTE):
        columns = _projections(holder.this)
        names = [one.alias_or_name or output_name(one) for one in columns]
        for column, name in zip(columns, names, strict=True):
            if not isinstance(column, exp.Alias | exp.Column) and not _is_star(column) and names.count(name) == 1:
                column.replace(exp.alias_(column.copy(), name, quoted=True))


def _resolve_tables(tree: exp.Expr, resolve: Resolve, schema: MappingSchema) -> None:
    """Give each table its full name and tell the schema its columns; names of WITH clauses are left alone."""
    for scope in traverse_scope(tree):
        for table in scope.tables:
            if not isinstance(table.this, exp.Identifier):
                raise NotSupportedError(f"the table function {table.sql('redshift')}")
            if not table.db and is_cte(scope, table):
                continue
            if _is_path(scope, table):
                continue
            relation = resolve(table)
            if not table.alias:
                table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
            table.set("this", exp.to_identifier(relation.name, quoted=True))
            table.set("db", exp.to_identifier(relation.schema, quoted=True))
            table.set("catalog", None)
            columns = {name: kind.sql("redshift") for name, kind in relation.columns.items()}
            schema.add_table(f'"{relation.schema}"."{relation.name}"', columns, match_depth=False)


def is_cte(scope: Scope, table: exp.Table) -> bool:
    """Whether the name is that of a WITH query of this scope or of one around it."""
    current: Scope | None = scope
    while current is not None:
        if table.name in current.cte_sources:
            return True
        current = current.parent
    return False


def _is_path(scope: Scope, table: exp.Table) -> bool:
    """Whether `alias.path` in a FROM clause unnests what an earlier table holds."""
    first = table.catalog or table.db
    aliases = {other.alias_or_name for other in scope.tables if other is not table}
    return bool(first) and first in aliases


def _settle_names(tree: exp.Expr) -> None:
    """Columns that no table has are aliases of the same select list, or errors."""
    for scope in traverse_scope(tree):
        select = scope.expression
        if not isinstance(select, exp.Select):
            continue
        aliases: dict[str, exp.Expr] = {}
        for projection in select.expressions:
            for column in list(projection.find_all(exp.Column)):
                _settle(column, aliases, scope)
            if isinstance(projection, exp.Alias):
                aliases[projection.alias] = projection.this
        for clause in ("where", "group", "having", "qualify", "order", "joins", "distinct"):
            value = select.args.get(clause)
            for part in value if isinstance(value, list) else [value]:
                _settle_clause(part, clause, aliases, scope)


def _settle_clause(part: exp.Expr | None, clause: str, aliases: Mapping[str, exp.Expr], scope: Scope) -> None:
    if part is None:
        return
    for column in list(part.find_all(exp.Column)):
        if clause == "order" and not column.table and column.name in aliases:
            continue
        _settle(column, {} if clause in {"where", "joins"} else aliases, scope)


def _settle(column: exp.Column, aliases: Mapping[str, exp.Expr], scope: Scope) -> None:
    if column.table or isinstance(column.this, exp.Star) or column.find_ancestor(exp.Select) is not scope.expression:
        return
    meant = aliases.get(column.name)
    if meant is not None:
        column.replace(exp.paren(meant.copy()) if isinstance(meant, exp.Binary) else meant.copy())
        return
    tables = ", ".join(sorted(str(name) for name in scope.sources)) or "no table"
    raise SqlError(f'column "{column.name}" does not exist in {tables}')


def compile_expressions(
    expressions: Iterable[exp.Expr], source: exp.Select, resolve: Resolve, facts: Facts
) -> list[str]:
    """Expressions of a statement that is no query, compiled as the columns of `source`, a SELECT without columns."""
    expressions = list(expressions)
    select = source.select(*[exp.alias_(one.copy(), f"_e{n}") for n, one in enumerate(expressions)], copy=True)
    tree = analysed(select, resolve, facts)
    return [to_duckdb(column.this) for column in tree.expressions]


def now_facts(now: datetime, **session: Any) -> Facts:
    """The facts of a statement that starts now."""
    return Facts(now, dict(session))
