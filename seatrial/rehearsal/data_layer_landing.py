"""Lands the generated data in the raw zone: files as a batch, the last day's events of some cells by stream."""

import io
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.contracts import cdr
from seatrial.rehearsal.data_layer_aws import DataAws
from seatrial.rehearsal.data_layer_generate import batch_root, divide, event_files, landing_key
from seatrial.rehearsal.data_layer_state import DataLayer, Rate
from seatrial.rehearsal.voyage import RehearsalError, Voyage
from seatrial.telecom.stream import plain, to_json

TABLES = ("crm", "billing", "care")
DEVICE_EVENTS = 200
"""Events that devices publish themselves, through IoT Core."""
POISON = (b"not json", b'{"event_id": "half', b"\xff\xfe")
CONSUMER_COUNTS = (
    "EventsRead",
    "EventsUsed",
    "EventsLate",
    "EventsDuplicate",
    "EventsQuarantined",
    "EventsFailed",
)
FOOTER_BYTES = 1 << 18
"""Enough of a Parquet file's end to hold its footer."""
STEP_SECONDS, STEPS = 120, 12
"""The clock is moved so far at a time, and so often at most, until buffers and batches have been written."""
PAUSE_SECONDS, SETTLE_SECONDS = 1.0, 1800
"""Real seconds in which the stream's readers must have caught up."""


def land_by_batch(voyage: Voyage) -> str:
    """Upload the files of events and of tables, those of the last day without the rows that are streamed."""
    layer, began = voyage.layer, voyage.progress.elapsed
    bucket = voyage.outputs["RawBucketName"]
    rows = files = 0
    for number, (day, path) in enumerate(event_files(layer, streaming=False)):
        if number % 50 == 0:
            voyage.progress.doing(f"events of {day}")
        voyage.aws.put(bucket, landing_key(layer, path), path.read_bytes())
        rows, files = rows + pq.read_metadata(path).num_rows, files + 1
    for _, path in event_files(layer, streaming=True):
        kept, _ = divide(layer, pq.read_table(path))
        voyage.aws.put(bucket, landing_key(layer, path), _parquet(kept))
        rows, files = rows + kept.num_rows, files + 1
    for table in TABLES:
        for path in sorted((layer.folder / "tables" / table).rglob("*.parquet")):
            voyage.aws.put(bucket, landing_key(layer, path), path.read_bytes())
            files += 1
    layer.rates.append(Rate("land by batch (events)", rows, voyage.progress.elapsed - began))
    layer.landed["batch"] = _landed_rows(voyage, batch_root(layer), {})
    return f"{rows:,} events and {', '.join(TABLES)} in {files:,} files"


def land_by_stream(voyage: Voyage) -> str:
    """Put the rest into the stream, some of it as devices; move the clock until lake and KPIs have all of it."""
    layer, began = voyage.layer, voyage.progress.elapsed
    layer.stream_start = voyage.now
    outputs, aws = voyage.stacks["Streaming"], DataAws(voyage.cloud.context.client)
    events = _streamed(layer)
    devices = _publish(aws, outputs, events) if "IotTopicRoot" in outputs else set()
    records = ((key, data) for number, (key, data) in enumerate(events) if number not in devices)
    layer.streamed = aws.put_records(outputs["StreamName"], records) + len(devices)
    layer.published = len(devices)
    layer.poisoned = aws.put_records(outputs["StreamName"], [(f"poison-{n}", data) for n, data in enumerate(POISON)])
    _settle(voyage, aws)
    layer.rates.append(Rate("land by stream, with KPIs", layer.streamed, voyage.progress.elapsed - began))
    share = layer.streamed / layer.generated["events"]["rows"]
    return (
        f"{layer.streamed:,} events of {len(layer.cells)} cells ({share:.1%} of all), {layer.published:,} of them "
        f"published by devices, and {layer.poisoned} records that nobody can read"
    )


