"""Training on Spark as a step of a SageMaker pipeline: on an EMR Serverless application, under a role of its own."""

from collections.abc import Sequence

from seatrial.constructs.arns import place_of
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_tenant import SparkTenant

RULES = "SageMakerPipelineExecutionEMRServerless*"
RULE_NAMES = (
    "SageMaker watches job runs by rules of its own whose names it does not document; their beginning is known."
)


class SparkTraining(SparkTenant):
    """Jobs of a pipeline's steps: a step of type EMRServerless names `application_id` and `role.role_arn`.

    The pipeline that has it calls `grant_run` for its own role.
    """

    role_description = "Trains on EMR Serverless"

    def allow_keys(self, bucket_name: str, keys: Sequence[str]) -> None:
        """Let the jobs read these objects of a bucket that holds other people's code as well."""
        bucket = f"arn:{place_of(self).partition}:s3:::{bucket_name}"
        self.role.allow("s3:GetObject", on=[f"{bucket}/{key}" for key in keys])

    def grant_run(self, role: ServiceRole) -> None:
        """Let a pipeline start, watch and cancel job runs."""
        looks, stops = ["emr-serverless:GetApplication"], ["emr-serverless:CancelJobRun"]
        self.grant_start(role, on_application=looks, on_runs=stops)
        rules = [place_of(self).arn("events", "rule", RULES)]
        role.allow("events:DescribeRule", "events:PutRule", "events:PutTargets", on=rules, because=RULE_NAMES)
