"""Steps on EMR Serverless: a job run that fails, or cannot be started, fails its step with the reason."""

import itertools
import json
import time

import pytest

from tests.offline.support import ROLE, cloud

__all__ = ["cloud"]
NUMBERS = itertools.count()
JOB = {"jobDriver": {"sparkSubmit": {"entryPoint": "s3://code/job.py"}}, "executionTimeoutMinutes": 10}
LITTLE = {"cpu": "1 vCPU", "memory": "2 GB"}


@pytest.fixture
def application(cloud) -> str:
    """One that is too small for any job, so that no Spark has to start."""
    emr = cloud.context.client("emr-serverless")
    made = emr.create_application(
        name="small", type="SPARK", releaseLabel="emr-7.13.0", clientToken=f"{next(NUMBERS)}", maximumCapacity=LITTLE
    )
    return made["applicationId"]


def run(cloud, arguments) -> dict:
    """The only step of a pipeline that has been run to its end."""
    sagemaker, number = cloud.context.client("sagemaker"), next(NUMBERS)
    steps = [{"Name": "Spark", "Type": "EMRServerless", "Arguments": arguments}]
    definition = json.dumps({"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps})
    name = {"PipelineName": f"spark-{number}"}
    sagemaker.create_pipeline(**name, PipelineDefinition=definition, ClientRequestToken=f"{number:032}", RoleArn=ROLE)
    arn = sagemaker.start_pipeline_execution(**name, ClientRequestToken=f"{number:032}")["PipelineExecutionArn"]
    deadline = time.monotonic() + 60
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Executing":
        assert time.monotonic() < deadline, "the pipeline takes too long"
        time.sleep(0.02)
    return sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"][0]


def test_a_job_run_that_fails_fails_its_step_with_its_own_reason(cloud, application):
    step = run(cloud, {"ApplicationId": application, "ExecutionRoleArn": ROLE, "JobConfig": JOB})

    assert step["StepStatus"] == "Failed"
    assert "job run FAILED: ApplicationMaxCapacityExceededException" in step["FailureReason"]
    told = step["Metadata"]["EMRServerless"]
    found = cloud.context.client("emr-serverless").get_job_run(
        applicationId=told["ApplicationId"], jobRunId=told["JobRunId"]
    )["jobRun"]
    assert (found["state"], found["executionRole"]) == ("FAILED", ROLE)


def test_a_job_run_that_cannot_be_started_fails_its_step(cloud, application):
    step = run(cloud, {"ApplicationId": "00fnone", "ExecutionRoleArn": ROLE, "JobConfig": JOB})
    odd = run(cloud, {"ApplicationId": application, "ExecutionRoleArn": ROLE, "JobConfig": {"JobDriver": {}}})

    assert (step["StepStatus"], odd["StepStatus"]) == ("Failed", "Failed")
    assert "Application 00fnone does not exist" in step["FailureReason"]
    assert "JobDriver" in odd["FailureReason"]  # members are spelt as in EMR Serverless's API


def test_an_application_that_the_step_would_make_is_not_emulated(cloud):
    step = run(cloud, {"ApplicationConfig": {"name": "own"}, "ExecutionRoleArn": ROLE, "JobConfig": JOB})

    assert "runs EMRServerless steps on an ApplicationId only" in step["FailureReason"]
