"""Event source mapping of a DynamoDB or Kinesis stream: in order by shard, retries, bisection, failures sent on."""

import base64
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.awslambda.models import EventSourceMapping

from seatrial.offline.alarms import service_metrics
from seatrial.offline.functions.destinations import queue_url
from seatrial.offline.functions.filters import passes
from seatrial.offline.functions.lines import Line
from seatrial.offline.functions.queue_source import failures_of
from seatrial.offline.functions.service import Functions, Invocation, ThrottledError

BACKOFF_SECONDS = (1.0, 60.0)
"""First and longest wait before a failed batch is tried again."""


@dataclass
class Batch:
    """Records that go to the function together, and how often they went."""

    records: list[dict[str, Any]]
    arrived: datetime
    tries: int = 0
    request_id: str = ""


@dataclass
class Shard:
    """What waits in one shard: new records, and batches that failed before (they come first)."""

    name: str
    line: Line
    fresh: deque[tuple[dict[str, Any], datetime]] = field(default_factory=deque)
    again: deque[Batch] = field(default_factory=deque)
    window_until: datetime | None = None
    """When the batching window that is open ends."""


class StreamSource:
    """Reads one stream for one function."""

    def __init__(self, functions: Functions, mapping: EventSourceMapping) -> None:
        self._functions = functions
        self._mapping = mapping
        self._shards: dict[str, Shard] = {}
        self._lock = threading.Lock()
        self._stopped = False

    @property
    def is_busy(self) -> bool:
        """Whether a shard is at work."""
        return any(shard.line.is_busy for shard in list(self._shards.values()))

    def added(self, shard_name: str, record: dict[str, Any]) -> None:
        """A record came to the stream."""
        with self._lock:
            if self._stopped or not passes(self._mapping, _filterable(record), "data"):
                return
            shard = self._shards.get(shard_name) or self._new_shard(shard_name)
            shard.fresh.append((record, self._functions.context.clock.now()))
        shard.line.wake()

    def wake(self) -> None:
        """Look again: the mapping was enabled."""
        for shard in list(self._shards.values()):
            shard.line.wake()

    def stop(self) -> None:
        """Read no more."""
        self._stopped = True
        for shard in list(self._shards.values()):
            shard.line.stop()

    def _new_shard(self, name: str) -> Shard:
        line = Line(self._functions, lambda: self._drain(name), f"mapping-{self._mapping.uuid}-{name}")
        self._shards[name] = Shard(name, line)
        return self._shards[name]

    def _drain(self, name: str) -> None:
        shard = self._shards[name]
        while self._mapping.enabled and not self._stopped:
            batch = self._next(shard)
            if batch is None:
                return
            rest = self._run(shard, batch)
            if rest and self._wait_or_give_up(shard, rest):
                return

    def _next(self, shard: Shard) -> Batch | None:
        with self._lock:
            if shard.again:
                return shard.again.popleft()
            if self._must_wait(shard):
                return None
            count = min(len(shard.fresh), self._mapping.batch_size)
            taken = [shard.fresh.popleft() for _ in range(count)]
        return Batch([record for record, _ in taken], taken[0][1]) if taken else None

    def _must_wait(self, shard: Shard) -> bool:
        """Whether the batching window is still open: neither full nor as old as the mapping lets a batch become."""
        window = int(self._mapping.max_batch_window or 0)
        if not window or not shard.fresh or len(shard.fresh) >= self._mapping.batch_size:
            return False
        left = shard.fresh[0][1] + timedelta(seconds=window) - self._functions.context.clock.now()
        if left <= timedelta():
            return False
        if shard.window_until is None or shard.window_until <= self._functions.context.clock.now():
            shard.window_until = self._functions.context.clock.now() + left
            shard.line.wake_after(left.total_seconds() + 0.01)
        return True

    def _run(self, shard: Shard, batch: Batch) -> list[Batch]:
        """What is left of a batch after one invocation: nothing, the failed part, or its two halves."""
        if self._is_exhausted(batch):
            return [batch]
        self._count_age(batch)
        try:
            function = self._functions.find(self._mapping.function_arn)
            event = json.dumps({"Records": batch.records})
            invocation = self._functions.run(function, event, trigger=self._mapping.event_source_arn)
        except ThrottledError:
            return [batch]
        batch.request_id = invocation.request_id
        left = self._left(batch, invocation)
        if not left:
            return []
        tries = batch.tries + 1
        if self._mapping.bisect_on_error and len(left) > 1:
            middle = len(left) // 2
            return [
                Batch(part, batch.arrived, batch.tries, batch.request_id) for part in (left[:middle], left[middle:])
            ]
        return [Batch(left, batch.arrived, tries, batch.request_id)]

    def _left(self, batch: Batch, invocation: Invocation) -> list[dict[str, Any]]:
        if invocation.error:
            return batch.records
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or []):
            return []
        numbers = [sequence_number(record) for record in batch.records]
        failed = failures_of(json.loads(invocation.payload), set(numbers))
        first = min((numbers.index(number) for number in failed), default=len(numbers))
        return batch.records[first:]

    def _wait_or_give_up(self, shard: Shard, rest: list[Batch]) -> bool:
        """Queue what failed; True when the shard must wait before it goes on."""
        kept = [batch for batch in rest if not self._is_exhausted(batch)]
        for batch in rest:
            if batch not in kept:
                self._give_up(shard, batch)
        with self._lock:
            shard.again.extendleft(reversed(kept))
        if not kept or len(rest) > 1:
            return False
        first, longest = BACKOFF_SECONDS
        shard.line.wake_after(min(longest, first * 2 ** max(0, kept[0].tries - 1)))
        return True

    def _count_age(self, batch: Batch) -> None:
        age = (self._functions.context.clock.now() - batch.arrived).total_seconds() * 1000
        service_metrics.count_iterator_age(
            self._functions.context, self._mapping.function_arn.rpartition(":")[2], milliseconds=age
        )

    def _is_too_old(self, batch: Batch) -> bool:
        oldest = self._mapping.max_record_age
        age = self._functions.context.clock.now() - batch.arrived
        return oldest is not None and int(oldest) > 0 and age > timedelta(seconds=int(oldest))

    def _condition(self, batch: Batch) -> str:
        return "RecordAgeExceeded" if self._is_too_old(batch) else "RetryAttemptsExhausted"

    def _is_exhausted(self, batch: Batch) -> bool:
        limit = self._mapping.max_retry_attempts
        too_often = limit is not None and int(limit) >= 0 and batch.tries > int(limit)
        return too_often or self._is_too_old(batch)

    def _give_up(self, shard: Shard, batch: Batch) -> None:
        context = self._functions.context
        name = self._mapping.function_arn.rpartition(":")[2]
        source = self._mapping.event_source_arn
        context.journal.record(
            "function",
            name=name,
            trigger=source,
            status="gave-up",
            condition=self._condition(batch),
            tries=batch.tries,
        )
        target = ((self._mapping.destination_config or {}).get("OnFailure") or {}).get("Destination")
        if not target:
            return
        body = json.dumps(self._failure_record(shard, batch))
        if ":sns:" in target:
            context.client("sns").publish(TopicArn=target, Message=body)
        else:
            context.client("sqs").send_message(QueueUrl=queue_url(context, target), MessageBody=body)

    def _failure_record(self, shard: Shard, batch: Batch) -> dict[str, Any]:
        # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
        source = self._mapping.event_source_arn
        kind = "DDBStreamBatchInfo" if ":dynamodb:" in source else "KinesisBatchInfo"
        now = self._functions.context.clock.now()
        return {
            "requestContext": {
                "requestId": batch.request_id,
                "functionArn": self._mapping.function_arn,
                "condition": self._condition(batch),
                "approximateInvokeCount": batch.tries,
            },
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            kind: {
                "shardId": shard.name,
                "startSequenceNumber": sequence_number(batch.records[0]),
                "endSequenceNumber": sequence_number(batch.records[-1]),
                "approximateArrivalOfFirstRecord": batch.arrived.isoformat(),
                "batchSize": len(batch.records),
                "streamArn": source,
            },
        }


def _filterable(record: dict[str, Any]) -> dict[str, Any]:
    """What filter criteria look at: of a Kinesis record its metadata, with the data as JSON where it is JSON."""
    if "kinesis" not in record:
        return record
    fields = {**record["kinesis"]}
    try:
        fields["data"] = json.loads(base64.b64decode(fields["data"]))
    except ValueError:
        fields["data"] = base64.b64decode(fields["data"]).decode("utf-8", "replace")
    return fields


def sequence_number(record: dict[str, Any]) -> str:
    """Sequence number of a record of either kind of stream."""
    return record.get("dynamodb", record.get("kinesis", {}))[
        "SequenceNumber" if "dynamodb" in record else "sequenceNumber"
    ]
