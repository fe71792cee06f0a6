"""Training on Spark as a step of a SageMaker pipeline: on an EMR Serverless application, under a role of its own."""

from collections.abc import Sequence

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.emr_serverless import LOGS_PREFIX, RUN_IDS, SERVICE, EmrServerlessEngine
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_job import SparkEngine

RULES = "SageMakerPipelineExecutionEMRServerless*"
RULE_NAMES = (
    "SageMaker watches job runs by rules of its own whose names it does not document; their beginning is known."
)


class SparkTraining(SparkEngine):
    """Jobs of a pipeline's steps on an application that exists: they read and write below `prefix` of `artifacts`.

    The role sees nothing of the lake. A step of type EMRServerless names `application_id` and `role.role_arn`; the
    pipeline that has it calls `grant_run` for its own role.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        engine: EmrServerlessEngine,
        artifacts: s3.IBucket,
        prefix: str,
        encryption_key: kms.IKey,
    ) -> None:
        super().__init__(scope, construct_id)
        self._engine, self.encryption_key = engine, encryption_key
        self.application_id: str = engine.application.attr_application_id
        self.spark_settings = engine.spark_settings
        self.role = ServiceRole(self, "Identity", service=SERVICE, description="Trains on EMR Serverless")
        self.role.allow_key(encryption_key)
        self.role.allow_reading(artifacts, prefix)
        self.role.allow_writing(artifacts, prefix, LOGS_PREFIX, multipart=True)
        self.role.allow_deleting(artifacts, prefix)  # a file is written under another name, then moved
        if engine.environment is not None:
            self.allow_code(engine.environment)

    def allow_keys(self, bucket_name: str, keys: Sequence[str]) -> None:
        """Let the jobs read these objects of a bucket that holds other people's code as well."""
        bucket = f"arn:{place_of(self).partition}:s3:::{bucket_name}"
        self.role.allow("s3:GetObject", on=[f"{bucket}/{key}" for key in keys])

    def grant_run(self, role: ServiceRole) -> None:
        """Let a pipeline start, watch and cancel job runs of this application, as this role and no other."""
        application = self._engine.application.attr_arn
        role.allow("emr-serverless:GetApplication", "emr-serverless:StartJobRun", on=[application])
        role.allow(
            "emr-serverless:CancelJobRun", "emr-serverless:GetJobRun", on=[f"{application}/jobruns/*"], because=RUN_IDS
        )
        role.allow_passing(self.role.role_arn, to=SERVICE)
        rules = [place_of(self).arn("events", "rule", RULES)]
        role.allow("events:DescribeRule", "events:PutRule", "events:PutTargets", on=rules, because=RULE_NAMES)
