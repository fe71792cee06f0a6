"""Event source mapping of an SQS queue: batches, partial failures, and the queue's own redrive for the rest."""

import hashlib
import json
from typing import Any

from moto.awslambda.models import EventSourceMapping
from moto.sqs.models import Message, Queue, sqs_backends

from seatrial.offline.functions.filters import passes
from seatrial.offline.functions.lines import Line
from seatrial.offline.functions.service import Functions, ThrottledError


class QueueSource:
    """Polls one queue for one function."""

    def __init__(self, functions: Functions, mapping: EventSourceMapping, queue: Queue) -> None:
        self._functions = functions
        self._mapping = mapping
        self._queue = queue
        self.line = Line(functions, self._drain, f"mapping-{mapping.uuid}")

    def added(self, message: Message) -> None:
        """A message came to the queue."""
        delay = (message.delayed_until - float(message.sent_timestamp or 0)) / 1000
        if delay > 0:
            self.line.wake_after(delay + 0.01)
        else:
            self.line.wake()

    def _drain(self) -> None:
        backend = sqs_backends[self._functions.context.account][self._functions.context.region]
        while self._mapping.enabled and not self.line.stopped:
            visibility = int(getattr(self._queue, "visibility_timeout", 30))
            messages = backend.receive_message(self._queue.name, self._mapping.batch_size, 0, visibility, ["All"])
            if not messages:
                return
            records = {message.id: self._record(message) for message in messages}
            wanted = {key: record for key, record in records.items() if passes(self._mapping, _parsed(record), "body")}
            failed = self._run(list(wanted.values())) if wanted else set()
            for message in messages:
                if message.id not in failed:
                    backend.delete_message(self._queue.name, str(message.receipt_handle))
            if failed:
                self.line.wake_after(visibility + 0.01)

    def _run(self, records: list[dict[str, Any]]) -> set[str]:
        everything = {record["messageId"] for record in records}
        try:
            function = self._functions.find(self._mapping.function_arn)
            trigger = self._mapping.event_source_arn
            invocation = self._functions.run(function, json.dumps({"Records": records}), trigger=trigger)
        except ThrottledError:
            return everything
        if invocation.error:
            return everything
        if "ReportBatchItemFailures" not in (self._mapping.function_response_types or []):
            return set()
        return failures_of(json.loads(invocation.payload), everything)

    def _record(self, message: Message) -> dict[str, Any]:
        # https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
        attributes = {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": "AROAOFFLINE:offline",
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        }
        if message.group_id:
            attributes["MessageGroupId"] = message.group_id
        if message.deduplication_id:
            attributes["MessageDeduplicationId"] = message.deduplication_id
        return {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {
                name: _attribute(value) for name, value in (message.message_attributes or {}).items()
            },
            "md5OfBody": hashlib.md5(message.body.encode(), usedforsecurity=False).hexdigest(),
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue.queue_arn,
            "awsRegion": self._functions.context.region,
        }


def failures_of(result: Any, everything: set[str]) -> set[str]:
    """Identifiers that a function reports as failed; an answer that Lambda cannot read fails the whole batch."""
    try:
        named = [item["itemIdentifier"] for item in (result or {}).get("batchItemFailures") or ()]
    except (KeyError, TypeError, AttributeError):
        return everything
    return set(named) if set(named) <= everything and all(named) else everything


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    shown = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if value.get("BinaryValue") is not None:
        content = value["BinaryValue"]
        return {**shown, "binaryValue": content.decode() if isinstance(content, bytes) else content}
    return {**shown, "stringValue": value.get("StringValue")}


def _parsed(record: dict[str, Any]) -> dict[str, Any]:
    try:
        return {**record, "body": json.loads(record["body"])}
    except ValueError:
        return record
