"""Iceberg tables of the cloud's Glue catalog, by pyiceberg: the same library and files as on AWS."""

import uuid
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import ALWAYS_TRUE, Table

from seatrial.offline.context import CloudContext
from seatrial.offline.warehouse.errors import NotSupportedError

_PERIODS = {"year": "year", "month": "month", "day": "day", "hour": "hour", "identity": ""}


def catalog(context: CloudContext) -> Catalog:
    """The Glue catalog of the cloud for pyiceberg."""
    properties: dict[str, Any] = {
        "type": "glue",
        "glue.endpoint": context.url,
        "glue.region": context.region,
        "glue.access-key-id": "offline",
        "glue.secret-access-key": "offline",
        "s3.endpoint": context.url,
        "s3.region": context.region,
        "s3.access-key-id": "offline",
        "s3.secret-access-key": "offline",
        "s3.force-virtual-addressing": "false",
        "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    }
    return load_catalog("offline", **properties)


def table(context: CloudContext, database: str, name: str) -> Table:
    """A table as it is now."""
    return catalog(context).load_table((database, name))


def content(one: Table, columns: tuple[str, ...] = ("*",)) -> pa.Table:
    """Every row of a table's present snapshot."""
    return one.scan(selected_fields=columns).to_arrow()


def scanned_bytes(one: Table) -> int:
    """Size of the data and delete files of the present snapshot."""
    tasks = list(one.scan().plan_files())
    return sum(task.file.file_size_in_bytes + sum(d.file_size_in_bytes for d in task.delete_files) for task in tasks)


def append(one: Table, content: pa.Table) -> None:
    """Add rows, a file for each partition, in one snapshot."""
    if content.num_rows:
        one.add_files(_written(one, content))


def replace(one: Table, content: pa.Table) -> None:
    """Put rows in the place of all that the table holds, in one transaction."""
    files = _written(one, content) if content.num_rows else []
    with one.transaction() as transaction:
        transaction.delete(ALWAYS_TRUE)
        if files:
            transaction.add_files(files)


def _written(one: Table, content: pa.Table) -> list[str]:
    """Write a Parquet file for each partition below the table; pyiceberg reads their partitions from statistics."""
    content = content.cast(one.schema().as_arrow())
    files = []
    for part in _parts(one, content):
        uri = f"{one.location().rstrip('/')}/data/{uuid.uuid4()}.parquet"
        with one.io.new_output(uri).create() as stream:
            pq.write_table(part, stream, compression="zstd")
        files.append(uri)
    return files


def _parts(one: Table, content: pa.Table) -> list[pa.Table]:
    """The rows by partition; transforms that hash or cut are refused."""
    fields = one.spec().fields
    if not fields:
        return [content]
    keys = []
    for field in fields:
        column = one.schema().find_column_name(field.source_id)
        period = _PERIODS.get(str(field.transform))
        if period is None:
            raise NotSupportedError(f"writing Iceberg tables partitioned by {field.transform}({column})")
        keys.append(f"date_trunc('{period}', \"{column}\")" if period else f'"{column}"')
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("content", content)
        order = ", ".join(f"k{number}" for number in range(len(keys)))
        named = ", ".join(f"{key} AS k{number}" for number, key in enumerate(keys))
        connection.execute(
            f"CREATE TEMP TABLE ranked AS SELECT dense_rank() OVER (ORDER BY {order}) AS part_number, * "
            f"FROM (SELECT *, {named} FROM content)"
        )
        parts = connection.sql("SELECT DISTINCT part_number FROM ranked ORDER BY 1").fetchall()
        listed = ", ".join(f'"{name}"' for name in content.column_names)
        return [
            connection.sql(f"SELECT {listed} FROM ranked WHERE part_number = {number}")
            .to_arrow_table()
            .cast(content.schema)
            for (number,) in parts
        ]
