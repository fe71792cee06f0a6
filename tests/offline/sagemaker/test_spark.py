import pytest

from seatrial.offline.sagemaker import spark_archive

SCRIPT = """
import sys
from pyspark.sql import SparkSession
spark = SparkSession.builder.appName("features").getOrCreate()
total = spark.range(int(sys.argv[2])).selectExpr("sum(id) as total").first()["total"]
with open("/opt/ml/processing/output/result/total.txt", "w") as file:
    file.write(f"{total} {spark.sparkContext.master}")
"""


@pytest.mark.slow
def test_a_spark_job_runs_isolated_and_with_a_class_archive_alike(bench, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    request = bench.processing("spark", SCRIPT, arguments=["--rows", "10"])
    request["NetworkConfig"] = {"EnableNetworkIsolation": True}
    request["AppSpecification"]["ImageUri"] = bench.image("sagemaker-spark-processing", "3.5-cpu-py39-v1.0")
    request["AppSpecification"]["ContainerEntrypoint"] = [
        "smspark-submit", "/opt/ml/processing/input/code/script.py"
    ]  # fmt: skip

    plain = _run(bench, "spark-plain", request)
    archive = spark_archive.make()
    archived = _run(bench, "spark-archived", request)

    assert archive.parent == tmp_path / "seatrial"
    assert plain == archived == "45 local[*]"


def _run(bench, name, request):
    bench.sagemaker.create_processing_job(ProcessingJobName=name, **request)
    found = bench.wait_for_job("processing", name)
    assert found["ProcessingJobStatus"] == "Completed", found.get("FailureReason")
    return bench.get(f"s3://{bench.bucket}/out/spark/result/total.txt").decode()
