"""Stream, delivery, consumer, devices: encrypted, with a place for everything that fails."""

import json

import pytest

from seatrial.constructs import DeviceIngress, EventStream, KpiConsumer, StreamDelivery
from seatrial.constructs.errors import ConstructError
from tests.constructs.test_feature_group import group

DELIVERY = {
    "prefix": "telecom/stream/cdr/",
    "error_prefix": "telecom/stream-errors/cdr/",
    "backup_prefix": "telecom/stream-backup/cdr/",
    "database_name": "telecom_dev",
    "table_name": "cdr_stream",
    "time_field": "received_at",
}


def stream(site, **properties) -> EventStream:
    return EventStream(site.stack, "Events", encryption_key=site.key, notification_topic=site.topic, **properties)


def delivery(site, **properties) -> StreamDelivery:
    return StreamDelivery(
        site.stack,
        "Delivery",
        stream=stream(site),
        bucket=site.bucket("raw"),
        encryption_key=site.key,
        notification_topic=site.topic,
        **(DELIVERY | properties),
    )


def consumer(site, **properties) -> KpiConsumer:
    return KpiConsumer(
        site.stack,
        "Kpis",
        stream=stream(site),
        curated=site.bucket("curated"),
        dataset_name="telecom",
        network=site.network,
        encryption_key=site.key,
        notification_topic=site.topic,
        **properties,
    )


def devices(site, **properties) -> DeviceIngress:
    return DeviceIngress(
        site.stack,
        "Devices",
        stream=stream(site),
        encryption_key=site.key,
        notification_topic=site.topic,
        **({"topic_root": "telecom-dev"} | properties),
    )


@pytest.mark.parametrize("make", [delivery, consumer, devices])
def test_leaves_nothing_for_cdk_nag(site, make):
    make(site)

    assert site.findings() == ""


def test_a_stream_grows_with_the_load_and_is_encrypted_by_default(site):
    stream(site)

    properties = site.one("AWS::Kinesis::Stream")

    assert properties["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert "ShardCount" not in properties
    assert properties["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": site.key.key_arn}
    assert properties["RetentionPeriodHours"] == 72


def test_a_provisioned_stream_has_its_shards(site):
    stream(site, mode="provisioned", shards=4, retention_hours=168)

    properties = site.one("AWS::Kinesis::Stream")

    assert (properties["StreamModeDetails"], properties["ShardCount"]) == ({"StreamMode": "PROVISIONED"}, 4)
    assert properties["RetentionPeriodHours"] == 168


def test_delivery_writes_parquet_by_hour_and_keeps_errors_and_source_records(site):
    delivery(site)

    target = site.one("AWS::KinesisFirehose::DeliveryStream")["ExtendedS3DestinationConfiguration"]
    conversion = target["DataFormatConversionConfiguration"]
    parameters = target["ProcessingConfiguration"]["Processors"][0]["Parameters"]

    assert target["Prefix"] == (
        "telecom/stream/cdr/date=!{partitionKeyFromQuery:date}/hour=!{partitionKeyFromQuery:hour}/"
    )
    assert target["ErrorOutputPrefix"].startswith("telecom/stream-errors/cdr/!{firehose:error-output-type}/")
    assert target["DynamicPartitioningConfiguration"]["Enabled"] is True
    assert {"ParameterName": "MetadataExtractionQuery",
            "ParameterValue": "{date: .received_at[0:10], hour: .received_at[11:13]}"} in parameters  # fmt: skip
    assert conversion["SchemaConfiguration"]["TableName"] == "cdr_stream"
    assert "ParquetSerDe" in conversion["OutputFormatConfiguration"]["Serializer"]
    assert target["CompressionFormat"] == "UNCOMPRESSED"
    assert (target["S3BackupMode"], target["S3BackupConfiguration"]["CompressionFormat"]) == ("Enabled", "GZIP")
    assert target["S3BackupConfiguration"]["Prefix"].startswith("telecom/stream-backup/cdr/")


def test_delivery_may_write_below_its_three_prefixes_alone(site):
    delivery(site)

    (written,) = [s["Resource"] for s in site.statements() if "s3:PutObject" in s["Action"]]

    assert set(written) == {f"arn:aws:s3:::raw/telecom/{part}/cdr/*" for part in ("stream", "stream-errors",
                                                                                  "stream-backup")}  # fmt: skip


def test_the_consumer_splits_failing_batches_and_keeps_what_fails_in_the_end(site):
    consumer(site)

    mapping = site.one("AWS::Lambda::EventSourceMapping")

    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["MaximumRetryAttempts"] > 0
    assert "Discarded" in mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]


