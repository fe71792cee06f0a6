"""Everything this function asks of AWS; each client is made at its first use and kept for the next invocation."""

from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

import boto3
from botocore.exceptions import ClientError

from seatrial.contracts.serving import PROBE_PREFIX, SMOKE_INPUT_URI, SMOKE_OUTPUT_URI, Serving, invocations_request

PREPARING = {"Creating", "Updating"}
"""States of a new variant before it gets traffic; then ActivatingTraffic and Baking."""


class Aws:
    """The function's clients."""

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def sagemaker(self) -> Any:
        """The registry's and the endpoint's service."""
        return boto3.client("sagemaker")

    @cached_property
    def runtime(self) -> Any:
        """The service that answers requests to the endpoint."""
        return boto3.client("sagemaker-runtime")

    @cached_property
    def cloudwatch(self) -> Any:
        """The metrics' service."""
        return boto3.client("cloudwatch")

    def is_shifting(self, endpoint_name: str) -> bool:
        """Whether a deployment is under way whose new fleet is ready for traffic."""
        pending = self.sagemaker.describe_endpoint(EndpointName=endpoint_name).get("PendingDeploymentSummary", {})
        variants = pending.get("ProductionVariants", ())
        states = [{status["Status"] for status in variant.get("VariantStatus", ())} for variant in variants]
        return any(not state or state - PREPARING for state in states)

    def smoke_rows(self, package_arn: str) -> list[str]:
        """The model's own smoke rows, none when it brings none."""
        package = self.sagemaker.describe_model_package(ModelPackageName=package_arn)
        uri = package.get("CustomerMetadataProperties", {}).get(SMOKE_INPUT_URI)
        return [row for row in self._read(uri).splitlines() if row.strip()] if uri else []

    def probe(self, endpoint_name: str, row: str) -> bool:
        """Send one request that says by its id that it is nobody's; False when it is not answered."""
        try:
            self._invoke(endpoint_name, row)
        except ClientError:
            return False
        return True

    def requests(self, endpoint_name: str, variant_name: str, start: datetime, end: datetime) -> float:
        """Requests that the endpoint counted, by the metric that its alarms divide by."""
        request = invocations_request(endpoint_name, variant_name, start, end, 60)
        answer = self.cloudwatch.get_metric_statistics(**request)
        return sum(point["Sum"] for point in answer["Datapoints"])

    def smoke_test(self, endpoint_name: str, serving: Serving) -> tuple[list[float], list[float]]:
        """Expected and given answers to the model's own smoke rows; nothing expected when it brings none."""
        uris = [serving.metadata.get(name) for name in (SMOKE_INPUT_URI, SMOKE_OUTPUT_URI)]
        if not all(uris):
            return [], []
        rows, expected = (self._read(uri) for uri in uris if uri)
        return _numbers(expected), self._ask(endpoint_name, rows)

    def _ask(self, endpoint_name: str, rows: str) -> list[float]:
        try:
            answer = self._invoke(endpoint_name, rows)
        except ClientError as error:
            # A model that cannot answer is a finding about the model, not a fault of this function.
            if error.response["Error"]["Code"] in {"ModelError", "ModelNotReadyException", "ValidationError"}:
                return []
            raise
        return _numbers(answer["Body"].read().decode())

    def _invoke(self, endpoint_name: str, rows: str) -> Any:
        return self.runtime.invoke_endpoint(
            EndpointName=endpoint_name,
            ContentType="text/csv",
            Accept="text/csv",
            Body=rows.encode(),
            InferenceId=f"{PROBE_PREFIX}{uuid4().hex}",
        )

    def _read(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def _numbers(text: str) -> list[float]:
    """One number a line; NaN for a line that holds none."""
    return [_number(line) for line in text.split("\n") if line.strip()]


def _number(line: str) -> float:
    try:
        return float(line)
    except ValueError:
        return float("nan")
