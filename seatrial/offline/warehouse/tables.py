"""CREATE TABLE, CREATE TABLE AS, ALTER TABLE, DROP, TRUNCATE and schemas."""

import re

from sqlglot import exp

from seatrial.offline.warehouse import datatypes, declarations
from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.queries import Compiled, compile_query
from seatrial.offline.warehouse.relations import find, need, resolver


def create(session: Session, text: str) -> Outcome:
    """CREATE TABLE in all its forms."""
    found = declarations.read_table(text)
    schema = _schema(session, found.table, temporary=found.temporary)
    if find(session, schema, found.table.name) if not found.temporary else found.table.name in session.temporary:
        if found.if_not_exists:
            return Outcome()
        raise SqlError(f'Relation "{found.table.name}" already exists')
    if found.query is not None:
        return _create_as(session, found, schema)
    if found.like:
        like = need(session, exp.to_table(found.like, dialect="redshift"), "table")
        found.columns = [
            Column(c.name, c.type, c.nullable, None, c.encoding, c.distkey, c.sortkey) for c in like.columns
        ]
    declarations.settle_keys(found)
    _make(session, Entry(schema, found.table.name, "table", found.columns, _details(found)), found.seeds)
    return Outcome()


def create_from(session: Session, target: exp.Table, query: exp.Expr, *, temporary: bool) -> Outcome:
    """SELECT INTO."""
    found = declarations.Declaration(target, temporary=temporary, query=query.sql("redshift"))
    return _create_as(session, found, _schema(session, target, temporary=temporary), query)


def _details(found: declarations.Declaration) -> dict[str, object]:
    return {**found.details, "temporary": found.temporary}


def _create_as(session: Session, found: declarations.Declaration, schema: str, tree: exp.Expr | None = None) -> Outcome:
    from seatrial.offline.warehouse.statements import parse

    compiled = compile_query(tree or parse(found.query or ""), resolver(session), session.facts())
    names = [column.name for column in found.columns] or compiled.names
    kinds = _types_of(session, compiled)
    if len(names) != len(kinds):
        raise SqlError(f"CREATE TABLE AS specifies {len(names)} column names for {len(kinds)} columns")
    found.columns = [Column(name, kind.sql("redshift")) for name, kind in zip(names, kinds, strict=True)]
    declarations.settle_keys(found)
    entry = Entry(schema, found.table.name, "table", found.columns, _details(found))
    _make(session, entry, {})
    rows = session.query(f"INSERT INTO {physical(entry)} {compiled.sql}").rows
    return Outcome(changed=int(rows[0][0]))


def _types_of(session: Session, compiled: Compiled) -> list[exp.DataType]:
    """Redshift's types where they are known, DuckDB's for the others."""
    described = session.query(f"DESCRIBE {compiled.sql}").rows
    kinds = []
    for row, known in zip(described, compiled.types, strict=False):
        of_engine = datatypes.of_duckdb(str(row[1]))
        same = known.this not in {datatypes.Kind.UNKNOWN, datatypes.Kind.NULL, datatypes.Kind.INTERVAL}
        text = known.this in datatypes.TEXTS
        if same and datatypes.stored(known) == datatypes.stored(of_engine):
            kinds.append(datatypes.declared(known) if not text or known.expressions else _wide())
        else:
            kinds.append(_wide() if of_engine.this in datatypes.TEXTS else of_engine)
    return kinds


def _wide() -> exp.DataType:
    return exp.DataType.build("varchar(65535)", dialect="redshift")


def physical(entry: Entry) -> str:
    """The name of a table in DuckDB."""
    schema = "temp" if entry.details.get("temporary") else entry.schema
    return f'"{schema}"."{entry.name}"'


