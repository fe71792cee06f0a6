"""Hands a window that is too large for the function to a SageMaker Processing job, and takes what the job read."""

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from adapters import Aws
from parse import Configuration, WindowJob

from seatrial.contracts import layout

if TYPE_CHECKING:  # few windows are that large: no cold start needs the documents
    from seatrial.contracts.volume import ReadingRequest, ReadingResult

logger = logging.getLogger("monitor")
ATTEMPTS = 2
"""Jobs that are tried before the function reads a sample itself."""
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output/reading"
GIB = 1024**3
SMALLEST_VOLUME_GIB = 30
MANIFEST_FILE = "manifest.json"


class StillReadingError(Exception):
    """A job reads the window; the function looks again when the job has ended, and at its next run."""


def read_by_job(request: "ReadingRequest", size: int, configuration: Configuration, aws: Aws) -> "ReadingResult | None":
    """What a job read of the window; None when its jobs failed. Raises `StillReadingError` while one runs.

    `size` is the number of bytes to read. Jobs are named after the request, so a rerun starts none twice.
    """
    job = configuration.window_job
    if job is None:
        return None
    from seatrial.contracts.volume import RESULT_FILE, ReadingResult

    prefix = layout.reading_prefix(configuration.endpoint_name, request.window, request.digest)
    text = aws.read(configuration.artifacts_bucket, prefix + RESULT_FILE)
    if text is not None:
        return ReadingResult.from_json(text)
    for attempt in range(1, ATTEMPTS + 1):
        name = f"{job.name_prefix}{request.digest[:16]}-{attempt}"
        status = aws.processing_status(name)
        if status is None:
            _write(prefix, request, configuration, aws)
            place = f"s3://{configuration.artifacts_bucket}/{prefix}"
            aws.start_processing(processing_request(name, place, request, size, job))
        if status in {None, "InProgress", "Stopping"}:
            raise StillReadingError(f"{request.window}: read by processing job {name}")
        logger.error("the job %s that read window %s ended as %s", name, request.window, status)
    return None


def _write(prefix: str, request: "ReadingRequest", configuration: Configuration, aws: Aws) -> None:
    """What the job is told: the request, and where its objects lie."""
    from seatrial.contracts.volume import REQUEST_FILE

    manifest = [{"prefix": f"s3://{request.bucket}/"}, *request.keys]
    aws.put(configuration.artifacts_bucket, prefix + REQUEST_FILE, request.to_json())
    aws.put(configuration.artifacts_bucket, prefix + MANIFEST_FILE, json.dumps(manifest))


def processing_request(name: str, place: str, request: "ReadingRequest", size: int, job: WindowJob) -> dict[str, Any]:
    """CreateProcessingJob: isolated from the network, its objects brought by manifest, its disk twice their size."""
    from seatrial.contracts.volume import REQUEST_FILE

    inputs = {
        "code": (job.code_uri, "S3Prefix"),
        "library": (job.library_uri, "S3Prefix"),
        "request": (place + REQUEST_FILE, "S3Prefix"),
        "baseline": (request.baseline_uri, "S3Prefix"),
        "capture": (place + MANIFEST_FILE, "ManifestFile"),
    }
    cluster = {"InstanceCount": 1, "InstanceType": job.instance_type, "VolumeKmsKeyId": job.kms_key_arn}
    output = {"S3Uri": place.rstrip("/"), "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return {
        "ProcessingJobName": name,
        "RoleArn": job.role_arn,
        "AppSpecification": {
            "ImageUri": job.image,
            "ContainerEntrypoint": ["python3", f"{INPUT}/code/{_file(job.code_uri)}"],
        },
        "Environment": {"PYTHONPATH": f"{INPUT}/library/{_file(job.library_uri)}", "OPENBLAS_NUM_THREADS": "1"},
        "ProcessingInputs": [_input(item, uri, kind) for item, (uri, kind) in inputs.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": job.kms_key_arn,
            "Outputs": [{"OutputName": "reading", "S3Output": output}],
        },
        "ProcessingResources": {"ClusterConfig": {**cluster, "VolumeSizeInGB": _volume_gib(size)}},
        "NetworkConfig": {
            "EnableNetworkIsolation": True,
            "EnableInterContainerTrafficEncryption": True,
            "VpcConfig": {"Subnets": [*job.subnet_ids], "SecurityGroupIds": [*job.security_group_ids]},
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": job.max_runtime_seconds},
    }


def _volume_gib(size: int) -> int:
    return max(SMALLEST_VOLUME_GIB, 2 * -(-size // GIB))


def _input(name: str, uri: str, kind: str) -> Mapping[str, Any]:
    source = {"S3Uri": uri, "LocalPath": f"{INPUT}/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**source, "S3DataDistributionType": "FullyReplicated"}}


def _file(uri: str) -> str:
    return uri.rsplit("/", 1)[1]
