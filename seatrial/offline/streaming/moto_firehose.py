"""Moto's Firehose, made to deliver: each function that is replaced here says what moto does instead."""

import copy
import uuid
from typing import Any

from moto.firehose.exceptions import InvalidArgumentException, ResourceNotFoundException, ValidationException
from moto.firehose.models import DeliveryStream, FirehoseBackend
from moto.kinesis.models import Record as StreamRecord
from moto.kinesis.models import Shard, Stream, kinesis_backends

from seatrial.offline import functions, patches
from seatrial.offline.functions import mappings, service
from seatrial.offline.functions.service import Functions
from seatrial.offline.streaming import destination
from seatrial.offline.streaming.delivery import Delivery
from seatrial.offline.streaming.destination import Destination, DestinationError, NotEmulatedDestinationError
from seatrial.offline.streaming.records import Record

_MOST_RECORDS, _MOST_BATCH_BYTES, _MOST_RECORD_BYTES = 500, 4 * 1024 * 1024, 1000 * 1024
_TYPES = {"ExtendedS3": "ExtendedS3DestinationDescription", "S3": "S3DestinationDescription"}


class Deliveries:
    """The delivery streams of one cloud, by name."""

    def __init__(self, functions_: Functions) -> None:
        self._functions = functions_
        self.context = functions_.context
        self.by_name: dict[str, Delivery] = {}
        self._sources: dict[str, list[Delivery]] = {}

    def is_busy(self) -> bool:
        """Whether any delivery stream is at work."""
        return any(delivery.line.is_busy for delivery in list(self.by_name.values()))

    def add(self, stream: DeliveryStream, wanted: Destination) -> None:
        """Start to deliver; a stream with a source reads what comes there from now on, as Firehose does."""
        name = stream.delivery_stream_name
        delivery = Delivery(self._functions, name, stream.delivery_stream_arn, wanted)
        self.by_name[name] = delivery
        if stream.source:
            self._sources.setdefault(stream.source["KinesisStreamARN"], []).append(delivery)

    def remove(self, name: str) -> None:
        """Deliver no more; what is in the buffers is lost, as with DeleteDeliveryStream."""
        delivery = self.by_name.pop(name)
        delivery.stop()
        for deliveries in self._sources.values():
            if delivery in deliveries:
                deliveries.remove(delivery)

    def read(self, stream: Stream, shard: Shard, record: StreamRecord) -> None:
        """A record came to a data stream."""
        del shard
        for delivery in self._sources.get(stream.arn, ()):
            content = record.to_json()
            delivery.added([Record(content["Data"], self.context.clock.now(), content["SequenceNumber"])])

    def stop(self) -> None:
        """Deliver nothing any more."""
        for delivery in self.by_name.values():
            delivery.stop()


_current: list[Deliveries] = []


def start() -> Deliveries:
    """Begin without delivery streams, for a cloud that starts."""
    deliveries = Deliveries(service.current())
    _current[:] = [deliveries]
    deliveries.context.stopping.append(deliveries.stop)
    functions.count_busy(deliveries.is_busy)
    mappings.on_stream_record(deliveries.read)
    _replace_all()
    return deliveries


def current() -> Deliveries:
    """The delivery streams of the running cloud."""
    return _current[-1]


def _replace_all() -> None:
    patches.replace(FirehoseBackend, "create_delivery_stream", _create)
    patches.replace(FirehoseBackend, "update_destination", _update)
    patches.replace(FirehoseBackend, "delete_delivery_stream", _delete)
    patches.replace(FirehoseBackend, "put_record", _put_record)
    patches.replace(FirehoseBackend, "put_record_batch", _put_record_batch)
    patches.replace(FirehoseBackend, "send_log_event", _send_log_event)


def _create(self: FirehoseBackend, *positional: Any) -> str:
    """Moto takes any configuration, reads no source and writes each record at once, unconverted."""
    kind, source = positional[2], positional[3]
    settings = _s3_settings(positional[5], positional[6])
    wanted = _parsed(settings, self.account_id, self.region_name)
    if (kind or "DirectPut") not in {"DirectPut", "KinesisStreamAsSource"}:
        raise NotImplementedError(f"a delivery stream of type {kind}: use DirectPut or KinesisStreamAsSource")
    if source:
        _require_source(self, source["KinesisStreamARN"])
    arn = patches.original(FirehoseBackend, "create_delivery_stream")(self, *copy.deepcopy(positional))
    current().add(self.delivery_streams[positional[1]], wanted)
    return arn


