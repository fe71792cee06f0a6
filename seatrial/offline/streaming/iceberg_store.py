"""Offline stores in Apache Iceberg: files in AWS's layout, committed by pyiceberg in the cloud's Glue catalog."""

import io
import secrets
from collections import defaultdict
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import TruncateTransform
from pyiceberg.types import (
    BooleanType,
    DoubleType,
    IcebergType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
)

from seatrial.offline.context import CloudContext
from seatrial.offline.streaming.feature_values import event_time
from seatrial.offline.streaming.offline_store import Row, arrow_schema, put_encrypted
from seatrial.offline.warehouse.lake.iceberg import catalog

_TYPES: dict[str, IcebergType] = {"Integral": LongType(), "Fractional": DoubleType(), "String": StringType()}
_DATE_LENGTH = 10
_FIRST_PARTITION_ID = 1000


class IcebergTable:
    """A table partitioned by the day of the event time, which is the first ten letters of its text."""

    def __init__(
        self, context: CloudContext, config: dict[str, Any], features: dict[str, str], event_time_name: str
    ) -> None:
        named = config["DataCatalogConfig"]
        self._identity = (named["Database"], named["TableName"])
        self._context, self._storage = context, config["S3StorageConfig"]
        self._features, self._event_time = features, event_time_name
        self._is_by_day = features[event_time_name] == "String"
        self._catalog = catalog(context)
        try:
            self._catalog.load_table(self._identity)
        except NoSuchTableError:
            self._create(self._storage["ResolvedOutputS3Uri"].removesuffix("/data"))

    def append(self, rows: list[Row]) -> None:
        """One file for each day of the event time, all in one snapshot."""
        days: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            days[str(row[self._event_time])[:_DATE_LENGTH] if self._is_by_day else ""].append(row)
        files = [self._write(day, part) for day, part in sorted(days.items())]
        self._catalog.load_table(self._identity).add_files(files)

    def _write(self, day: str, rows: list[Row]) -> str:
        latest = max(event_time(str(row[self._event_time]), self._features[self._event_time]) for row in rows)
        folder = f"{secrets.token_hex(4)}/" + (f"{self._event_time}_trunc={day}/" if day else "")
        uri = f"{self._storage['ResolvedOutputS3Uri']}/{folder}{latest:%Y%m%dT%H%M%SZ}_{secrets.token_hex(8)}.parquet"
        sink = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(self._features)), sink)
        put_encrypted(self._context, uri, sink.getvalue(), self._storage.get("KmsKeyId"))
        return uri

    def add(self, features: dict[str, str]) -> None:
        """Add columns at the end of the features."""
        self._features.update(features)
        with self._catalog.load_table(self._identity).update_schema() as change:
            for name, kind in features.items():
                change.add_column(name, _TYPES[kind])

    def _create(self, location: str) -> None:
        added: list[tuple[str, IcebergType]] = [
            ("write_time", TimestampType()),
            ("api_invocation_time", TimestampType()),
            ("is_deleted", BooleanType()),
        ]
        columns = [*((name, _TYPES[kind]) for name, kind in self._features.items()), *added]
        fields = [NestedField(number, name, kind) for number, (name, kind) in enumerate(columns, start=1)]
        spec = PartitionSpec()
        if self._is_by_day:
            source = next(field.field_id for field in fields if field.name == self._event_time)
            by_day = TruncateTransform(_DATE_LENGTH)
            spec = PartitionSpec(PartitionField(source, _FIRST_PARTITION_ID, by_day, f"{self._event_time}_trunc"))
        self._catalog.create_table(self._identity, Schema(*fields), location=location, partition_spec=spec)
