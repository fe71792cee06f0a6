"""AWS's services in memory, for tests without an offline cloud: moto in this process, as it comes."""

import contextlib
import os
from collections.abc import Iterator

import boto3
import botocore.session
from botocore.loaders import Loader
from moto import mock_aws

from seatrial.offline import patches

REGION = "eu-central-1"
# Reading the services' descriptions costs more than most of the tests; every session would do so again.
DESCRIPTIONS = Loader()


@contextlib.contextmanager
def in_memory() -> Iterator[None]:
    """Moto's services while the block runs, empty; the environment is put back, whatever cloud ran here before."""
    before = dict(os.environ)
    os.environ.update({"AWS_DEFAULT_REGION": REGION, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})
    try:
        with patches.without_any(), mock_aws():
            session = botocore.session.get_session()
            session.register_component("data_loader", DESCRIPTIONS)
            boto3.setup_default_session(botocore_session=session)
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
