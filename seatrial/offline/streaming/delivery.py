"""A delivery stream at work: records gather in buffers, and each buffer becomes an object in S3 in its time."""

import gzip
import io
import threading
import uuid
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.functions import invoke
from seatrial.offline.functions.lines import Line
from seatrial.offline.functions.service import Functions
from seatrial.offline.streaming.conversion import ConversionError
from seatrial.offline.streaming.destination import Destination, Place
from seatrial.offline.streaming.metrics import Metrics
from seatrial.offline.streaming.prefixes import PrefixError
from seatrial.offline.streaming.records import CONVERSION_FAILED, PROCESSING_FAILED, Failed, Keyed, Record

RETRY_SECONDS = 60.0
KEPT_HOURS = 24
"""Firehose tries a failed delivery again for so long; then the data is lost."""
MOST_ACTIVE_PARTITIONS = 500
_PROCESS_BYTES = 1024 * 1024

Key = tuple[tuple[str, str], ...]


@dataclass
class Buffer:
    """Records that become one object; the failed ones of a buffer of failures stand as documents already."""

    began: datetime
    parts: list[bytes] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    size: int = 0
    not_before: datetime | None = None
    """When a delivery that failed is tried again."""

    @property
    def oldest(self) -> datetime:
        """Arrival of the oldest record."""
        return min((record.arrived for record in self.records), default=self.began)

    def add(self, record: Record, content: bytes) -> None:
        """Put one more record."""
        self.records.append(record)
        self.parts.append(content)
        self.size += len(content)


