"""Redshift's catalog and system views, made from our own catalog when a query names them."""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from seatrial.offline.warehouse import datatypes
from seatrial.offline.warehouse.catalog import Entry
from seatrial.offline.warehouse.engine import Session
from seatrial.offline.warehouse.errors import NotSupportedError
from seatrial.offline.warehouse.queries import Relation

Rows = list[tuple[Any, ...]]
_PREFIXES = ("svv_", "svl_", "stl_", "stv_", "svcs_", "sys_", "pg_")
_LOAD_ERRORS = (
    "starttime timestamp|query int|tbl varchar|filename varchar|line_number bigint|colname varchar|type varchar|"
    "raw_line varchar|raw_field_value varchar|err_code int|err_reason varchar"
)


def exists(name: str, schema: str) -> bool:
    """Whether a name is that of a system view; raises `NotSupportedError` for one that is not made here."""
    key = f"information_schema.{name}" if schema == "information_schema" else name
    if key in _VIEWS:
        return True
    if name.startswith(_PREFIXES) or schema in {"information_schema", "pg_catalog"}:
        known = ", ".join(sorted(_VIEWS))
        raise NotSupportedError(f"the system view {name}", f"use one of {known}")
    return False


def relation(session: Session, name: str, schema: str) -> Relation:
    """The view as a temporary table with its rows as they are now."""
    key = f"information_schema.{name}" if schema == "information_schema" else name
    columns, rows = _VIEWS[key]
    kinds = dict(part.split(" ") for part in columns.split("|"))
    types = {column: exp.DataType.build(kind, dialect="redshift") for column, kind in kinds.items()}
    view = f"system_{key.replace('.', '_')}"
    listed = ", ".join(f'"{column}" {datatypes.stored(kind)}' for column, kind in types.items())
    session.query(f'CREATE OR REPLACE TEMP TABLE "{view}" ({listed})')
    content = rows(session)
    if content:
        marks = ", ".join("?" for _ in kinds)
        session.connection.executemany(f'INSERT INTO temp."{view}" VALUES ({marks})', content)
    return Relation("temp", view, types)


def _stored(session: Session) -> list[Entry]:
    return [*session.catalog.all("table", "view", "materialized view"), *session.temporary.values()]


def _kind(entry: Entry) -> str:
    return "VIEW" if "view" in entry.kind else "TABLE"


def _svv_tables(session: Session) -> Rows:
    database = session.database.name
    rows: Rows = [
        (database, e.schema, e.name, "BASE TABLE" if _kind(e) == "TABLE" else "VIEW", None) for e in _stored(session)
    ]
    return rows + [(database, lake.schema, one["Name"], "EXTERNAL TABLE", None) for lake, one in _external(session)]


def _svv_columns(session: Session) -> Rows:
    rows: Rows = []
    for entry in _stored(session):
        for position, column in enumerate(entry.columns, 1):
            kind = datatypes.shown(column.data_type)
            nullable = "YES" if column.nullable else "NO"
            default = column.default
            length = datatypes.length_of(column.data_type) if column.data_type.this in datatypes.TEXTS else None
            precision, scale = _sizes(column.data_type)
            bare = kind.partition("(")[0]
            rows.append(
                (
                    session.database.name,
                    entry.schema,
                    entry.name,
                    column.name,
                    position,
                    default,
                    nullable,
                    bare,
                    length,
                    precision,
                    scale,
                )
            )
    return rows


