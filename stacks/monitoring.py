"""Monitoring: the state table, the hourly monitor, alarms and the dashboard."""

from constructs import Construct

from seatrial.constructs import EndpointMonitor, ModelState, PowertoolsLayer, SparkEngine
from seatrial.constructs.serving import VARIANT
from stacks.base import BaseStack, Foundation
from stacks.windows import window_job


class MonitoringStack(BaseStack):
    """Also makes the layer and the state table that retraining and promotion use."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        engine: SparkEngine | None = None,
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="monitor, alarms and dashboard")
        destroy = target.engagement.removal.destroy_data
        self.powertools = PowertoolsLayer(self, "Powertools")
        self.state = ModelState(self, "State", encryption_key=lake.key, destroy_data=destroy)
        self.monitor = EndpointMonitor(
            self,
            "Monitoring",
            endpoint_name=target.prefix,
            variant_name=VARIANT,
            model_package_group_name=target.prefix,
            capture=lake.capture,
            artifacts=lake.artifacts,
            state=self.state,
            network=foundation.network,
            encryption_key=lake.key,
            notification_topic=foundation.notifications.topic,
            settings=target.engagement.monitoring.model_dump(mode="json", exclude={"bias", "volume"}),
            layers=[self.powertools.layer],
            capture_percent=target.engagement.serving.capture_percent,
            window_job=window_job(self, foundation, engine),
            destroy_data=destroy,
        )
        self.outputs(
            {
                "MonitorFunctionName": self.monitor.monitor.function.function_name,
                "MetricNamespace": self.monitor.metric_namespace,
                "DashboardName": target.prefix,
            }
        )
