"""Retraining: the policy that decides when the pipeline runs again."""

import aws_cdk.aws_lambda as lambda_
from constructs import Construct

from seatrial.constructs import (
    Lake,
    ModelState,
    Notifications,
    PowertoolsLayer,
    RetrainingPolicy,
    TrainingPipeline,
    WorkloadNetwork,
)
from stacks.base import BaseStack, Target


class RetrainingStack(BaseStack):
    """Woken by verdicts, by the schedule and by hand."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        target: Target,
        lake: Lake,
        notifications: Notifications,
        network: WorkloadNetwork,
        pipeline: TrainingPipeline,
        state: ModelState,
    ) -> None:
        super().__init__(scope, id, target=target, description="retraining policy and its ledger")
        layers: list[lambda_.ILayerVersion] = [PowertoolsLayer(self, "Powertools").layer]
        self.policy = RetrainingPolicy(
            self,
            "Retraining",
            pipeline=pipeline,
            endpoint_name=target.prefix,
            raw=lake.raw,
            artifacts=lake.artifacts,
            dataset_name=target.engagement.training.dataset.name,
            state=state,
            network=network,
            encryption_key=lake.key,
            notification_topic=notifications.topic,
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
