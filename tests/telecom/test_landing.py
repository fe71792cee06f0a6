"""Files on S3, here the offline cloud's: the same rows as in a folder."""

import pyarrow.dataset as ds
import pytest

from seatrial.offline.cloud import OfflineCloud
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.landing import SUMMARY, Landing, LandingError
from seatrial.telecom.plan import Plan

PLAN = Plan(subscribers=60, days=2, seed=1)


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    """The environment of an offline cloud with a bucket."""
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as cloud, pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        cloud.context.client("s3").create_bucket(
            Bucket="raw", CreateBucketConfiguration={"LocationConstraint": cloud.context.region}
        )
        yield cloud.context.client("s3")


def test_the_files_on_s3_are_those_of_a_folder(s3, tmp_path):
    generate_files(PLAN, "s3://raw/telecom")
    generate_files(PLAN, str(tmp_path))

    keys = {one["Key"]: one["Size"] for one in s3.list_objects_v2(Bucket="raw")["Contents"]}
    local = {f"telecom/{path.relative_to(tmp_path)}": path.stat().st_size for path in tmp_path.rglob("*.*")}
    assert keys == local
    landing = Landing("s3://raw/telecom")
    rows = landing.read_json(SUMMARY)["rows"]["events"]
    assert ds.dataset("raw/telecom/events/cdr", filesystem=landing.files).count_rows() == rows


def test_a_prefix_in_use_is_left_alone(s3):
    s3.put_object(Bucket="raw", Key="taken/x", Body=b"1")

    with pytest.raises(LandingError, match="s3://raw/taken is not empty"):
        generate_files(PLAN, "s3://raw/taken")


def test_a_bucket_that_does_not_exist_is_told(s3):
    with pytest.raises(LandingError, match="there is no bucket 'nowhere': create it, or deploy the lake first"):
        generate_files(PLAN, "s3://nowhere/x")