def _sizes(kind: exp.DataType) -> tuple[int | None, int | None]:
    if kind.this in datatypes.INTEGERS:
        return {"SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}[datatypes.INTEGERS[kind.this]], 0
    return datatypes.precision_of(kind) if kind.this in datatypes.DECIMALS else (None, None)


def _pg_table_def(session: Session) -> Rows:
    """Only schemas of the search path, as Redshift shows it."""
    seen = {*session.search_path, "temp"}
    return [
        (
            entry.schema,
            entry.name,
            column.name,
            datatypes.shown(column.data_type),
            column.encoding,
            column.distkey,
            column.sortkey,
            not column.nullable,
        )
        for entry in _stored(session)
        if entry.schema in seen and _kind(entry) == "TABLE"
        for column in entry.columns
    ]


def _external(session: Session) -> list[tuple[Entry, dict[str, Any]]]:
    from seatrial.offline.warehouse.external import tables_of

    return tables_of(session)


def _external_tables(session: Session) -> Rows:
    rows: Rows = []
    for lake, one in _external(session):
        storage = one.get("StorageDescriptor") or {}
        serde = (storage.get("SerdeInfo") or {}).get("SerializationLibrary", "")
        rows.append((lake.schema, one["Name"], storage.get("Location", ""), storage.get("InputFormat", ""), serde))
    return rows


def _external_columns(session: Session) -> Rows:
    rows: Rows = []
    for lake, one in _external(session):
        keys = one.get("PartitionKeys", [])
        listed = [*(one.get("StorageDescriptor") or {}).get("Columns", []), *keys]
        for number, column in enumerate(listed, 1):
            part = number - (len(listed) - len(keys)) if number > len(listed) - len(keys) else 0
            rows.append((lake.schema, one["Name"], column["Name"], column.get("Type", ""), number, part))
    return rows


def _external_schemas(session: Session) -> Rows:
    return [
        (one.schema, one.details["database"], one.details["role"]) for one in session.catalog.all("external schema")
    ]


def _load_errors(session: Session) -> Rows:
    names = [part.split(" ")[0] for part in _LOAD_ERRORS.split("|")]
    return [tuple(one[name] for name in names) for one in session.database.load_errors]


def _load_error_details(session: Session) -> Rows:
    return [
        (
            one["query"],
            one["starttime"],
            one["tbl"],
            one["filename"],
            one["line_number"],
            one["colname"],
            one["type"],
            one["err_code"],
            one["err_reason"],
        )
        for one in session.database.load_errors
    ]


def _load_history(session: Session) -> Rows:
    return [(one["query"], one["table"], one["rows"], one["files"]) for one in session.database.history]


def _table_info(session: Session) -> Rows:
    rows: Rows = []
    for entry in session.catalog.all("table"):
        count = session.query(f'SELECT count(*) FROM "{entry.schema}"."{entry.name}"').rows[0][0]
        key = next((column.name for column in entry.columns if column.distkey), None)
        style = f"KEY({key})" if key else str(entry.details.get("diststyle") or "AUTO(ALL)")
        first = next((column.name for column in entry.columns if column.sortkey == 1), None)
        rows.append((session.database.name, entry.schema, entry.name, style, first, count))
    return rows


def _schemata(session: Session) -> Rows:
    names = ["public", *(one.schema for one in session.catalog.all("schema", "external schema"))]
    return [(session.database.name, name, session.database.user) for name in names]


def _views(session: Session) -> Rows:
    return [
        (one.schema, one.name, session.database.user, one.details.get("definition", ""))
        for one in session.catalog.all("view", "materialized view")
    ]


def _materialized(session: Session) -> Rows:
    return [
        (session.database.name, one.schema, one.name, session.database.user)
        for one in session.catalog.all("materialized view")
    ]


_COLUMNS = (
    "table_catalog varchar|table_schema varchar|table_name varchar|column_name varchar|ordinal_position int|"
    "column_default varchar|is_nullable varchar|data_type varchar|"
    "character_maximum_length int|numeric_precision int|numeric_scale int"
)
_TABLES = "table_catalog varchar|table_schema varchar|table_name varchar|table_type varchar|remarks varchar"
_DETAILS = (
    "query_id int|start_time timestamp|table_name varchar|file_name varchar|line_number bigint|column_name varchar|"
    "column_type varchar|error_code int|error_message varchar"
)
_TABLE_DEF = (
    "schemaname varchar|tablename varchar|column varchar|type varchar|encoding varchar|distkey boolean|sortkey int|"
    "notnull boolean"
)
_VIEWS: dict[str, tuple[str, Callable[[Session], Rows]]] = {
    "svv_tables": (_TABLES, _svv_tables),
    "information_schema.tables": (_TABLES, _svv_tables),
    "svv_columns": (_COLUMNS, _svv_columns),
    "information_schema.columns": (_COLUMNS, _svv_columns),
    "pg_table_def": (
        _TABLE_DEF,
        _pg_table_def,
    ),
    "svv_table_info": (
        "database varchar|schema varchar|table varchar|diststyle varchar|sortkey1 varchar|tbl_rows bigint",
        _table_info,
    ),
    "svv_external_tables": (
        "schemaname varchar|tablename varchar|location varchar|input_format varchar|serialization_lib varchar",
        _external_tables,
    ),
    "svv_external_columns": (
        "schemaname varchar|tablename varchar|columnname varchar|external_type varchar|columnnum int|part_key int",
        _external_columns,
    ),
    "svv_external_schemas": ("schemaname varchar|databasename varchar|esoptions varchar", _external_schemas),
    "stl_load_errors": (_LOAD_ERRORS, _load_errors),
    "sys_load_error_detail": (_DETAILS, _load_error_details),
    "sys_load_history": ("query_id int|table_name varchar|loaded_rows bigint|source_file_count int", _load_history),
    "svv_all_schemas": ("database_name varchar|schema_name varchar|schema_owner varchar", _schemata),
    "information_schema.schemata": ("catalog_name varchar|schema_name varchar|schema_owner varchar", _schemata),
    "pg_views": ("schemaname varchar|viewname varchar|viewowner varchar|definition varchar", _views),
    "svv_mv_info": ("database_name varchar|schema_name varchar|name varchar|user_name varchar", _materialized),
}
