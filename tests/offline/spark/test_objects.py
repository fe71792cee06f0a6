"""S3 as a job's file system sees it: what appears when, and what is left when the job dies."""

import pytest

from seatrial.offline.spark.objects import NoSuchPathError, View


@pytest.fixture
def view(bench, tmp_path):
    opened = View(bench.cloud.context, tmp_path / "uploads")
    yield opened
    opened.close()
    for key in bench.keys("objects/"):
        bench.s3.delete_object(Bucket=bench.bucket, Key=key)


def write(view, bench, key, content=b"rows"):
    file = view.new_file()
    file.write_bytes(content)
    view.finish(bench.bucket, key, file)


def test_a_finished_object_is_there_for_everybody(bench, view):
    write(view, bench, "objects/a.txt", b"hello")

    assert bench.get("objects/a.txt") == b"hello"
    assert (view.written_objects, view.written_bytes) == (1, 5)


def test_what_a_task_has_not_committed_is_seen_by_its_job_alone(bench, view):
    key = "objects/out/_temporary/0/task/part-0.parquet"

    write(view, bench, key)

    assert view.status(bench.bucket, key).size == 4
    assert bench.keys("objects/") == []


def test_a_rename_out_of_the_staging_area_makes_the_object_appear(bench, view):
    write(view, bench, "objects/out/.spark-staging-1/date=2026-11-01/part-0.parquet", b"staged")

    moved = view.rename(bench.bucket, "objects/out/.spark-staging-1/date=2026-11-01", "objects/out/date=2026-11-01")

    assert moved
    assert bench.get("objects/out/date=2026-11-01/part-0.parquet") == b"staged"


def test_uploads_that_were_not_committed_are_gone_with_their_job(bench, view):
    write(view, bench, "objects/out/_temporary/0/part-0.parquet")

    begun = view.new_file()
    begun.write_bytes(b"too late")
    view.close()
    view.finish(bench.bucket, "objects/out/part-1.parquet", begun)

    assert bench.keys("objects/") == []
    assert not view.folder.exists()


def test_a_rename_of_objects_copies_and_deletes_them_one_by_one(bench, view):
    bench.put("objects/in/a", "1")
    bench.put("objects/in/deep/b", "2")

    view.rename(bench.bucket, "objects/in", "objects/moved")

    assert bench.keys("objects/") == ["objects/moved/a", "objects/moved/deep/b"]
    assert bench.get("objects/moved/deep/b") == b"2"


def test_a_rename_onto_an_object_is_refused_and_onto_a_folder_goes_into_it(bench, view):
    bench.put("objects/a", "1")
    bench.put("objects/b", "2")
    bench.put("objects/folder/c", "3")

    onto_object = view.rename(bench.bucket, "objects/a", "objects/b")
    onto_folder = view.rename(bench.bucket, "objects/a", "objects/folder")

    assert (onto_object, onto_folder) == (False, True)
    assert bench.keys("objects/") == ["objects/b", "objects/folder/a", "objects/folder/c"]


def test_a_listing_has_files_and_folders_once_each_in_order(bench, view):
    bench.put("objects/b/1", "x")
    bench.put("objects/b/2", "x")
    bench.put("objects/a", "x")
    view.make_folder(bench.bucket, "objects/empty")

    found = [(entry.name, entry.is_folder) for entry in view.listing(bench.bucket, "objects")]

    assert found == [("a", False), ("b", True), ("empty", True)]


def test_a_deleted_version_is_no_object(bench, view):
    bench.s3.create_bucket(Bucket="versioned", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    bench.s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    bench.s3.put_object(Bucket="versioned", Key="a/b", Body=b"1")
    bench.s3.delete_object(Bucket="versioned", Key="a/b")

    with pytest.raises(NoSuchPathError):
        view.status("versioned", "a/b")
    assert view.listing("versioned", "") == []


def test_a_bucket_that_does_not_exist_is_told_by_name(view):
    with pytest.raises(NoSuchPathError, match="s3://no-such-bucket: there is no such bucket"):
        view.status("no-such-bucket", "a")


def test_objects_are_written_with_the_key_of_the_job(bench, tmp_path):
    key = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555"
    view = View(bench.cloud.context, tmp_path / "uploads", key)

    write(view, bench, "objects/encrypted")

    found = bench.s3.head_object(Bucket=bench.bucket, Key="objects/encrypted")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", key)


def test_an_object_is_read_from_an_offset_and_counted(bench, view):
    bench.put("objects/long", "0123456789")

    found = b"".join(view.read(bench.bucket, "objects/long", 3, 4))

    assert (found, view.read_bytes) == (b"3456", 4)