def _make(session: Session, entry: Entry, seeds: dict[str, tuple[int, int]]) -> None:
    columns = []
    for column in entry.columns:
        text = f'"{column.name}" {datatypes.stored(column.data_type)}'
        if column.identity:
            first, step = seeds[column.name]
            sequence = f'"{entry.schema}"."{entry.name}_{column.name}_identity"'
            session.query(f"CREATE SEQUENCE {sequence} START {first} INCREMENT {step}")
            text += f" DEFAULT nextval('{sequence}')"
        columns.append(text + ("" if column.nullable else " NOT NULL"))
    if not columns:
        raise SqlError(f'table "{entry.name}" has no columns')
    session.query(
        f"CREATE {'TEMP ' if entry.details.get('temporary') else ''}TABLE {physical(entry)} ({', '.join(columns)})"
    )
    if entry.details.get("temporary"):
        session.temporary[entry.name] = entry
    else:
        session.catalog.put(entry)


def _schema(session: Session, table: exp.Table, *, temporary: bool = False) -> str:
    schema = table.db.lower() or session.search_path[0]
    if temporary:
        return "temp"
    if session.catalog.find(schema, schema, "external schema"):
        raise SqlError(f'schema "{schema}" is external: use CREATE EXTERNAL TABLE')
    if schema != "public" and session.catalog.find(schema, schema, "schema") is None:
        raise SqlError(f'schema "{schema}" does not exist')
    return schema


def create_schema(session: Session, text: str) -> Outcome:
    """CREATE SCHEMA."""
    found = re.match(
        r"create\s+schema\s+(if\s+not\s+exists\s+)?\"?(\w+)\"?(?:\s+authorization\s+\S+)?(?:\s+quota\s+.*)?\s*;?$",
        text,
        re.IGNORECASE,
    )
    if found is None:
        raise NotSupportedError(f"the statement {text}")
    name = found[2].lower()
    if name == "public" or session.catalog.find(name, name, "schema", "external schema"):
        if found[1]:
            return Outcome()
        raise SqlError(f'schema "{name}" already exists')
    session.query(f'CREATE SCHEMA "{name}"')
    session.catalog.put(Entry(name, name, "schema"))
    return Outcome()


def truncate(session: Session, tree: exp.TruncateTable) -> Outcome:
    """TRUNCATE; Redshift commits at once, which a transaction's end does here."""
    for table in tree.expressions:
        session.query(f"DELETE FROM {physical(need(session, table, 'table'))}")
    return Outcome()


def drop(session: Session, tree: exp.Drop) -> Outcome:
    """DROP TABLE, VIEW and SCHEMA."""
    kind = str(tree.args.get("kind") or "").upper()
    if kind == "SCHEMA":
        return _drop_schema(session, tree)
    if kind not in {"TABLE", "VIEW"}:
        raise NotSupportedError(f"DROP {kind}")
    for table in tree.args["tables"]:
        _drop_one(session, table, kind.lower(), absent_is_fine=bool(tree.args.get("exists")), tree=tree)
    return Outcome()


def _drop_one(session: Session, table: exp.Table, kind: str, *, absent_is_fine: bool, tree: exp.Drop) -> None:
    schema = table.db.lower()
    lake = session.catalog.find(schema, schema, "external schema") if schema else None
    if lake is not None:
        from seatrial.offline.warehouse.external import drop_table

        drop_table(session, lake, table.name.lower(), absent_is_fine=absent_is_fine)
        return
    entry = find(session, schema, table.name.lower(), kind)
    if entry is None:
        if absent_is_fine:
            return
        raise SqlError(f'{kind.capitalize()} "{table.name}" does not exist')
    dependents = _dependents(session, entry)
    if dependents and not tree.args.get("cascade"):
        raise SqlError(f"cannot drop {kind} {entry.name} because other objects depend on it: {', '.join(dependents)}")
    session.query(f"DROP {kind.upper()} {physical(entry)}")
    for column in entry.columns:
        if column.identity:
            session.query(f'DROP SEQUENCE IF EXISTS "{entry.schema}"."{entry.name}_{column.name}_identity"')
    session.temporary.pop(entry.name, None) if entry.details.get("temporary") else None
    session.catalog.remove(entry.schema, entry.name, entry.kind)


def _dependents(session: Session, entry: Entry) -> list[str]:
    full = f"{entry.schema}.{entry.name}"
    views = session.catalog.all("view", "materialized view")
    return [
        view.name for view in views if full in view.details.get("uses", []) and view.details.get("binding") != "late"
    ]


