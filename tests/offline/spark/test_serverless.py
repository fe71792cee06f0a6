"""EMR Serverless: job runs that really run, with their states, attempts, logs and events."""

import gzip

import pytest
from botocore.exceptions import ClientError

COUNT = """
import argparse
from pyspark.sql import SparkSession, functions

options = argparse.ArgumentParser()
options.add_argument("--input")
options.add_argument("--output")
options = options.parse_args()
spark = SparkSession.builder.getOrCreate()
rows = spark.read.option("header", True).csv(options.input)
rows.groupBy("kind").agg(functions.count("*").alias("n")).coalesce(1).write.mode("overwrite").parquet(options.output)
print("counted", rows.count())
"""
KEY = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555"


@pytest.fixture(scope="module")
def counted(bench):
    """One job run that reads and writes S3, with everything about it."""
    bench.put("raw/a.csv", "kind,n\nvoice,1\nsms,2\nvoice,3\n")
    script = bench.put("code/count.py", COUNT)
    application = bench.application(name="counting", tags={"team": "data"})
    run = bench.start(
        application,
        script,
        "--input",
        f"s3://{bench.bucket}/raw/",
        "--output",
        f"s3://{bench.bucket}/curated/counts",
        parameters="--conf spark.executor.memory=4g --conf spark.driver.memory=4g --conf spark.sql.shuffle.partitions=1",
        name="count",
        configurationOverrides={
            "monitoringConfiguration": {
                "s3MonitoringConfiguration": {"logUri": f"s3://{bench.bucket}/logs", "encryptionKeyArn": KEY}
            }
        },
    )
    return application, bench.ended(application, run)


def test_a_job_run_reads_and_writes_the_cloud_s_s3(bench, counted):
    import io

    import pyarrow.parquet as pq

    _, run = counted

    assert run["state"] == "SUCCESS", run["stateDetails"]
    parts = [key for key in bench.keys("curated/counts/") if key.endswith(".parquet")]
    table = pq.read_table(io.BytesIO(bench.get(parts[0])))

    assert run["state"] == "SUCCESS", run["stateDetails"]
    assert dict(zip(*table.to_pydict().values(), strict=True)) == {"voice": 2, "sms": 1}
    assert "curated/counts/_SUCCESS" in bench.keys("curated/")
    assert not [key for key in bench.keys("curated/") if "_temporary" in key]


def test_the_driver_s_logs_lie_encrypted_where_emr_serverless_puts_them(bench, counted):
    application, run = counted
    key = f"logs/applications/{application}/jobs/{run['jobRunId']}/SPARK_DRIVER/stdout.gz"

    found = bench.s3.get_object(Bucket=bench.bucket, Key=key)

    assert gzip.decompress(found["Body"].read()).decode() == "counted 3\n"
    assert found["SSEKMSKeyId"] == KEY
