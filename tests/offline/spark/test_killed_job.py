"""A Spark job that is killed halfway leaves on S3 what it would leave there with EMR's committer."""

from pathlib import Path

JOB = """
import sys, time
from pyspark.sql import SparkSession

root, bucket = sys.argv[1:3]
spark = SparkSession.builder.getOrCreate()
spark.range(10).coalesce(1).write.parquet(f"{root}/finished")

def slowly(rows):
    import boto3, os

    for row in rows:
        if row.id == 15:
            process = str(os.getpid()).encode()
            boto3.client("s3").put_object(Bucket=bucket, Key="marks/halfway", Body=process)
            time.sleep(300)
        yield (row.id,)

rows = spark.range(0, 20, 1, numPartitions=2).rdd.mapPartitions(slowly)
spark.createDataFrame(rows, "id long").write.parquet(f"{root}/half")
"""


def test_a_killed_job_leaves_what_its_tasks_committed_and_nothing_of_what_it_was_writing(bench):
    script = bench.put("code/halfway.py", JOB)
    application = bench.application()
    run = bench.start(application, script, f"s3://{bench.bucket}/killed", bench.bucket)

    def is_halfway():
        state = bench.job_run(application, run)
        assert state["state"] not in ("FAILED", "SUCCESS"), state.get("stateDetails")
        return bench.keys("marks/halfway") and bench.keys("killed/half/")

    bench.wait(is_halfway)
    bench.serverless.cancel_job_run(applicationId=application, jobRunId=run)

    assert bench.ended(application, run)["state"] == "CANCELLED"
    told = [event["state"] for event in bench.events("EMR Serverless Job Run State Change") if event["jobRunId"] == run]
    assert told[-3:] == ["RUNNING", "CANCELLING", "CANCELLED"]
    assert parts(bench, "killed/finished/") == ["_SUCCESS", "part-00000"]
    assert parts(bench, "killed/half/") == ["part-00000"], "one task committed, the job did not"
    worker = Path("/proc", bench.get("marks/halfway").decode())
    bench.wait(lambda: not worker.exists(), seconds=20)


def parts(bench, prefix):
    return [key.removeprefix(prefix)[:10] for key in bench.keys(prefix)]
