"""Everything this function asks of AWS; each client is made at its first use and kept for the next invocation."""

from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError

from seatrial.contracts.serving import SMOKE_INPUT_URI, SMOKE_OUTPUT_URI, Serving


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

    def smoke_test(self, endpoint_name: str, serving: Serving) -> tuple[list[float], list[float]]:
        """Expected and given answers to the model's own smoke rows; nothing expected when it brings none."""
        uris = [serving.metadata.get(name) for name in (SMOKE_INPUT_URI, SMOKE_OUTPUT_URI)]
        if not all(uris):
            return [], []
        rows, expected = (self._read(uri) for uri in uris if uri)
        return _numbers(expected), self._ask(endpoint_name, rows)

    def _ask(self, endpoint_name: str, rows: str) -> list[float]:
        try:
            answer = self.runtime.invoke_endpoint(
                EndpointName=endpoint_name, ContentType="text/csv", Accept="text/csv", Body=rows.encode()
            )
        except ClientError as error:
            # A model that cannot answer is a finding about the model, not a fault of this function.
            if error.response["Error"]["Code"] in {"ModelError", "ModelNotReadyException", "ValidationError"}:
                return []
            raise
        return _numbers(answer["Body"].read().decode())

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