def _s3_settings(plain: dict[str, Any] | None, extended: dict[str, Any] | None) -> dict[str, Any]:
    settings = extended or plain
    if not settings:
        raise NotImplementedError("a delivery stream without an S3 destination: use ExtendedS3DestinationConfiguration")
    return settings


def _parsed(settings: dict[str, Any], account: str, region: str) -> Destination:
    try:
        return destination.parse(settings, account, region)
    except DestinationError as error:
        raise InvalidArgumentException(str(error)) from error
    except NotEmulatedDestinationError as error:
        raise NotImplementedError(str(error)) from error


def _require_source(backend: FirehoseBackend, arn: str) -> None:
    streams = kinesis_backends[backend.account_id][backend.region_name].streams
    if arn.rpartition("/")[2] not in streams:
        raise InvalidArgumentException(f"the data stream {arn} does not exist")


def _update(self: FirehoseBackend, *positional: Any, **named: Any) -> None:
    """Moto delivers to the new destination nothing either."""
    arguments = list(positional)
    name, update = arguments[0], arguments[4] or arguments[3]
    settings = _s3_settings(arguments[3], arguments[4])
    stream = _stream(self, name)
    before = stream.destinations[0].get("ExtendedS3") or stream.destinations[0]["S3"]
    merged = {**before, **settings}
    if "S3BackupUpdate" in merged:
        merged["S3BackupConfiguration"] = {**(before.get("S3BackupDescription") or {}), **merged.pop("S3BackupUpdate")}
    wanted = _parsed(merged, self.account_id, self.region_name)
    patches.original(FirehoseBackend, "update_destination")(self, *copy.deepcopy(positional), **named)
    del update
    delivery = current().by_name[name]
    delivery.destination, delivery.version = wanted, stream.version_id


def _delete(self: FirehoseBackend, delivery_stream_name: str) -> None:
    """Moto has nothing to end."""
    patches.original(FirehoseBackend, "delete_delivery_stream")(self, delivery_stream_name)
    current().remove(delivery_stream_name)


def _put_record(self: FirehoseBackend, delivery_stream_name: str, record: dict[str, bytes]) -> dict[str, Any]:
    """Moto writes one object for each record, at once."""
    answer = _put_record_batch(self, delivery_stream_name, [record])
    return {"RecordId": answer["RequestResponses"][0]["RecordId"], "Encrypted": False}


def _put_record_batch(
    self: FirehoseBackend, delivery_stream_name: str, records: list[dict[str, bytes]]
) -> dict[str, Any]:
    """Moto writes one object for each call, at once, takes any size, and puts into streams that have a source."""
    stream = _stream(self, delivery_stream_name)
    if stream.source:
        raise InvalidArgumentException(
            f"PutRecord and PutRecordBatch are not allowed on {delivery_stream_name}: its source is a data stream"
        )
    _check_sizes([len(record["Data"]) for record in records])
    now = current().context.clock.now()
    current().by_name[delivery_stream_name].added([Record(record["Data"], now) for record in records])
    answers = [{"RecordId": f"{uuid.uuid4().hex}{uuid.uuid4().hex}"} for _ in records]
    return {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": answers}


def _check_sizes(sizes: list[int]) -> None:
    if len(sizes) > _MOST_RECORDS:
        raise ValidationException(f"records: at most {_MOST_RECORDS} in a batch, got {len(sizes)}")
    if max(sizes) > _MOST_RECORD_BYTES:
        raise ValidationException(f"a record has {max(sizes)} bytes: at most {_MOST_RECORD_BYTES}")
    if sum(sizes) > _MOST_BATCH_BYTES:
        raise ValidationException(f"the batch has {sum(sizes)} bytes: at most {_MOST_BATCH_BYTES}")


def _send_log_event(self: FirehoseBackend, *positional: Any, **named: Any) -> None:
    """Moto writes what a log group's subscription sends into the bucket at once, past the stream."""
    del self, positional, named
    raise NotImplementedError("a log group's subscription to a delivery stream")


def _stream(backend: FirehoseBackend, name: str) -> DeliveryStream:
    stream = backend.delivery_streams.get(name)
    if stream is None:
        raise ResourceNotFoundException(f"Firehose {name} under account {backend.account_id} not found.")
    return stream
