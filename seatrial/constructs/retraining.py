"""Retraining: the function that decides, the ledger of its decisions, and the events and schedule that wake it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import function_alarms, metric_alarm
from seatrial.constructs.dashboard import decisions_dashboard
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.monitoring import DEFAULT_NAMESPACE, allow_describing_endpoint
from seatrial.constructs.state import ModelState
from seatrial.constructs.training import TrainingPipeline
from seatrial.constructs.triggers import SCHEDULED_TIME, FunctionSchedule, function_rule
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import environment as names
from seatrial.contracts import events
from seatrial.contracts.layout import latest_training_data_key

EXECUTION_CHANGE = "SageMaker Model Building Pipeline Execution Status Change"


class RetrainingPolicy(Construct):
    """Decides on each verdict, on schedule and by hand whether the pipeline is started; writes down why.

    One decision at a time (reserved concurrency 1). `settings` goes to the function as JSON.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        pipeline: TrainingPipeline,
        endpoint_name: str,
        raw: s3.IBucket,
        artifacts: s3.IBucket,
        dataset_name: str,
        state: ModelState,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        settings: Mapping[str, Any],
        layers: Sequence[lambda_.ILayerVersion] = (),
        metric_namespace: str = DEFAULT_NAMESPACE,
        schedule: str | None = "cron(0 3 ? * SUN *)",
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        group = pipeline.model_package_group.model_package_group_name
        self.ledger = ModelState(self, "Ledger", encryption_key=encryption_key, destroy_data=destroy_data)
        self.decide = PythonFunction(
            self,
            "Decide",
            entry="retraining",
            description=f"Decides when {pipeline.pipeline.pipeline_name} trains again",
            network=network,
            encryption_key=encryption_key,
            layers=layers,
            timeout_seconds=120,
            destroy_data=destroy_data,
            environment={
                names.PIPELINE_NAME: pipeline.pipeline.pipeline_name,
                names.MODEL_PACKAGE_GROUP: group,
                names.ENDPOINT_NAME: endpoint_name,
                names.RAW_BUCKET: raw.bucket_name,
                names.ARTIFACTS_BUCKET: artifacts.bucket_name,
                names.DATASET_NAME: dataset_name,
                names.STATE_TABLE: state.table.table_name,
                names.LEDGER_TABLE: self.ledger.table.table_name,
                names.METRIC_NAMESPACE: metric_namespace,
                names.NOTIFICATION_TOPIC_ARN: notification_topic.topic_arn,
                names.RETRAINING_SETTINGS: json.dumps(dict(settings), sort_keys=True),
            },
        )
        self._grant(self.decide.role, pipeline, state)
        self.decide.role.allow("s3:GetObject", on=[raw.arn_for_objects(latest_training_data_key(dataset_name))])
        # Without the right to list, S3 answers "access denied" instead of "no such key" before the first ingest.
        self.decide.role.allow("s3:ListBucket", on=[raw.bucket_arn])
        self.decide.role.allow("sns:Publish", on=[notification_topic.topic_arn])
        allow_describing_endpoint(self.decide.role, endpoint_name, group)
        self.rules = self._rules(endpoint_name, pipeline.pipeline_arn)
        self.schedule = self._schedule(schedule, encryption_key) if schedule else None
        self._namespace, self._endpoint = metric_namespace, endpoint_name
        self.alarms = [self._breaker(notification_topic), *function_alarms(self, self.decide, notification_topic)]
        self.dashboard = self._dashboard()

    def _grant(self, role: ServiceRole, pipeline: TrainingPipeline, state: ModelState) -> None:
        pipeline.grant_start(role)
        state.grant_remembering(role)
        self.ledger.grant_remembering(role)

    def _breaker(self, topic: sns.ITopic) -> cloudwatch.CfnAlarm:
        return metric_alarm(
            self,
            "BreakerAlarm",
            description=f"{self._endpoint}: retraining again and again brings no better model, a person has to look",
            namespace=self._namespace,
            metric="RetrainingBreakerOpened",
            dimensions={"EndpointName": self._endpoint},
            topic=topic,
            threshold=1,
            statistic="Maximum",
            period_seconds=3600,
        )

    def _dashboard(self) -> cloudwatch.CfnDashboard:
        return decisions_dashboard(
            self,
            "Dashboard",
            name=f"{self._endpoint}-retraining",
            log_groups={"Decisions on retraining, with reasons": self.decide.log_group.log_group_name},
            endpoint=self._endpoint,
            namespace=self._namespace,
        )

    def _rules(self, endpoint_name: str, pipeline_arn: str) -> list[cdk.CfnResource]:
        verdicts = {
            "source": [events.SOURCE],
            "detail-type": [events.VERDICT_DETAIL_TYPE],
            "detail": {"endpoint_name": [endpoint_name]},
        }
        endings = {
            "source": ["aws.sagemaker"],
            "detail-type": [EXECUTION_CHANGE],
            "detail": {
                "pipelineArn": [pipeline_arn],
                "currentPipelineExecutionStatus": ["Succeeded", "Failed", "Stopped"],
            },
        }
        why = "Verdicts of the monitor wake the retraining policy"
        ended = "Ends of pipeline executions are written down by the retraining policy"
        return [
            function_rule(self, "Verdicts", description=why, pattern=verdicts, function=self.decide),
            function_rule(self, "Endings", description=ended, pattern=endings, function=self.decide),
        ]

    def _schedule(self, expression: str, key: kms.IKey) -> FunctionSchedule:
        return FunctionSchedule(
            self,
            "Regular",
            expression=expression,
            description="Retraining is considered on schedule",
            function=self.decide,
            payload={"trigger": "schedule", "time": SCHEDULED_TIME},
            encryption_key=key,
        )
