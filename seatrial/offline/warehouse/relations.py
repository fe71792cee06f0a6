"""Finds what a query's table name means: a table, a view, a table of the lake, or a system view."""

from sqlglot import exp

from seatrial.offline.warehouse import datatypes, external, system_views
from seatrial.offline.warehouse.catalog import Entry
from seatrial.offline.warehouse.engine import Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.queries import Relation, Resolve

STORED = ("table", "view", "materialized view")


def resolver(session: Session) -> Resolve:
    """A function from the name in a query to what it means in this session."""

    def resolve(table: exp.Table) -> Relation:
        if table.catalog and table.catalog.lower() != session.database.name.lower():
            raise NotSupportedError(f"queries across databases ({table.sql('redshift')})")
        schema, name = table.db.lower(), table.name.lower()
        entry = find(session, schema, name)
        if entry is not None:
            return relation_of(entry)
        if schema and (lake := session.catalog.find(schema, schema, "external schema")) is not None:
            return external.relation(session, lake, name)
        if schema in ("", "pg_catalog", "information_schema", "sys") and system_views.exists(name, schema):
            return system_views.relation(session, name, schema)
        raise SqlError(f'relation "{f"{schema}.{name}" if schema else name}" does not exist')

    return resolve


def find(session: Session, schema: str, name: str, *kinds: str) -> Entry | None:
    """The entry of a table or view: temporary ones first, then the schemas of the search path."""
    kinds = kinds or STORED
    if not schema and name in session.temporary:
        return session.temporary[name]
    for candidate in [schema] if schema else session.search_path:
        found = session.catalog.find(candidate, name, *kinds)
        if found is not None:
            return found
    return None


def need(session: Session, table: exp.Table, *kinds: str) -> Entry:
    """The entry of a table that must be there; raises `SqlError`."""
    found = find(session, table.db.lower(), table.name.lower(), *kinds)
    if found is None:
        raise SqlError(f'relation "{table.sql("redshift").lower()}" does not exist')
    return found


def relation_of(entry: Entry) -> Relation:
    """An entry as queries use it."""
    schema = "temp" if entry.details.get("temporary") else entry.schema
    return Relation(schema, entry.name, {column.name: column.data_type for column in entry.columns})


def columns_of(session: Session, schema: str, name: str) -> dict[str, exp.DataType]:
    """Columns of something in DuckDB, with the Redshift types nearest to DuckDB's."""
    rows = session.query(f'DESCRIBE "{schema}"."{name}"').rows
    return {str(row[0]): datatypes.of_duckdb(str(row[1])) for row in rows}
