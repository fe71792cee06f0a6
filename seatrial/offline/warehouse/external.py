"""Spectrum: external schemas over databases of the Glue catalog, and their tables in queries."""

import re
from typing import Any

from botocore.exceptions import ClientError
from sqlglot import exp

from seatrial.offline.warehouse import datatypes, declarations
from seatrial.offline.warehouse.catalog import Entry
from seatrial.offline.warehouse.engine import Outcome, Session
from seatrial.offline.warehouse.errors import NotSupportedError, SqlError
from seatrial.offline.warehouse.lake import iceberg
from seatrial.offline.warehouse.lake import tables as lake_tables
from seatrial.offline.warehouse.queries import Relation
from seatrial.offline.warehouse.scripts import parenthesized, top_level

_SCHEMA = re.compile(
    r"create\s+external\s+schema\s+(?P<absent>if\s+not\s+exists\s+)?\"?(?P<name>\w+)\"?\s+from\s+data\s+catalog\s+"
    r"(?:database\s+)?'(?P<database>[^']+)'(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_TABLE = re.compile(r"create\s+external\s+table\s+\"?(\w+)\"?\.\"?(\w+)\"?\s*\(", re.IGNORECASE)
_SERDES = {
    "PARQUET": ("org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe", "MapredParquet"),
    "TEXTFILE": ("org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "mapred.TextInputFormat"),
}
_HIVE = {"CHARACTER VARYING": "varchar", "INTEGER": "int", "DOUBLE PRECISION": "double", "REAL": "float"}


def create_schema(session: Session, text: str) -> Outcome:
    """CREATE EXTERNAL SCHEMA ... FROM DATA CATALOG; other sources are refused."""
    found = _SCHEMA.match(text)
    if found is None:
        raise NotSupportedError("CREATE EXTERNAL SCHEMA from anything but the data catalog")
    name, database = found["name"].lower(), found["database"].lower()
    if session.catalog.find(name, name, "schema", "external schema"):
        if found["absent"]:
            return Outcome()
        raise SqlError(f'schema "{name}" already exists')
    if not re.search(r"iam_role\s+('|default)", found["rest"], re.IGNORECASE):
        raise SqlError("CREATE EXTERNAL SCHEMA from the data catalog needs IAM_ROLE")
    glue = session.database.lake.client("glue")
    if re.search(r"create\s+external\s+database\s+if\s+not\s+exists", found["rest"], re.IGNORECASE):
        try:
            glue.create_database(DatabaseInput={"Name": database})
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise SqlError(str(error)) from error
    role = re.search(r"iam_role\s+'([^']*)'", found["rest"], re.IGNORECASE)
    details = {"database": database, "role": role[1] if role else "default"}
    session.catalog.put(Entry(name, name, "external schema", details=details))
    return Outcome()


def create_table(session: Session, text: str) -> Outcome:
    """CREATE EXTERNAL TABLE: a table in Glue over files; text and Parquet."""
    found = _TABLE.match(text)
    if found is None:
        raise SqlError("CREATE EXTERNAL TABLE needs a name with an external schema")
    lake = session.catalog.find(found[1].lower(), found[1].lower(), "external schema")
    if lake is None:
        raise SqlError(f'schema "{found[1]}" is not an external schema')
    body, end = parenthesized(text, found.end() - 1)
    rest = text[end:]
    keys_at = re.search(r"partitioned\s+by\s*\(", rest, re.IGNORECASE)
    keys = parenthesized(rest, keys_at.end() - 1)[0] if keys_at else ""
    stored = re.search(r"stored\s+as\s+(\w+)", rest, re.IGNORECASE)
    location = re.search(r"location\s+'([^']+)'", rest, re.IGNORECASE)
    kind = stored[1].upper() if stored else "TEXTFILE"
    if location is None or kind not in _SERDES:
        raise NotSupportedError(f"CREATE EXTERNAL TABLE stored as {kind} or without LOCATION")
    serde, form = _SERDES[kind]
    delimiter = re.search(r"fields\s+terminated\s+by\s+'([^']+)'", rest, re.IGNORECASE)
    storage = {
        "Columns": [_hive_column(one) for one in top_level(body)],
        "Location": location[1],
        "InputFormat": f"org.apache.hadoop.{form}",
        "SerdeInfo": {
            "SerializationLibrary": serde,
            "Parameters": {"field.delim": delimiter[1].encode().decode("unicode_escape")} if delimiter else {},
        },
    }
    properties = dict(re.findall(r"'([^']+)'\s*=\s*'([^']*)'", rest.partition("properties")[2] or ""))
    table = {"Name": found[2].lower(), "StorageDescriptor": storage, "TableType": "EXTERNAL_TABLE"}
    table |= {"PartitionKeys": [_hive_column(one) for one in top_level(keys)], "Parameters": properties}
    try:
        session.database.lake.client("glue").create_table(DatabaseName=lake.details["database"], TableInput=table)
    except ClientError as error:
        raise SqlError(str(error)) from error
    return Outcome()


def _hive_column(text: str) -> dict[str, str]:
    column = declarations.read_column(text, {})
    kind = column.type.lower()
    for name, hive in _HIVE.items():
        kind = kind.replace(name.lower(), hive)
    return {"Name": column.name, "Type": kind.replace(" ", "")}


def drop_table(session: Session, lake: Entry, name: str, *, absent_is_fine: bool) -> None:
    """DROP TABLE of an external table: the catalog's entry goes, the files stay."""
    try:
        session.database.lake.client("glue").delete_table(DatabaseName=lake.details["database"], Name=name)
    except ClientError as error:
        if not absent_is_fine:
            raise SqlError(f'external table "{name}" does not exist') from error


def relation(session: Session, lake: Entry, name: str) -> Relation:
    """An external table as a temporary view of this session, over the files as they are now."""
    around: Any = session.database.lake
    record = lake_tables.describe(around, lake.details["database"], name)
    view = f"spectrum_{lake.schema}_{name}"
    if lake_tables.is_iceberg(record):
        content = iceberg.content(iceberg.table(around.context, lake.details["database"], name))
        session.connection.register(view, content)
        described = session.query(f'DESCRIBE "{view}"').rows
        return Relation("temp", view, {row[0].lower(): datatypes.of_duckdb(str(row[1])) for row in described})
    table = lake_tables.load(around, around.storage, record)
    query = lake_tables.query(session.connection, around.storage, table)
    session.query(f'CREATE OR REPLACE TEMP VIEW "{view}" AS {query}')
    kinds = {column: spectrum_type(kind) for column, kind in table.all_columns}
    return Relation("temp", view, kinds)


def spectrum_type(hive: str) -> exp.DataType:
    """The Redshift type of a column of the lake."""
    plain = hive.lower()
    if plain.startswith(("varchar", "char")):
        return exp.DataType.build(plain, dialect="redshift")
    return datatypes.of_duckdb(lake_tables.duckdb_type(hive))


def tables_of(session: Session) -> list[tuple[Entry, dict[str, Any]]]:
    """Every external table: its schema's entry, and Glue's record."""
    found = []
    for lake in session.catalog.all("external schema"):
        pages = session.database.lake.client("glue").get_paginator("get_tables")
        for page in pages.paginate(DatabaseName=lake.details["database"]):
            found += [(lake, record) for record in page["TableList"]]
    return found
