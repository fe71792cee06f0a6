"""Streaming: the stream of call detail records, its way into the lake, the cells' KPIs, and devices when asked."""

from constructs import Construct

from seatrial.constructs import (
    DeviceIngress,
    EventStream,
    FeatureGroup,
    KpiConsumer,
    PowertoolsLayer,
    StreamDelivery,
)
from seatrial.contracts import cdr
from stacks.base import BaseStack, Foundation

TABLE = "cdr_stream"
"""The lake's table whose columns the delivered files have."""


class StreamingStack(BaseStack):
    """Made when `streaming.mode` names one; after the lake, whose table tells the delivery its columns."""

    def __init__(
        self, scope: Construct, construct_id: str, *, foundation: Foundation, feature_group: FeatureGroup | None
    ) -> None:
        target = foundation.target
        super().__init__(scope, construct_id, target=target, description="stream, delivery, KPIs and devices")
        self._foundation, section = foundation, target.engagement.streaming
        self._common = {
            "encryption_key": foundation.lake.key,
            "notification_topic": foundation.notifications.topic,
        }
        destroy = target.engagement.removal.destroy_data
        self.stream = EventStream(
            self,
            "Events",
            mode="provisioned" if section.mode == "provisioned" else "on-demand",
            shards=section.shards if section.mode == "provisioned" else None,
            retention_hours=section.retention_hours,
            destroy_data=destroy,
            **self._common,
        )
        self.delivery = self._delivery(destroy)
        self.consumer = self._consumer(feature_group, destroy)
        self.devices = self._devices() if section.iot else None
        self.outputs(
            {
                "StreamName": self.stream.name,
                "DeliveryStreamName": self.delivery.name,
                "ConsumerFunctionName": self.consumer.consumer.function.function_name,
                "KpiTableName": self.consumer.state.table.table_name,
                "DiscardedQueueUrl": self.consumer.discarded.queue_url,
            }
        )
        if self.devices:
            self.outputs(
                {
                    "IotRuleName": self.devices.rule.ref,
                    "IotPolicyName": self.devices.policy.ref,
                    "IotTopicRoot": self.devices.topic_root,
                }
            )

    def _delivery(self, destroy: bool) -> StreamDelivery:
        target, section = self._foundation.target, self._foundation.target.engagement.streaming
        dataset = target.engagement.training.dataset.name
        return StreamDelivery(
            self,
            "Delivery",
            stream=self.stream,
            bucket=self._foundation.lake.raw,
            prefix=cdr.stream_prefix(dataset),
            error_prefix=cdr.stream_errors_prefix(dataset),
            backup_prefix=cdr.stream_backup_prefix(dataset),
            database_name=target.database_name,
            table_name=TABLE,
            time_field="received_at",
            buffer_seconds=section.buffer_seconds,
            buffer_mib=section.buffer_mib,
            destroy_data=destroy,
            **self._common,
        )

    def _consumer(self, feature_group: FeatureGroup | None, destroy: bool) -> KpiConsumer:
        target, section = self._foundation.target, self._foundation.target.engagement.streaming
        return KpiConsumer(
            self,
            "Kpis",
            stream=self.stream,
            curated=self._foundation.lake.curated,
            dataset_name=target.engagement.training.dataset.name,
            network=self._foundation.network,
            feature_group=feature_group,
            layers=[PowertoolsLayer(self, "Powertools").layer],
            window_minutes=section.window_minutes,
            retention_days=section.kpi_retention_days,
            maximum_concurrency=section.shards if section.mode == "provisioned" else 16,
            destroy_data=destroy,
            **self._common,
        )

    def _devices(self) -> DeviceIngress:
        return DeviceIngress(
            self, "Devices", stream=self.stream, topic_root=self._foundation.target.prefix, **self._common
        )
