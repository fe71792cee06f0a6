"""What Redshift knows about its tables, views and procedures, kept in DuckDB itself so that a rollback restores it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import duckdb
from sqlglot import exp

_TABLE = "seatrial_catalog.objects"
SYSTEM_SCHEMAS = ("pg_catalog", "information_schema")


@dataclass
class Column:
    """One column; `type` is Redshift's, as text."""

    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    """An expression in Redshift's dialect."""
    encoding: str = "none"
    distkey: bool = False
    sortkey: int = 0
    identity: str | None = None
    """ "always" or "default" for an IDENTITY column."""

    @property
    def data_type(self) -> exp.DataType:
        """The type as sqlglot has it."""
        return exp.DataType.build(self.type, dialect="redshift")


@dataclass
class Entry:
    """A table, view, materialized view, procedure or external schema."""

    schema: str
    name: str
    kind: str
    """ "table", "view", "materialized view", "procedure", "schema", "external schema"."""
    columns: list[Column] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


class Catalog:
    """Reads and writes entries through the connection of a session, within its transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @staticmethod
    def install(connection: duckdb.DuckDBPyConnection) -> None:
        """Make the catalog's own table, once for each database."""
        connection.execute("CREATE SCHEMA IF NOT EXISTS seatrial_catalog")
        columns = "schema VARCHAR, name VARCHAR, kind VARCHAR, document VARCHAR"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({columns})")

    def put(self, entry: Entry) -> None:
        """Add or replace an entry."""
        self.remove(entry.schema, entry.name, entry.kind)
        document = json.dumps(asdict(entry))
        self._connection.execute(
            f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?)", [entry.schema, entry.name, entry.kind, document]
        )

    def remove(self, schema: str, name: str, kind: str) -> None:
        """Forget an entry."""
        where = "schema = ? AND name = ? AND kind = ?"
        self._connection.execute(f"DELETE FROM {_TABLE} WHERE {where}", [schema, name, kind])

    def find(self, schema: str, name: str, *kinds: str) -> Entry | None:
        """One entry, of any of the kinds."""
        rows = self._connection.execute(
            f"SELECT kind, document FROM {_TABLE} WHERE schema = ? AND name = ?", [schema, name]
        ).fetchall()
        return next((_entry(document) for kind, document in rows if not kinds or kind in kinds), None)

    def all(self, *kinds: str) -> list[Entry]:
        """Every entry of the kinds, by schema and name."""
        rows = self._connection.execute(f"SELECT kind, document FROM {_TABLE} ORDER BY schema, name").fetchall()
        return [_entry(document) for kind, document in rows if kind in kinds]


def _entry(document: str) -> Entry:
    content = json.loads(document)
    columns = [Column(**one) for one in content.pop("columns")]
    return Entry(columns=columns, **content)
