"""Moto's Kinesis Data Streams, made to keep records as AWS does; each replacement says what moto does instead."""

import hashlib
import itertools
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from moto.core import utils
from moto.core.exceptions import JsonRESTError
from moto.kinesis.exceptions import InvalidArgumentError
from moto.kinesis.models import KinesisBackend, Record, Shard, Stream
from moto.kinesis.utils import decompose_shard_iterator

from seatrial.offline import alarms, patches
from seatrial.offline.context import CloudContext

_FIRST_NUMBER = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000
"""Sequence numbers have 56 digits and are unique in a stream; consumers key on them."""
_LONGEST_KEY = 256
_MOST_RECORDS = 10_000

_numbers: list[Iterator[int]] = []
_contexts: list[CloudContext] = []
_throttles: dict[str, int] = {}
_lock = threading.RLock()


class ThroughputExceededError(JsonRESTError):
    """A shard took more than it can, because a test asked for that."""

    def __init__(self, stream: str) -> None:
        message = f"Rate exceeded for shard shardId-000000000000 in stream {stream} under account."
        super().__init__(error_type="ProvisionedThroughputExceededException", message=message)


def start(context: CloudContext) -> None:
    """Make moto's streams those of this cloud."""
    _contexts[:] = [context]
    _numbers[:] = [itertools.count(_FIRST_NUMBER)]
    _throttles.clear()
    patches.replace(Stream, "get_shard_for_key", _get_shard_for_key)
    patches.replace(Stream, "split_shard", _split_shard)
    patches.replace(Stream, "merge_shards", _merge_shards)
    patches.replace(Shard, "put_record", _put_into_shard)
    patches.replace(Shard, "get_records", _get_from_shard)
    patches.replace(KinesisBackend, "get_shard_iterator", _get_shard_iterator)
    patches.replace(KinesisBackend, "get_records", _get_records)
    patches.replace(KinesisBackend, "put_record", _put_record)
    patches.replace(KinesisBackend, "put_records", _put_records)


def throttle_next(stream: str, records: int) -> None:
    """Refuse the next records of a stream with ProvisionedThroughputExceededException."""
    with _lock:
        _throttles[stream] = _throttles.get(stream, 0) + records


def _is_throttled(stream: str) -> bool:
    with _lock:
        left = _throttles.get(stream, 0)
        _throttles[stream] = max(0, left - 1)
    return left > 0


def _get_shard_for_key(self: Stream, partition_key: str, explicit_hash_key: str) -> Shard:
    """Moto goes on to put records into shards that are closed, and has no shard for the last hash key."""
    if not isinstance(partition_key, str) or not 1 <= len(partition_key) <= _LONGEST_KEY:
        raise InvalidArgumentError(f"PartitionKey must have 1 to {_LONGEST_KEY} characters")
    digest = hashlib.md5(partition_key.encode(), usedforsecurity=False).hexdigest()
    number = int(explicit_hash_key) if explicit_hash_key else int(digest, 16)
    for shard in self.shards.values():
        if shard.is_open and shard.starting_hash <= number <= shard.ending_hash:
            return shard
    raise InvalidArgumentError(f"ExplicitHashKey must be between 0 and 2^128 - 1, got {explicit_hash_key}")


def _split_shard(self: Stream, shard_to_split: str, new_starting_hash_key: str) -> None:
    """Moto puts the records of the shard in once more, so that readers see them twice."""
    kept = self.shards[shard_to_split].records
    self.shards[shard_to_split].records = OrderedDict()
    try:
        patches.original(Stream, "split_shard")(self, shard_to_split, new_starting_hash_key)
    finally:
        self.shards[shard_to_split].records = kept
    self.shard_count = sum(shard.is_open for shard in self.shards.values())


def _merge_shards(self: Stream, shard_to_merge: str, adjacent_shard_to_merge: str) -> None:
    """Moto copies the records of both shards into the new one."""
    parents = [self.shards[shard_to_merge], self.shards[adjacent_shard_to_merge]]
    if parents[0].starting_hash > parents[1].starting_hash:
        parents.reverse()
    kept = [shard.records for shard in parents]
    for shard in parents:
        shard.records = OrderedDict()
    try:
        patches.original(Stream, "merge_shards")(self, parents[0].shard_id, parents[1].shard_id)
    finally:
        for shard, records in zip(parents, kept, strict=True):
            shard.records = records
    self.shard_count = sum(shard.is_open for shard in self.shards.values())


