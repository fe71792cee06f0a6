"""Kinesis data streams with their consumers and policies, and Firehose delivery streams."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map

_DEFAULT_RETENTION_HOURS = 24


class DataStream(Handler):
    """AWS::Kinesis::Stream."""

    def create(self, call: Call) -> Made:
        """CreateStream, then what the API sets afterwards."""
        name, kinesis = call.chosen_name("Name", 128), call.client("kinesis")
        source = {"StreamName": name, "StreamModeDetails": call.get("StreamModeDetails")}
        if call.get("ShardCount") is not None:
            source["ShardCount"] = call.get("ShardCount")
        kinesis.create_stream(**call.request("kinesis", "CreateStream", source))
        call.begin(name)
        if call.tags():
            kinesis.add_tags_to_stream(StreamName=name, Tags=call.tags())
        self._set_retention(call, name, _DEFAULT_RETENTION_HOURS)
        self._set_encryption(call, name, {})
        self._set_metrics(call, name)
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Shards, mode, retention, encryption, metrics, tags."""
        kinesis, changed = call.client("kinesis"), set(call.changed)
        if "StreamModeDetails" in changed and call.get("StreamModeDetails"):
            arn = call.arn("kinesis", f"stream/{physical_id}")
            kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=call.get("StreamModeDetails"))
        if "ShardCount" in changed and call.get("ShardCount") is not None:
            count = int(call.get("ShardCount"))
            kinesis.update_shard_count(StreamName=physical_id, TargetShardCount=count, ScalingType="UNIFORM_SCALING")
        self._set_retention(call, physical_id, int(old.get("RetentionPeriodHours") or _DEFAULT_RETENTION_HOURS))
        self._set_encryption(call, physical_id, old)
        self._set_metrics(call, physical_id)
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            kinesis.remove_tags_from_stream(StreamName=physical_id, TagKeys=gone)
        if call.tags():
            kinesis.add_tags_to_stream(StreamName=physical_id, Tags=call.tags())
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteStream."""
        call.client("kinesis").delete_stream(StreamName=physical_id, EnforceConsumerDeletion=True)

    def _set_retention(self, call: Call, name: str, before: int) -> None:
        hours = int(call.get("RetentionPeriodHours") or _DEFAULT_RETENTION_HOURS)
        if hours > before:
            call.client("kinesis").increase_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)
        elif hours < before:
            call.client("kinesis").decrease_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)

    def _set_encryption(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        wanted, before = call.get("StreamEncryption"), old.get("StreamEncryption")
        if wanted and wanted != before:
            call.client("kinesis").start_stream_encryption(StreamName=name, **wanted)
        elif before and not wanted:
            call.client("kinesis").stop_stream_encryption(StreamName=name, **before)

    def _set_metrics(self, call: Call, name: str) -> None:
        levels = call.get("DesiredShardLevelMetrics")
        if levels:
            call.client("kinesis").enable_enhanced_monitoring(StreamName=name, ShardLevelMetrics=levels)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("kinesis", f"stream/{name}")})


class StreamConsumer(Handler):
    """AWS::Kinesis::StreamConsumer."""

    def create(self, call: Call) -> Made:
        """RegisterStreamConsumer."""
        stream, name = call.get("StreamARN"), call.get("ConsumerName")
        found = call.client("kinesis").register_stream_consumer(StreamARN=stream, ConsumerName=name)["Consumer"]
        arn = found["ConsumerARN"]
        attributes = {"ConsumerARN": arn, "ConsumerName": name, "ConsumerStatus": "ACTIVE", "StreamARN": stream}
        return Made(arn, {**attributes, "ConsumerCreationTimestamp": found["ConsumerCreationTimestamp"].isoformat()})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeregisterStreamConsumer."""
        call.client("kinesis").deregister_stream_consumer(ConsumerARN=physical_id)


class StreamPolicy(Handler):
    """AWS::Kinesis::ResourcePolicy."""

    def create(self, call: Call) -> Made:
        """PutResourcePolicy."""
        arn = call.get("ResourceArn")
        call.client("kinesis").put_resource_policy(ResourceARN=arn, Policy=json.dumps(call.get("ResourcePolicy")))
        return Made(arn)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """PutResourcePolicy."""
        del physical_id, old
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteResourcePolicy."""
        call.client("kinesis").delete_resource_policy(ResourceARN=physical_id)


class DeliveryStream(Handler):
    """AWS::KinesisFirehose::DeliveryStream with a destination in S3."""

    _DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")

    def create(self, call: Call) -> Made:
        """CreateDeliveryStream."""
        name, fields = call.chosen_name("DeliveryStreamName"), call.rest("Tags")
        source = {**fields, "DeliveryStreamName": name, "Tags": tag_list(call.tags()) or None}
        call.client("firehose").create_delivery_stream(**call.request("firehose", "CreateDeliveryStream", source))
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateDestination, encryption, tags."""
        firehose, changed = call.client("firehose"), set(call.changed)
        for kind in changed & set(self._DESTINATIONS):
            self._update_destination(call, physical_id, kind)
        if "DeliveryStreamEncryptionConfigurationInput" in changed:
            self._set_encryption(call, physical_id)
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            firehose.untag_delivery_stream(DeliveryStreamName=physical_id, TagKeys=gone)
        if "Tags" in changed and call.tags():
            firehose.tag_delivery_stream(DeliveryStreamName=physical_id, Tags=tag_list(call.tags()))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteDeliveryStream."""
        call.client("firehose").delete_delivery_stream(DeliveryStreamName=physical_id)

    def _update_destination(self, call: Call, name: str, kind: str) -> None:
        firehose = call.client("firehose")
        found = firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
        update = dict(call.get(kind))
        if "S3BackupConfiguration" in update:
            update["S3BackupUpdate"] = update.pop("S3BackupConfiguration")
        source = {
            "DeliveryStreamName": name,
            "CurrentDeliveryStreamVersionId": found["VersionId"],
            "DestinationId": found["Destinations"][0]["DestinationId"],
            kind.replace("Configuration", "Update"): update,
        }
        firehose.update_destination(**call.request("firehose", "UpdateDestination", source))

    def _set_encryption(self, call: Call, name: str) -> None:
        wanted = call.get("DeliveryStreamEncryptionConfigurationInput")
        if wanted:
            call.client("firehose").start_delivery_stream_encryption(
                DeliveryStreamName=name, DeliveryStreamEncryptionConfigurationInput=wanted
            )
        else:
            call.client("firehose").stop_delivery_stream_encryption(DeliveryStreamName=name)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("firehose", f"deliverystream/{name}")})


HANDLERS: dict[str, Handler] = {
    "AWS::Kinesis::Stream": DataStream(),
    "AWS::Kinesis::StreamConsumer": StreamConsumer(),
    "AWS::Kinesis::ResourcePolicy": StreamPolicy(),
    "AWS::KinesisFirehose::DeliveryStream": DeliveryStream(),
}
