"""The tables over the lake: names, places, columns and partitions, as Glue has them; what is in them others write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from seatrial.contracts import cdr, monitor_results
from seatrial.contracts.table import TableContract

Zone = Literal["raw", "curated", "features", "artifacts"]
GLUE_TYPES = {"string": "string", "timestamp": "timestamp", "date": "date", "double": "double", "int32": "int"}
"""Column kinds of a contract to types of Hive, which Glue and Athena share."""
ICEBERG_TYPES = {"string": "string", "timestamp": "timestamptz", "date": "date", "double": "double", "int32": "int"}
"""Column kinds of a contract to types of the Iceberg specification; timestamps are UTC with microseconds."""
FIRST_DATE = "2020-01-01"
"""Where partition projection begins; data from before is not seen by Athena."""


@dataclass(frozen=True)
class Partition:
    """A folder `name=value`: a date, or a number from `least` to `most` with leading zeros to `digits`."""

    name: str
    kind: Literal["date", "integer"] = "date"
    least: int = 0
    most: int = 0
    digits: int = 1


@dataclass(frozen=True)
class ExternalTable:
    """Parquet files below `prefix` of a zone's bucket; partitions are computed (projected), never registered."""

    name: str
    zone: Zone
    prefix: str
    columns: tuple[tuple[str, str], ...]
    """Name and Hive type of each column that is in the files."""
    partitions: tuple[Partition, ...]
    description: str = ""


@dataclass(frozen=True)
class IcebergTable:
    """An Iceberg table (version 2) with metadata and compacted files below `prefix`, partitioned by day.

    Its first data files are those that Spark wrote elsewhere in the bucket and a commit added; they belong to the jobs,
    so neither expiry nor the removal of orphans may touch what is not below `prefix`.
    """

    name: str
    zone: Zone
    prefix: str
    columns: tuple[tuple[str, str, bool], ...]
    """Name, Iceberg type, and whether a value is required; field ids count from 1 in this order."""
    day_of: str
    """Timestamp column whose day (UTC) is the partition."""
    description: str = ""


Table = ExternalTable | IcebergTable


def hive_columns(contract: TableContract) -> tuple[tuple[str, str], ...]:
    """Columns of a contract for an external table.

    >>> dict(hive_columns(cdr.CDR))["dropped"]
    'int'
    """
    return tuple((field.name, GLUE_TYPES[field.kind]) for field in contract.fields)


def iceberg_columns(contract: TableContract) -> tuple[tuple[str, str, bool], ...]:
    """Columns of a contract for an Iceberg table; none is required, as Spark writes every column as optional."""
    return tuple((field.name, ICEBERG_TYPES[field.kind], False) for field in contract.fields)


def iceberg_prefix(dataset: str, table: str) -> str:
    """Curated bucket: metadata and compacted files of an Iceberg table, apart from the files that jobs write."""
    return f"{dataset}/iceberg/{table}/"


def lake_tables(dataset: str) -> tuple[Table, ...]:
    """The tables of a telecom lake.

    >>> [table.name for table in lake_tables("telecom")]
    ['cdr_batch', 'cdr_stream', 'cdr']
    """
    day, hour = Partition("date"), Partition("hour", "integer", 0, 23, 2)
    columns = hive_columns(cdr.CDR)
    return (
        ExternalTable(
            name="cdr_batch",
            zone="raw",
            prefix=cdr.batch_prefix(dataset),
            columns=columns,
            partitions=(day,),
            description="Call detail records as files delivered them, by day of arrival",
        ),
        ExternalTable(
            name="cdr_stream",
            zone="raw",
            prefix=cdr.stream_prefix(dataset),
            columns=columns,
            partitions=(day, hour),
            description="Call detail records as the stream delivered them, by hour of arrival",
        ),
        IcebergTable(
            name="cdr",
            zone="curated",
            prefix=iceberg_prefix(dataset, "cdr"),
            columns=iceberg_columns(cdr.CURATED),
            day_of="started_at",
            description="Call detail records, checked, once each",
        ),
    )


def result_tables() -> tuple[ExternalTable, ...]:
    """The monitor's results, in the artifacts bucket: files that its function writes, a window each.

    >>> [table.name for table in result_tables()]
    ['monitor_windows', 'monitor_distributions']
    """
    windows, distributions = monitor_results.WINDOWS_TABLE, monitor_results.DISTRIBUTIONS_TABLE
    described = {
        windows: (monitor_results.WINDOW_COLUMNS, "Verdict, severity and numbers of each monitored window"),
        distributions: (monitor_results.DISTRIBUTION_COLUMNS, "What each watched distribution looked like, by window"),
    }
    return tuple(
        ExternalTable(
            name=name,
            zone="artifacts",
            prefix=f"{monitor_results.RESULTS_PREFIX}{name}/",
            columns=columns,
            partitions=(Partition("date"),),
            description=description,
        )
        for name, (columns, description) in described.items()
    )
