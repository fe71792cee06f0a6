"""The data lake: one key and the buckets raw, curated, artifacts, capture and logs; features when they are kept."""

from collections.abc import Sequence

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs import principals
from seatrial.constructs.arns import place_of
from seatrial.constructs.encryption import DataKey
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.justification import justify, justify_all
from seatrial.constructs.storage import removal_policy

QUERY_RESULTS_PREFIX = "athena-results/"
"""Where, in the artifacts bucket, Athena leaves results; they expire."""
FREQUENCIES = {"daily": s3.InventoryFrequency.DAILY, "weekly": s3.InventoryFrequency.WEEKLY}
LOGS_BY_POLICY = "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy"
REPLICATION_REASON = (
    "Versioned data stays in the agreed region; a second region is a decision of the engagement, not a default."
)


class Lake(Construct):
    """Buckets that take only encrypted requests (TLS 1.2), only this key and only principals of this account.

    Deleting data needs two keys: `destroy_data=True` here, and the context `seatrial:allow-data-deletion`; and even
    then only buckets that somebody has emptied go. With
    `vpc_endpoint_ids`, objects are reachable through those endpoints only, save for AWS services on the account's
    behalf and for `break_glass_role_arns`; the console then cannot show objects.

    The zones of data are raw, curated and, with `features_retention_days`, features. They alone get storage classes
    (`tiering_after_days`: S3 Intelligent-Tiering from then on), `inventory_frequency` ("daily" or "weekly": listings as
    Parquet below `inventory/` in the logs bucket) and `request_metrics`. `query_results_days` is how long artifacts
    below `athena-results/` stay.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        raw_retention_days: int = 730,
        capture_retention_days: int = 90,
        noncurrent_retention_days: int = 30,
        log_retention_days: int = 365,
        log_group_prefixes: Sequence[str] = ("",),
        vpc_endpoint_ids: Sequence[str] = (),
        break_glass_role_arns: Sequence[str] = (),
        features_retention_days: int | None = None,
        tiering_after_days: int | None = None,
        inventory_frequency: str | None = None,
        request_metrics: bool = False,
        query_results_days: int | None = None,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check_days(raw=raw_retention_days, capture=capture_retention_days, noncurrent=noncurrent_retention_days)
        _check_days(log=log_retention_days, features=_or_one(features_retention_days))
        _check_days(query_results=_or_one(query_results_days))
        _check_zones(raw_retention_days, features_retention_days, tiering_after_days, inventory_frequency)
        # Without this flag CDK would let S3 write access logs by ACL, which owner-enforced buckets refuse.
        self.node.set_context(LOGS_BY_POLICY, True)
        self._destroy, self._noncurrent = destroy_data, noncurrent_retention_days
        self._anybody = principals.anybody()
        self._endpoints, self._break_glass = [*vpc_endpoint_ids], [*break_glass_role_arns]
        self.data_key = DataKey(
            self,
            "DataKey",
            description=f"Data of {cdk.Stack.of(self).stack_name}",
            log_group_prefixes=log_group_prefixes,
            destroy_data=destroy_data,
        )
        self.logs = self._log_bucket(log_retention_days)
        zone = {"metrics": request_metrics, "inventory": inventory_frequency, "tiering": tiering_after_days}
        self.raw = self._bucket("Raw", raw_retention_days, **zone)
        self.curated = self._bucket("Curated", None, **zone)
        self.artifacts = self._bucket("Artifacts", None, results_days=query_results_days)
        self.capture = self._bucket("Capture", capture_retention_days)
        self.features = self._bucket("Features", features_retention_days, **zone) if features_retention_days else None

    @property
    def key(self) -> kms.IKey:
        """The key of all data."""
        return self.data_key.key

    @property
    def zones(self) -> dict[str, s3.IBucket]:
        """Buckets of raw, curated and, when it is kept, features, by name."""
        features: dict[str, s3.IBucket] = {"features": self.features} if self.features else {}
        return {"raw": self.raw, "curated": self.curated, **features}

    @property
    def data_buckets(self) -> tuple[s3.Bucket, ...]:
        """Every bucket but the one for access logs."""
        features = (self.features,) if self.features else ()
        return (self.raw, self.curated, self.artifacts, self.capture, *features)

    def _bucket(
        self,
        name: str,
        retention_days: int | None,
        *,
        metrics: bool = False,
        inventory: str | None = None,
        tiering: int | None = None,
        results_days: int | None = None,
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            server_access_logs_bucket=self.logs,
            server_access_logs_prefix=f"{name.lower()}/",
            lifecycle_rules=[*self._lifecycle(retention_days, tiering), *_results_rule(results_days)],
            metrics=[s3.BucketMetrics(id="EntireBucket")] if metrics else None,
            inventories=[self._inventory(name, inventory)] if inventory else None,
            **self._common(),
        )
        for statement in (*self._guards(bucket), *self._perimeter(bucket)):
            bucket.add_to_resource_policy(statement)
        justify(bucket, "NIST.800.53.R5-S3BucketReplicationEnabled", REPLICATION_REASON)
        return bucket

    def _log_bucket(self, retention_days: int) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "Logs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            lifecycle_rules=self._lifecycle(retention_days),
            **self._common(),
        )
        justify_all(
            bucket,
            {
                "NIST.800.53.R5-S3BucketReplicationEnabled": REPLICATION_REASON,
                "NIST.800.53.R5-S3DefaultEncryptionKMS": "S3 delivers access logs only to buckets with SSE-S3, see "
                "https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html.",
            },
        )
        return bucket

    def _common(self) -> dict:
        return {
            "block_public_access": s3.BlockPublicAccess.BLOCK_ALL,
            "object_ownership": s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            "enforce_ssl": True,
            "minimum_tls_version": 1.2,
            "versioned": True,
            "removal_policy": removal_policy(self, self._destroy),
        }

    def _inventory(self, name: str, frequency: str) -> s3.Inventory:
        """Listings name objects, not their content, so they may lie in the bucket with SSE-S3; CDK lets S3 write."""
        return s3.Inventory(
            inventory_id="Listing",
            destination=s3.InventoryDestination(bucket=self.logs, prefix=f"inventory/{name.lower()}"),
            format=s3.InventoryFormat.PARQUET,
            frequency=FREQUENCIES[frequency],
            include_object_versions=s3.InventoryObjectVersion.CURRENT,
            optional_fields=["Size", "LastModifiedDate", "StorageClass", "EncryptionStatus"],
        )

    def _lifecycle(self, retention_days: int | None, tiering_days: int | None = None) -> list[s3.LifecycleRule]:
        expiration = cdk.Duration.days(retention_days) if retention_days else None
        return [
            s3.LifecycleRule(
                id="Retention",
                expiration=expiration,
                transitions=_transitions(tiering_days),
                noncurrent_version_expiration=cdk.Duration.days(self._noncurrent),
                abort_incomplete_multipart_upload_after=cdk.Duration.days(7),
            )
        ]

    def _guards(self, bucket: s3.Bucket) -> list[iam.PolicyStatement]:
        header = "s3:x-amz-server-side-encryption"
        wrong_key = _present_but_not(f"{header}-aws-kms-key-id", self.key.key_arn)
        other_kind = _present_but_not(header, "aws:kms")
        strangers = {
            "StringNotEquals": {"aws:PrincipalAccount": place_of(self).account},
            "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
        }
        put, read_write = ["s3:PutObject"], ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
        return [
            self._denial("DenyWrongKey", put, bucket, wrong_key),
            self._denial("DenyOtherEncryption", put, bucket, other_kind),
            self._denial("DenyOtherAccounts", read_write, bucket, strangers),
        ]

    def _perimeter(self, bucket: s3.Bucket) -> list[iam.PolicyStatement]:
        if not self._endpoints:
            return []
        conditions = {
            "StringNotEqualsIfExists": {"aws:SourceVpce": self._endpoints},
            "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"},
        }
        if self._break_glass:
            conditions["ArnNotLikeIfExists"] = {"aws:PrincipalArn": self._break_glass}
        return [self._denial("DenyOutsideTheNetwork", ["s3:GetObject", "s3:PutObject"], bucket, conditions)]

    def _denial(self, sid: str, actions: list[str], bucket: s3.Bucket, conditions: dict) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=sid,
            effect=iam.Effect.DENY,
            principals=[self._anybody],
            actions=actions,
            resources=[bucket.arn_for_objects("*")],
            conditions=conditions,
        )


def _present_but_not(key: str, value: str) -> dict[str, dict[str, str]]:
    """Without the header the bucket's default applies, which is right; a negated operator alone would deny that."""
    return {"StringNotEquals": {key: value}, "Null": {key: "false"}}