class Delivery:
    """One delivery stream; `name` and `version` are parts of each object's name."""

    def __init__(self, functions: Functions, name: str, arn: str, destination: Destination) -> None:
        self._context: CloudContext = functions.context
        self.name, self.arn, self.destination = name, arn, destination
        self.version = "1"
        self.line = Line(functions, self._work, f"firehose-{name}")
        self.duplicates = 0
        self._metrics = Metrics(self._context, name)
        self._lock = threading.Lock()
        self._incoming: deque[Record] = deque()
        self._incoming_bytes = 0
        self._timer_at: datetime | None = None
        self._buffers: dict[Key, Buffer] = {}
        self._failed: dict[str, Buffer] = {}
        self._backup: Buffer | None = None

    def added(self, records: list[Record]) -> None:
        """Records arrived; they are written when their buffer is full or old enough."""
        with self._lock:
            self._incoming.extend(records)
            self._incoming_bytes += sum(len(record.data) for record in records)
            full = self._incoming_bytes >= min(_PROCESS_BYTES, self.destination.place.buffer_bytes)
            self._wake_at(self._context.clock.now() + timedelta(seconds=self._shortest_seconds()))
        if full:
            self.line.wake()

    def stop(self) -> None:
        """Write no more."""
        self.line.stop()

    def _shortest_seconds(self) -> int:
        backup = self.destination.backup
        return min(self.destination.place.buffer_seconds, *([backup.buffer_seconds] if backup else []), 900)

    def _wake_at(self, when: datetime) -> None:
        """Work again at `when`, unless a timer that is set already comes earlier."""
        now = self._context.clock.now()
        if self._timer_at is not None and now < self._timer_at <= when:
            return
        self._timer_at = when
        self.line.wake_after(max(0.0, (when - now).total_seconds()))

    def _work(self) -> None:
        """Process what arrived, then write the buffers that are due."""
        with self._lock:
            records, self._incoming = list(self._incoming), deque()
            self._incoming_bytes = 0
        if records:
            self._count(records)
            self._keep_source(records)
            self._process(records)
        self._write_due()
        with self._lock:
            due = self._next_due()
            if due is not None:
                self._wake_at(due)

    def _count(self, records: list[Record]) -> None:
        size = sum(len(record.data) for record in records)
        if records[0].sequence_number is None:
            self._metrics.incoming(len(records), size)
        else:
            self._metrics.read(len(records), size)

    def _keep_source(self, records: list[Record]) -> None:
        if self.destination.backup is None:
            return
        self._backup = self._backup or Buffer(records[0].arrived)
        for record in records:
            self._backup.add(record, record.data)

    def _process(self, records: list[Record]) -> None:
        processed = self.destination.processors.run(records, invoke, self.arn)
        for result in processed:
            if isinstance(result, Failed):
                self._fail(result)
            else:
                self._gather(result)

    def _gather(self, keyed: Keyed) -> None:
        if keyed.keys not in self._buffers and len(self._buffers) >= MOST_ACTIVE_PARTITIONS:
            self._metrics.count("PartitionCountExceeded", 1)
            code = "DynamicPartitioning.ActivePartitionLimitExceeded"
            self._fail(Failed(keyed.record, PROCESSING_FAILED, code, "too many active partitions"))
            return
        buffer = self._buffers.setdefault(keyed.keys, Buffer(keyed.record.arrived))
        buffer.add(keyed.record, keyed.record.data)
        if buffer.size >= self.destination.place.buffer_bytes and buffer.not_before is None:
            self._buffers.pop(keyed.keys)
            self._write(keyed.keys, buffer)

    def _fail(self, failed: Failed) -> None:
        buffer = self._failed.setdefault(failed.kind, Buffer(failed.record.arrived))
        buffer.add(failed.record, failed.document(self._context.clock.now()).encode() + b"\n")
        self._log(failed.code, failed.message)

    def _write_due(self) -> None:
        now = self._context.clock.now()
        for keys in self._ripe(self._buffers, now):
            self._write(keys, self._buffers.pop(keys))
        for kind in self._ripe(self._failed, now):
            self._write_failed(kind, self._failed.pop(kind))
        place, backup = self.destination.backup, self._backup
        if place and backup and (self._due(backup, place) <= now or backup.size >= place.buffer_bytes):
            self._backup = None
            self._write_backup(place, backup)

    def _ripe(self, buffers: Mapping[Any, Buffer], now: datetime) -> list[Any]:
        return [name for name, buffer in buffers.items() if self._due(buffer, self.destination.place) <= now]

    def _due(self, buffer: Buffer, place: Place) -> datetime:
        return buffer.not_before or buffer.began + timedelta(seconds=place.buffer_seconds)

    def _next_due(self) -> datetime | None:
        place = self.destination.place
        due = [self._due(buffer, place) for buffer in [*self._buffers.values(), *self._failed.values()]]
        if self.destination.backup and self._backup:
            due.append(self._due(self._backup, self.destination.backup))
        return min(due, default=None)

    def _write(self, keys: Key, buffer: Buffer) -> None:
        place = self.destination.place
        content, good = self._content(buffer)
        if not good.records:
            return

        def again() -> None:
            self._buffers[keys] = self._merged(good, self._buffers.get(keys))

        try:
            prefix = place.prefixes.of_delivered(buffer.oldest, dict(keys))
        except PrefixError as error:
            for record in good.records:
                self._fail(Failed(record, PROCESSING_FAILED, "S3.KeyTooLong", str(error)))
            return
        if self._put(place, prefix, content, good, again):
            self._metrics.delivered(good.oldest, len(good.records), len(content))
            while self.duplicates:
                self.duplicates -= 1
                self._put(place, prefix, content, good, again)

    def _content(self, buffer: Buffer) -> tuple[bytes, Buffer]:
        """The object's bytes and the records that are in it: those that cannot be converted go to the failures."""
        conversion = self.destination.conversion
        if conversion is None:
            return _compressed(b"".join(buffer.parts), self.destination.place.compression), buffer
        good = Buffer(buffer.began, not_before=buffer.not_before)
        try:
            reader = conversion.reader()
        except ConversionError as error:
            self._fail_conversion(buffer.records, error, conversion.table)
            return b"", good
        rows: list[list[Any]] = []
        for record, part in zip(buffer.records, buffer.parts, strict=True):
            try:
                # All rows of a record or none: half a record in the lake and all of it among the errors counts twice.
                rows.extend(conversion.rows(part, reader))
                good.add(record, part)
            except ConversionError as error:
                self._fail_conversion([record], error, conversion.table)
        self._metrics.count("SucceedConversion.Records", len(good.records))
        self._metrics.count("SucceedConversion.Bytes", good.size, "Bytes")
        return conversion.write(rows, reader) if rows else b"", good

    def _fail_conversion(self, records: list[Record], error: ConversionError, table: dict[str, Any]) -> None:
        self._metrics.count("FailedConversion.Records", len(records))
        more = {"dataCatalogTable": table}
        for record in records:
            self._fail(Failed(record, CONVERSION_FAILED, error.code, str(error), more=more))

    def _write_failed(self, kind: str, buffer: Buffer) -> None:
        def again() -> None:
            self._failed[kind] = self._merged(buffer, self._failed.get(kind))

        place = self.destination.place
        self._put(place, place.prefixes.of_failed(buffer.oldest, kind), b"".join(buffer.parts), buffer, again, "")

    def _write_backup(self, place: Place, buffer: Buffer) -> None:
        def again() -> None:
            self._backup = self._merged(buffer, self._backup)

        content = _compressed(b"".join(buffer.parts), place.compression)
        if self._put(place, place.prefixes.of_delivered(buffer.oldest, {}), content, buffer, again):
            self._metrics.backed_up(buffer.oldest, len(buffer.records), len(content))

    def _put(  # noqa: PLR0917 - one object and what to do when it cannot be written
        self,
        place: Place,
        prefix: str,
        content: bytes,
        buffer: Buffer,
        again: Callable[[], None],
        extension: str | None = None,
    ) -> bool:
        now = self._context.clock.now()
        # https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
        name = f"{self.name}-{self.version}-{now:%Y-%m-%d-%H-%M-%S}-{uuid.uuid4()}"
        key = f"{prefix}{name}{place.extension if extension is None else extension}"
        encryption: dict[str, Any] = {}
        if place.kms_key:
            encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": place.kms_key}
        try:
            self._context.client("s3").put_object(Bucket=place.bucket, Key=key, Body=content, **encryption)
        except Exception as error:
            self._retry(buffer, again, error)
            return False
        self._tell("delivered", buffer, target=f"s3://{place.bucket}/{key}")
        return True

    def _retry(self, buffer: Buffer, again: Callable[[], None], error: Exception) -> None:
        now = self._context.clock.now()
        self._metrics.count("DeliveryToS3.Success", 0)
        self._log("S3.Error", str(error))
        lost = now - buffer.oldest > timedelta(hours=KEPT_HOURS)
        self._tell("lost" if lost else "not-delivered", buffer, error=str(error))
        if not lost:
            buffer.not_before = now + timedelta(seconds=RETRY_SECONDS)
            again()

    def _tell(self, status: str, buffer: Buffer, **fields: str) -> None:
        self._context.journal.record("event", status=status, source=self.arn, records=len(buffer.records), **fields)

    def _merged(self, first: Buffer, second: Buffer | None) -> Buffer:
        for record, part in zip(second.records, second.parts, strict=True) if second else ():
            first.add(record, part)
        return first

    def _log(self, code: str, message: str) -> None:
        group, stream = self.destination.log_group, self.destination.log_stream
        if group and stream:
            self._metrics.log(group, stream, self.arn, self.version, code=code, message=message)


def _compressed(content: bytes, how: str) -> bytes:
    if how == "GZIP":
        return gzip.compress(content, mtime=0)
    if how == "ZIP":
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("records", content)
        return sink.getvalue()
    return content
