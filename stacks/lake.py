"""The lake: key, buckets, and the topic on which people are told."""

from constructs import Construct

from seatrial.constructs import Lake, Notifications
from stacks.base import BaseStack, Target


class LakeStack(BaseStack):
    """Made first: everything else writes into it."""

    def __init__(self, scope: Construct, construct_id: str, *, target: Target) -> None:
        super().__init__(scope, construct_id, target=target, description="key, buckets and notifications")
        engagement = target.engagement
        self.lake = Lake(
            self,
            "Lake",
            raw_retention_days=engagement.lake.raw_retention_days,
            capture_retention_days=engagement.lake.capture_retention_days,
            noncurrent_retention_days=engagement.lake.noncurrent_retention_days,
            log_retention_days=engagement.lake.log_retention_days,
            log_group_prefixes=[target.prefix],
            destroy_data=engagement.removal.destroy_data,
        )
        self.notifications = Notifications(
            self, "Notifications", encryption_key=self.lake.key, subscribers=[engagement.owner]
        )
        self.outputs(
            {
                "RawBucketName": self.lake.raw.bucket_name,
                "CuratedBucketName": self.lake.curated.bucket_name,
                "ArtifactsBucketName": self.lake.artifacts.bucket_name,
                "CaptureBucketName": self.lake.capture.bucket_name,
                "LogsBucketName": self.lake.logs.bucket_name,
                "KeyArn": self.lake.key.key_arn,
            }
        )