def test_the_consumer_sets_poison_aside_in_its_own_folder_alone(site):
    consumer(site)

    (written,) = [s["Resource"] for s in site.statements() if "s3:PutObject" in s["Action"]]

    assert written == "arn:aws:s3:::curated/telecom/quarantine/kpi/*"


def test_the_consumer_feeds_a_feature_group_when_it_has_one(site):
    consumer(site, feature_group=group(site))

    (function,) = site.resources("AWS::Lambda::Function")
    (statement,) = [s for s in site.statements() if "sagemaker:PutRecord" in s["Action"]]

    assert function["Environment"]["Variables"]["FEATURE_GROUP_NAME"] == "network-kpi"
    assert statement["Resource"] == "arn:aws:sagemaker:eu-central-1:111111111111:feature-group/network-kpi"


def test_lag_poison_and_discarded_batches_are_alarms(site):
    consumer(site)

    watched = {alarm["MetricName"] for alarm in site.resources("AWS::CloudWatch::Alarm")}

    assert {"IteratorAge", "EventsQuarantined", "ApproximateNumberOfMessagesVisible", "Errors"} <= watched


def test_a_device_may_publish_as_itself_alone(site):
    devices(site)

    statements = site.one("AWS::IoT::Policy")["PolicyDocument"]["Statement"]

    thing = "${iot:Connection.Thing.ThingName}"
    assert [s["Action"] for s in statements] == ["iot:Connect", "iot:Publish"]
    assert [s["Resource"].split(":", 5)[5] for s in statements] == [
        f"client/{thing}",
        f"topic/telecom-dev/{thing}/cdr",
    ]
    assert all(s["Condition"] == {"Bool": {"iot:Connection.Thing.IsAttached": "true"}} for s in statements)
    assert "*" not in json.dumps(statements)


def test_the_rule_chooses_the_shard_by_cell_and_keeps_what_it_cannot_deliver(site):
    devices(site)

    payload = site.one("AWS::IoT::TopicRule")["TopicRulePayload"]

    assert payload["Sql"] == "SELECT * FROM 'telecom-dev/+/cdr'"
    assert payload["Actions"][0]["Kinesis"]["PartitionKey"] == "${cell_id}"
    assert "Undelivered" in payload["ErrorAction"]["Sqs"]["QueueUrl"]["Ref"]


@pytest.mark.parametrize(
    ("make", "properties", "message"),
    [
        (stream, {"mode": "elastic"}, "mode: must be 'on-demand' or 'provisioned', got 'elastic'"),
        (stream, {"shards": 2}, "shards: must be left out in mode 'on-demand', got 2"),
        (stream, {"mode": "provisioned"}, "shards: must be at least 1 in mode 'provisioned', got None"),
        (stream, {"retention_hours": 12}, "retention_hours: must be between 24 and 8760, got 12"),
        (delivery, {"buffer_mib": 5}, "buffer_mib: must be between 64 and 128 with dynamic partitioning, got 5"),
        (delivery, {"buffer_seconds": 0}, "buffer_seconds: must be between 60 and 900, got 0"),
        (delivery, {"prefix": "telecom/stream"}, "prefix: must be a folder that ends with a slash"),
        (delivery, {"error_prefix": "telecom/stream/cdr/"}, "must differ"),
        (consumer, {"window_minutes": 7}, "window_minutes: must divide a day, such as 15, got 7"),
        (consumer, {"retention_days": 3}, "retention_days: must be at least 5, longer than events are late, got 3"),
        (consumer, {"batch_size": 0}, "batch_size: must be between 1 and 10000, got 0"),
        (devices, {"topic_root": "telecom/#"}, "topic_root: must be letters, digits"),
    ],
)
def test_refuses_what_cannot_work(site, make, properties, message):
    with pytest.raises(ConstructError, match=message):
        make(site, **properties)
