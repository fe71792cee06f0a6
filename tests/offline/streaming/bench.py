"""What the tests of streams share: a bucket, a Glue table, delivery streams, and what was delivered."""

import contextlib
import gzip
import io
import json
from typing import Any

from pyarrow import parquet

from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ACCOUNT, REGION, ROLE

BUCKET = "raw"
COLUMNS = {
    "event_id": "string",
    "subscriber_id": "string",
    "started_at": "timestamp",
    "duration_seconds": "double",
    "dropped": "int",
}
BY_HOUR = "{date: .started_at[0:10], hour: .started_at[11:13]}"
CONVERTED = {
    "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": "telecom", "TableName": "cdr", "Region": REGION},
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {"Compression": "SNAPPY"}}},
}


def put_bucket(cloud: OfflineCloud, name: str = BUCKET) -> None:
    s3 = cloud.context.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})


def put_table(cloud: OfflineCloud, columns: dict[str, str] | None = None) -> None:
    """A Glue table `telecom.cdr`; a table that is there gets the columns."""
    glue = cloud.context.client("glue")
    wanted = {
        "Name": "cdr",
        "StorageDescriptor": {"Columns": [{"Name": k, "Type": v} for k, v in (columns or COLUMNS).items()]},
    }
    with contextlib.suppress(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": "telecom"})
    try:
        glue.create_table(DatabaseName="telecom", TableInput=wanted)
    except glue.exceptions.AlreadyExistsException:
        glue.update_table(DatabaseName="telecom", TableInput=wanted)


def put_stream(cloud: OfflineCloud, name: str, shards: int = 2) -> str:
    cloud.context.client("kinesis").create_stream(StreamName=name, ShardCount=shards)
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def extraction(query: str) -> dict[str, Any]:
    parameters = {"MetadataExtractionQuery": query, "JsonParsingEngine": "JQ-1.6"}
    named = [{"ParameterName": key, "ParameterValue": value} for key, value in parameters.items()]
    return {"Enabled": True, "Processors": [{"Type": "MetadataExtraction", "Parameters": named}]}


def partitioned(prefix: str, **more: Any) -> dict[str, Any]:
    """A destination that converts to Parquet by date and hour of `started_at`."""
    return {
        "RoleARN": ROLE,
        "BucketARN": f"arn:aws:s3:::{BUCKET}",
        "Prefix": f"{prefix}/date=!{{partitionKeyFromQuery:date}}/hour=!{{partitionKeyFromQuery:hour}}/",
        "ErrorOutputPrefix": f"{prefix}-errors/!{{firehose:error-output-type}}/!{{timestamp:yyyy-MM-dd}}/",
        "BufferingHints": {"SizeInMBs": 64, "IntervalInSeconds": 60},
        "ProcessingConfiguration": extraction(BY_HOUR),
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "DataFormatConversionConfiguration": CONVERTED,
        **more,
    }


def plain(prefix: str, **more: Any) -> dict[str, Any]:
    """A destination that writes records as they come."""
    base = {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{BUCKET}", "Prefix": f"{prefix}/"}
    return {**base, "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60}, **more}


def put_delivery(cloud: OfflineCloud, name: str, destination: dict[str, Any], source: str | None = None) -> None:
    arguments: dict[str, Any] = {"DeliveryStreamType": "DirectPut"}
    if source:
        settings = {"KinesisStreamARN": source, "RoleARN": ROLE}
        arguments = {"DeliveryStreamType": "KinesisStreamAsSource", "KinesisStreamSourceConfiguration": settings}
    cloud.context.client("firehose").create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination, **arguments
    )


def cdr(number: int, **fields: Any) -> dict[str, Any]:
    """One call detail record; every third starts in another hour."""
    base = {
        "event_id": f"e{number}",
        "subscriber_id": f"s{number % 7}",
        "started_at": f"2026-11-01T{9 + number % 3:02d}:15:00.250Z",
        "duration_seconds": 1.5 * number,
        "dropped": number % 2,
    }
    return {**base, **fields}


def put_direct(cloud: OfflineCloud, name: str, *records: Any) -> None:
    data = [{"Data": each if isinstance(each, bytes) else json.dumps(each).encode()} for each in records]
    cloud.context.client("firehose").put_record_batch(DeliveryStreamName=name, Records=data)


def keys_under(cloud: OfflineCloud, prefix: str) -> list[str]:
    found = cloud.context.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [item["Key"] for item in found.get("Contents", [])]


def content(cloud: OfflineCloud, key: str) -> bytes:
    body = cloud.context.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return gzip.decompress(body) if key.endswith(".gz") else body


def rows_under(cloud: OfflineCloud, prefix: str) -> list[dict[str, Any]]:
    """Rows of every Parquet file below a prefix, without what the folders say."""
    files = [parquet.ParquetFile(io.BytesIO(content(cloud, key))) for key in keys_under(cloud, prefix)]
    return [row for file in files for row in file.read().to_pylist()]


def errors_under(cloud: OfflineCloud, prefix: str) -> list[dict[str, Any]]:
    lines = [line for key in keys_under(cloud, prefix) for line in content(cloud, key).splitlines()]
    return [json.loads(line) for line in lines]
