"""Takes a statement apart far enough to know who runs it; what nobody runs is refused by name."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from seatrial.offline.warehouse import (
    copying,
    external,
    models,
    procedures,
    tables,
    unloading,
    user_functions,
    views,
    writes,
)
from seatrial.offline.warehouse.dialect import Warehouse
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.queries import compile_query
from seatrial.offline.warehouse.relations import resolver
from seatrial.offline.warehouse.scripts import split, without_comments

_NOTHING_TO_DO = (
    "analyze", "vacuum", "grant", "revoke", "comment", "lock", "set query_group", "reset", "create role", "drop role",
    "alter default privileges",
)  # fmt: skip
"""Statements that change no result: roles and privileges are not enforced offline, storage is DuckDB's."""
_REFUSED = [
    "create user",
    "alter user",
    "drop user",
    "create group",
    "alter group",
    "drop group",
    "create database",
    "drop database",
    "create library",
    "create external function",
    "create or replace external function",
    "prepare",
    "execute",
    "deallocate",
    "declare",
    "fetch",
    "close",
    "create datashare",
    "alter datashare",
    "create masking",
    "attach masking",
    "create rls",
    "attach rls",
    "explain_model",
    "cancel",
    "create identity",
    "alter system",
    "copy job",
    "alter materialized",
    "use",
]
_PARAMETER = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|::|:([A-Za-z_]\w*)", re.DOTALL)


def run(session: Session, sql: str, parameters: Mapping[str, str]) -> Outcome:
    """Run one statement of Redshift's SQL in a session; raises `SqlError`."""
    parts = split(sql)
    if len(parts) != 1:
        raise SqlError("cannot insert multiple commands into a prepared statement" if parts else "empty statement")
    text = with_parameters(parts[0], parameters)
    plain = without_comments(text).strip()
    words = " ".join(plain.lower().split())
    for start, runner in _RUNNERS:
        if re.match(start, words):
            return runner(session, plain)
    for start in _REFUSED:
        if words == start or words.startswith(start + " "):
            raise NotSupportedError(start.upper(), "leave it out of what is rehearsed")
    if words.startswith(_NOTHING_TO_DO):
        return Outcome()
    return _parsed(session, text)


def _parsed(session: Session, text: str) -> Outcome:
    return run_tree(session, parse(text))


def run_tree(session: Session, tree: exp.Expr) -> Outcome:
    """Run a query or one of the statements that change rows or tables; raises `NotSupportedError` for others."""
    if isinstance(tree, exp.Query):
        return select(session, tree)
    for kind, runner in _BY_KIND:
        if isinstance(tree, kind):
            return runner(session, tree)
    raise NotSupportedError(f"the statement {tree.key.upper()}")


def parse(text: str) -> exp.Expr:
    """The tree of a statement; raises `SqlError` with the place of a syntax error."""
    try:
        tree = sqlglot.parse_one(text, read=Warehouse)
    except SqlglotError as error:
        raise SqlError(f"syntax error: {re.sub(chr(27) + '.*?m', '', str(error))}") from error
    if isinstance(tree, exp.Command):
        raise NotSupportedError(f"the statement {' '.join(text.split()[:3]).upper()}")
    return tree


def select(session: Session, tree: exp.Expr) -> Outcome:
    """Run a query; SELECT INTO makes a table."""
    into = tree.args.get("into")
    if into is not None:
        tree.set("into", None)
        target = into.this if isinstance(into.this, exp.Table) else exp.to_table(into.name)
        return tables.create_from(session, target, tree, temporary=bool(into.args.get("temporary")))
    compiled = compile_query(tree, resolver(session), session.facts())
    outcome = session.query(compiled.sql)
    outcome.columns = compiled.names if len(compiled.names) == len(outcome.columns) else outcome.columns
    outcome.changed = len(outcome.rows)
    return outcome


