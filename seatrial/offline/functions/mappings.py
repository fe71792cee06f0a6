"""Event source mappings: which queue or stream feeds which function, from creation to deletion."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import StreamRecord, StreamShard
from moto.kinesis.models import Record as KinesisRecord
from moto.kinesis.models import Shard as KinesisShard
from moto.kinesis.models import Stream, kinesis_backends
from moto.sqs.models import Message, Queue, sqs_backends

from seatrial.offline import patches
from seatrial.offline.functions.queue_source import QueueSource
from seatrial.offline.functions.service import Functions
from seatrial.offline.functions.stream_source import StreamSource


class Mappings:
    """The event source mappings of one cloud, by their ids."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._queues: dict[str, QueueSource] = {}
        self._streams: dict[str, StreamSource] = {}
        self._sources: dict[str, list[str]] = {}

    def is_busy(self) -> bool:
        """Whether any source is being worked off."""
        lines = any(source.line.is_busy for source in list(self._queues.values()))
        return lines or any(source.is_busy for source in list(self._streams.values()))

    def add(self, mapping: EventSourceMapping) -> None:
        """Start to feed a function."""
        context = self._functions.context
        arn = mapping.event_source_arn
        self._sources.setdefault(arn, []).append(mapping.uuid)
        if ":sqs:" in arn:
            queue = sqs_backends[context.account][context.region].queues[arn.rpartition(":")[2]]
            queue.lambda_event_source_mappings.clear()
            self._queues[mapping.uuid] = QueueSource(self._functions, mapping, queue)
            self._queues[mapping.uuid].line.wake()
            return
        source = self._streams[mapping.uuid] = StreamSource(self._functions, mapping)
        for shard, record in _waiting(self._functions, mapping):
            source.added(shard, record)

    def remove(self, identifier: str) -> None:
        """Feed no more."""
        for identifiers in self._sources.values():
            if identifier in identifiers:
                identifiers.remove(identifier)
        if identifier in self._queues:
            self._queues.pop(identifier).line.stop()
        if identifier in self._streams:
            self._streams.pop(identifier).stop()

    def wake(self, identifier: str) -> None:
        """Look again: the mapping was changed."""
        if identifier in self._queues:
            self._queues[identifier].line.wake()
        if identifier in self._streams:
            self._streams[identifier].wake()

    def message_added(self, queue: Queue, message: Message) -> None:
        """A message came to a queue."""
        for identifier in self._sources.get(queue.queue_arn, []):
            self._queues[identifier].added(message)

    def record_added(self, arn: str, shard: str, record: dict[str, Any]) -> None:
        """A record came to a stream."""
        for identifier in self._sources.get(arn, []):
            self._streams[identifier].added(shard, record)

    def stop(self) -> None:
        """Feed no function any more."""
        for identifier in [*self._queues, *self._streams]:
            self.remove(identifier)


_current: list[Mappings] = []
_readers: list[Callable[[Stream, KinesisShard, KinesisRecord], None]] = []
_in_order = threading.Lock()
"""Held from the moment a record has its number until every reader has it, so that none sees records out of order."""


def on_stream_record(reader: Callable[[Stream, KinesisShard, KinesisRecord], None]) -> None:
    """Call `reader` with each record that comes to a data stream, in the order of its shard."""
    _readers.append(reader)


def start(functions: Functions) -> Mappings:
    """Begin without mappings, for a cloud that starts."""
    mappings = Mappings(functions)
    _current[:] = [mappings]
    _readers.clear()
    functions.context.stopping.append(mappings.stop)
    _replace_all()
    return mappings


def _replace_all() -> None:
    patches.replace(LambdaBackend, "create_event_source_mapping", _create)
    patches.replace(LambdaBackend, "update_event_source_mapping", _update)
    patches.replace(LambdaBackend, "delete_event_source_mapping", _delete)
    patches.replace(Queue, "add_message", _add_message)
    patches.replace(StreamShard, "add", _add_stream_record)
    patches.replace(Stream, "put_record", _put_record)


def _create(self: LambdaBackend, spec: dict[str, Any]) -> EventSourceMapping:
    """Moto lets whoever sends a message run the function meanwhile, and never polls."""
    if spec.get("TumblingWindowInSeconds"):
        raise NotImplementedError("TumblingWindowInSeconds of an event source mapping: keep windows in the function")
    mapping = patches.original(LambdaBackend, "create_event_source_mapping")(self, spec)
    _detach(self, mapping)
    _current[-1].add(mapping)
    return mapping


