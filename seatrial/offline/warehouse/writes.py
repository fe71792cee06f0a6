"""INSERT, UPDATE, DELETE and MERGE: values are fitted to the columns as Redshift stores them."""

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.datatypes import TEXTS, Kind
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.queries import Resolve, compile_expressions, compile_query
from seatrial.offline.warehouse.relations import need, resolver
from seatrial.offline.warehouse.tables import physical


def fitted(value: str, column: Column) -> str:
    """A value as the column keeps it: too long a text is an error unless the rest is blank, CHAR loses its blanks."""
    kind = column.data_type
    stored = datatypes.stored(kind)
    if kind.this in datatypes.DATES:
        return f"rs_tstz({value})" if kind.this is Kind.TIMESTAMPTZ else f"CAST(rs_ts({value}) AS {stored})"
    if kind.this not in TEXTS:
        return f"CAST({value} AS {stored})"
    fixed = kind.this in {Kind.CHAR, Kind.NCHAR, Kind.BPCHAR}
    name = "character" if fixed else "character varying"
    text = f"rs_fit(CAST({value} AS VARCHAR), {datatypes.length_of(kind)}, '{name}')"
    return f"rtrim({text})" if fixed else text


def insert(session: Session, tree: exp.Insert) -> Outcome:
    """INSERT of values, of a query, or of defaults."""
    target = tree.this
    table = target.this if isinstance(target, exp.Schema) else target
    named = [one.name.lower() for one in target.expressions] if isinstance(target, exp.Schema) else []
    entry = need(session, table, "table")
    columns = _target_columns(entry, named)
    source = tree.expression
    if source is None:
        rows = session.query(f"INSERT INTO {physical(entry)} DEFAULT VALUES").rows
        return Outcome(changed=int(rows[0][0]))
    if isinstance(source, exp.Values):
        text, width = _values(session, source, columns)
    else:
        tree.set("expression", None)
        compiled = compile_query(_with_ctes(tree, source), resolver(session), session.facts())
        text, width = compiled.sql, len(compiled.names)
    if width > len(columns):
        raise SqlError("INSERT has more expressions than target columns")
    if named and width < len(columns):
        raise SqlError("INSERT has more target columns than expressions")
    return Outcome(changed=insert_rows(session, entry, columns[:width], text))


def _with_ctes(tree: exp.Insert, source: exp.Expr) -> exp.Expr:
    with_ = tree.args.get("with_") or tree.args.get("with")
    if with_ is not None:
        source.set("with_", with_)
    return source


def insert_rows(session: Session, entry: Entry, columns: Sequence[Column], query: str) -> int:
    """Insert what a DuckDB query gives into the columns, fitted to them; defaults fill the others."""
    names = [f"c{number}" for number in range(len(columns))]
    values = [fitted(name, column) for name, column in zip(names, columns, strict=True)]
    missing = [column for column in entry.columns if column not in columns and column.default]
    values += [fitted(_default(session, column), column) for column in missing]
    listed = ", ".join(f'"{column.name}"' for column in [*columns, *missing])
    select = f"SELECT {', '.join(values)} FROM ({query}) AS q({', '.join(names)})"
    return int(session.query(f"INSERT INTO {physical(entry)} ({listed}) {select}").rows[0][0])


def _default(session: Session, column: Column) -> str:
    from seatrial.offline.warehouse.statements import parse

    tree = parse(f"select {column.default}")
    return "(" + compile_query(tree, resolver(session), session.facts()).sql + ")"


def _target_columns(entry: Entry, named: Sequence[str]) -> list[Column]:
    by_name = {column.name: column for column in entry.columns}
    for name in named:
        if name not in by_name:
            raise SqlError(f'column "{name}" of relation "{entry.name}" does not exist')
        if by_name[name].identity == "always":
            raise SqlError(f'cannot set an identity column to a value: "{name}"')
    if named:
        return [by_name[name] for name in named]
    return [column for column in entry.columns if column.identity != "always"]