def with_parameters(sql: str, parameters: Mapping[str, str]) -> str:
    """Named parameters (`:name`) as text literals, as the Data API binds them; raises `SqlError` for a missing one."""
    used: set[str] = set()

    def literal(found: re.Match[str]) -> str:
        name = found[1]
        if name is None or not parameters:
            return found[0]
        if name not in parameters:
            raise SqlError(f"parameter {name!r} has no value")
        used.add(name)
        return "'" + parameters[name].replace("\\", "\\\\").replace("'", "''") + "'"

    text = _PARAMETER.sub(literal, sql)
    if set(parameters) - used:
        raise SqlError(f"parameters that the statement does not use: {', '.join(sorted(set(parameters) - used))}")
    return text


def _begin(session: Session, text: str) -> Outcome:
    del text
    session.begin()
    session.values["transaction_opened"] = True
    return Outcome()


def _commit(session: Session, text: str) -> Outcome:
    del text
    session.commit()
    return Outcome()


def _rollback(session: Session, text: str) -> Outcome:
    del text
    session.rollback()
    return Outcome()


def _set(session: Session, text: str) -> Outcome:
    found = re.match(r"set\s+(?:session\s+|local\s+)?(\w+)\s*(?:to|=)\s*(.+?)\s*;?$", text, re.IGNORECASE | re.DOTALL)
    if found is None:
        raise NotSupportedError(f"the statement {text}")
    name, value = found[1].lower(), found[2].strip()
    values = [part.strip().strip("'\"") for part in value.split(",")]
    if name == "search_path":
        session.search_path = [one for one in values if one != "$user"] or ["public"]
    elif name == "timezone" and values[0].upper() != "UTC":
        raise NotSupportedError(f"SET timezone to {values[0]}", "sessions of the offline warehouse are in UTC")
    elif name not in {"timezone", "query_group", "statement_timeout", "enable_result_cache_for_session", "datestyle"}:
        raise NotSupportedError(f"SET {name}")
    session.settings[name] = ", ".join(values)
    return Outcome()


def _explain(session: Session, text: str) -> Outcome:
    tree = parse(re.sub(r"^explain\s+(verbose\s+)?", "", text, flags=re.IGNORECASE))
    if not isinstance(tree, exp.Query):
        raise NotSupportedError("EXPLAIN of a statement that is no query")
    compiled = compile_query(tree, resolver(session), session.facts())
    plan = session.query(f"EXPLAIN {compiled.sql}").rows
    lines = [(line,) for row in plan for line in str(row[-1]).splitlines()]
    return Outcome(["QUERY PLAN"], ["VARCHAR"], lines, len(lines), True)


Runner = Callable[[Session, Any], Outcome]
_RUNNERS: tuple[tuple[str, Runner], ...] = (
    (r"(begin|start transaction)\b", _begin),
    (r"(commit|end)\b", _commit),
    (r"(rollback|abort)\b", _rollback),
    (r"set\s", _set),
    (r"explain\s", _explain),
    (r"copy\s", copying.copy),
    (r"unload\s", unloading.unload),
    (r"create external schema\b", external.create_schema),
    (r"create external table\b", external.create_table),
    (r"create materialized view\b", views.create_materialized),
    (r"refresh materialized view\b", views.refresh),
    (r"drop materialized view\b", views.drop_materialized),
    (r"create (or replace )?view\b", views.create_view),
    (r"create (or replace )?procedure\b", procedures.create),
    (r"create (or replace )?function\b", user_functions.create),
    (r"drop function\b", user_functions.drop),
    (r"create model\b", models.create),
    (r"show model\b", models.show),
    (r"show procedure\b", procedures.show),
    (r"drop model\b", models.drop),
    (r"call\s", procedures.call),
    (r"drop procedure\b", procedures.drop),
    (r"alter table .* append from\b", tables.append),
    (r"create (local )?(temp |temporary )?table\b", tables.create),
    (r"create schema\b", tables.create_schema),
    (r"show\s", views.show),
)
_BY_KIND: tuple[tuple[type[exp.Expr], Runner], ...] = (
    (exp.Insert, writes.insert),
    (exp.Update, writes.update),
    (exp.Delete, writes.delete),
    (exp.Merge, writes.merge),
    (exp.TruncateTable, tables.truncate),
    (exp.Drop, tables.drop),
    (exp.Alter, tables.alter),
)