def _transitions(days: int | None) -> list[s3.Transition] | None:
    if days is None:
        return None
    tiering = s3.StorageClass.INTELLIGENT_TIERING
    return [s3.Transition(storage_class=tiering, transition_after=cdk.Duration.days(days))]


def _results_rule(days: int | None) -> list[s3.LifecycleRule]:
    if days is None:
        return []
    return [s3.LifecycleRule(id="QueryResults", prefix=QUERY_RESULTS_PREFIX, expiration=cdk.Duration.days(days))]


def _or_one(days: int | None) -> int:
    return 1 if days is None else days


def _check_zones(raw_days: int, features_days: int | None, tiering_days: int | None, frequency: str | None) -> None:
    if frequency is not None and frequency not in FREQUENCIES:
        raise ConstructError(f"inventory_frequency: must be one of {', '.join(FREQUENCIES)}, got {frequency!r}")
    if tiering_days is None:
        return
    if tiering_days < 0:
        raise ConstructError(f"tiering_after_days: must be at least 0, got {tiering_days}")
    for name, days in (("raw", raw_days), ("features", features_days)):
        if days is not None and days <= tiering_days:
            text = f"tiering_after_days: must be less than {name}_retention_days ({days}), got {tiering_days}"
            raise ConstructError(text)


def _check_days(**days: int) -> None:
    for name, value in days.items():
        if value < 1:
            raise ConstructError(f"{name}_retention_days: must be at least 1, got {value}")
