"""Tasks of EMR and EMR Serverless: they start what they name, wait for its end, and cancel it when they are stopped."""

import inspect
import json
import time
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_unsupported

from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ROLE

BUCKET = "jobs"
MARK = "import boto3, sys\nboto3.client('s3').put_object(Bucket='jobs', Key=sys.argv[1], Body=b'done')\n"
SCRIPTS = {
    "mark": MARK,
    "fail": "raise SystemExit('the day is missing')\n",
    "sleep": f"{MARK}import time\ntime.sleep(300)\n",
}


@pytest.fixture(scope="module")
def buckets(cloud: OfflineCloud) -> str:
    s3 = cloud.context.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for name, code in SCRIPTS.items():
        s3.put_object(Bucket=BUCKET, Key=f"{name}.py", Body=code.encode())
    return BUCKET


@pytest.fixture(scope="module")
def application(cloud: OfflineCloud, buckets: str) -> str:
    request = {"releaseLabel": "emr-7.13.0", "type": "SPARK", "clientToken": "one"}
    return cloud.context.client("emr-serverless").create_application(**request)["applicationId"]


def begin(cloud: OfflineCloud, name: str, states: dict[str, Any], start: str) -> str:
    client = cloud.context.client("stepfunctions")
    definition = json.dumps({"StartAt": start, "States": states})
    machine = client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]


def end_of(cloud: OfflineCloud, arn: str) -> dict[str, Any]:
    client = cloud.context.client("stepfunctions")
    deadline = time.monotonic() + 90
    while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def job_run(application: str, script: str, *arguments: str, **extra: Any) -> dict[str, Any]:
    submit = {"EntryPoint": f"s3://{BUCKET}/{script}.py", "EntryPointArguments": list(arguments)}
    parameters = {"ApplicationId": application, "ExecutionRoleArn": ROLE, "JobDriver": {"SparkSubmit": submit}}
    resource = "arn:aws:states:::emr-serverless:startJobRun.sync"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "End": True, **extra}


def step(script: str, *arguments: str) -> dict[str, Any]:
    words = ["spark-submit", f"s3://{BUCKET}/{script}.py", *arguments]
    jar = {"Jar": "command-runner.jar", "Args": words}
    return {"Name": script, "ActionOnFailure": "CONTINUE", "HadoopJarStep": jar}


def test_a_job_run_is_waited_for_and_described(cloud: OfflineCloud, application: str) -> None:
    arn = begin(cloud, "serverless", {"Run": job_run(application, "mark", "serverless")}, "Run")

    found = end_of(cloud, arn)

    output = json.loads(found["output"])
    assert found["status"] == "SUCCEEDED"
    assert (output["State"], output["ApplicationId"]) == ("SUCCESS", application)
    assert cloud.context.client("s3").head_object(Bucket=BUCKET, Key="serverless")


def test_a_failed_job_run_fails_the_task_with_its_description(cloud: OfflineCloud, application: str) -> None:
    arn = begin(cloud, "failing", {"Run": job_run(application, "fail")}, "Run")

    found = end_of(cloud, arn)

    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert "the day is missing" in json.loads(found["cause"])["StateDetails"]


def test_an_error_of_the_service_has_its_name(cloud: OfflineCloud, buckets: str) -> None:
    caught = {"Catch": [{"ErrorEquals": ["EMRServerless.ResourceNotFoundException"], "Next": "Gone"}]}
    states = {"Run": job_run("00absent00absent", "mark", **caught), "Gone": {"Type": "Pass", "End": True}}

    found = end_of(cloud, begin(cloud, "absent", states, "Run"))

    assert found["status"] == "SUCCEEDED"
    assert json.loads(found["output"])["Error"] == "EMRServerless.ResourceNotFoundException"


def test_a_stopped_execution_cancels_its_job_run(cloud: OfflineCloud, application: str) -> None:
    arn = begin(cloud, "stopped", {"Run": job_run(application, "sleep", "stopped")}, "Run")
    client = cloud.context.client("emr-serverless")

    def states() -> list[str]:
        runs = client.list_job_runs(applicationId=application)["jobRuns"]
        return [run["state"] for run in runs][:1]

    _until(lambda: states() == ["RUNNING"])
    cloud.context.client("stepfunctions").stop_execution(executionArn=arn)

    _until(lambda: states() == ["CANCELLED"])


def test_a_cluster_is_made_runs_a_step_and_is_terminated(cloud: OfflineCloud, buckets: str) -> None:
    service = "arn:aws:states:::elasticmapreduce"
    cluster = {"ClusterId.$": "$.ClusterId"}
    create = {
        "Name": "flow",
        "ReleaseLabel": "emr-7.13.0",
        "Applications": [{"Name": "Spark"}],
        "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
    }
    states = {
        "Make": {"Type": "Task", "Resource": f"{service}:createCluster.sync", "Parameters": create, "Next": "Step"},
        "Step": {
            "Type": "Task",
            "Resource": f"{service}:addStep.sync",
            "Parameters": {**cluster, "Step": step("mark", "cluster")},
            "ResultPath": "$.step",
            "Next": "End",
        },
        "End": {
            "Type": "Task",
            "Resource": f"{service}:terminateCluster.sync",
            "Parameters": cluster,
            "ResultPath": None,
            "End": True,
        },
    }

    found = end_of(cloud, begin(cloud, "cluster", states, "Make"))

    output = json.loads(found["output"])
    described = cloud.context.client("emr").describe_cluster(ClusterId=output["ClusterId"])["Cluster"]
    assert found["status"] == "SUCCEEDED"
    assert output["step"]["Step"]["Status"]["State"] == "COMPLETED"
    assert described["Status"]["State"] == "TERMINATED"


def test_an_action_that_no_integration_has_is_refused_when_the_machine_is_made(cloud: OfflineCloud) -> None:
    states = {"X": {"Type": "Task", "Resource": "arn:aws:states:::elasticmapreduce:listSteps", "End": True}}

    with pytest.raises(Exception, match="listSteps"):
        begin(cloud, "unknown", states, "X")


def test_moto_itself_cannot_wait_for_these_services() -> None:
    patterns = state_task_service_unsupported._SUPPORTED_INTEGRATION_PATTERNS
    plain = inspect.getsource(state_task_service_unsupported.StateTaskServiceUnsupported)

    assert [str(pattern) for pattern in patterns] == ["waitForTaskToken"]
    assert "_build_sync_resolver" not in plain


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
