"""A feature group of SageMaker Feature Store: newest values online, the whole history offline in an Iceberg table."""

from collections.abc import Mapping

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_sagemaker as sagemaker
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.storage import removal_policy

TYPES = ("Integral", "Fractional", "String")
RESERVED = ("is_deleted", "write_time", "api_invocation_time")
"""Columns that the offline store adds."""
CATALOG_DATABASE = "sagemaker_featurestore"
"""Where Feature Store registers the offline tables of an account."""


class FeatureGroup(Construct):
    """`features` are names and types ("Integral", "Fractional", "String"), identifier and event time among them.

    The event time is ISO 8601 text. History lies below `prefix` of the bucket; it only ever grows, and a later write of
    the same moment wins, so training sets stay point-in-time correct. Online records leave after `online_ttl_days`
    without an update. Features may be added to a group, nothing else of it can be changed.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        record_identifier: str,
        event_time: str,
        features: Mapping[str, str],
        bucket: s3.IBucket,
        prefix: str,
        encryption_key: kms.IKey,
        description: str | None = None,
        online: bool = True,
        online_ttl_days: int | None = 90,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(name, features, {"record_identifier": record_identifier, "event_time": event_time}, online_ttl_days)
        self.name, self._key = name, encryption_key
        self.arn = place_of(self).arn("sagemaker", "feature-group", name)
        self.role = self._role(bucket, prefix)
        self.group = sagemaker.CfnFeatureGroup(
            self,
            "Group",
            feature_group_name=name,
            description=description,
            record_identifier_feature_name=record_identifier,
            event_time_feature_name=event_time,
            feature_definitions=[
                sagemaker.CfnFeatureGroup.FeatureDefinitionProperty(feature_name=feature, feature_type=kind)
                for feature, kind in features.items()
            ],
            offline_store_config={
                "S3StorageConfig": {
                    "S3Uri": f"s3://{bucket.bucket_name}/{prefix}",
                    "KmsKeyId": encryption_key.key_arn,
                },
                "TableFormat": "Iceberg",
            },
            online_store_config=self._online(online_ttl_days) if online else None,
            throughput_config=sagemaker.CfnFeatureGroup.ThroughputConfigProperty(throughput_mode="OnDemand"),
            role_arn=self.role.role_arn,
        )
        self.group.apply_removal_policy(removal_policy(self, destroy_data))
        self.group.node.add_dependency(self.role.policy)

    def grant_ingesting(self, role: ServiceRole) -> None:
        """Put records."""
        role.allow("sagemaker:PutRecord", on=[self.arn])
        role.allow_key(self._key)

    def grant_appending(self, role: ServiceRole) -> None:
        """Put records in batches, and commit to the history's table; whoever owns the bucket grants writing there."""
        place = place_of(self)
        role.allow("sagemaker:BatchWriteRecord", on=[self.arn])
        role.allow("sagemaker:DescribeFeatureGroup", on=[self.arn])
        because = "Feature Store names the table itself, after the group and the time of its creation."
        tables = [place.arn("glue", "catalog"), place.arn("glue", "database", CATALOG_DATABASE)]
        tables.append(place.arn("glue", "table", f"{CATALOG_DATABASE}/*"))
        role.allow("glue:GetDatabase", "glue:GetTable", "glue:UpdateTable", on=tables, because=because)

    def grant_reading(self, role: ServiceRole) -> None:
        """Read records online, one or many."""
        role.allow("sagemaker:BatchGetRecord", "sagemaker:GetRecord", on=[self.arn])
        role.allow_key(self._key)

    def _online(self, ttl_days: int | None) -> dict:
        config = {
            "EnableOnlineStore": True,
            "StorageType": "Standard",
            "SecurityConfig": {"KmsKeyId": self._key.key_arn},
        }
        return config | ({"TtlDuration": {"Unit": "Days", "Value": ttl_days}} if ttl_days else {})

    def _role(self, bucket: s3.IBucket, prefix: str) -> ServiceRole:
        role = ServiceRole(
            self, "Identity", service="sagemaker.amazonaws.com", description=f"Keeps the history of {self.name}"
        )
        role.allow_reading(bucket, prefix)
        role.allow_writing(bucket, prefix, multipart=True)
        role.allow_deleting(bucket, prefix)  # Iceberg's compaction
        role.allow("s3:GetBucketAcl", on=[bucket.bucket_arn])
        role.allow_key(self._key)
        place = place_of(self)
        tables = [
            place.arn("glue", "catalog"),
            place.arn("glue", "database", CATALOG_DATABASE),
            place.arn("glue", "table", f"{CATALOG_DATABASE}/*"),
        ]
        because = "Feature Store names the table itself, after the group and the time of its creation."
        role.allow("glue:GetTable", "glue:UpdateTable", on=tables, because=because)
        return role


def _check(name: str, features: Mapping[str, str], roles: Mapping[str, str], ttl_days: int | None) -> None:
    if not name or len(name) > 64 or not name.replace("-", "a").isalnum() or name.startswith("-"):
        raise ConstructError(f"name: must be up to 64 letters, digits and hyphens, got {name!r}")
    for role, feature in roles.items():
        if feature not in features:
            raise ConstructError(f"{role}: must be one of the features {', '.join(features)}, got {feature!r}")
    for feature, kind in features.items():
        if kind not in TYPES:
            raise ConstructError(f"features.{feature}: must be one of {', '.join(TYPES)}, got {kind!r}")
        if feature in RESERVED:
            raise ConstructError(f"features.{feature}: is a column of the offline store's own, choose another name")
    if features[roles["event_time"]] != "String":
        raise ConstructError(f"features.{roles['event_time']}: must be String, the event time is ISO 8601 text")
    if ttl_days is not None and ttl_days < 1:
        raise ConstructError(f"online_ttl_days: must be at least 1, got {ttl_days}")
