"""The offline store of a feature group: every record ever put, as Parquet files of a Glue or an Iceberg table.

Layout: https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
"""

import io
import secrets
import string
import threading
from collections import defaultdict
from datetime import datetime
from typing import Any, Protocol

import pyarrow as pa
from botocore.exceptions import ClientError
from pyarrow import parquet

from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker.storage import parse_uri, put
from seatrial.offline.streaming.feature_values import ARROW, HIVE, event_time

_RANDOM_LENGTH = 16
_ADDED = (("write_time", "timestamp"), ("api_invocation_time", "timestamp"), ("is_deleted", "boolean"))
_PARTITIONS = ("year", "month", "day", "hour")
_STAMP = pa.timestamp("us")
_DEFAULT_DATABASE = "sagemaker_featurestore"


class OfflineStoreError(Exception):
    """The offline store cannot be made: the group's creation fails with this sentence."""


Row = dict[str, Any]


class Table(Protocol):
    """What an offline store writes into."""

    def append(self, rows: list[Row]) -> None:
        """Write rows; they carry the added columns already."""

    def add(self, features: dict[str, str]) -> None:
        """Add columns."""


class OfflineStore:
    """Buffers records and writes them when the cloud's clock says so."""

    def __init__(
        self, context: CloudContext, config: dict[str, Any], features: dict[str, str], event_time_name: str
    ) -> None:
        self._context = context
        self._waiting: list[Row] = []
        self._lock = threading.Lock()
        bucket, _ = parse_uri(config["S3StorageConfig"]["S3Uri"])
        try:
            context.client("s3").head_bucket(Bucket=bucket)
            _ensure_database(context, config)
            iceberg = config.get("TableFormat") == "Iceberg"
            kind = _iceberg_table if iceberg else GlueTable
            self._table: Table = kind(context, config, dict(features), event_time_name)
        except ClientError as error:
            raise OfflineStoreError(f"the offline store in s3://{bucket} cannot be made: {error}") from error

    def put(self, values: Row, *, is_deleted: bool) -> None:
        """Keep a record until the next flush."""
        now = self._context.clock.now().replace(tzinfo=None)
        with self._lock:
            self._waiting.append({**values, "api_invocation_time": now, "is_deleted": is_deleted})

    def add(self, features: dict[str, str]) -> None:
        """Add columns."""
        self.flush()
        self._table.add(features)

    def flush(self) -> None:
        """Write what waits; what cannot be written waits on, and the journal tells why."""
        with self._lock:
            rows, self._waiting = self._waiting, []
        if not rows:
            return
        now = self._context.clock.now().replace(tzinfo=None)
        try:
            self._table.append([{**row, "write_time": now} for row in rows])
        except Exception as error:
            self._context.journal.record("fault", api="feature store", error=repr(error), records=len(rows))
            with self._lock:
                self._waiting = rows + self._waiting


class GlueTable:
    """A table of Parquet files by hour of the event time."""

    def __init__(
        self, context: CloudContext, config: dict[str, Any], features: dict[str, str], event_time_name: str
    ) -> None:
        self._context, self._config = context, config
        self._features, self._event_time = features, event_time_name
        self._uri = config["S3StorageConfig"]["ResolvedOutputS3Uri"]
        catalog = config["DataCatalogConfig"]
        self._database, self._name = catalog["Database"], catalog["TableName"]
        if not config.get("DisableGlueTableCreation"):
            context.client("glue").create_table(DatabaseName=self._database, TableInput=self._input())

    def append(self, rows: list[Row]) -> None:
        """One file for each hour."""
        hours: dict[datetime, list[Row]] = defaultdict(list)
        for row in rows:
            when = event_time(str(row[self._event_time]), self._features[self._event_time])
            hours[when.replace(minute=0, second=0, microsecond=0)].append(row)
        for hour, part in sorted(hours.items()):
            self._write(hour, part)

    def add(self, features: dict[str, str]) -> None:
        """UpdateTable."""
        self._features.update(features)
        if not self._config.get("DisableGlueTableCreation"):
            self._context.client("glue").update_table(DatabaseName=self._database, TableInput=self._input())

    def _write(self, hour: datetime, rows: list[Row]) -> None:
        latest = max(event_time(str(row[self._event_time]), self._features[self._event_time]) for row in rows)
        folder = f"year={hour:%Y}/month={hour:%m}/day={hour:%d}/hour={hour:%H}"
        sink = io.BytesIO()
        table = pa.Table.from_pylist(rows, schema=arrow_schema(self._features))
        parquet.write_table(table, sink, use_deprecated_int96_timestamps=True)
        uri = f"{self._uri}/{folder}/{latest:%Y%m%dT%H%M%SZ}_{_random()}.parquet"
        put_encrypted(self._context, uri, sink.getvalue(), self._config["S3StorageConfig"].get("KmsKeyId"))
        self._register(hour, f"{self._uri}/{folder}")

    def _register(self, hour: datetime, location: str) -> None:
        glue = self._context.client("glue")
        values = [f"{hour:%Y}", f"{hour:%m}", f"{hour:%d}", f"{hour:%H}"]
        storage = {**self._storage(), "Location": location}
        if self._config.get("DisableGlueTableCreation"):
            return
        try:
            glue.create_partition(
                DatabaseName=self._database,
                TableName=self._name,
                PartitionInput={"Values": values, "StorageDescriptor": storage},
            )
        except glue.exceptions.AlreadyExistsException:
            return

    def _input(self) -> dict[str, Any]:
        return {
            "Name": self._name,
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"EXTERNAL": "TRUE", "parquet.compression": "SNAPPY"},
            "PartitionKeys": [{"Name": name, "Type": "string"} for name in _PARTITIONS],
            "StorageDescriptor": self._storage(),
        }

    def _storage(self) -> dict[str, Any]:
        columns = [(name.lower(), HIVE[kind]) for name, kind in self._features.items()]
        return {
            "Columns": [{"Name": name, "Type": kind} for name, kind in [*columns, *_ADDED]],
            "Location": self._uri,
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
            "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
                "Parameters": {"serialization.format": "1"},
            },
        }


def put_encrypted(context: CloudContext, uri: str, content: bytes, kms_key: str | None) -> None:
    """Write one object, with the group's key when it has one."""
    bucket, key = parse_uri(uri)
    put(context.client("s3"), bucket, key, content, kms_key)


def arrow_schema(features: dict[str, str]) -> pa.Schema:
    """Columns of the offline store: the features and what the service adds."""
    columns = [pa.field(name, ARROW[kind]) for name, kind in features.items()]
    added = [("write_time", _STAMP), ("api_invocation_time", _STAMP), ("is_deleted", pa.bool_())]
    return pa.schema([*columns, *(pa.field(name, kind) for name, kind in added)])


def _iceberg_table(*arguments: Any) -> Table:
    # pyiceberg costs a second to import: only clouds with such a group pay it.
    from seatrial.offline.streaming.iceberg_store import IcebergTable

    return IcebergTable(*arguments)


def _ensure_database(context: CloudContext, config: dict[str, Any]) -> None:
    name, glue = config["DataCatalogConfig"]["Database"], context.client("glue")
    try:
        glue.get_database(Name=name)
    except glue.exceptions.EntityNotFoundException:
        if name != _DEFAULT_DATABASE:
            raise
        glue.create_database(DatabaseInput={"Name": name})


def _random() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(_RANDOM_LENGTH))
