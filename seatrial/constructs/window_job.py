"""Windows too large for the monitor's function: a SageMaker Processing job that it starts when it needs one."""

import json
from typing import TYPE_CHECKING, Any

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_s3_assets as s3_assets
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.assets import file_asset, zip_asset
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.staging import library_files, shipped
from seatrial.constructs.training import SAGEMAKER, allow_sagemaker_runtime, image_repository_arn
from seatrial.constructs.workload import WorkloadNetwork

if TYPE_CHECKING:  # an app without Spark does not pay for its modules
    from seatrial.constructs.window_spark import WindowSpark

SCRIPT = "monitor/steps/read_window.py"
LONGEST_PREFIX = 44
"""SageMaker's job names have at most 63 characters, of which a request's digest and the attempt take 18."""
JOB_NAMES = "A job is named after the digest of what it reads; the beginning of the name is the monitor's own."


class WindowJob(Construct):
    """What a job runs as, and what it runs; nothing runs, and nothing costs, until a window is large.

    Jobs read the capture and write what they counted below "monitoring/" of the artifacts bucket, isolated from the
    network. `function_maximum_mib` is the largest window (bytes of capture files) that the function reads itself; above
    `job_maximum_mib` `spark` reads all of it, and without it a job reads a sample.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name_prefix: str,
        image: str,
        capture: s3.IBucket,
        artifacts: s3.IBucket,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        instance_type: str = "ml.m5.xlarge",
        function_maximum_mib: int = 96,
        job_maximum_mib: int = 65_536,
        max_runtime_minutes: int = 120,
        spark: "WindowSpark | None" = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.spark = spark
        if len(name_prefix) > LONGEST_PREFIX:
            raise ConstructError(f"name_prefix: must have at most {LONGEST_PREFIX} characters, got {name_prefix!r}")
        self._network, self._key = network, encryption_key
        self.name_prefix, self.instance_type, self.image = name_prefix, instance_type, image
        self._limits = {"function_mib": function_maximum_mib, "processing_mib": job_maximum_mib}
        self._max_runtime_seconds = max_runtime_minutes * 60
        source = (shipped("pipelines") / SCRIPT).read_bytes()
        self.script = file_asset(self, "Script", source, ".py")
        self.library = zip_asset(self, "Library", library_files([source]))
        self.role = ServiceRole(self, "Identity", service=SAGEMAKER, description="Reads large windows for the monitor")
        self._grant(capture, artifacts)

    def _grant(self, capture: s3.IBucket, artifacts: s3.IBucket) -> None:
        for bucket in (capture, artifacts):
            self.role.allow_reading(bucket)
        self.role.allow_writing(artifacts, "monitoring/", multipart=True)
        self.role.allow_key(self._key, volumes=True)
        allow_sagemaker_runtime(self.role, [image_repository_arn(self, self.image)])
        self.role.allow_network_interfaces(self._network, permission=True)
        self.allow_code(self.script, self.library)

    def allow_code(self, *assets: s3_assets.Asset) -> None:
        """Let jobs of this kind bring these assets along."""
        bucket = f"arn:{place_of(self).partition}:s3:::{assets[0].s3_bucket_name}"
        keys = [asset.s3_object_key for asset in assets]
        self.role.allow("s3:GetObject", on=[f"{bucket}/{key}" for key in keys])
        self.role.allow("s3:GetBucketLocation", on=[bucket])
        self.role.allow("s3:ListBucket", on=[bucket], conditions={"StringEquals": {"s3:prefix": keys}})

    @property
    def settings(self) -> str:
        """What the function is told, as JSON."""
        job: dict[str, Any] = {
            "name_prefix": self.name_prefix,
            "role_arn": self.role.role_arn,
            "image": self.image,
            "instance_type": self.instance_type,
            "code_uri": self.script.s3_object_url,
            "library_uri": self.library.s3_object_url,
            "kms_key_arn": self._key.key_arn,
            "subnet_ids": [*self._network.subnet_ids],
            "security_group_ids": [*self._network.security_group_ids],
            "max_runtime_seconds": self._max_runtime_seconds,
        }
        told = {"limits": self._limits, "job": job}
        return json.dumps(told | {"spark": self.spark.settings} if self.spark else told, sort_keys=True)

    def grant_start(self, role: ServiceRole) -> None:
        """Start jobs of this kind and look at them: in this network, isolated, with this key and instance type."""
        jobs = [place_of(self).arn("sagemaker", "processing-job", f"{self.name_prefix}*")]
        role.allow("sagemaker:CreateProcessingJob", on=jobs, because=JOB_NAMES, conditions=self._conditions())
        role.allow("sagemaker:DescribeProcessingJob", on=jobs, because=JOB_NAMES)
        role.allow_passing(self.role.role_arn, to=SAGEMAKER)
        role.allow_key(self._key, volumes=True)
        if self.spark:
            self.spark.grant_start(role, on_runs=["emr-serverless:CancelJobRun"])

    def _conditions(self) -> dict[str, dict[str, Any]]:
        return {
            "Bool": {"sagemaker:InterContainerTrafficEncryption": "true", "sagemaker:NetworkIsolation": "true"},
            "ForAllValues:StringEquals": {
                "sagemaker:VpcSecurityGroupIds": [*self._network.security_group_ids],
                "sagemaker:VpcSubnets": [*self._network.subnet_ids],
            },
            "Null": {"sagemaker:VpcSubnets": "false", "sagemaker:VpcSecurityGroupIds": "false"},
            "ArnEquals": {"sagemaker:OutputKmsKey": self._key.key_arn, "sagemaker:VolumeKmsKey": self._key.key_arn},
            "NumericLessThanEquals": {"sagemaker:MaxRuntimeInSeconds": str(self._max_runtime_seconds)},
            "ForAnyValue:StringEquals": {"sagemaker:InstanceTypes": [self.instance_type]},
        }
