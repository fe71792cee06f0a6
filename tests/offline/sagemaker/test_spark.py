import pytest

from seatrial.offline.clock import Clock
from seatrial.offline.journal import Journal
from seatrial.offline.sagemaker import spark_archive
from seatrial.offline.sagemaker.images import note_version, parse_image
from seatrial.offline.sagemaker.programs_table import processing_environment

SCRIPT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("features").getOrCreate()
total = spark.range(int(sys.argv[2])).selectExpr("sum(id) as total").first()["total"]
with open("/opt/ml/processing/output/result/total.txt", "w") as file:
    file.write(f"{total} {spark.sparkContext.master}")
"""


@pytest.mark.slow
def test_a_spark_job_runs_without_a_network(bench):
    request = bench.processing("spark", SCRIPT, arguments=["--rows", "10"])
    request["NetworkConfig"] = {"EnableNetworkIsolation": True}
    request["AppSpecification"]["ImageUri"] = bench.image("sagemaker-spark-processing", "3.5-cpu-py39-v1.0")
    request["AppSpecification"]["ContainerEntrypoint"] = ["smspark-submit", "/opt/ml/processing/input/code/script.py"]

    bench.sagemaker.create_processing_job(ProcessingJobName="spark", **request)
    found = bench.wait_for_job("processing", "spark")

    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    assert bench.get(f"s3://{bench.bucket}/out/spark/result/total.txt") == b"45 local[*]"


@pytest.mark.slow
def test_a_path_without_a_scheme_fails_as_where_hdfs_is_the_default(bench):
    script = """
from pyspark.sql import SparkSession
SparkSession.builder.getOrCreate().read.text("/opt/ml/processing/input/code").count()
"""
    request = bench.processing("bare", script)
    request["AppSpecification"]["ImageUri"] = bench.image("sagemaker-spark-processing", "3.5-cpu-py39-v1.0")
    request["AppSpecification"]["ContainerEntrypoint"] = ["smspark-submit", "/opt/ml/processing/input/code/script.py"]

    bench.sagemaker.create_processing_job(ProcessingJobName="bare", **request)
    found = bench.wait_for_job("processing", "bare")

    assert found["ProcessingJobStatus"] == "Failed"


def test_the_class_archive_is_used_once_it_is_there(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    image = parse_image("sagemaker-spark-processing:3.5")

    before = processing_environment(image, tmp_path)
    spark_archive.path().parent.mkdir()
    spark_archive.path().touch()
    after = processing_environment(image, tmp_path)

    assert "SPARK_CLASS_ARCHIVE" not in before
    assert after["SPARK_CLASS_ARCHIVE"] == str(spark_archive.path())


def test_an_image_named_by_its_digest_has_no_version_to_compare(tmp_path):
    clock = Clock()
    journal = Journal(tmp_path / "journal.jsonl", clock)

    note_version(journal, parse_image("1.dkr.ecr.eu-central-1.amazonaws.com/mirror/sagemaker-xgboost@sha256:01"))
    journal.close()

    assert "named by its digest, which does not tell its XGBoost" in (tmp_path / "journal.jsonl").read_text()