def _detach(backend: LambdaBackend, mapping: EventSourceMapping) -> None:
    account, region, arn = backend.account_id, backend.region_name, mapping.event_source_arn
    if ":dynamodb:" in arn:
        table = dynamodb_backends[account][region].get_table(arn.split("/")[1])
        table.lambda_event_source_mappings.clear()
    elif ":kinesis:" in arn:
        kinesis_backends[account][region].streams[arn.rpartition("/")[2]].lambda_event_source_mappings.clear()


def _update(self: LambdaBackend, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
    """A mapping that is enabled looks at what has gathered."""
    mapping = patches.original(LambdaBackend, "update_event_source_mapping")(self, uuid, spec)
    _current[-1].wake(uuid)
    return mapping


def _delete(self: LambdaBackend, uuid: str) -> EventSourceMapping | None:
    """A deleted mapping feeds no more; moto's queue goes on."""
    _current[-1].remove(uuid)
    return patches.original(LambdaBackend, "delete_event_source_mapping")(self, uuid)


def _add_message(self: Queue, message: Message) -> None:
    """Tell the mappings of the queue."""
    patches.original(Queue, "add_message")(self, message)
    _current[-1].message_added(self, message)


def _add_stream_record(self: StreamShard, old: Any, new: Any) -> None:
    """Moto runs the function while the item is being put, with records of another region and no source."""
    before = len(self.items)
    patches.original(StreamShard, "add")(self, old, new)
    for item in self.items[before:]:
        _current[-1].record_added(_stream_arn(self), self.id, _table_record(self, item))


def _put_record(self: Stream, partition_key: str, explicit_hash_key: str, data: str) -> tuple[str, str]:
    """Moto runs the function while the record is being put."""
    with _in_order:
        number, name = patches.original(Stream, "put_record")(self, partition_key, explicit_hash_key, data)
        shard = self.shards[name]
        record = shard.records[int(number)]
        _current[-1].record_added(self.arn, name, _stream_record(self, shard, record))
        for reader in _readers:
            reader(self, shard, record)
    return number, name


def _waiting(functions: Functions, mapping: EventSourceMapping) -> list[tuple[str, dict[str, Any]]]:
    if mapping.starting_position == "LATEST":
        return []
    context, arn = functions.context, mapping.event_source_arn
    if ":dynamodb:" in arn:
        shard = dynamodb_backends[context.account][context.region].get_table(arn.split("/")[1]).stream_shard
        return [(shard.id, _table_record(shard, item)) for item in shard.items] if shard else []
    stream = kinesis_backends[context.account][context.region].streams[arn.rpartition("/")[2]]
    first = _first_time(mapping)
    return [
        (shard.shard_id, _stream_record(stream, shard, each))
        for shard in stream.shards.values()
        for each in shard.records.values()
        if each.created_at_datetime.replace(tzinfo=UTC).timestamp() >= first
    ]


def _first_time(mapping: EventSourceMapping) -> float:
    """Arrival of the oldest record that the mapping wants, in seconds since 1970."""
    if mapping.starting_position != "AT_TIMESTAMP":
        return 0.0
    given = mapping.starting_position_timestamp
    return given.timestamp() if isinstance(given, datetime) else float(given or 0.0)


def _stream_arn(shard: StreamShard) -> str:
    return f"{shard.table.table_arn}/stream/{shard.table.latest_stream_label}"


def _table_record(shard: StreamShard, item: StreamRecord) -> dict[str, Any]:
    content = dict(item.record["dynamodb"])
    created = content["ApproximateCreationDateTime"]
    content["ApproximateCreationDateTime"] = int(created.replace(tzinfo=UTC).timestamp())
    region = shard.table.region_name
    source = _stream_arn(shard)
    return {**item.record, "awsRegion": region, "eventSourceARN": source, "dynamodb": content}


def _stream_record(stream: Stream, shard: KinesisShard, record: Any) -> dict[str, Any]:
    created: datetime = record.created_at_datetime.replace(tzinfo=UTC)
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": str(record.sequence_number),
            "data": record.data,
            "approximateArrivalTimestamp": round(created.timestamp(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard.shard_id}:{record.sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "offline",
        "awsRegion": stream.region,
        "eventSourceARN": stream.arn,
    }