def _put_into_shard(self: Shard, partition_key: str, data: str, explicit_hash_key: str) -> str:
    """Moto numbers each shard from 1, and loses a record when two callers put at once."""
    with _lock:
        number = next(_numbers[-1])
        self.records[number] = cast(Record, Record(partition_key, data, number, explicit_hash_key))
    return str(number)


def _get_from_shard(self: Shard, last_sequence_id: str, limit: int | None) -> tuple[list[Record], int, int]:
    """Moto looks at every record of the shard for each call, and tells a lag of zero to whoever is far behind."""
    with _lock:
        numbers = list(self.records)
        first = bisect_right(numbers, int(last_sequence_id))
        found = [self.records[number] for number in numbers[first : first + (limit or _MOST_RECORDS)]]
        newest = self.records[numbers[-1]] if numbers else None
    last = found[-1].sequence_number if found else int(last_sequence_id)
    behind = newest.created_at - found[-1].created_at if found and newest else 0.0
    return found, last, int(behind * 1000)


def _get_shard_iterator(
    self: KinesisBackend, stream_arn: str | None, stream_name: str | None, *rest: Any, **named: Any
) -> str:
    """Moto forgets the stream's name when the caller gives its ARN."""
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    _expire(stream)
    return patches.original(KinesisBackend, "get_shard_iterator")(self, stream.arn, stream.stream_name, *rest, **named)


def _get_records(
    self: KinesisBackend, stream_arn: str | None, shard_iterator: str, limit: int | None
) -> tuple[str | None, list[Record], int]:
    """Moto keeps records for ever, and gives the end of a closed shard a next iterator."""
    name, shard_id, _ = decompose_shard_iterator(shard_iterator)
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=name)
    if _is_throttled(f"{name}/read"):
        raise ThroughputExceededError(name)
    _expire(stream)
    following, records, behind = patches.original(KinesisBackend, "get_records")(
        self, stream_arn, shard_iterator, limit
    )
    shard = stream.get_shard(shard_id)
    last = records[-1].sequence_number if records else None
    at_end = not shard.records or last == shard.get_max_sequence_number() or not records
    alarms.put_metric(_contexts[-1], "AWS/Kinesis", "GetRecords.Records", len(records), {"StreamName": name}, "Count")
    return (None if at_end and not shard.is_open else following), records, behind


def _expire(stream: Stream) -> None:
    """Remove what is older than the stream's retention."""
    oldest = utils.utcnow() - timedelta(hours=int(stream.retention_period_hours))
    with _lock:
        for shard in stream.shards.values():
            for number in _numbers_before(shard, oldest):
                del shard.records[number]


def _numbers_before(shard: Shard, oldest: datetime) -> list[int]:
    older = itertools.takewhile(lambda record: record.created_at_datetime < oldest, shard.records.values())
    return [record.sequence_number for record in older]


def _put_record(self: KinesisBackend, stream_arn: str, stream_name: str, *rest: Any, **named: Any) -> tuple[str, str]:
    """Moto's shards take any number of records."""
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    if _is_throttled(stream.stream_name):
        _count_throttled(stream.stream_name, 1)
        raise ThroughputExceededError(stream.stream_name)
    return patches.original(KinesisBackend, "put_record")(self, stream_arn, stream_name, *rest, **named)


def _put_records(
    self: KinesisBackend, stream_arn: str, stream_name: str, records: list[dict[str, Any]]
) -> dict[str, Any]:
    """Moto's PutRecords takes each record or none; AWS tells of each whether a shard refused it."""
    stream = self.describe_stream(stream_arn=stream_arn, stream_name=stream_name)
    refused = [_is_throttled(stream.stream_name) for _ in records]
    taken = [record for record, is_refused in zip(records, refused, strict=True) if not is_refused]
    answer = patches.original(KinesisBackend, "put_records")(self, stream_arn, stream_name, taken)
    if not any(refused):
        return answer
    _count_throttled(stream.stream_name, sum(refused))
    results = iter(answer["Records"])
    why = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
    entries = [dict(why) if is_refused else next(results) for is_refused in refused]
    return {"FailedRecordCount": sum(refused), "Records": entries}


def _count_throttled(stream: str, records: int) -> None:
    name = "WriteProvisionedThroughputExceeded"
    alarms.put_metric(_contexts[-1], "AWS/Kinesis", name, records, {"StreamName": stream}, "Count")
