"""Hands a window that is too large for the function to a Processing or a Spark job, and takes what the job read."""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from adapters import Aws
from parse import HOUR, Configuration, WindowJob, WindowSpark

from seatrial.contracts import layout
from seatrial.decisions.monitor_form import Form

if TYPE_CHECKING:  # few windows are that large: no cold start needs the documents
    from seatrial.contracts.volume import ReadingRequest, ReadingResult

logger = logging.getLogger("monitor")
LONGEST_WAIT = HOUR
"""Of a Spark job for capacity, beyond the time that it may run: its windows wait with it."""
ATTEMPTS = 2
"""Jobs of a form that are tried before the next smaller form reads a sample."""
INPUT, OUTPUT = "/opt/ml/processing/input", "/opt/ml/processing/output/reading"
GIB = 1024**3
SMALLEST_VOLUME_GIB = 30
MANIFEST_FILE = "manifest.json"


class StillReadingError(Exception):
    """A job reads the window; the function looks again when the job has ended, and at its next run."""


@dataclass(frozen=True)
class Progress:
    """Where a job stands: it reads, has read, or has failed; `told` names it and says how it ended."""

    state: Literal["reading", "read", "failed"]
    told: str


def read_by_job(
    request: "ReadingRequest", size: int, form: Form, configuration: Configuration, aws: Aws
) -> "ReadingResult | None":
    """What a job of this form read of the window; None when its jobs failed. Raises `StillReadingError` while one runs.

    `size` is the number of bytes to read. Jobs are named after the request, so a rerun starts none twice.
    """
    from seatrial.contracts.volume import RESULT_FILE, ReadingResult

    prefix = layout.reading_prefix(configuration.endpoint_name, request.window, request.digest)
    text = aws.read(configuration.artifacts_bucket, prefix + RESULT_FILE)
    for attempt in range(1, ATTEMPTS + 1):
        if text is not None:
            return ReadingResult.from_json(text)
        progress = _follow(form, Reading(request, prefix, size, attempt), configuration, aws)
        if progress.state == "reading":
            raise StillReadingError(f"{request.window}: read by {progress.told}")
        text = aws.read(configuration.artifacts_bucket, prefix + RESULT_FILE) if progress.state == "read" else None
        if text is None:
            logger.error("window %s: %s", request.window, progress.told)
    return ReadingResult.from_json(text) if text is not None else None


@dataclass(frozen=True)
class Reading:
    """One attempt to read a window by a job."""

    request: "ReadingRequest"
    prefix: str
    size: int
    attempt: int

    @property
    def name(self) -> str:
        """Of the job, without the beginning that all jobs share."""
        return f"{self.request.digest[:16]}-{self.attempt}"

    def place(self, configuration: Configuration) -> str:
        """The folder of request and result, with a slash at its end."""
        return f"s3://{configuration.artifacts_bucket}/{self.prefix}"


def _follow(form: Form, reading: Reading, configuration: Configuration, aws: Aws) -> Progress:
    """Start the attempt's job, or look at it."""
    if form == "spark" and configuration.window_spark is not None:
        return _follow_spark(reading, configuration.window_spark, configuration, aws)
    if form == "processing" and configuration.window_job is not None:
        return _follow_processing(reading, configuration.window_job, configuration, aws)
    raise ValueError(f"{form}: the stack made no job of this form")


def _follow_processing(reading: Reading, job: WindowJob, configuration: Configuration, aws: Aws) -> Progress:
    name = f"{job.name_prefix}{reading.name}"
    status = aws.processing_status(name)
    if status is None:
        _write(reading, configuration, aws, manifest=True)
        place = reading.place(configuration)
        aws.start_processing(processing_request(name, place, reading.request, reading.size, job))
    told = f"processing job {name}"
    if status in {None, "InProgress", "Stopping"}:
        return Progress("reading", told)
    return Progress("read" if status == "Completed" else "failed", f"{told} ended as {status}")


def _follow_spark(reading: Reading, job: WindowSpark, configuration: Configuration, aws: Aws) -> Progress:
    """A job run's id is kept beside the request; until it is, starting once more gives the same one."""
    key = f"{reading.prefix}spark-{reading.attempt}.json"
    known = aws.read(configuration.artifacts_bucket, key)
    if known is None:
        _write(reading, configuration, aws, manifest=False)
        run = aws.start_job_run(spark_request(reading.name, reading.place(configuration), job))
        aws.put(configuration.artifacts_bucket, key, json.dumps({"job_run_id": run}))
        return Progress("reading", f"Spark job run {run}")
    run = json.loads(known)["job_run_id"]
    state, details, age = aws.job_run(job.application_id, run)
    if state not in {"SUCCESS", "FAILED", "CANCELLED"}:
        if age <= timedelta(minutes=job.max_runtime_minutes) + LONGEST_WAIT:
            return Progress("reading", f"Spark job run {run}")
        aws.cancel_job_run(job.application_id, run)
        told = f"Spark job run {run} was given up as {state} after {age // HOUR} hours"
        return Progress("failed", f"{told}: is the application's capacity used up?")
    return Progress("read" if state == "SUCCESS" else "failed", f"Spark job run {run} ended as {state}: {details}")


