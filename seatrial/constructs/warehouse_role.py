"""The roles that Redshift itself takes: for COPY, UNLOAD and Spectrum, and for Redshift ML."""

from collections.abc import Mapping, Sequence

import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole

REDSHIFT, REDSHIFT_SERVERLESS, SAGEMAKER = (
    "redshift.amazonaws.com",
    "redshift-serverless.amazonaws.com",
    "sagemaker.amazonaws.com",
)
CATALOG_READS = (
    "glue:BatchGetPartition", "glue:GetDatabase", "glue:GetDatabases", "glue:GetPartition", "glue:GetPartitions",
    "glue:GetTable", "glue:GetTables",
)  # fmt: skip
ML_JOBS = {
    "automl-job": ("sagemaker:CreateAutoMLJob", "sagemaker:DescribeAutoMLJob", "sagemaker:StopAutoMLJob"),
    "training-job": ("sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"),
    "compilation-job": (
        "sagemaker:CreateCompilationJob",
        "sagemaker:DescribeCompilationJob",
        "sagemaker:StopCompilationJob",
    ),
}
"""What CREATE MODEL does in SageMaker (Redshift Developer Guide, "Cluster and configure setup for Amazon Redshift ML
administration")."""


class WarehouseRole(Construct):
    """Reads the lake, writes what is unloaded, and reads the catalog's database when there is one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        readable: Sequence[s3.IBucket],
        unload: s3.IBucket,
        unload_prefixes: Sequence[str],
        catalog_database: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        if not unload_prefixes or not all(prefix.endswith("/") for prefix in unload_prefixes):
            raise ConstructError(f"unload_prefixes: must name folders that end with a slash, got {[*unload_prefixes]}")
        self.identity = ServiceRole(
            self,
            "Identity",
            service=REDSHIFT,
            same_service=[REDSHIFT_SERVERLESS],
            description="Redshift: COPY from the lake, UNLOAD into it, Spectrum",
        )
        for bucket in (*readable, unload):
            self.identity.allow_reading(bucket)
        self.identity.allow_writing(unload, *unload_prefixes, multipart=True)
        self.identity.allow_deleting(unload, *unload_prefixes)  # UNLOAD with CLEANPATH
        self.identity.allow_key(encryption_key)
        if catalog_database is not None:
            self._read_catalog(catalog_database)

    @property
    def role_arn(self) -> str:
        """What `IAM_ROLE` in COPY, UNLOAD and CREATE EXTERNAL SCHEMA says, as the warehouse's default."""
        return self.identity.role_arn

    def _read_catalog(self, database: str) -> None:
        place = place_of(self)
        tables = [place.arn("glue", "catalog"), place.arn("glue", "database", database)]
        tables.append(place.arn("glue", f"table/{database}", "*"))
        because = "Every table of this one database is meant to be readable from the warehouse, later ones as well."
        self.identity.allow(*CATALOG_READS, on=tables, because=because)


class WarehouseMlRole(Construct):
    """What CREATE MODEL needs: SageMaker jobs named by Redshift, and a folder for their data.

    These jobs run without a VPC of ours (Redshift ML takes none), in AWS's network, on data under our key.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        bucket: s3.IBucket,
        prefix: str = "redshift-ml/",
    ) -> None:
        super().__init__(scope, construct_id)
        self.identity = ServiceRole(
            self,
            "Identity",
            service=REDSHIFT,
            same_service=[REDSHIFT_SERVERLESS, SAGEMAKER],
            description="Redshift ML: CREATE MODEL trains with SageMaker",
        )
        self.bucket, self.prefix = bucket, prefix
        role, place = self.identity, place_of(self)
        because = "Redshift names its jobs itself, with its own name in them; nothing else matches."
        for resource, actions in ML_JOBS.items():
            role.allow(*actions, on=[place.arn("sagemaker", resource, "*redshift*")], because=because)
        self._pass_itself()
        role.allow_reading(bucket, prefix)
        role.allow_writing(bucket, prefix, multipart=True)
        role.allow_deleting(bucket, prefix)
        role.allow_key(encryption_key, volumes=True)
        self._allow_jobs_their_surroundings()

    @property
    def role_arn(self) -> str:
        """What `IAM_ROLE` in CREATE MODEL says."""
        return self.identity.role_arn

    def _pass_itself(self) -> None:
        """Redshift hands the role that it has taken on to SageMaker; in a policy apart, for it names the role."""
        statement = {
            "Action": "iam:PassRole",
            "Condition": {"StringEquals": {"iam:PassedToService": SAGEMAKER}},
            "Effect": "Allow",
            "Resource": self.identity.role_arn,
        }
        self.passing = iam.CfnManagedPolicy(
            self,
            "Passing",
            description="Redshift ML hands its role to SageMaker",
            policy_document={"Version": "2012-10-17", "Statement": [statement]},
            roles=[self.identity.role_name],
        )

    def _allow_jobs_their_surroundings(self) -> None:
        spaces: Mapping[str, Mapping[str, str]] = {"StringLike": {"cloudwatch:namespace": "*SageMaker*"}}
        self.identity.allow_unscoped("cloudwatch:PutMetricData", conditions=spaces)
        logs = place_of(self).arn("logs", "log-group:/aws/sagemaker/*")
        because = "SageMaker writes its jobs' logs into groups and streams that carry the jobs' names."
        self.identity.allow(
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents",
            on=[logs], because=because,
        )  # fmt: skip
