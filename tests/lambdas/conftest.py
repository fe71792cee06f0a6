"""Services in memory for the tests of the functions."""

import os
from collections.abc import Iterator

import boto3
import botocore.session
import pytest
from botocore.loaders import Loader
from moto import mock_aws

from seatrial.offline import patches
from tests.lambdas.fakes import REGION

# Reading the services' descriptions costs more than most of the tests; every session would do so again.
DESCRIPTIONS = Loader()


@pytest.fixture
def cloud() -> Iterator[None]:
    """Moto's services in this process, with the buckets and tables that the stacks would make."""
    environment = {"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with patches.without_any(), mock_aws():
            session = botocore.session.get_session()
            session.register_component("data_loader", DESCRIPTIONS)
            boto3.setup_default_session(botocore_session=session)
            make_stores()
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def make_stores() -> None:
    """Buckets and tables as the stacks would make them."""
    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    for bucket in ("capture", "artifacts", "raw"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for table in ("state", "ledger"):
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