def _write(reading: Reading, configuration: Configuration, aws: Aws, *, manifest: bool) -> None:
    """What the job is told: the request, and for a processing job where its objects lie."""
    from seatrial.contracts.volume import REQUEST_FILE

    request, bucket = reading.request, configuration.artifacts_bucket
    aws.put(bucket, reading.prefix + REQUEST_FILE, request.to_json())
    for place, keys in _by_place(request).items() if manifest else ():
        objects = [{"prefix": f"s3://{place}/"}, *keys]
        aws.put(bucket, reading.prefix + _manifest(request, place), json.dumps(objects))


def _by_place(request: "ReadingRequest") -> dict[str, list[str]]:
    """Keys by bucket; those of a source begin with theirs."""
    if request.bucket:
        return {request.bucket: [*request.keys]}
    found: dict[str, list[str]] = {}
    for name in request.keys:
        bucket, _, key = name.partition("/")
        found.setdefault(bucket, []).append(key)
    return found


def _manifest(request: "ReadingRequest", bucket: str) -> str:
    return MANIFEST_FILE if request.bucket else f"{bucket}-{MANIFEST_FILE}"


def spark_request(name: str, place: str, job: WindowSpark) -> dict[str, Any]:
    """StartJobRun: its token is the digest of all that it asks for, so that asking twice starts one job run."""
    from seatrial.contracts.volume import REQUEST_FILE, RESULT_FILE

    request = {
        "applicationId": job.application_id,
        "executionRoleArn": job.role_arn,
        "name": f"read-window-{name}",
        "executionTimeoutMinutes": job.max_runtime_minutes,
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": job.script_uri,
                "entryPointArguments": ["--request", place + REQUEST_FILE, "--output", place + RESULT_FILE],
                "sparkSubmitParameters": job.submit_parameters,
            }
        },
    }
    token = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    return {**request, "clientToken": token}


def processing_request(name: str, place: str, request: "ReadingRequest", size: int, job: WindowJob) -> dict[str, Any]:
    """CreateProcessingJob: isolated from the network, its objects brought by manifest, its disk twice their size."""
    from seatrial.contracts.volume import REQUEST_FILE

    inputs = {
        "request": (place + REQUEST_FILE, "S3Prefix"),
        "baseline": (request.baseline_uri, "S3Prefix"),
    }
    for bucket in _by_place(request):
        inputs["capture" if request.bucket else f"capture/{bucket}"] = (
            place + _manifest(request, bucket),
            "ManifestFile",
        )
    output = {"S3Uri": place.rstrip("/"), "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"}
    return job_request(name, job, Work(job.code_uri, job.library_uri, job.image, inputs, output, size))


@dataclass(frozen=True)
class Work:
    """What a job does: script and library, image, inputs (place and kind by name), its output, bytes to read."""

    code_uri: str
    library_uri: str
    image: str
    inputs: Mapping[str, tuple[str, str]]
    output: Mapping[str, str]
    size: int
    arguments: tuple[str, ...] = ()


def job_request(name: str, job: WindowJob, work: Work) -> dict[str, Any]:
    """CreateProcessingJob for any work of the monitor's, as the stack allows it."""
    code = {"code": (work.code_uri, "S3Prefix"), "library": (work.library_uri, "S3Prefix")}
    cluster = {"InstanceCount": 1, "InstanceType": job.instance_type, "VolumeKmsKeyId": job.kms_key_arn}
    arguments = {"ContainerArguments": [*work.arguments]} if work.arguments else {}
    return {
        "ProcessingJobName": name,
        "RoleArn": job.role_arn,
        "AppSpecification": {
            "ImageUri": work.image,
            "ContainerEntrypoint": ["python3", f"{INPUT}/code/{_file(work.code_uri)}"],
            **arguments,
        },
        "Environment": {"PYTHONPATH": f"{INPUT}/library/{_file(work.library_uri)}", "OPENBLAS_NUM_THREADS": "1"},
        "ProcessingInputs": [_input(item, uri, kind) for item, (uri, kind) in {**code, **work.inputs}.items()],
        "ProcessingOutputConfig": {
            "KmsKeyId": job.kms_key_arn,
            "Outputs": [{"OutputName": _file(work.output["LocalPath"]), "S3Output": work.output}],
        },
        "ProcessingResources": {"ClusterConfig": {**cluster, "VolumeSizeInGB": _volume_gib(work.size)}},
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
    return {"InputName": name.replace("/", "-"), "S3Input": {**source, "S3DataDistributionType": "FullyReplicated"}}


def _file(uri: str) -> str:
    return uri.rsplit("/", 1)[1]
