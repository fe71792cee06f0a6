"""Each replacement of a part of moto, seen without it: a test fails once moto no longer needs the replacement."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.firehose.models import FirehoseBackend, firehose_backends
from moto.iot.models import IoTBackend, iot_backends
from moto.iotdata.models import IoTDataPlaneBackend
from moto.kinesis.models import KinesisBackend, Shard, Stream, kinesis_backends
from moto.sagemaker.models import sagemaker_backends

from seatrial.offline import functions, patches, streaming
from seatrial.offline.cloud import OfflineCloud
from tests.offline.streaming.bench import (
    content,
    keys_under,
    partitioned,
    plain,
    put_bucket,
    put_delivery,
    put_direct,
    put_stream,
    put_table,
)
from tests.offline.support import ACCOUNT, REGION, ROLE, bodies_of, put_queue


@contextlib.contextmanager
def plain_moto(owner: Any, *names: str) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(patches.without(owner, name))
        yield


FIREHOSE = ("create_delivery_stream", "put_record", "put_record_batch", "update_destination", "delete_delivery_stream")


def test_moto_neither_converts_nor_partitions_nor_buffers(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    put_table(cloud)
    firehose = cloud.context.client("firehose")

    with plain_moto(FirehoseBackend, *FIREHOSE):
        firehose.create_delivery_stream(
            DeliveryStreamName="motos", ExtendedS3DestinationConfiguration=partitioned("motos")
        )
        put_direct(cloud, "motos", {"started_at": "2026-11-01T09:00:00Z"})

        (key,) = keys_under(cloud, "motos/")
        assert content(cloud, key) == b'{"started_at": "2026-11-01T09:00:00Z"}'
        firehose.delete_delivery_stream(DeliveryStreamName="motos")


def test_moto_takes_any_destination(cloud: OfflineCloud) -> None:
    with plain_moto(FirehoseBackend, *FIREHOSE):
        cloud.context.client("firehose").create_delivery_stream(
            DeliveryStreamName="wrong",
            ExtendedS3DestinationConfiguration=partitioned("wrong", BufferingHints={"SizeInMBs": 1}),
        )
        cloud.context.client("firehose").update_destination(
            DeliveryStreamName="wrong",
            CurrentDeliveryStreamVersionId="1",
            DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate={"Prefix": "!{nothing:x}"},
        )
        cloud.context.client("firehose").delete_delivery_stream(DeliveryStreamName="wrong")


def test_moto_reads_nothing_from_a_source_and_lets_anyone_put(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    stream = put_stream(cloud, "motos-source", shards=1)
    with plain_moto(FirehoseBackend, *FIREHOSE):
        cloud.context.client("firehose").create_delivery_stream(
            DeliveryStreamName="sourced",
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": stream, "RoleARN": ROLE},
            ExtendedS3DestinationConfiguration=plain("sourced"),
        )
        cloud.context.client("kinesis").put_record(StreamName="motos-source", Data=b"a", PartitionKey="a")
        cloud.clock.advance(120)
        unread = keys_under(cloud, "sourced/")
        cloud.context.client("firehose").put_record(DeliveryStreamName="sourced", Record={"Data": b"b"})

        assert (unread, len(keys_under(cloud, "sourced/"))) == ([], 1)
        cloud.context.client("firehose").delete_delivery_stream(DeliveryStreamName="sourced")


def test_moto_writes_what_a_log_group_sends_past_the_stream(cloud: OfflineCloud) -> None:
    put_bucket(cloud)
    put_delivery(cloud, "motos-logs", plain("motos-logs"))
    backend = firehose_backends[ACCOUNT][REGION]
    arn = backend.delivery_streams["motos-logs"].delivery_stream_arn

    with plain_moto(FirehoseBackend, "send_log_event"):
        backend.send_log_event(arn, "all", "group", "stream", [{"message": "a"}])

    assert len(keys_under(cloud, "motos-logs/")) == 1


def motos_stream(name: str) -> Stream:
    return kinesis_backends[ACCOUNT][REGION].streams[name]


def test_moto_puts_records_into_closed_shards_and_twice_into_split_ones(cloud: OfflineCloud) -> None:
    put_stream(cloud, "motos-split", shards=1)
    stream = motos_stream("motos-split")
    stream.put_record("a", "", "YQ==")

    with plain_moto(Stream, "get_shard_for_key", "split_shard"):
        stream.split_shard("shardId-000000000000", str(2**127))
        _, shard = stream.put_record("a", "", "Yg==")

    assert shard == "shardId-000000000000"
    assert not stream.shards[shard].is_open


def test_moto_copies_the_records_of_merged_shards(cloud: OfflineCloud) -> None:
    put_stream(cloud, "motos-merge")
    stream = motos_stream("motos-merge")
    stream.put_record("a", "0", "YQ==")

    with plain_moto(Stream, "merge_shards"):
        stream.merge_shards("shardId-000000000000", "shardId-000000000001")

    assert [len(shard.records) for shard in stream.shards.values()] == [1, 0, 1]


def test_moto_numbers_each_shard_from_one(cloud: OfflineCloud) -> None:
    put_stream(cloud, "motos-numbers")
    stream = motos_stream("motos-numbers")

    with plain_moto(Shard, "put_record"):
        numbers = [stream.put_record("a", key, "YQ==")[0] for key in ("0", str(2**128 - 2))]

    assert numbers == ["1", "1"]


def test_moto_keeps_records_for_ever(cloud: OfflineCloud) -> None:
    put_stream(cloud, "motos-kept", shards=1)
    backend, stream = kinesis_backends[ACCOUNT][REGION], motos_stream("motos-kept")
    stream.put_record("a", "", "YQ==")
    cloud.clock.advance(25 * 3600)

    with plain_moto(KinesisBackend, "get_shard_iterator", "get_records"), plain_moto(Shard, "get_records"):
        iterator = backend.get_shard_iterator(None, "motos-kept", "shardId-000000000000", "TRIM_HORIZON", 0, None)  # type: ignore[arg-type]
        _, records, _ = backend.get_records(None, iterator, None)

    assert len(records) == 1


def test_moto_loses_the_name_of_a_stream_that_is_read_by_arn(cloud: OfflineCloud) -> None:
    arn = put_stream(cloud, "motos-arn", shards=1)
    kinesis = cloud.context.client("kinesis")

    with plain_moto(KinesisBackend, "get_shard_iterator"):
        iterator = kinesis.get_shard_iterator(
            StreamARN=arn, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    with pytest.raises(ClientError, match="not found"):
        kinesis.get_records(ShardIterator=iterator)


def test_moto_never_throttles(cloud: OfflineCloud) -> None:
    put_stream(cloud, "motos-busy", shards=1)
    entries = [{"Data": b"a", "PartitionKey": "a"}] * 3
    streaming.throttle_next(cloud.context, "motos-busy", 4)
    kinesis = cloud.context.client("kinesis")

    with plain_moto(KinesisBackend, "put_record", "put_records"):
        kinesis.put_record(StreamName="motos-busy", **entries[0])
        answer = kinesis.put_records(StreamName="motos-busy", Records=entries)

    assert answer["FailedRecordCount"] == 0


def test_motos_topic_rules_do_nothing(cloud: OfflineCloud) -> None:
    put_queue(cloud, "motos-rule")
    url = cloud.context.client("sqs").get_queue_url(QueueName="motos-rule")["QueueUrl"]
    action = {"sqs": {"roleArn": ROLE, "queueUrl": url}}
    cloud.context.client("iot").create_topic_rule(
        ruleName="motos", topicRulePayload={"sql": "SELECT * FROM 'a'", "actions": [action]}
    )

    with plain_moto(IoTDataPlaneBackend, "publish"):
        cloud.context.client("iot-data").publish(topic="a", payload=b"{}")
        functions.settle()

    assert bodies_of(cloud, "motos-rule") == []


def test_moto_takes_any_text_as_sql_and_loses_the_rule_it_replaces() -> None:
    backend = iot_backends[ACCOUNT][REGION]
    settings: dict[str, Any] = {
        "description": "",
        "rule_disabled": False,
        "actions": [],
        "error_action": {},
        "aws_iot_sql_version": "",
    }

    with plain_moto(IoTBackend, "create_topic_rule"):
        backend.create_topic_rule("motos_text", "nothing like SQL", **settings)
    with plain_moto(IoTBackend, "replace_topic_rule"), contextlib.suppress(Exception):
        backend.replace_topic_rule("motos_text", sql="SELECT", **settings)

    assert "motos_text" not in backend.rules


def test_moto_has_no_records_of_feature_groups() -> None:
    backend = sagemaker_backends[ACCOUNT][REGION]

    assert not [name for name in dir(backend) if name in {"put_record", "get_record", "update_feature_group"}]
