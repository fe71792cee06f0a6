"""Views, materialized views with REFRESH, and SHOW."""

import re
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse.catalog import Column, Entry
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.queries import Compiled, compile_query
from seatrial.offline.warehouse.relations import find, need, relation_of, resolver
from seatrial.offline.warehouse.tables import _types_of, physical

_VIEW = re.compile(
    r"create\s+(?P<replace>or\s+replace\s+)?view\s+(?P<name>[\w\".]+)\s*(?:\((?P<columns>[^)]*)\))?\s+as\s+(?P<query>.*?)"
    r"(?P<late>\s+with\s+no\s+schema\s+binding)?\s*;?$",
    re.IGNORECASE | re.DOTALL,
)
_MATERIALIZED = re.compile(
    r"create\s+materialized\s+view\s+(?P<name>[\w\".]+)\s*(?P<options>.*?)\s+as\s*(?P<query>(?:select|with|\().*)$",
    re.IGNORECASE | re.DOTALL,
)


def create_view(session: Session, text: str) -> Outcome:
    """CREATE VIEW; without schema binding its tables are looked for when it is queried."""
    from seatrial.offline.warehouse.statements import parse

    found = _VIEW.match(text)
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}")
    entry, old = _named(session, found["name"], "view")
    if old is not None and not found["replace"]:
        raise SqlError(f'relation "{entry.name}" already exists')
    tree = parse(found["query"])
    _remember(session, entry, tree, text)
    if found["late"]:
        entry.details["binding"] = "late"
        entry.details["query"] = found["query"]
    compiled = compile_query(tree, resolver(session), session.facts())
    names = (
        [name.strip().strip('"').lower() for name in found["columns"].split(",")]
        if found["columns"]
        else compiled.names
    )
    _make(session, entry, compiled, names, f"CREATE OR REPLACE VIEW {physical(entry)}")
    return Outcome()


def create_materialized(session: Session, text: str) -> Outcome:
    """CREATE MATERIALIZED VIEW: its rows are kept until REFRESH; AUTO REFRESH is refused, nothing would refresh it."""
    from seatrial.offline.warehouse.statements import parse

    found = _MATERIALIZED.match(text)
    if found is None:
        raise SqlError(f"syntax error in {text[:60]!r}")
    if re.search(r"auto\s+refresh\s+yes", found["options"], re.IGNORECASE):
        raise NotSupportedError("AUTO REFRESH YES", "refresh the view by a statement")
    entry, old = _named(session, found["name"], "materialized view")
    if old is not None:
        raise SqlError(f'relation "{entry.name}" already exists')
    tree = parse(found["query"])
    _remember(session, entry, tree, text)
    entry.details["query"] = found["query"].rstrip("; \n")
    compiled = compile_query(tree, resolver(session), session.facts())
    _make(session, entry, compiled, compiled.names, f"CREATE TABLE {physical(entry)}")
    return Outcome()


def _named(session: Session, name: str, kind: str) -> tuple[Entry, Entry | None]:
    table = exp.to_table(name.lower(), dialect="redshift")
    schema = table.db or session.search_path[0]
    if schema != "public" and session.catalog.find(schema, schema, "schema") is None:
        raise SqlError(f'schema "{schema}" does not exist')
    return Entry(schema, table.name, kind), find(session, schema, table.name)


def _remember(session: Session, entry: Entry, tree: exp.Expr, text: str) -> None:
    uses = set()
    for table in tree.find_all(exp.Table):
        used = find(session, table.db.lower(), table.name.lower())
        if used is not None:
            uses.add(f"{used.schema}.{used.name}")
    entry.details = {"definition": text, "uses": sorted(uses)}


