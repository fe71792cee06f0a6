"""Serving: the endpoint of the engagement, made once a model package has been promoted."""

from constructs import Construct

from seatrial.constructs import ServingEndpoint
from stacks.base import BaseStack, Foundation


class ServingStack(BaseStack):
    """Updated by the promotion, through its parameter `ModelPackageArn`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        image_arns: list[str],
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="endpoint, canary and autoscaling")
        section = target.engagement.serving
        self.serving = ServingEndpoint(
            self,
            "Serving",
            endpoint_name=target.prefix,
            network=foundation.network,
            encryption_key=lake.key,
            artifacts=lake.artifacts,
            capture=lake.capture,
            notification_topic=foundation.notifications.topic,
            image_arns=image_arns,
            instance_type=section.instance_type,
            instance_count=section.instance_count,
            maximum_instance_count=section.maximum_instance_count,
            invocations_per_instance=section.invocations_per_instance,
            capture_percent=section.capture_percent,
            canary_percent=section.canary_percent,
            canary_wait_minutes=section.canary_wait_minutes,
            termination_wait_minutes=section.termination_wait_minutes,
            maximum_error_percent=section.maximum_error_percent,
            maximum_latency_milliseconds=section.maximum_latency_milliseconds,
        )
        self.outputs({"EndpointName": target.prefix})
