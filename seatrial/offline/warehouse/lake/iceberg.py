"""Iceberg tables of the cloud's Glue catalog, by pyiceberg: the same library and files as on AWS."""

from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.table import Table

from seatrial.offline.context import CloudContext


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