def _streamed(layer: DataLayer) -> list[tuple[str, bytes]]:
    """Partition key and JSON of each event, in order of arrival; a cell's events meet on one shard."""
    tables = [divide(layer, pq.read_table(path))[1] for _, path in event_files(layer, streaming=True)]
    table = plain(pa.concat_tables(tables)).sort_by("received_at")
    keys = [cell or event for cell, event in zip(*(table[n].to_pylist() for n in ("cell_id", "event_id")), strict=True)]
    return [(key, text.encode()) for key, text in zip(keys, to_json(table).to_pylist(), strict=True)]


def _publish(aws: DataAws, outputs: dict[str, str], events: list[tuple[str, bytes]]) -> set[int]:
    """Let devices publish the first events that name a cell; returns which ones."""
    chosen = [number for number, (_, data) in enumerate(events) if b'"cell_id":null' not in data][:DEVICE_EVENTS]
    for number in chosen:
        key, data = events[number]
        aws.publish(f"{outputs['IotTopicRoot']}/{key}/cdr", data)
    return set(chosen)


def _settle(voyage: Voyage, aws: DataAws) -> None:
    """Move the clock and wait until Firehose and the consumer have told of every record."""
    layer, wanted = voyage.layer, voyage.layer.streamed + voyage.layer.poisoned
    known: dict[str, int] = {}
    dimensions = {"StreamName": voyage.stacks["Streaming"]["StreamName"]}
    deadline, steps = voyage.progress.elapsed + SETTLE_SECONDS, 0

    def look() -> bool:
        layer.landed["stream"] = _landed_rows(voyage, cdr.stream_prefix(layer.dataset), known)
        layer.stream_errors = _failed_records(voyage)
        layer.consumed = aws.metric_sums(CONSUMER_COUNTS, dimensions, layer.stream_start or voyage.now)
        delivered = layer.landed["stream"] + layer.stream_errors
        voyage.progress.doing(
            f"{delivered:,} of {wanted:,} records in the lake, {layer.consumed['EventsRead']:,} in the KPIs"
        )
        return delivered >= wanted and layer.consumed["EventsRead"] >= wanted

    while not look():
        if voyage.progress.elapsed > deadline:
            raise RehearsalError(f"the stream's readers have not caught up after {SETTLE_SECONDS} s")
        if steps < STEPS:
            voyage.advance_to(voyage.now + timedelta(seconds=STEP_SECONDS))
            steps += 1
        time.sleep(PAUSE_SECONDS)


def _landed_rows(voyage: Voyage, prefix: str, known: dict[str, int]) -> int:
    """Rows of the Parquet files below a prefix of the raw bucket, by their footers; `known` are those read before."""
    bucket = voyage.outputs["RawBucketName"]
    for key in voyage.aws.keys(bucket, prefix):
        if key.endswith(".parquet") and key not in known:
            footer = voyage.aws.read_end(f"s3://{bucket}/{key}", FOOTER_BYTES)
            known[key] = pq.read_metadata(io.BytesIO(footer)).num_rows
    return sum(known.values())


def _failed_records(voyage: Voyage) -> int:
    """Records that Firehose kept apart: one JSON document a line."""
    bucket, prefix = voyage.outputs["RawBucketName"], cdr.stream_errors_prefix(voyage.layer.dataset)
    contents = (voyage.aws.read(f"s3://{bucket}/{key}") for key in voyage.aws.keys(bucket, prefix))
    return sum(len(content.splitlines()) for content in contents)


def table_rows(voyage: Voyage, table: str) -> int:
    """Rows of a table's extracts in the raw bucket."""
    return _landed_rows(voyage, cdr.table_prefix(voyage.layer.dataset, table), {})


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(plain(table), sink, compression="snappy", store_schema=False)
    return sink.getvalue()


def objects(voyage: Voyage, prefix: str, bucket: str = "CuratedBucketName") -> Iterator[tuple[str, Any]]:
    """Keys and parsed content of the JSON documents below a prefix."""
    name = voyage.outputs[bucket]
    for key in voyage.aws.keys(name, prefix):
        if key.endswith(".json"):
            yield key, voyage.aws.read_json_if_there(f"s3://{name}/{key}")
