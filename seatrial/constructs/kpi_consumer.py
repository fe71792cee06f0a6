"""KPIs of the cells as events arrive: a function on the stream, its table, its dead letters and its alarms."""

import json

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kms as kms
import aws_cdk.aws_lambda as lambda_
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import function_alarms, metric_alarm, queue_alarm
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.event_stream import EventStream
from seatrial.constructs.feature_group import FeatureGroup
from seatrial.constructs.function import PythonFunction
from seatrial.constructs.identity import OBJECTS_REASON
from seatrial.constructs.monitoring import DEFAULT_NAMESPACE
from seatrial.constructs.state import ModelState
from seatrial.constructs.storage import dead_letter_queue
from seatrial.constructs.workload import WorkloadNetwork
from seatrial.contracts import cdr
from seatrial.contracts import environment as names

LONGEST_LAG_MILLISECONDS = 15 * 60 * 1000
ATTEMPTS = 20
"""Of a batch, halved each time it fails as a whole; a lone record has then been tried often enough for minutes."""


class KpiConsumer(Construct):
    """Adds each event of the stream once to its cell's window, within seconds.

    Batches that fail are split and tried again; what fails in the end is named in `discarded`, and still lies in the
    stream until its retention ends. Records that break the contract go into the curated bucket's quarantine instead,
    so that they hold up nothing. With `feature_group`, each changed window is put there as a record as well.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stream: EventStream,
        curated: s3.IBucket,
        dataset_name: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        feature_group: FeatureGroup | None = None,
        layers: list[lambda_.ILayerVersion] | None = None,
        window_minutes: int = 15,
        retention_days: int = 14,
        batch_size: int = 1000,
        batch_seconds: int = 10,
        maximum_concurrency: int = 16,
        metric_namespace: str = DEFAULT_NAMESPACE,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(window_minutes, retention_days, batch_size)
        self._topic, self._namespace, self._stream = notification_topic, metric_namespace, stream
        self.state = ModelState(
            self,
            "Windows",
            encryption_key=encryption_key,
            source_of_truth="the stream's backup in the lake",
            destroy_data=destroy_data,
        )
        self.consumer = PythonFunction(
            self,
            "Consume",
            entry="kpi_consumer",
            description=f"KPIs of cells from {dataset_name}'s events",
            network=network,
            encryption_key=encryption_key,
            layers=layers or [],
            timeout_seconds=120,
            reserved_concurrency=maximum_concurrency,
            destroy_data=destroy_data,
            environment={
                names.KPI_TABLE: self.state.table.table_name,
                names.CURATED_BUCKET: curated.bucket_name,
                names.DATASET_NAME: dataset_name,
                names.STREAM_NAME: stream.name,
                names.FEATURE_GROUP_NAME: feature_group.name if feature_group else "",
                names.METRIC_NAMESPACE: metric_namespace,
                names.KPI_SETTINGS: json.dumps({"window_minutes": window_minutes, "retention_days": retention_days}),
            },
        )
        self.discarded = dead_letter_queue(self, "Discarded", key=encryption_key)
        self._grant(curated, dataset_name, feature_group)
        self.mapping = self._mapping(batch_size, batch_seconds)
        self.alarms = self._alarms()

    def _grant(self, curated: s3.IBucket, dataset_name: str, feature_group: FeatureGroup | None) -> None:
        role = self.consumer.role
        self._stream.grant_reading(role)
        role.allow("dynamodb:GetItem", "dynamodb:UpdateItem", on=[self.state.table.table_arn])
        quarantine = curated.arn_for_objects(f"{cdr.consumer_quarantine_prefix(dataset_name)}*")
        role.allow("s3:PutObject", on=[quarantine], because=OBJECTS_REASON)
        role.allow("sqs:SendMessage", on=[self.discarded.queue_arn])
        if feature_group:
            feature_group.grant_ingesting(role)

    def _mapping(self, batch_size: int, batch_seconds: int) -> lambda_.CfnEventSourceMapping:
        types = lambda_.CfnEventSourceMapping
        mapping = types(
            self,
            "Mapping",
            function_name=self.consumer.function.function_arn,
            event_source_arn=self._stream.arn,
            # Not LATEST: events that came before the mapping was active would be skipped.
            starting_position="TRIM_HORIZON",
            batch_size=batch_size,
            maximum_batching_window_in_seconds=batch_seconds,
            # One batch of a shard at a time keeps writers of one window from getting in each other's way.
            parallelization_factor=1,
            function_response_types=["ReportBatchItemFailures"],
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=ATTEMPTS,
            destination_config=types.DestinationConfigProperty(
                on_failure=types.OnFailureProperty(destination=self.discarded.queue_arn)
            ),
        )
        mapping.node.add_dependency(self.consumer.role.policy)
        return mapping

    def _alarms(self) -> list[cloudwatch.CfnAlarm]:
        lag = metric_alarm(
            self,
            "LagAlarm",
            description="KPIs are more than a quarter of an hour behind the stream",
            namespace="AWS/Lambda",
            metric="IteratorAge",
            dimensions={"FunctionName": self.consumer.function.function_name},
            topic=self._topic,
            threshold=LONGEST_LAG_MILLISECONDS,
            statistic="Maximum",
            evaluation_periods=3,
            datapoints_to_alarm=2,
        )
        refused = metric_alarm(
            self,
            "QuarantineAlarm",
            description="Events break the contract: look into the quarantine, the schema may have changed upstream",
            namespace=self._namespace,
            metric="EventsQuarantined",
            dimensions={"StreamName": self._stream.name},
            topic=self._topic,
            threshold=1,
        )
        discarded = queue_alarm(self, "DiscardedDepth", self.discarded, self._topic)
        return [lag, refused, discarded, *function_alarms(self, self.consumer, self._topic)]


def _check(window_minutes: int, retention_days: int, batch_size: int) -> None:
    if window_minutes < 1 or 24 * 60 % window_minutes:
        raise ConstructError(f"window_minutes: must divide a day, such as 15, got {window_minutes}")
    least = cdr.REACH.days + 2
    if retention_days < least:
        raise ConstructError(
            f"retention_days: must be at least {least}, longer than events are late, got {retention_days}"
        )
    if not 1 <= batch_size <= 10_000:
        raise ConstructError(f"batch_size: must be between 1 and 10000, got {batch_size}")
