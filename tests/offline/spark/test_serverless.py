"""EMR Serverless: job runs that really run, with their states, attempts, logs and events."""

import gzip
import io

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from seatrial.offline.spark import command
from seatrial.offline.spark.engine import Engine, SparkJob
from seatrial.offline.spark.submission import parse

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
    settings = {"spark.executor.memory": "4g", "spark.driver.memory": "4g", "spark.sql.shuffle.partitions": 1}
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
        parameters=" ".join(f"--conf {name}={value}" for name, value in settings.items()),
        name="count",
        configurationOverrides={
            "monitoringConfiguration": {
                "s3MonitoringConfiguration": {"logUri": f"s3://{bench.bucket}/logs", "encryptionKeyArn": KEY}
            }
        },
    )
    return application, bench.ended(application, run)


def test_a_job_run_reads_and_writes_the_cloud_s_s3(bench, counted):
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


def test_the_journal_tells_of_the_run_with_its_seconds_and_bytes(bench, counted):
    application, run = counted

    job = next(entry for entry in bench.cloud.journal.entries("job") if entry["name"].endswith(run["jobRunId"]))

    assert (job["type"], job["status"], job["name"]) == (
        "EMRServerlessJobRun",
        "Completed",
        f"{application}/{run['jobRunId']}",
    )
    assert job["seconds"] > 0
    assert job["read_bytes"] >= len("kind,n\nvoice,1\nsms,2\nvoice,3\n")
    assert job["written_objects"] == 2


def test_events_tell_of_every_state(bench, counted):
    _, run = counted

    told = [event for event in bench.events("EMR Serverless Job Run State Change") if event["arn"] == run["arn"]]

    assert [event["state"] for event in told] == ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]
    assert told[-1]["previousState"] == "RUNNING"
    assert told[-1]["jobRunName"] == "count"


def test_memory_beyond_the_machine_s_is_capped_and_told(bench):
    journal = bench.cloud.journal

    capped = command._capped("spark.driver.memory", "9999g", journal)

    assert command.memory_bytes(capped) <= command.machine_memory_bytes() // 4
    assert any(entry["subject"] == "spark.driver.memory" for entry in journal.entries("fidelity"))


def test_a_failing_job_is_tried_again_and_then_told_with_the_log_s_end(bench):
    script = bench.put("code/failing.py", "import sys\nprint('as planned')\nsys.exit('the input is empty')\n")
    application = bench.application()

    run = bench.ended(application, bench.start(application, script, retryPolicy={"maxAttempts": 2}))
    attempts = bench.serverless.list_job_run_attempts(applicationId=application, jobRunId=run["jobRunId"])

    assert (run["state"], run["attempt"]) == ("FAILED", 2)
    assert "the input is empty" in run["stateDetails"]
    assert [attempt["state"] for attempt in attempts["jobRunAttempts"]] == ["FAILED", "FAILED"]


SLEEPER = """
import sys, time, boto3
boto3.client("s3").put_object(Bucket=sys.argv[1], Key=sys.argv[2], Body=b"started")
time.sleep(300)
"""


def test_the_same_token_starts_one_job_run(bench):
    script = bench.put("code/nothing.py", "pass\n")
    application = bench.application(maximumCapacity={"cpu": "1 vCPU", "memory": "4 GB"})

    first = bench.start(application, script, clientToken="again")
    second = bench.start(application, script, clientToken="again")
    with pytest.raises(ClientError, match="clientToken was used with another request"):
        bench.start(application, script, "--other", clientToken="again")

    assert first == second
    listed = bench.serverless.list_job_runs(applicationId=application)["jobRuns"]
    assert [run["id"] for run in listed] == [first]


def test_a_job_larger_than_the_application_s_capacity_fails_at_once(bench):
    script = bench.put("code/nothing.py", "pass\n")
    application = bench.application(maximumCapacity={"cpu": "4 vCPU", "memory": "16 GB"})

    run = bench.ended(application, bench.start(application, script))

    assert run["state"] == "FAILED"
    assert "needs at least 8 vCPU" in run["stateDetails"]


def test_runs_beyond_the_concurrency_are_queued(bench):
    script = bench.put("code/sleeper.py", SLEEPER)
    application = bench.application(schedulerConfiguration={"maxConcurrentRuns": 1, "queueTimeoutMinutes": 15})
    first = bench.start(application, script, bench.bucket, "marks/first")
    bench.wait(lambda: bench.job_run(application, first)["state"] == "RUNNING")

    second = bench.start(application, script, bench.bucket, "marks/second")

    bench.wait(lambda: bench.job_run(application, second)["state"] == "QUEUED")
    bench.serverless.cancel_job_run(applicationId=application, jobRunId=second)
    bench.serverless.cancel_job_run(applicationId=application, jobRunId=first)
    assert {bench.ended(application, run)["state"] for run in (first, second)} == {"CANCELLED"}


def test_an_application_starts_with_its_first_job_and_stops_when_idle(bench):
    application = bench.application(autoStopConfiguration={"enabled": True, "idleTimeoutMinutes": 5})
    look = lambda: bench.serverless.get_application(applicationId=application)["application"]["state"]  # noqa: E731
    before = look()

    bench.serverless.start_application(applicationId=application)
    started = look()
    bench.cloud.clock.advance(4 * 60)
    still = look()
    bench.cloud.clock.advance(2 * 60)

    assert (before, started, still, look()) == ("CREATED", "STARTED", "STARTED", "STOPPED")


def test_a_started_application_is_neither_changed_nor_deleted(bench):
    application = bench.application()
    bench.serverless.start_application(applicationId=application)

    with pytest.raises(ClientError, match=r"statuses \[CREATED, STOPPED\]. Current status: STARTED"):
        bench.serverless.delete_application(applicationId=application)
    bench.serverless.stop_application(applicationId=application)
    bench.serverless.delete_application(applicationId=application)

    assert bench.serverless.get_application(applicationId=application)["application"]["state"] == "TERMINATED"


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"releaseLabel": "emr-7.99.0"}, "emr-7.99.0. The offline cloud knows emr-7.13.0, emr-spark-8.0.0"),
        ({"type": "HIVE"}, "applications of type Spark"),
    ],
)
def test_applications_that_cannot_run_here_are_refused(bench, request_, sentence):
    with pytest.raises(ClientError, match=sentence):
        bench.application(**request_)


def test_a_script_that_is_not_there_fails_the_job_run(bench):
    application = bench.application()

    run = bench.ended(application, bench.start(application, f"s3://{bench.bucket}/code/absent.py"))

    assert run["state"] == "FAILED"
    assert "cannot read s3://lake-tests/code/absent.py" in run["stateDetails"]


def test_tags_of_applications_can_be_changed(bench, counted):
    application, _ = counted
    arn = bench.serverless.get_application(applicationId=application)["application"]["arn"]

    bench.serverless.tag_resource(resourceArn=arn, tags={"stage": "test"})
    bench.serverless.untag_resource(resourceArn=arn, tagKeys=["team"])

    assert bench.serverless.list_tags_for_resource(resourceArn=arn)["tags"] == {"stage": "test"}


def test_a_job_whose_time_is_over_is_ended(bench, tmp_path):
    engine = Engine(bench.cloud.context)
    script = bench.put("code/slow.py", "import time\ntime.sleep(300)\n")
    job = SparkJob("Test", "slow", parse([script]), "emr-7.13.0", tmp_path / "slow", timeout_seconds=1.0)

    end = engine.run(job)
    engine.stop()

    assert (end.succeeded, end.timed_out) == (False, True)
