"""Baselines and captures on disk, made once; services in memory for the tests that read from S3."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests import services
from tests.monitoring.made_capture import baseline, model_monitor_files, write_baseline, write_hours


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with baseline/, monitor/ (Model Monitor's files), capture/ and labels/: 20 hours, the last 8 drift."""
    root = tmp_path_factory.mktemp("made")
    found = baseline()
    write_baseline(root / "baseline", found)
    model_monitor_files(root / "monitor", found)
    variant, labels = root / "capture/churn/primary", root / "labels/churn"
    write_hours(variant, labels, range(12))
    write_hours(variant, labels, range(12, 20), shift=6.0)
    return root


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty bucket of moto in this process; its name."""
    with services.in_memory():
        where = {"LocationConstraint": services.REGION}
        boto3.client("s3").create_bucket(Bucket="ship", CreateBucketConfiguration=where)
        yield "ship"


@pytest.fixture
def upload(bucket: str):
    """Copies a folder below a prefix of the bucket and returns the prefix's address."""

    def copy(folder: Path, prefix: str) -> str:
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return f"s3://{bucket}/{prefix}"

    return copy
