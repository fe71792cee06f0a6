"""EMR Serverless: an application that scales from nothing to a bound, in the VPC, and how jobs are started on it."""

from pathlib import Path
from typing import Any

import aws_cdk.aws_emrserverless as emrserverless
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import aws_cdk.aws_s3_assets as s3_assets
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.assets import file_asset
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.spark_job import SparkEngine, SparkJob, finished
from seatrial.constructs.state_language import State, retry
from seatrial.constructs.workload import WorkloadNetwork

SERVICE = "emr-serverless.amazonaws.com"
LOGS_PREFIX = "emr-serverless-logs/"
ENVIRONMENT = "./environment/bin/python"
OVERHEAD = 1.1
"""A worker's memory is Spark's plus its overhead, a tenth by default (spark.executor.memoryOverheadFactor)."""
BUSY = ["EMRServerless.InternalServerException", "EMRServerless.ThrottlingException"]
RUN_IDS = "A job run's id is made when it starts; the application is exact."


class EmrServerlessEngine(SparkEngine):
    """An application with a maximum capacity, started by the first job and stopped when idle.

    Workers of driver and executors are alike: `worker_vcpu` and `worker_memory_gib`. Inside the application Spark's
    own traffic is TLS (EMR Serverless since 6.15); logs lie encrypted below `emr-serverless-logs/` in `artifacts`.
    `python_environment` is a tar.gz of a virtual environment, `custom_image` an image in ECR; not both.
    """

    capacity = "look whether the application's maximum_vcpu and maximum_memory_gib, or the account's vCPUs, are used up"

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        application_name: str,
        network: WorkloadNetwork,
        encryption_key: kms.IKey,
        artifacts: s3.IBucket,
        release: str = "emr-7.13.0",
        architecture: str = "arm64",
        maximum_vcpu: int = 128,
        maximum_memory_gib: int = 512,
        worker_vcpu: int = 4,
        worker_memory_gib: int = 16,
        pre_initialized_drivers: int = 0,
        pre_initialized_executors: int = 0,
        idle_timeout_minutes: int = 15,
        maximum_concurrent_runs: int = 15,
        custom_image: str | None = None,
        python_environment: Path | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(architecture, maximum_vcpu, maximum_memory_gib, worker_vcpu, worker_memory_gib)
        if custom_image and python_environment:
            raise ConstructError("custom_image, python_environment: both choose the Python, give one of them")
        self.encryption_key, self._artifacts = encryption_key, artifacts
        self._worker = {"cpu": f"{worker_vcpu} vCPU", "memory": f"{worker_memory_gib} GB"}
        self.role = self._job_role()
        self.spark_settings = _spark_settings(worker_vcpu, worker_memory_gib)
        self.environment: s3_assets.Asset | None = None
        if python_environment is not None:
            self._use_environment(python_environment)
        kinds = emrserverless.CfnApplication
        self.application = kinds(
            self,
            "Application",
            name=application_name,
            type="SPARK",
            release_label=release,
            architecture=architecture.upper(),
            maximum_capacity=kinds.MaximumAllowedResourcesProperty(
                cpu=f"{maximum_vcpu} vCPU", memory=f"{maximum_memory_gib} GB"
            ),
            initial_capacity=self._initial(pre_initialized_drivers, pre_initialized_executors),
            auto_start_configuration=kinds.AutoStartConfigurationProperty(enabled=True),
            auto_stop_configuration=kinds.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=idle_timeout_minutes
            ),
            network_configuration=kinds.NetworkConfigurationProperty(
                subnet_ids=[*network.subnet_ids], security_group_ids=[*network.security_group_ids]
            ),
            scheduler_configuration=kinds.SchedulerConfigurationProperty(
                max_concurrent_runs=maximum_concurrent_runs, queue_timeout_minutes=360
            ),
            image_configuration=kinds.ImageConfigurationInputProperty(image_uri=custom_image) if custom_image else None,
            monitoring_configuration=self._monitoring(),
        )

    def opening(self) -> dict[str, State]:
        """Nothing: the application starts by itself."""
        return {}

    def closing(self) -> dict[str, State]:
        """Nothing: the application stops by itself."""
        return {}

    def task(self, job: SparkJob, arguments: str) -> State:
        """StartJobRun; EMR Serverless tries a failed run again itself, the state machine only a throttled start."""
        submit = {
            "EntryPoint": job.script.s3_object_url,
            "EntryPointArguments.$": arguments,
            "SparkSubmitParameters": " ".join(job.submit_options(self.spark_settings)),
        }
        parameters: dict[str, Any] = {
            "ApplicationId": self.application.attr_application_id,
            "ExecutionRoleArn": self.role.role_arn,
            "Name": job.name,
            "ExecutionTimeoutMinutes": job.max_runtime_minutes,
            "RetryPolicy": {"MaxAttempts": job.attempts},
            "JobDriver": {"SparkSubmit": submit},
        }
        start = "arn:aws:states:::emr-serverless:startJobRun.sync"
        throttled = retry(BUSY, attempts=5, first_seconds=10, longest_seconds=120)
        return finished(job, Resource=start, Parameters=parameters, Retry=[throttled])

    def grant_run(self, role: ServiceRole) -> None:
        """Start, watch and cancel job runs of this application, as the jobs' role and no other."""
        role.allow("emr-serverless:StartJobRun", on=[self.application.attr_arn])
        runs = [f"{self.application.attr_arn}/jobruns/*"]
        role.allow("emr-serverless:CancelJobRun", "emr-serverless:GetJobRun", on=runs, because=RUN_IDS)
        role.allow_passing(self.role.role_arn, to=SERVICE)
        # How Step Functions learns of a job's end: a rule of its own in this account.
        rule = place_of(self).arn("events", "rule", "StepFunctionsGetEventsForEMRServerlessJobRule")
        role.allow("events:DescribeRule", "events:PutRule", "events:PutTargets", on=[rule])

    def _job_role(self) -> ServiceRole:
        role = ServiceRole(self, "Identity", service=SERVICE, description="Spark jobs on EMR Serverless")
        role.allow_key(self.encryption_key)
        role.allow_writing(self._artifacts, LOGS_PREFIX, multipart=True)
        return role

    def _use_environment(self, archive: Path) -> None:
        asset = self.environment = file_asset(self, "PythonEnvironment", archive.read_bytes(), ".tar.gz")
        self.allow_code(asset)
        driver = "spark.emr-serverless.driverEnv"
        self.spark_settings |= {
            "spark.archives": f"{asset.s3_object_url}#environment",
            f"{driver}.PYSPARK_DRIVER_PYTHON": ENVIRONMENT,
            f"{driver}.PYSPARK_PYTHON": ENVIRONMENT,
            "spark.executorEnv.PYSPARK_PYTHON": ENVIRONMENT,
        }

    def _initial(self, drivers: int, executors: int) -> list[Any] | None:
        kinds = emrserverless.CfnApplication
        worker = kinds.WorkerConfigurationProperty(**self._worker)
        counts = {"Driver": drivers, "Executor": executors}
        ready = [
            kinds.InitialCapacityConfigKeyValuePairProperty(
                key=key, value=kinds.InitialCapacityConfigProperty(worker_count=count, worker_configuration=worker)
            )
            for key, count in counts.items()
            if count
        ]
        return ready or None

    def _monitoring(self) -> emrserverless.CfnApplication.MonitoringConfigurationProperty:
        kinds = emrserverless.CfnApplication
        return kinds.MonitoringConfigurationProperty(
            s3_monitoring_configuration=kinds.S3MonitoringConfigurationProperty(
                log_uri=f"s3://{self._artifacts.bucket_name}/{LOGS_PREFIX}",
                encryption_key_arn=self.encryption_key.key_arn,
            ),
            managed_persistence_monitoring_configuration=kinds.ManagedPersistenceMonitoringConfigurationProperty(
                enabled=False
            ),
        )


def _spark_settings(vcpu: int, memory_gib: int) -> dict[str, str]:
    memory = f"{int(memory_gib / OVERHEAD)}g"
    return {
        "spark.driver.cores": str(vcpu),
        "spark.driver.memory": memory,
        "spark.executor.cores": str(vcpu),
        "spark.executor.memory": memory,
    }


def _check(architecture: str, vcpu: int, memory_gib: int, worker_vcpu: int, worker_memory_gib: int) -> None:
    if architecture not in {"arm64", "x86_64"}:
        raise ConstructError(f"architecture: must be arm64 or x86_64, got {architecture!r}")
    if worker_vcpu not in {1, 2, 4, 8, 16}:
        raise ConstructError(f"worker_vcpu: must be one of 1, 2, 4, 8, 16, got {worker_vcpu}")
    if vcpu < 2 * worker_vcpu:
        raise ConstructError(f"maximum_vcpu: must be at least {2 * worker_vcpu}, a driver and an executor, got {vcpu}")
    if memory_gib < 2 * worker_memory_gib:
        least = 2 * worker_memory_gib
        raise ConstructError(
            f"maximum_memory_gib: must be at least {least}, a driver and an executor, got {memory_gib}"
        )
