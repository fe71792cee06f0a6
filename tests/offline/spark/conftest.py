"""A running cloud with a bucket, and what the tests of Spark jobs do with it again and again."""

import time
from datetime import UTC, datetime

import pytest

from seatrial.offline.cloud import OfflineCloud

ROLE = "arn:aws:iam::111111111111:role/jobs"
BUCKET = "lake-tests"
START = datetime(2026, 11, 2, 10, 0, 30, tzinfo=UTC)
ENDED = ("SUCCESS", "FAILED", "CANCELLED", "COMPLETED", "INTERRUPTED")


class Bench:
    """The cloud, its clients, and short ways to start and await jobs."""

    bucket = BUCKET
    role = ROLE

    def __init__(self, cloud):
        self.cloud = cloud
        self.s3 = cloud.context.client("s3")
        self.emr = cloud.context.client("emr")
        self.serverless = cloud.context.client("emr-serverless")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self._count = 0

    def put(self, key, content):
        body = content if isinstance(content, bytes) else content.encode()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def get(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def keys(self, prefix):
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def wait(self, question, seconds=240):
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.05)
        return answer

    def application(self, **extra):
        self._count += 1
        request = {"releaseLabel": "emr-7.13.0", "type": "SPARK", "clientToken": f"application-{self._count}"}
        return self.serverless.create_application(**{**request, **extra})["applicationId"]

    def start(self, application, script, *arguments, parameters=None, **extra):
        self._count += 1
        driver = {"entryPoint": script, "entryPointArguments": list(arguments)}
        if parameters:
            driver["sparkSubmitParameters"] = parameters
        request = {"clientToken": f"run-{self._count}", "executionRoleArn": ROLE}
        started = self.serverless.start_job_run(
            applicationId=application, jobDriver={"sparkSubmit": driver}, **{**request, **extra}
        )
        return started["jobRunId"]

    def job_run(self, application, job_run):
        return self.serverless.get_job_run(applicationId=application, jobRunId=job_run)["jobRun"]

    def ended(self, application, job_run):
        def look():
            found = self.job_run(application, job_run)
            return found if found["state"] in ENDED else None

        return self.wait(look)

    def cluster(self, *, steps=(), keep=True, **extra):
        request = {"Name": "cluster", "ReleaseLabel": "emr-7.13.0", "Applications": [{"Name": "Spark"}]}
        instances = {"KeepJobFlowAliveWhenNoSteps": keep, **extra.pop("Instances", {})}
        made = self.emr.run_job_flow(**request, Instances=instances, Steps=list(steps), **extra)
        return made["JobFlowId"]

    def step(self, name, *words, action="CONTINUE"):
        step = {"Jar": "command-runner.jar", "Args": ["spark-submit", "--deploy-mode", "cluster", *words]}
        return {"Name": name, "ActionOnFailure": action, "HadoopJarStep": step}

    def cluster_state(self, cluster):
        return self.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]

    def steps(self, cluster):
        return {step["Name"]: step for step in self.emr.list_steps(ClusterId=cluster)["Steps"]}

    def steps_ended(self, cluster):
        def look():
            found = self.steps(cluster)
            return found if all(step["Status"]["State"] in ENDED for step in found.values()) else None

        return self.wait(look)

    def events(self, detail_type):
        entries = self.cloud.journal.entries("event")
        return [entry["detail"] for entry in entries if entry.get("detail_type") == detail_type]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=START) as cloud:
        yield Bench(cloud)
