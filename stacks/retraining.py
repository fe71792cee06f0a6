"""Retraining: the policy that decides when the pipeline runs again."""

import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from seatrial.constructs import (
    ModelState,
    PowertoolsLayer,
    RetrainingPolicy,
    TrainingPipeline,
)
from stacks.base import BaseStack, Foundation


class RetrainingStack(BaseStack):
    """Woken by verdicts, by the schedule and by hand."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        foundation: Foundation,
        pipeline: TrainingPipeline,
        state: ModelState,
    ) -> None:
        target, lake = foundation.target, foundation.lake
        super().__init__(scope, construct_id, target=target, description="retraining policy and its ledger")
        layers: list[lambda_.ILayerVersion] = [PowertoolsLayer(self, "Powertools").layer]
        self.policy = RetrainingPolicy(
            self,
            "Retraining",
            pipeline=pipeline,
            endpoint_name=target.prefix,
            raw=foundation.training_data,
            artifacts=lake.artifacts,
            dataset_name=target.engagement.training.dataset.name,
            state=state,
            network=foundation.network,
            encryption_key=lake.key,
            notification_topic=foundation.notifications.topic,
            settings=target.engagement.retraining.model_dump(mode="json"),
            layers=layers,
            schedule=target.engagement.training.schedule,
            destroy_data=target.engagement.removal.destroy_data,
        )
        self.outputs(
            {
                "RetrainingFunctionName": self.policy.decide.function.function_name,
                "LedgerTableName": self.policy.ledger.table.table_name,
                "StateTableName": state.table.table_name,
            }
        )
