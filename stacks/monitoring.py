"""Monitoring: the state table, the hourly monitor, alarms and the dashboard."""

from constructs import Construct

from seatrial.constructs import EndpointMonitor, ModelState, PowertoolsLayer, SparkEngine
from seatrial.constructs.serving import VARIANT
from stacks.base import BaseStack, Foundation
from stacks.windows import explain_job, window_job

NOT_THE_FUNCTION_S = {"bias", "volume", "explain_schedule", "sources"}
"""Keys of the section that others than the function read."""


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
        job = window_job(self, foundation, engine)
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
            settings=target.engagement.monitoring.model_dump(mode="json", exclude=NOT_THE_FUNCTION_S),
            layers=[self.powertools.layer],
            capture_percent=target.engagement.serving.capture_percent,
            window_job=job,
            explain_job=explain_job(self, foundation, job),
            destroy_data=destroy,
        )
        if target.engagement.monitoring.sources:
            from stacks.sources import Sources  # an engagement without any does not pay for the modules

            self.sources = Sources(self, "Sources", foundation=foundation, monitor=self.monitor, window_job=job)
        self.outputs(
            {
                "MonitorFunctionName": self.monitor.monitor.function.function_name,
                "MetricNamespace": self.monitor.metric_namespace,
                "DashboardName": target.prefix,
            }
        )
