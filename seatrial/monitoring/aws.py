"""The one module through which the command talks to AWS: objects in S3 and entries of the model registry.

The clients honour AWS_ENDPOINT_URL and the other variables and files that every AWS tool reads.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

FAILURES = (BotoCoreError, ClientError)
"""What a call may raise."""


class Aws:
    """Clients, each made at its first use."""

    @cached_property
    def s3(self) -> Any:
        """Simple Storage Service."""
        return boto3.client("s3")

    @cached_property
    def sagemaker(self) -> Any:
        """The model registry's service."""
        return boto3.client("sagemaker")

    def keys(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        """Keys below a prefix, in order, with the objects' sizes in bytes."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            yield from ((item["Key"], item["Size"]) for item in page.get("Contents", ()))

    def folders(self, bucket: str, prefix: str) -> list[str]:
        """Names of the folders directly below a prefix, which ends with a slash."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
        return [name[len(prefix) : -1] for name in found]

    def body(self, bucket: str, key: str) -> bytes:
        """The bytes of an object."""
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def model_package(self, name: str) -> dict[str, Any]:
        """A version in a model package group, by its ARN."""
        return self.sagemaker.describe_model_package(ModelPackageName=name)


def reason(error: Exception) -> str:
    """What AWS answered, in its own words."""
    answered = getattr(error, "response", {}).get("Error", {})
    return answered.get("Message") or answered.get("Code") or str(error)
