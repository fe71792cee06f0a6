"""Streams that deliver: IoT rules, Kinesis, Firehose to Parquet in S3, and features, at the cloud's time."""

from seatrial.offline.context import CloudContext
from seatrial.offline.streaming import feature_store, kinesis, moto_firehose, moto_iot

__all__ = ["duplicate_next", "install", "throttle_next"]

_FIDELITY = {
    "firehose": "delivery to S3 by our code; partition keys by jq's own engine, newer than Firehose's 1.6; "
    "records that the Kinesis Producer Library aggregated are not separated",
    "iot": "topic rules by our code, over HTTP only; device policies are kept and not enforced",
    "feature store": "records by our code; offline stores are written every 5 minutes, Iceberg ones by pyiceberg",
}


def install(context: CloudContext) -> None:
    """Make moto's Kinesis, Firehose, IoT Core and feature store work in this cloud."""
    kinesis.start(context)
    moto_firehose.start()
    moto_iot.start()
    feature_store.start(context)
    for subject, detail in _FIDELITY.items():
        context.journal.fidelity(subject, "emulated", detail)


def throttle_next(context: CloudContext, stream: str, records: int = 1) -> None:
    """Let a data stream refuse its next records with ProvisionedThroughputExceededException."""
    kinesis.throttle_next(stream, records)
    context.journal.record("fault", stream=stream, status="throttling-requested", records=records)


def duplicate_next(context: CloudContext, delivery_stream: str, times: int = 1) -> None:
    """Let the next object of a delivery stream be delivered `times` more, as Firehose may do at any time."""
    moto_firehose.current().by_name[delivery_stream].duplicates += times
    context.journal.record("fault", stream=delivery_stream, status="duplicates-requested", times=times)
