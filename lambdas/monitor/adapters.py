"""Everything the monitor asks of AWS; each client is made at its first use and kept for the next invocation."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from seatrial.contracts.serving import BASELINE_DIGEST, BASELINE_URI, Serving, is_absent, resolve_serving
from seatrial.statistics.baseline import Baseline

MOST_SIZES = 50_000
"""Sizes of objects that are remembered."""
CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True)
class StoredObject:
    """An object in S3 and its size in bytes."""

    key: str
    size: int


class BaselineError(ValueError):
    """The champion's baseline is missing, or is not the one that was registered with it."""


class Aws:
    """The monitor's clients."""

    def __init__(self) -> None:
        self._baselines: dict[tuple[str, str], tuple[Baseline, str]] = {}
        self._sizes: dict[tuple[str, str], int] = {}

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def dynamodb(self) -> Any:
        """The state table's service."""
        return boto3.client("dynamodb")

    @cached_property
    def sagemaker(self) -> Any:
        """The registry's and the endpoint's service."""
        return boto3.client("sagemaker")

    @cached_property
    def emr_serverless(self) -> Any:
        """Where Spark runs."""
        return boto3.client("emr-serverless")

    @cached_property
    def events(self) -> Any:
        """EventBridge."""
        return boto3.client("events")

    @cached_property
    def cloudwatch(self) -> Any:
        """The metrics that the endpoint publishes itself."""
        return boto3.client("cloudwatch")

    def invocations(self, endpoint_name: str, variant_name: str, start: datetime, end: datetime) -> float:
        """How many requests the variant answered between two times; what failed is not captured and does not count."""
        failed = ("Invocation4XXErrors", "Invocation5XXErrors")
        names = {"EndpointName": endpoint_name, "VariantName": variant_name}
        total, *errors = (self._sum(metric, names, start, end) for metric in ("Invocations", *failed))
        return max(0.0, total - sum(errors))

    def _sum(self, metric: str, dimensions: dict[str, str], start: datetime, end: datetime) -> float:
        answer = self.cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=start,
            EndTime=end,
            Period=int((end - start).total_seconds()),
            Statistics=["Sum"],
        )
        # The end is exclusive; an emulator may add a period that begins there.
        return sum(point["Sum"] for point in answer["Datapoints"] if point["Timestamp"] < end)

    def serving(self, endpoint_name: str) -> Serving | None:
        """What the endpoint runs; None before it exists or while it is first created."""
        try:
            serving = resolve_serving(self.sagemaker, endpoint_name)
        except ClientError as error:
            if is_absent(error):
                return None
            raise
        return None if serving.status == "Creating" else serving

    def baseline(self, serving: Serving, bucket: str) -> tuple[Baseline, str]:
        """The champion's baseline and its digest; raises `BaselineError` when it is not the champion's own."""
        uri = serving.metadata.get(BASELINE_URI)
        if not uri or not uri.startswith(f"s3://{bucket}/"):
            raise BaselineError(f"{serving.package_arn}: {BASELINE_URI} must lie in bucket {bucket}, got {uri!r}")
        key = (serving.package_arn, uri)
        if key not in self._baselines:
            self._baselines = {key: self._read_baseline(serving, uri)}
        return self._baselines[key]

    def _read_baseline(self, serving: Serving, uri: str) -> tuple[Baseline, str]:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        try:
            body, written = (self.body(bucket, name) for name in (key, key.removesuffix(".json") + ".sha256"))
        except ClientError as error:
            raise BaselineError(f"{uri}: the baseline of {serving.package_arn} cannot be read: {error}") from error
        digest = hashlib.sha256(body).hexdigest()
        if {written.decode(errors="replace").strip(), serving.metadata.get(BASELINE_DIGEST, digest)} != {digest}:
            raise BaselineError(f"{uri}: is not the file whose digest the training of {serving.package_arn} wrote")
        try:
            return Baseline.from_json(body.decode()), digest
        except ValueError as error:
            raise BaselineError(f"{uri}: {error}") from error

    def body(self, bucket: str, key: str) -> bytes:
        """The bytes of an object."""
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def objects(self, bucket: str, prefix: str, start_after: str = "") -> list[StoredObject]:
        """Objects below a prefix that hold anything, in order, from the one after `start_after`."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, StartAfter=start_after)
        found = (item for page in pages for item in page.get("Contents", ()))
        return [StoredObject(item["Key"], item["Size"]) for item in found if item["Size"]]

    def keys(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys below a prefix, in order, with the objects' sizes in bytes."""
        return ((item.key, item.size) for item in self.objects(bucket, prefix))

    def size(self, bucket: str, key: str) -> int | None:
        """Bytes of an object; None where there is none, or none that may be read.

        Windows that late files may change name the same objects at every look: a warm function asks once.
        """
        if (bucket, key) not in self._sizes:
            try:
                found = self.s3.head_object(Bucket=bucket, Key=key)["ContentLength"]
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] in {403, 404}:
                    return None
                raise
            if len(self._sizes) >= MOST_SIZES:
                self._sizes.clear()
            self._sizes[bucket, key] = found
        return self._sizes[bucket, key]

    def folders(self, bucket: str, prefix: str) -> list[str]:
        """Names of the folders directly below a prefix, which ends with a slash."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        found = (item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ()))
        return [name[len(prefix) : -1] for name in found]

    def lines(self, bucket: str, keys: Iterable[str]) -> Iterator[str]:
        """Lines of text of the objects, a piece of one in memory at a time; bytes that are no UTF-8 are replaced."""
        for key in keys:
            body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
            for line in body.iter_lines(chunk_size=CHUNK_BYTES):
                yield line.decode("utf-8", errors="replace")

    def read(self, bucket: str, key: str) -> str | None:
        """The text of an object, None when there is none."""
        try:
            return self.body(bucket, key).decode()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise

    def processing_status(self, name: str) -> str | None:
        """Status of a processing job, None when there is none of this name."""
        try:
            return self.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"]
        except ClientError as error:
            if is_absent(error):
                return None
            raise

    def failure(self, name: str) -> str:
        """Why a processing job has not ended well."""
        job = self.sagemaker.describe_processing_job(ProcessingJobName=name)
        return job.get("ExitMessage") or job.get("FailureReason") or job["ProcessingJobStatus"]

    def image(self, package_arn: str) -> str:
        """The image that a model package is served in."""
        package = self.sagemaker.describe_model_package(ModelPackageName=package_arn)
        return package["InferenceSpecification"]["Containers"][0]["Image"]

    def start_processing(self, request: dict[str, Any]) -> None:
        """Start a processing job; one of the same name that another invocation has just started is as good."""
        try:
            self.sagemaker.create_processing_job(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceInUse":
                raise

    def start_job_run(self, request: dict[str, Any]) -> str:
        """Start a Spark job and return its id; the same request starts none twice, by its client token."""
        return self.emr_serverless.start_job_run(**request)["jobRunId"]

    def job_run(self, application_id: str, job_run_id: str) -> tuple[str, str, timedelta]:
        """State of a Spark job, its details, its age; one that is no longer known has failed, for all one can tell."""
        try:
            run = self.emr_serverless.get_job_run(applicationId=application_id, jobRunId=job_run_id)["jobRun"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return "FAILED", "the service does not know it any more", timedelta()
            raise
        return run["state"], run.get("stateDetails", ""), datetime.now(UTC) - run["createdAt"]

    def cancel_job_run(self, application_id: str, job_run_id: str) -> None:
        """Give a Spark job up; one that has just ended is none the worse."""
        try:
            self.emr_serverless.cancel_job_run(applicationId=application_id, jobRunId=job_run_id)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ResourceNotFoundException", "ValidationException"}:
                raise

    def put(self, bucket: str, key: str, body: str) -> None:
        """Write a JSON object."""
        self.s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/json")

    def put_bytes(self, bucket: str, key: str, body: bytes) -> None:
        """Write a Parquet file."""
        self.s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/vnd.apache.parquet")
