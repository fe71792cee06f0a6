"""EMR on EC2: clusters and steps, what failures do, and what the clock does; the steps are small scripts that run."""

import gzip
import json

import pytest
from botocore.exceptions import ClientError

KEY = "arn:aws:kms:eu-central-1:111111111111:key/11111111-2222-3333-4444-555555555555"
FAILING = "raise SystemExit('no such day')\n"
WRITING = """
import os, sys, boto3
boto3.client("s3").put_object(Bucket=sys.argv[1], Key=sys.argv[2], Body=os.environ.get("GREETING", "none").encode())
print("wrote", sys.argv[2])
"""
SLEEPING = WRITING + "import time\ntime.sleep(300)\n"


@pytest.fixture(scope="module")
def scripts(bench):
    return {
        name: bench.put(f"code/{name}.py", content)
        for name, content in {"failing": FAILING, "writing": WRITING, "sleeping": SLEEPING, "nothing": "pass\n"}.items()
    }


def states_of(steps):
    return {name: step["Status"]["State"] for name, step in steps.items()}


def test_steps_run_in_order_and_leave_logs_and_events(bench, scripts):
    cluster = bench.cluster(
        LogUri=f"s3://{bench.bucket}/emr-logs/",
        LogEncryptionKmsKeyId=KEY,
        Configurations=[
            {
                "Classification": "spark-env",
                "Configurations": [{"Classification": "export", "Properties": {"GREETING": "hello"}}],
            }
        ],
        steps=[bench.step("first", scripts["writing"], bench.bucket, "steps/first")],
    )
    steps = bench.steps_ended(cluster)
    step = steps["first"]

    log = bench.s3.get_object(Bucket=bench.bucket, Key=f"emr-logs/{cluster}/steps/{step['Id']}/stdout.gz")
    told = [event["state"] for event in bench.events("EMR Step Status Change") if event["stepId"] == step["Id"]]

    assert states_of(steps) == {"first": "COMPLETED"}
    assert bench.get("steps/first") == b"hello"
    assert gzip.decompress(log["Body"].read()) == b"wrote steps/first\n"
    assert log["SSEKMSKeyId"] == KEY
    assert told == ["RUNNING", "COMPLETED"]
    bench.wait(lambda: bench.cluster_state(cluster) == "WAITING")


@pytest.mark.parametrize(
    ("action", "after", "cluster_state"),
    [
        ("CONTINUE", "COMPLETED", "WAITING"),
        ("CANCEL_AND_WAIT", "CANCELLED", "WAITING"),
        ("TERMINATE_CLUSTER", "CANCELLED", "TERMINATED_WITH_ERRORS"),
    ],
)
def test_a_failed_step_does_what_its_action_says(bench, scripts, action, after, cluster_state):
    steps = [bench.step("bad", scripts["failing"], action=action), bench.step("next", scripts["nothing"])]

    cluster = bench.cluster(steps=steps)
    found = bench.steps_ended(cluster)

    assert states_of(found) == {"bad": "FAILED", "next": after}
    assert "no such day" in found["bad"]["Status"]["FailureDetails"]["Message"]
    bench.wait(lambda: bench.cluster_state(cluster) == cluster_state)


def test_steps_run_side_by_side_up_to_the_concurrency_and_running_ones_can_be_cancelled(bench, scripts):
    names = ["a", "b", "c"]
    steps = [bench.step(name, scripts["sleeping"], bench.bucket, f"side/{name}") for name in names]
    cluster = bench.cluster(steps=steps, StepConcurrencyLevel=2)
    bench.wait(lambda: len(bench.keys("side/")) == 2)
    before = states_of(bench.steps(cluster))
    ids = [step["Id"] for step in bench.steps(cluster).values()]

    answer = bench.emr.cancel_steps(ClusterId=cluster, StepIds=ids, StepCancellationOption="SEND_INTERRUPT")[
        "CancelStepsInfoList"
    ]

    assert before == {"a": "RUNNING", "b": "RUNNING", "c": "PENDING"}
    assert {row["Status"] for row in answer} == {"SUBMITTED"}
    assert set(states_of(bench.steps_ended(cluster)).values()) == {"CANCELLED"}


