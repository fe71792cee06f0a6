"""The one module through which the rehearsal talks to AWS's APIs (of the offline cloud)."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

STOPPING_ATTEMPTS = 240
THROTTLED_ATTEMPTS, THROTTLED_PAUSE_SECONDS = 60, 0.25


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    >>> split_uri("s3://bucket/a/b.json")
    ('bucket', 'a/b.json')
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


class Aws:
    """Typed calls in the rehearsal's own words; `client` returns a boto3 client for a service name."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = client

    # S3

    def put(self, bucket: str, key: str, body: bytes) -> str:
        """Store one object; returns its URI."""
        self._client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def put_folder(self, bucket: str, prefix: str, folder: Path) -> str:
        """Store every file below `folder` under `prefix` (which ends with a slash); returns the prefix's URI."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(bucket, prefix + path.relative_to(folder).as_posix(), path.read_bytes())
        return f"s3://{bucket}/{prefix}"

    def read(self, uri: str) -> bytes:
        """The bytes of one object."""
        bucket, key = split_uri(uri)
        return self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()

    def read_end(self, uri: str, size: int) -> bytes:
        """The last bytes of one object, `size` of them or all that there are."""
        bucket, key = split_uri(uri)
        return self._client("s3").get_object(Bucket=bucket, Key=key, Range=f"bytes=-{size}")["Body"].read()

    def read_json_if_there(self, uri: str) -> Any | None:
        """The JSON document at `uri`, None when there is no such object."""
        try:
            return json.loads(self.read(uri))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return None
            raise

    def keys(self, bucket: str, prefix: str = "") -> Iterator[str]:
        """All keys below a prefix, in order."""
        pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            yield from (item["Key"] for item in page.get("Contents", ()))

    def empty_bucket(self, bucket: str) -> int:
        """Delete every version of every object, as an operator does before he destroys a stack; returns how many."""
        s3, count = self._client("s3"), 0
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            count += len(objects)
        return count

    # Lambda, Step Functions, DynamoDB

    def invoke_function(self, name: str, payload: Mapping[str, Any]) -> Any:
        """Invoke a function and wait; raises `FunctionError` with its message when it failed."""
        answer = self._invoke(name, json.dumps(payload).encode())
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionError(f"{name}: {result.get('errorMessage', result)}")
        return result

    def _invoke(self, name: str, payload: bytes) -> Any:
        # A function that decides one thing at a time is busy for a moment after each event: wait, as AWS's SDKs do.
        for _ in range(THROTTLED_ATTEMPTS):
            try:
                return self._client("lambda").invoke(FunctionName=name, Payload=payload)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TooManyRequestsException":
                    raise
                time.sleep(THROTTLED_PAUSE_SECONDS)
        raise FunctionError(f"{name}: still busy after {THROTTLED_ATTEMPTS} attempts")

    def state_machine_runs(self, arn: str) -> list[dict[str, Any]]:
        """Executions of a state machine, newest first."""
        return self._client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]

    def state_machine_run(self, arn: str) -> dict[str, Any]:
        """One execution with its output, or its error and cause."""
        return self._client("stepfunctions").describe_execution(executionArn=arn)

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table as plain Python values (numbers as float)."""
        pages = self._client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [_plain_item(item) for page in pages for item in page["Items"]]

    # EMR Serverless

    def stop_spark(self, application: str) -> None:
        """Stop an application, as has to be done before it can be deleted, and wait; one that never began is left."""
        emr = self._client("emr-serverless")
        if emr.get_application(applicationId=application)["application"]["state"] == "CREATED":
            return
        emr.stop_application(applicationId=application)
        for _ in range(STOPPING_ATTEMPTS):
            if emr.get_application(applicationId=application)["application"]["state"] == "STOPPED":
                return
            time.sleep(THROTTLED_PAUSE_SECONDS)
        raise FunctionError(f"Spark's application {application}: not stopped after {STOPPING_ATTEMPTS} looks")

    # SageMaker

    def pipeline_definition(self, name: str) -> dict[str, Any]:
        """The deployed definition, parsed."""
        return json.loads(self._client("sagemaker").describe_pipeline(PipelineName=name)["PipelineDefinition"])

    def executions(self, pipeline: str) -> list[str]:
        """ARNs of a pipeline's executions, newest first."""
        answer = self._client("sagemaker").list_pipeline_executions(PipelineName=pipeline)
        return [item["PipelineExecutionArn"] for item in answer["PipelineExecutionSummaries"]]

    def start_pipeline(self, name: str) -> str:
        """Start an execution with the pipeline's default parameters; returns its ARN."""
        return self._client("sagemaker").start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]

    def execution(self, arn: str) -> dict[str, Any]:
        """One pipeline execution."""
        return self._client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)

    def steps(self, arn: str) -> list[dict[str, Any]]:
        """Steps of a pipeline execution, oldest first."""
        answer = self._client("sagemaker").list_pipeline_execution_steps(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return answer["PipelineExecutionSteps"]

    def start_processing(self, request: Mapping[str, Any]) -> None:
        """CreateProcessingJob."""
        self._client("sagemaker").create_processing_job(**request)

    def processing(self, name: str) -> dict[str, Any]:
        """DescribeProcessingJob."""
        return self._client("sagemaker").describe_processing_job(ProcessingJobName=name)

    def packages(self, group: str) -> list[dict[str, Any]]:
        """Model packages of a group, oldest first, each as DescribeModelPackage has it."""
        sagemaker = self._client("sagemaker")
        answer = sagemaker.list_model_packages(
            ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Ascending"
        )
        arns = [item["ModelPackageArn"] for item in answer["ModelPackageSummaryList"]]
        return [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]

    def delete_packages(self, group: str) -> int:
        """Delete every model package of a group; returns how many."""
        packages = self.packages(group)
        for package in packages:
            self._client("sagemaker").delete_model_package(ModelPackageName=package["ModelPackageArn"])
        return len(packages)

    def create_package(self, request: Mapping[str, Any]) -> str:
        """CreateModelPackage; returns the ARN."""
        return self._client("sagemaker").create_model_package(**request)["ModelPackageArn"]

    def approve(self, package_arn: str, why: str) -> None:
        """Approve a model package, as the approver does."""
        self._client("sagemaker").update_model_package(
            ModelPackageArn=package_arn, ModelApprovalStatus="Approved", ApprovalDescription=why
        )

    def endpoint(self, name: str) -> dict[str, Any] | None:
        """DescribeEndpoint, None when there is none."""
        try:
            return self._client("sagemaker").describe_endpoint(EndpointName=name)
        except ClientError as error:
            if "Could not find" in str(error):
                return None
            raise

    def served_package(self, endpoint: str) -> str | None:
        """ARN of the model package behind the endpoint's current configuration."""
        described = self.endpoint(endpoint)
        if described is None:
            return None
        sagemaker = self._client("sagemaker")
        config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        model = sagemaker.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
        containers = model.get("Containers") or [model["PrimaryContainer"]]
        return containers[0].get("ModelPackageName")


class FunctionError(Exception):
    """A Lambda function ended with an error; the text is the function's own message."""


def _plain_item(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _plain_value(value) for name, value in item.items()}


def _plain_value(value: Mapping[str, Any]) -> Any:
    (kind, content), *_ = value.items()
    if kind == "N":
        return float(content)
    if kind == "M":
        return _plain_item(content)
    if kind == "L":
        return [_plain_value(entry) for entry in content]
    return None if kind == "NULL" else content