def _make(session: Session, entry: Entry, compiled: Compiled, names: list[str], head: str) -> None:
    if len(set(names)) != len(names):
        raise SqlError(f'column "{next(n for n in names if names.count(n) > 1)}" duplicated')
    kinds = _types_of(session, compiled)
    entry.columns = [Column(name, kind.sql("redshift")) for name, kind in zip(names, kinds, strict=True)]
    listed = ", ".join(f'c{number} AS "{name}"' for number, name in enumerate(names))
    inner = ", ".join(f"c{number}" for number in range(len(names)))
    session.query(f"{head} AS SELECT {listed} FROM ({compiled.sql}) AS q({inner})")
    session.catalog.put(entry)


def refresh(session: Session, text: str) -> Outcome:
    """REFRESH MATERIALIZED VIEW: computed anew from its query."""
    from seatrial.offline.warehouse.statements import parse

    found = re.match(r"refresh\s+materialized\s+view\s+([\w\".]+)\s*;?$", text, re.IGNORECASE)
    if found is None:
        raise SqlError(f"syntax error in {text!r}")
    entry = need(session, exp.to_table(found[1].lower(), dialect="redshift"), "materialized view")
    compiled = compile_query(parse(entry.details["query"]), resolver(session), session.facts())
    session.query(f"DELETE FROM {physical(entry)}")
    session.query(f"INSERT INTO {physical(entry)} {compiled.sql}")
    return Outcome()


def drop_materialized(session: Session, text: str) -> Outcome:
    """DROP MATERIALIZED VIEW."""
    found = re.match(
        r"drop\s+materialized\s+view\s+(if\s+exists\s+)?([\w\".]+)(\s+cascade|\s+restrict)?\s*;?$", text, re.IGNORECASE
    )
    if found is None:
        raise SqlError(f"syntax error in {text!r}")
    table = exp.to_table(found[2].lower(), dialect="redshift")
    entry = find(session, table.db, table.name, "materialized view")
    if entry is None:
        if found[1]:
            return Outcome()
        raise SqlError(f'materialized view "{table.name}" does not exist')
    session.query(f"DROP TABLE {physical(entry)}")
    session.catalog.remove(entry.schema, entry.name, entry.kind)
    return Outcome()


def show(session: Session, text: str) -> Outcome:
    """SHOW of a setting, SHOW TABLE and SHOW VIEW; other forms are refused."""
    words = text.rstrip("; \n").split()
    if len(words) == 3 and words[1].lower() in {"view", "table"}:
        entry = need(session, exp.to_table(words[2].lower(), dialect="redshift"))
        name = "Show View DDL statement" if words[1].lower() == "view" else "Show Table DDL statement"
        definition = entry.details.get("definition") or _table_definition(entry)
        return Outcome([name], ["VARCHAR"], [(definition,)], 1, True)
    settings: dict[str, Any] = {"search_path": ", ".join(session.search_path), **session.settings}
    if len(words) == 2 and words[1].lower() in settings:
        return Outcome([words[1].lower()], ["VARCHAR"], [(settings[words[1].lower()],)], 1, True)
    raise NotSupportedError(f"the statement {' '.join(words)}")


def _table_definition(entry: Entry) -> str:
    lines = []
    for column in entry.columns:
        parts = [f"    {column.name} {column.type.lower()}"]
        parts += ["NOT NULL"] if not column.nullable else []
        parts += [f"DEFAULT {column.default}"] if column.default else []
        parts += [f"ENCODE {column.encoding}"] if column.encoding != "none" else []
        parts += ["DISTKEY"] if column.distkey else []
        lines.append(" ".join(parts))
    sort = [c.name for c in sorted(entry.columns, key=lambda c: c.sortkey) if c.sortkey]
    style = entry.details.get("diststyle") or ("KEY" if any(c.distkey for c in entry.columns) else "AUTO")
    tail = f"\nDISTSTYLE {style}" + (f"\nSORTKEY ( {', '.join(sort)} )" if sort else "")
    return f"CREATE TABLE {entry.schema}.{entry.name} (\n" + ",\n".join(lines) + f"\n){tail};"


__all__ = ["create_materialized", "create_view", "drop_materialized", "refresh", "relation_of", "show"]
