"""Requests of the churn pipeline's jobs in SageMaker's own terms: isolated, encrypted, bounded in time."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.churn.settings import ChurnSettings, JobSettings
from seatrial.contracts.instances import has_local_storage
from seatrial.pipeline import Execution, Join, Parameter, RetryPolicy

INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CODE_CHANNEL = "code"

RETRIES = (
    RetryPolicy(
        exceptions=("Step.SERVICE_FAULT", "Step.THROTTLING"),
        interval_seconds=10,
        backoff_rate=2.0,
        maximum_attempts=5,
    ),
    RetryPolicy(
        exceptions=("SageMaker.JOB_INTERNAL_ERROR",),
        interval_seconds=60,
        backoff_rate=2.0,
        maximum_attempts=3,
    ),
    # Capacity comes back within hours or not today; a quota (SageMaker.RESOURCE_LIMIT) does not come back by trying.
    RetryPolicy(
        exceptions=("SageMaker.CAPACITY_ERROR",),
        interval_seconds=300,
        backoff_rate=1.5,
        expire_after_minutes=360,
    ),
)


def execution_uri(settings: ChurnSettings, *names: str) -> Join:
    """A place in the artifacts bucket that belongs to the running execution alone."""
    bucket = f"s3://{settings.artifacts_bucket}/pipelines"
    return Join("/", (bucket, Execution.PipelineName, Execution.PipelineExecutionId, *names))


def processing(
    settings: ChurnSettings,
    *,
    image: str,
    instance_type: str,
    entrypoint: Sequence[str],
    arguments: Sequence[str | Parameter],
    inputs: Mapping[str, Any],
    outputs: Sequence[str],
    prefix: str,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A `CreateProcessingJob` request; input and output names are also the names of their local folders."""
    jobs = settings.jobs
    return {
        "ProcessingResources": {"ClusterConfig": _cluster(jobs, instance_type)},
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": list(entrypoint),
            "ContainerArguments": list(arguments),
        },
        "RoleArn": jobs.role_arn,
        "ProcessingInputs": [_input(name, uri) for name, uri in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_output(name, execution_uri(settings, prefix, name)) for name in outputs],
            "KmsKeyId": jobs.kms_key_arn,
        },
        "NetworkConfig": {
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            "VpcConfig": vpc(jobs),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": jobs.max_runtime_seconds},
        **({"Environment": dict(environment)} if environment else {}),
    }


def training(settings: ChurnSettings, channels: Mapping[str, Any]) -> dict[str, Any]:
    """What a training job and each job of a tuning have in common (no hyperparameters)."""
    jobs = settings.jobs
    return {
        "AlgorithmSpecification": {
            "TrainingImage": settings.model_image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "train:auc", "Regex": r"train:auc=([0-9.]+)"},
                {"Name": "validation:auc", "Regex": r"validation:auc=([0-9.]+)"},
            ],
        },
        "RoleArn": jobs.role_arn,
        "InputDataConfig": [_channel(name, uri) for name, uri in channels.items()],
        "OutputDataConfig": {"S3OutputPath": model_output_uri(settings), "KmsKeyId": jobs.kms_key_arn},
        "ResourceConfig": {
            "InstanceType": settings.instance_type,
            "InstanceCount": 1,
            "VolumeSizeInGB": jobs.volume_gib,
            **_volume_key(jobs, settings.instance_type),
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": jobs.max_runtime_seconds},
        "VpcConfig": vpc(jobs),
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }


def model_output_uri(settings: ChurnSettings) -> Join:
    """Where the execution's training jobs leave their artifacts."""
    return execution_uri(settings, "model")


def script_mode(settings: ChurnSettings) -> dict[str, str]:
    """Hyperparameters by which AWS's training toolkit finds train.py in the code channel, without S3 access."""
    return {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"/opt/ml/input/data/{CODE_CHANNEL}/{settings.code.training_source_name}",
        "sagemaker_container_log_level": "20",
    }


def vpc(jobs: JobSettings) -> dict[str, Any]:
    """The subnets and security groups of every job."""
    return {"SecurityGroupIds": list(jobs.security_group_ids), "Subnets": list(jobs.subnet_ids)}


def _cluster(jobs: JobSettings, instance_type: str) -> dict[str, Any]:
    return {
        "InstanceCount": 1,
        "InstanceType": instance_type,
        "VolumeSizeInGB": jobs.volume_gib,
        **_volume_key(jobs, instance_type),
    }


def _volume_key(jobs: JobSettings, instance_type: str) -> dict[str, str]:
    """Disks of the instance itself are encrypted by their hardware: SageMaker refuses a key for them."""
    return {} if has_local_storage(instance_type) else {"VolumeKmsKeyId": jobs.kms_key_arn}


def _input(name: str, uri: Any) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{INPUT}/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _output(name: str, uri: Any) -> dict[str, Any]:
    return {
        "OutputName": name,
        "AppManaged": False,
        "S3Output": {"S3Uri": uri, "LocalPath": f"{OUTPUT}/{name}", "S3UploadMode": "EndOfJob"},
    }


def _channel(name: str, uri: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {
        "ChannelName": name,
        "DataSource": {"S3DataSource": source},
        "CompressionType": "None",
        "RecordWrapperType": "None",
    }
