"""Jobs of somebody else on an EMR Serverless application that exists: under a role of their own, below one prefix."""

from collections.abc import Sequence
from typing import ClassVar

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.emr_serverless import LOGS_PREFIX, RUN_IDS, SERVICE, EmrServerlessEngine
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_job import SparkEngine


class SparkTenant(SparkEngine):
    """Jobs that read and write below `prefix` of `artifacts`; what else they need is granted to `role`.

    The role sees nothing of what the application's owner works on. `role` is given where the application is there for
    these jobs alone: then they are what its own role is for.
    """

    role_description: ClassVar[str]
    """What a role of its own is for."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        engine: EmrServerlessEngine,
        artifacts: s3.IBucket,
        prefix: str,
        encryption_key: kms.IKey,
        role: ServiceRole | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.encryption_key = encryption_key
        self.application_arn: str = engine.application.attr_arn
        self.application_id: str = engine.application.attr_application_id
        self.spark_settings = engine.spark_settings
        self.role = role or ServiceRole(self, "Identity", service=SERVICE, description=self.role_description)
        self.role.allow_key(encryption_key)
        self.role.allow_reading(artifacts, prefix)
        self.role.allow_writing(artifacts, prefix, LOGS_PREFIX, multipart=True)
        self.role.allow_deleting(artifacts, prefix)  # a file is written under another name, then moved
        if engine.environment is not None:
            self.allow_code(engine.environment)

    def grant_start(
        self, role: ServiceRole, *, on_application: Sequence[str] = (), on_runs: Sequence[str] = ()
    ) -> None:
        """Start and watch job runs of this application, as this role and no other; and further actions on both."""
        role.allow(*on_application, "emr-serverless:StartJobRun", on=[self.application_arn])
        runs = [f"{self.application_arn}/jobruns/*"]
        role.allow(*on_runs, "emr-serverless:GetJobRun", on=runs, because=RUN_IDS)
        role.allow_passing(self.role.role_arn, to=SERVICE)