def test_a_cluster_that_is_not_kept_ends_with_its_last_step(bench, scripts):
    cluster = bench.cluster(steps=[bench.step("only", scripts["nothing"])], keep=False)

    bench.wait(lambda: bench.cluster_state(cluster) == "TERMINATED")

    status = bench.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    assert status["StateChangeReason"]["Code"] == "ALL_STEPS_COMPLETED"


def test_an_idle_cluster_ends_by_the_clock(bench):
    cluster = bench.cluster(AutoTerminationPolicy={"IdleTimeout": 3600})
    bench.wait(lambda: bench.cluster_state(cluster) == "WAITING")

    bench.cloud.clock.advance(3500)
    before = bench.cluster_state(cluster)
    bench.cloud.clock.advance(200)

    assert (before, bench.cluster_state(cluster)) == ("WAITING", "TERMINATED")


def test_a_protected_cluster_is_not_terminated(bench):
    cluster = bench.cluster(Instances={"TerminationProtected": True})

    with pytest.raises(ClientError, match="termination protected"):
        bench.emr.terminate_job_flows(JobFlowIds=[cluster])
    bench.emr.set_termination_protection(JobFlowIds=[cluster], TerminationProtected=False)
    bench.emr.terminate_job_flows(JobFlowIds=[cluster])

    assert bench.cluster_state(cluster) == "TERMINATED"
    with pytest.raises(ClientError, match="terminated, or finished may not be modified"):
        bench.emr.add_job_flow_steps(JobFlowId=cluster, Steps=[])


def test_the_key_of_the_security_configuration_encrypts_what_jobs_write(bench):
    s3 = {"EncryptionMode": "SSE-KMS", "AwsKmsKey": KEY}
    document = {"EncryptionConfiguration": {"AtRestEncryptionConfiguration": {"S3EncryptionConfiguration": s3}}}
    bench.emr.create_security_configuration(Name="strict", SecurityConfiguration=json.dumps(document))

    cluster = bench.cluster(SecurityConfiguration="strict")

    with pytest.raises(ClientError, match="is used by"):
        bench.emr.delete_security_configuration(Name="strict")
    with pytest.raises(ClientError, match="'lax' does not exist"):
        bench.cluster(SecurityConfiguration="lax")
    bench.emr.terminate_job_flows(JobFlowIds=[cluster])
    bench.emr.delete_security_configuration(Name="strict")


def test_a_bootstrap_script_that_is_not_there_ends_the_cluster(bench):
    script = {"Path": f"s3://{bench.bucket}/bootstrap/absent.sh"}

    cluster = bench.cluster(BootstrapActions=[{"Name": "packages", "ScriptBootstrapAction": script}])

    bench.wait(lambda: bench.cluster_state(cluster) == "TERMINATED_WITH_ERRORS")
    reason = bench.emr.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["StateChangeReason"]
    assert reason["Code"] == "BOOTSTRAP_FAILURE"
    assert "bootstrap/absent.sh" in reason["Message"]


@pytest.mark.parametrize(
    ("jar", "words", "sentence"),
    [
        ("command-runner.jar", ["bash", "-c", "ls"], "runs command-runner.jar with spark-submit, not .*bash"),
        ("s3://b/own.jar", [], "not 's3://b/own.jar'"),
        ("command-runner.jar", ["spark-submit", "--class", "Main", "s3://b/x.jar"], "--class: applications in Java"),
    ],
)
def test_steps_that_cannot_be_run_are_refused(bench, jar, words, sentence):
    step = {"Name": "other", "HadoopJarStep": {"Jar": jar, "Args": words}}

    with pytest.raises(ClientError, match=sentence):
        bench.cluster(steps=[step])


def test_an_action_that_stops_others_is_refused_for_steps_side_by_side(bench, scripts):
    step = bench.step("x", scripts["nothing"], action="CANCEL_AND_WAIT")

    with pytest.raises(ClientError, match="not valid when StepConcurrencyLevel is 2"):
        bench.cluster(steps=[step], StepConcurrencyLevel=2)


def test_a_cluster_without_spark_is_refused(bench):
    with pytest.raises(ClientError, match="runs Spark, which the cluster does not name"):
        bench.emr.run_job_flow(Name="x", ReleaseLabel="emr-7.13.0", Instances={}, Applications=[{"Name": "Hive"}])


def test_what_is_not_emulated_says_so(bench):
    with pytest.raises(ClientError, match="emr:ListInstances is not emulated by the offline cloud"):
        bench.emr.list_instances(ClusterId="j-1")