_HELD_BY_SCHEMAS = ("table", "view", "materialized view", "procedure", "function", "prediction function", "model")


def _drop_schema(session: Session, tree: exp.Drop) -> Outcome:
    target = tree.args["tables"][0]
    name = (target.db or target.name).lower()
    entry = session.catalog.find(name, name, "schema", "external schema")
    if entry is None:
        if tree.args.get("exists"):
            return Outcome()
        raise SqlError(f'schema "{name}" does not exist')
    held = [one for one in session.catalog.all(*_HELD_BY_SCHEMAS) if one.schema == name]
    if held and not tree.args.get("cascade"):
        raise SqlError(f"cannot drop schema {name} because other objects depend on it")
    for one in held:
        session.catalog.remove(one.schema, one.name, one.kind)
    if entry.kind == "schema":
        session.query(f'DROP SCHEMA "{name}" CASCADE')
    session.catalog.remove(name, name, entry.kind)
    return Outcome()


def append(session: Session, text: str) -> Outcome:
    """ALTER TABLE APPEND: moves the rows."""
    found = re.match(r"alter\s+table\s+(\S+)\s+append\s+from\s+(\S+)\s*(\w*)\s*;?$", text, re.IGNORECASE)
    if found is None or found[3]:
        raise NotSupportedError("ALTER TABLE APPEND with FILLTARGET or IGNOREEXTRA")
    target, source = (
        need(session, exp.to_table(one.lower(), dialect="redshift"), "table") for one in (found[1], found[2])
    )
    if [(c.name, c.type) for c in target.columns] != [(c.name, c.type) for c in source.columns]:
        raise SqlError("columns of the source and the target table differ")
    session.query(f"INSERT INTO {physical(target)} SELECT * FROM {physical(source)}")
    session.query(f"DELETE FROM {physical(source)}")
    return Outcome()


def alter(session: Session, tree: exp.Alter) -> Outcome:
    """ALTER TABLE: add, drop and rename columns, rename the table, widen a VARCHAR, change owner or keys."""
    if str(tree.args.get("kind")).upper() != "TABLE":
        raise NotSupportedError(f"ALTER {tree.args.get('kind')}")
    entry = need(session, tree.this, "table")
    for action in tree.args.get("actions") or []:
        _alter(session, entry, action)
    return Outcome()


def _alter(session: Session, entry: Entry, action: exp.Expr) -> None:
    by_name = {column.name: column for column in entry.columns}
    if isinstance(action, exp.ColumnDef):
        column = declarations.read_column(action.sql("redshift"), {})
        default = f" DEFAULT {column.default}" if column.default else ""
        session.query(
            f'ALTER TABLE {physical(entry)} ADD COLUMN "{column.name}" {datatypes.stored(column.data_type)}{default}'
        )
        entry.columns.append(column)
    elif isinstance(action, exp.Drop):
        for column in action.args["tables"]:
            session.query(f'ALTER TABLE {physical(entry)} DROP COLUMN "{column.name.lower()}"')
            entry.columns.remove(by_name[column.name.lower()])
    elif isinstance(action, exp.RenameColumn):
        old, new = action.this.name.lower(), action.args["to"].name.lower()
        session.query(f'ALTER TABLE {physical(entry)} RENAME COLUMN "{old}" TO "{new}"')
        by_name[old].name = new
    elif isinstance(action, exp.AlterRename):
        new = action.this.name.lower()
        session.query(f'ALTER TABLE {physical(entry)} RENAME TO "{new}"')
        session.catalog.remove(entry.schema, entry.name, entry.kind)
        entry.name = new
    elif isinstance(action, exp.AlterColumn) and action.args.get("dtype"):
        by_name[action.this.name.lower()].type = datatypes.declared(action.args["dtype"]).sql("redshift")
    elif isinstance(action, exp.AlterDistStyle | exp.AlterSortKey):
        pass
    else:
        raise NotSupportedError(f"ALTER TABLE {action.sql('redshift')}")
    session.catalog.put(entry)
