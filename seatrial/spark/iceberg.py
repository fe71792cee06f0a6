"""Iceberg's commit of partitions that a job published: metadata alone, one transaction a day, no data is copied.

Spark needs a jar for Iceberg; pyiceberg needs none, and the same code runs on Glue and offline. It reads footers only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from seatrial.contracts.table import TableContract
from seatrial.spark.errors import DataError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11


def open_catalog(properties: Mapping[str, str]) -> Catalog:
    """The catalog with these properties of pyiceberg, for example `{"type": "glue"}`.

    An endpoint in the environment, as AWS's SDKs read it, holds for S3 as well: Arrow's client does not look there.
    """
    try:
        from pyiceberg.catalog import load_catalog
    except ImportError:
        raise DataError("a catalog needs pyiceberg in the job's Python: add it to the Python environment") from None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    given = {"s3.endpoint": endpoint, "s3.force-virtual-addressing": "false"} if endpoint else {}
    return load_catalog("lake", **{**given, **properties})


def make_table(catalog: Catalog, name: str, contract: TableContract, day_of: str, location: str) -> Any:
    """The table of a contract, made when it is not there, partitioned by the day of a timestamp column (UTC)."""
    from pyiceberg.exceptions import NoSuchTableError
    from pyiceberg.partitioning import PartitionField, PartitionSpec
    from pyiceberg.schema import Schema
    from pyiceberg.transforms import DayTransform
    from pyiceberg.types import DoubleType, IntegerType, NestedField, StringType, TimestamptzType

    try:
        return catalog.load_table(name)
    except NoSuchTableError:
        pass
    kinds = {"string": StringType(), "timestamp": TimestamptzType(), "double": DoubleType(), "int32": IntegerType()}
    columns = [
        NestedField(number, one.name, kinds[one.kind], required=False) for number, one in enumerate(contract.fields, 1)
    ]
    source = contract.names.index(day_of) + 1
    spec = PartitionSpec(PartitionField(source, 1000, DayTransform(), f"{day_of}_day"))
    return catalog.create_table(name, Schema(*columns), location=location, partition_spec=spec)


def files_of(table: Any, day: date, day_of: str) -> set[str]:
    """Data files of one day in the table's current snapshot."""
    return {task.file.file_path for task in table.scan(row_filter=_within(day, day_of)).plan_files()}


def commit_day(table: Any, day: date, day_of: str, files: Sequence[str], checksum: str) -> bool:
    """Let these files be the day: one snapshot drops what it held and adds them; False when they already are.

    Only whole files of the day are dropped. A commit that another writer overtakes is refused by the catalog, and the
    job's next run tries again.
    """
    current = {plain_uri(uri) for uri in files_of(table, day, day_of)}
    if current == {plain_uri(uri) for uri in files}:
        return False
    facts = {"seatrial.date": str(day), "seatrial.checksum": checksum}
    with table.transaction() as transaction:
        if current:
            transaction.delete(_within(day, day_of), snapshot_properties=facts)
        if files:
            transaction.add_files([plain_uri(uri) for uri in files], snapshot_properties=facts)
    return True


def commit_accounts(table: Any, accounts: Mapping[date, Mapping[str, Any]], day_of: str) -> list[date]:
    """Bring every day to what its account says; gives the days that were behind."""
    return [
        day
        for day, account in sorted(accounts.items())
        if commit_day(table, day, day_of, account["files"], account["checksum"])
    ]


def _within(day: date, column: str) -> str:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return f"{column} >= '{start.isoformat()}' and {column} < '{(start + timedelta(days=1)).isoformat()}'"


def plain_uri(uri: str) -> str:
    """As pyiceberg's file systems want it."""
    return uri.replace("file:/", "file:///", 1) if uri.startswith("file:/") and not uri.startswith("file:///") else uri


def parse_properties(texts: Iterable[str]) -> dict[str, str]:
    """`name=value` pairs, in texts of one or several with commas between, as a dict.

    >>> parse_properties(["type=glue,client.region=eu-central-1"])
    {'type': 'glue', 'client.region': 'eu-central-1'}
    """
    pairs = [pair for text in texts for pair in text.split(",")]
    found = {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs}
    if not all(found.values()):
        raise DataError(f"catalog properties must be name=value, got {pairs}")
    return found