def _values(session: Session, source: exp.Values, columns: Sequence[Column]) -> tuple[str, int]:
    """Rows of a VALUES list as DuckDB's, each DEFAULT put in place."""
    rows = [one.expressions if isinstance(one, exp.Tuple) else [one.this] for one in source.expressions]
    width = len(rows[0])
    if any(len(row) != width for row in rows):
        raise SqlError("VALUES lists must all be the same length")
    cells = [cell for row in rows for cell in row]
    is_default = [isinstance(cell, exp.Var | exp.Column) and cell.name.upper() == "DEFAULT" for cell in cells]
    given = [cell for cell, default in zip(cells, is_default, strict=True) if not default]
    texts = iter(compile_expressions(given, exp.Select(), resolver(session), session.facts()) if given else [])
    written = []
    for number, default in enumerate(is_default):
        column = columns[number % width] if number % width < len(columns) else None
        if not default:
            written.append(next(texts))
        else:
            written.append("NULL" if column is None or not column.default else _default(session, column))
    lines = [f"({', '.join(written[start : start + width])})" for start in range(0, len(written), width)]
    return "VALUES " + ", ".join(lines), width


def _aliased(table: exp.Table, entry: Entry) -> tuple[exp.Table, str]:
    alias = table.alias or entry.name
    named = table.copy()
    named.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    return named, alias


def _sources(tree: exp.Expr, resolve: Resolve, session: Session, extra: Sequence[exp.Expr]) -> str:
    """The text of a FROM list of DuckDB's for tables and subqueries of an UPDATE or DELETE."""
    texts = []
    for one in extra:
        select = exp.select("*").from_(one.copy())
        if with_ := tree.args.get("with_"):
            select.set("with_", with_.copy())
        compiled = compile_query(select, resolve, session.facts())
        texts.append(f'({compiled.sql}) AS "{one.alias_or_name.lower()}"')
    return ", ".join(texts)


def update(session: Session, tree: exp.Update) -> Outcome:
    """UPDATE, with FROM."""
    entry = need(session, tree.this, "table")
    table, alias = _aliased(tree.this, entry)
    from_ = tree.args.get("from_") or tree.args.get("from")
    others = [] if from_ is None else [from_.this, *(join.this for join in from_.this.args.get("joins") or [])]
    by_name = {column.name: column for column in entry.columns}
    names = [one.this.name.lower() for one in tree.expressions]
    for name in names:
        if name not in by_name:
            raise SqlError(f'column "{name}" of relation "{entry.name}" does not exist')
    where = tree.args.get("where")
    expressions = [
        _or_default(one.expression, by_name[name]) for one, name in zip(tree.expressions, names, strict=True)
    ]
    texts = _compiled(session, tree, table, others, [*expressions, *([where.this] if where else [])])
    sets = [f'"{name}" = {fitted(text, by_name[name])}' for name, text in zip(names, texts, strict=False)]
    sql = f'UPDATE {physical(entry)} AS "{alias}" SET {", ".join(sets)}'
    if others:
        sql += f" FROM {_sources(tree, resolver(session), session, others)}"
    if where:
        sql += f" WHERE {texts[-1]}"
    return Outcome(changed=int(session.query(sql).rows[0][0]))


def _or_default(value: exp.Expr, column: Column) -> exp.Expr:
    from seatrial.offline.warehouse.statements import parse

    if isinstance(value, exp.Var | exp.Column) and value.name.upper() == "DEFAULT":
        return parse(f"select {column.default or 'null'}").expressions[0]
    return value


def _compiled(
    session: Session, tree: exp.Expr, table: exp.Table, others: Sequence[exp.Expr], wanted: Sequence[Any]
) -> list[str]:
    source = exp.Select().from_(table)
    for other in others:
        source = source.join(other.copy(), join_type="cross")
    if with_ := tree.args.get("with_"):
        source.set("with_", with_.copy())
    return compile_expressions(wanted, source, resolver(session), session.facts())


