"""A stream of events: Kinesis Data Streams, encrypted, growing with the load or with a fixed number of shards."""

from typing import Literal

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_kinesis as kinesis
import aws_cdk.aws_kms as kms
import aws_cdk.aws_sns as sns
from constructs import Construct

from seatrial.constructs.alarms import metric_alarm
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.storage import removal_policy

READS = (
    "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator",
    "kinesis:ListShards",
)  # fmt: skip


class EventStream(Construct):
    """One stream under the customer's key; `shards` only in mode "provisioned"."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        notification_topic: sns.ITopic,
        mode: Literal["on-demand", "provisioned"] = "on-demand",
        shards: int | None = None,
        retention_hours: int = 72,
        stream_name: str | None = None,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(mode, shards, retention_hours)
        self.encryption_key = encryption_key
        self.stream = kinesis.CfnStream(
            self,
            "Stream",
            name=stream_name,
            shard_count=shards,
            stream_mode_details=kinesis.CfnStream.StreamModeDetailsProperty(
                stream_mode="ON_DEMAND" if mode == "on-demand" else "PROVISIONED"
            ),
            retention_period_hours=retention_hours,
            stream_encryption=kinesis.CfnStream.StreamEncryptionProperty(
                encryption_type="KMS", key_id=encryption_key.key_arn
            ),
        )
        self.stream.apply_removal_policy(removal_policy(self, destroy_data))
        justify(
            self.stream,
            "AwsSolutions-KDS3",
            "The customer's own key is wanted, so that its policy decides who reads events and its use is on record.",
        )
        self.alarms = [self._throttled(notification_topic)]

    @property
    def arn(self) -> str:
        """Of the stream."""
        return self.stream.attr_arn

    @property
    def name(self) -> str:
        """Of the stream."""
        return self.stream.ref

    def grant_reading(self, role: ServiceRole) -> None:
        """Read every shard."""
        role.allow(*READS, on=[self.arn])
        role.allow_key(self.encryption_key)

    def grant_writing(self, role: ServiceRole) -> None:
        """Put records, one or many."""
        role.allow("kinesis:PutRecord", "kinesis:PutRecords", on=[self.arn])
        role.allow_key(self.encryption_key)

    def _throttled(self, topic: sns.ITopic) -> cloudwatch.CfnAlarm:
        return metric_alarm(
            self,
            "ThrottledAlarm",
            description="The stream refuses events: producers must send them again, more shards are needed",
            namespace="AWS/Kinesis",
            metric="WriteProvisionedThroughputExceeded",
            dimensions={"StreamName": self.name},
            topic=topic,
            threshold=1,
            evaluation_periods=3,
            datapoints_to_alarm=2,
        )


def _check(mode: str, shards: int | None, retention_hours: int) -> None:
    if mode not in {"on-demand", "provisioned"}:
        raise ConstructError(f"mode: must be 'on-demand' or 'provisioned', got {mode!r}")
    if mode == "on-demand" and shards is not None:
        raise ConstructError(f"shards: must be left out in mode 'on-demand', got {shards}")
    if mode == "provisioned" and (shards is None or shards < 1):
        raise ConstructError(f"shards: must be at least 1 in mode 'provisioned', got {shards}")
    if not 24 <= retention_hours <= 8760:
        raise ConstructError(f"retention_hours: must be between 24 and 8760, got {retention_hours}")
