"""Promotion: from an approval to a verified endpoint."""

from constructs import Construct

from seatrial.constructs import ModelState, PowertoolsLayer, Promotion
from seatrial.constructs.serving import PARAMETER
from stacks.base import BaseStack, Foundation
from stacks.serving import ServingStack
from stacks.training import TrainingStack


class PromotionStack(BaseStack):
    """Updates the serving stack; its parameters other than the model package keep their values."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        training: TrainingStack,
        serving: ServingStack,
        state: ModelState,
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="promotion of approved model packages")
        self.promotion = Promotion(
            self,
            "Promotion",
            serving_stack_name=serving.stack_name,
            model_package_parameter=PARAMETER,
            kept_parameters=["BootstrapVersion"],
            endpoint_name=target.prefix,
            model_package_group_name=target.prefix,
            rollback_alarms=serving.serving.alarms,
            artifacts=lake.artifacts,
            state=state,
            network=foundation.network,
            barred_approvers=[training.pipeline.role.role_name, training.jobs.identity.role_name],
            approval_valid_hours=target.engagement.serving.approval_valid_hours,
            canary=serving.serving.canary,
            encryption_key=lake.key,
            notification_topic=foundation.notifications.topic,
            layers=[PowertoolsLayer(self, "Powertools").layer],
            destroy_data=target.engagement.removal.destroy_data,
        )
        self.outputs(
            {
                "StateMachineArn": self.promotion.state_machine.attr_arn,
                "NotificationTopicArn": foundation.notifications.topic.topic_arn,
            }
        )
