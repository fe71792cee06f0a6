"""Services in memory for the tests of the functions."""

from collections.abc import Iterator

import boto3
import pytest

from tests import services


@pytest.fixture
def cloud() -> Iterator[None]:
    """Moto's services in this process, with the buckets and tables that the stacks would make."""
    with services.in_memory():
        make_stores()
        yield


def make_stores() -> None:
    """Buckets and tables as the stacks would make them."""
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    for bucket in ("capture", "artifacts", "raw"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": services.REGION})
    for table in ("state", "ledger"):
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
