"""Feature rows into SageMaker Feature Store: history as files of its Iceberg table, newest values as records.

The history is appended in one commit by pyiceberg, as AWS's own Spark connector does by a jar; records are put by the
executors. boto3 is in EMR's Python and in SageMaker's images.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as fn

from seatrial.contracts.feature_store import EVENT_TIME, TIME_FORMAT, feature_record
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files
from seatrial.spark.iceberg import plain_uri

SPARK_TYPES = {"Integral": "long", "Fractional": "double", "String": "string"}
INGESTED = "seatrial.ingested"
"""Property of the snapshot that appended a run's rows: the run's token."""
BATCH_RECORDS = 25
"""Records of one BatchWriteRecord at most."""
LONGEST_PAUSE_SECONDS = 10.0
SIDE_BY_SIDE = 16
"""Calls of one executor's core; each waits for the network."""
UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11


@dataclass(frozen=True)
class Group:
    """What DescribeFeatureGroup says of a group; `table` and `location` are its Iceberg table's, None without one."""

    name: str
    features: dict[str, str]
    online: bool
    table: str | None
    location: str | None

    @property
    def stores(self) -> list[str]:
        """Names of its stores, as PutRecord knows them."""
        there = {"OnlineStore": self.online, "OfflineStore": self.table is not None}
        return [name for name, is_there in there.items() if is_there]


def describe(name: str, region: str | None) -> Group:
    """Ask SageMaker; raises `DataError` for a group that cannot take rows."""
    import boto3

    found = boto3.client("sagemaker", region_name=region).describe_feature_group(FeatureGroupName=name)
    if found["FeatureGroupStatus"] != "Created":
        raise DataError(f"feature group {name}: is {found['FeatureGroupStatus']}: {found.get('FailureReason', '')}")
    offline = found.get("OfflineStoreConfig") or {}
    catalog = offline.get("DataCatalogConfig") or {}
    iceberg = offline.get("TableFormat") == "Iceberg"
    return Group(
        name=name,
        features={one["FeatureName"]: one["FeatureType"] for one in found["FeatureDefinitions"]},
        online=bool((found.get("OnlineStoreConfig") or {}).get("EnableOnlineStore")),
        table=f"{catalog['Database']}.{catalog['TableName']}" if iceberg else None,
        location=offline["S3StorageConfig"]["ResolvedOutputS3Uri"] if iceberg else None,
    )


def rows_for(frame: DataFrame, group: Group, moment: datetime) -> DataFrame:
    """The group's features in its types, with the event time; raises `DataError` for a feature that is not there."""
    wanted = [name for name in group.features if name != EVENT_TIME]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(f"feature group {group.name}: rows have no {', '.join(missing)}")
    values = [fn.col(name).cast(SPARK_TYPES[group.features[name]]).alias(name) for name in wanted]
    return frame.select(*values, fn.lit(moment.strftime(TIME_FORMAT)).alias(EVENT_TIME)).select(*group.features)


def append(frame: DataFrame, group: Group, catalog: Any, token: str) -> bool:
    """Add the rows to the history in one commit; False when a run with this token has done so before.

    A run that died before its commit leaves files that no snapshot names; the next one removes them first.
    """
    table = catalog.load_table(group.table)
    if any(_token_of(snapshot) == token for snapshot in table.metadata.snapshots):
        return False
    files, folder = Files(frame.sparkSession), f"{group.location}/seatrial/{token}"
    files.delete([folder])
    now = fn.lit(datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")).cast("timestamp_ntz")
    added = {"write_time": now, "api_invocation_time": now, "is_deleted": fn.lit(False)}
    frame.withColumns(added).write.parquet(folder)
    uris = [plain_uri(one.uri) for one in files.find(folder)]
    table.add_files(uris, snapshot_properties={INGESTED: token})
    return True


def _token_of(snapshot: Any) -> str | None:
    summary = snapshot.summary
    return None if summary is None else summary.additional_properties.get(INGESTED)


def put_records(frame: DataFrame, group: Group, stores: list[str], region: str | None) -> int:
    """Put each row, from the executors; gives their number. A row put again changes nothing online."""
    name = group.name
    put = frame.rdd.mapPartitions(lambda rows: [_put_all(rows, name, stores, region)])
    return int(put.sum())


def _put_all(rows: Iterable[Any], name: str, stores: list[str], region: str | None) -> int:
    import boto3
    from botocore.config import Config

    # The service checks what it is sent; a check of each feature here would take half of this job's CPU time.
    config = Config(
        retries={"mode": "adaptive", "max_attempts": 10},
        max_pool_connections=SIDE_BY_SIDE,
        parameter_validation=False,
    )
    client = boto3.client("sagemaker-featurestore-runtime", region_name=region, config=config)
    # The call for many records is newer than the boto3 of some releases of EMR.
    put = _put_batch if hasattr(client, "batch_write_record") else _put_each
    entries = ({"FeatureGroupName": name, "Record": _record(row.asDict()), "TargetStores": stores} for row in rows)
    batches = _chunks(entries, BATCH_RECORDS)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return sum(
            sum(pool.map(lambda batch: put(client, batch), some)) for some in _chunks(batches, 10 * SIDE_BY_SIDE)
        )


def _put_batch(client: Any, entries: list[dict[str, Any]]) -> int:
    waiting, pause = entries, 0.2
    while waiting:
        answer = client.batch_write_record(Entries=waiting)
        if answer["Errors"]:
            first = answer["Errors"][0]
            raise DataError(
                f"{len(answer['Errors'])} records were refused: {first['ErrorCode']}: {first['ErrorMessage']}"
            )
        waiting = answer["UnprocessedEntries"]
        if waiting:
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    return len(entries)


def _put_each(client: Any, entries: list[dict[str, Any]]) -> int:
    for entry in entries:
        client.put_record(**entry)
    return len(entries)


def _record(row: dict[str, Any]) -> list[dict[str, str]]:
    moment = datetime.strptime(row.pop(EVENT_TIME), TIME_FORMAT).replace(tzinfo=UTC)
    return feature_record(row, moment)


def _chunks(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
