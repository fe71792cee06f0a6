"""A pipeline's step on EMR Serverless: a job run of the offline application, watched to its end."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from seatrial.offline.sagemaker.execution import Execution, StepRecord
from seatrial.offline.sagemaker.expressions import Resolver
from seatrial.offline.sagemaker.service import Service
from seatrial.offline.sagemaker.step_errors import StepFailedError, StepStoppedError

ENDED = ("SUCCESS", "FAILED", "CANCELLED")
LOOK_AGAIN_SECONDS = 0.1


def run_on_serverless(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    """Start the job run as the step's role, wait for it, cancel it when the execution is stopped."""
    client, request = service.context.client("emr-serverless"), _request(resolver.resolve(step.plan.arguments))
    try:
        started = client.start_job_run(**request)
    except (BotoCoreError, ClientError) as error:
        raise StepFailedError(f"ClientError: {error}") from error
    names = {name: started[name] for name in ("applicationId", "jobRunId")}
    step.metadata = {"EMRServerless": {"ApplicationId": names["applicationId"], "JobRunId": names["jobRunId"]}}
    cancelled = False
    while (run := client.get_job_run(**names)["jobRun"])["state"] not in ENDED:
        if execution.stop_asked.wait(LOOK_AGAIN_SECONDS) and not cancelled:
            client.cancel_job_run(**names)
            cancelled = True
        service.stopping.wait(LOOK_AGAIN_SECONDS if cancelled else 0)
    step.seconds += run["totalExecutionDurationSeconds"]
    step.properties = {"jobRun": run}
    if run["state"] == "CANCELLED" and execution.stop_asked.is_set():
        raise StepStoppedError(f"job run {names['jobRunId']} was stopped")
    if run["state"] != "SUCCESS":
        raise StepFailedError(f"ClientError: job run {run['state']}: {run['stateDetails']}")


def _request(arguments: dict[str, Any]) -> dict[str, Any]:
    """StartJobRun of the step's arguments; an application made for the step alone is not emulated."""
    if "ApplicationId" not in arguments:
        raise StepFailedError("ClientError: the offline cloud runs EMRServerless steps on an ApplicationId only")
    own = {"applicationId": arguments["ApplicationId"], "executionRoleArn": arguments["ExecutionRoleArn"]}
    return {**arguments.get("JobConfig", {}), **own}