def delete(session: Session, tree: exp.Delete) -> Outcome:
    """DELETE, with USING."""
    entry = need(session, tree.this, "table")
    table, alias = _aliased(tree.this, entry)
    others = list(tree.args.get("using") or [])
    where = tree.args.get("where")
    sql = f'DELETE FROM {physical(entry)} AS "{alias}"'
    if others:
        sql += f" USING {_sources(tree, resolver(session), session, others)}"
    if where:
        sql += f" WHERE {_compiled(session, tree, table, others, [where.this])[0]}"
    return Outcome(changed=int(session.query(sql).rows[0][0]))


def merge(session: Session, tree: exp.Merge) -> Outcome:
    """MERGE as Redshift has it: one UPDATE or DELETE when matched, one INSERT when not; a double match is an error."""
    entry = need(session, tree.this, "table")
    table, alias = _aliased(tree.this, entry)
    source = tree.args["using"]
    by_name = {column.name: column for column in entry.columns}
    whens = tree.args["whens"].expressions
    condition = tree.args["on"]
    _refuse_double_matches(session, entry, table, source, condition)
    wanted: list[exp.Expr] = [condition]
    for when in whens:
        if when.args.get("condition") is not None:
            raise SqlError("MERGE conditions after WHEN are not supported by Redshift")
        wanted += _merge_values(when, entry)
    texts = _compiled(session, tree, table, [source], wanted)
    used = _sources(tree, resolver(session), session, [source])
    sql = f'MERGE INTO {physical(entry)} AS "{alias}" USING {used} ON {texts.pop(0)}'
    for when in whens:
        values = [texts.pop(0) for _ in _merge_values(when, entry)]
        sql += _merge_clause(when, values, by_name, entry)
    return Outcome(changed=int(session.query(sql).rows[0][0]))


def _merge_values(when: exp.When, entry: Entry) -> list[exp.Expr]:
    then = when.args["then"]
    if isinstance(then, exp.Update):
        return [one.expression for one in then.expressions]
    if isinstance(then, exp.Insert):
        values = then.expression
        rows = values.expressions if isinstance(values, exp.Tuple) else values.expressions[0].expressions
        if len(rows) > len(entry.columns):
            raise SqlError("INSERT has more expressions than target columns")
        return list(rows)
    return []


def _merge_clause(when: exp.When, values: list[str], by_name: dict[str, Column], entry: Entry) -> str:
    then = when.args["then"]
    head = " WHEN MATCHED THEN " if when.args.get("matched") else " WHEN NOT MATCHED THEN "
    if isinstance(then, exp.Update):
        names = [one.this.name.lower() for one in then.expressions]
        sets = [f'"{name}" = {fitted(value, by_name[name])}' for name, value in zip(names, values, strict=True)]
        return f"{head}UPDATE SET {', '.join(sets)}"
    if isinstance(then, exp.Insert):
        named = [one.name.lower() for one in then.this.expressions] if then.this is not None else []
        columns = _target_columns(entry, named)
        cells = [fitted(value, column) for value, column in zip(values, columns, strict=False)]
        listed = ", ".join(f'"{column.name}"' for column in columns[: len(values)])
        return f"{head}INSERT ({listed}) VALUES ({', '.join(cells)})"
    if then is not None and then.name.upper() == "DELETE":
        return f"{head}DELETE"
    raise NotSupportedError(f"MERGE with {then}")


def _refuse_double_matches(
    session: Session, entry: Entry, table: exp.Table, source: exp.Expr, condition: exp.Expr
) -> None:
    texts = _compiled(session, exp.Select(), table, [source], [condition])
    used = _sources(exp.Select(), resolver(session), session, [source])
    alias = table.alias
    sql = (
        f'SELECT 1 FROM {physical(entry)} AS "{alias}", {used} WHERE {texts[0]} '
        f'GROUP BY "{alias}".rowid HAVING count(*) > 1 LIMIT 1'
    )
    if session.query(sql).rows:
        raise SqlError("Found multiple matches to update the same tuple.")
