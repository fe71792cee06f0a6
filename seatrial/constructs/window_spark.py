"""Windows too large for a single machine: a Spark job on EMR Serverless that the monitor's function starts."""

from typing import Any

import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
from constructs import Construct

from seatrial.constructs.emr_serverless import EmrServerlessEngine
from seatrial.constructs.spark_job import SparkJob
from seatrial.constructs.spark_tenant import SparkTenant

SCRIPT = "monitor/steps/read_window_spark.py"
READINGS = "monitoring/"


class WindowSpark(SparkTenant):
    """What reads a window of any size; nothing runs, and nothing costs, until one is that large.

    Jobs read the capture and the baseline, and write what they counted below "monitoring/" of the artifacts bucket. The
    Python of the engine's application must have pyarrow and numpy: EMR's own has not. `exclusive` says that
    the application is there for these jobs alone.
    """

    role_description = "Reads the largest windows for the monitor"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        engine: EmrServerlessEngine,
        capture: s3.IBucket,
        artifacts: s3.IBucket,
        encryption_key: kms.IKey,
        max_runtime_minutes: int = 120,
        exclusive: bool = False,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            engine=engine,
            artifacts=artifacts,
            prefix=READINGS,
            encryption_key=encryption_key,
            role=engine.role if exclusive else None,
        )
        self.role.allow_reading(capture)
        self.role.allow_reading(artifacts)
        self.job = SparkJob(
            self,
            "Job",
            engine=self,
            script=SCRIPT,
            arguments={},
            per_date=False,
            attempts=1,
            max_runtime_minutes=max_runtime_minutes,
        )

    @property
    def settings(self) -> dict[str, Any]:
        """What the function is told."""
        return {
            "application_id": self.application_id,
            "role_arn": self.role.role_arn,
            "script_uri": self.job.script.s3_object_url,
            "submit_parameters": " ".join(self.job.submit_options(self.spark_settings)),
            "max_runtime_minutes": self.job.max_runtime_minutes,
        }
