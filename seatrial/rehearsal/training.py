"""Trainings and promotions: ask the retraining function, follow the pipeline, approve, follow the promotion."""

import json
import time
from collections.abc import Callable
from typing import Any

from seatrial.rehearsal.voyage import PipelineRun, Promotion, RehearsalError, Voyage

PIPELINE_SECONDS = 900
PROMOTION_SECONDS = 300
REAL_PAUSE_SECONDS = 0.02
"""Between two moves of the clock, so that processes that start in real time keep up with the cloud's time."""
ENDED = {"Succeeded", "Failed", "Stopped"}


def train_first_model(voyage: Voyage) -> str:
    """Ask for the first training by hand and follow the pipeline to a registered model package."""
    known = set(voyage.aws.executions(voyage.outputs["PipelineName"]))
    request = {"trigger": "manual", "time": f"{voyage.now:%Y-%m-%dT%H:%M:%SZ}", "reason": "first training"}
    decision = voyage.aws.invoke_function(voyage.outputs["RetrainingFunctionName"], request)
    arn = voyage.wait("pipeline start", lambda: new_execution(voyage, known), seconds=30)
    run = follow(voyage, arn, str(decision.get("reason", "")))
    if run.package_arn is None:
        raise RehearsalError(f"the pipeline {run.status} without registering a model package", failure_log(voyage, arn))
    return (
        f"{run.seconds:.0f} s, registered {run.package_arn.rpartition('/')[2]}: {metrics_line(voyage, run.package_arn)}"
    )


def run_own_pipeline(voyage: Voyage) -> str:
    """Start a pipeline of the customer's own with its default parameters and follow it."""
    arn = voyage.aws.start_pipeline(voyage.outputs["PipelineName"])
    run = follow(voyage, arn, "rehearsal")
    steps = ", ".join(f"{step['StepName']} {step['StepStatus'].lower()}" for step in voyage.aws.steps(arn))
    registered = f"; registered {run.package_arn.rpartition('/')[2]}" if run.package_arn else ""
    return f"{run.seconds:.0f} s: {steps}{registered}"


def new_execution(voyage: Voyage, known: set[str]) -> str | None:
    """ARN of an execution that is not among the known ones."""
    fresh = [arn for arn in voyage.aws.executions(voyage.outputs["PipelineName"]) if arn not in known]
    return fresh[0] if fresh else None


def follow(voyage: Voyage, arn: str, reason: str) -> PipelineRun:
    """Wait for a pipeline execution, telling each step; raises when it failed."""
    started, clock = voyage.now, time.monotonic()
    status = voyage.wait("the pipeline", lambda: _ended(voyage, arn), seconds=PIPELINE_SECONDS)
    run = PipelineRun(arn, started, time.monotonic() - clock, status, _registered(voyage, arn), reason)
    voyage.runs.append(run)
    if status != "Succeeded":
        raise RehearsalError(f"the pipeline {status.lower()}: {_why(voyage, arn)}", failure_log(voyage, arn))
    return run


def _registered(voyage: Voyage, arn: str) -> str | None:
    """The model package that a step of the execution registered."""
    made = (step.get("Metadata", {}).get("RegisterModel", {}).get("Arn") for step in voyage.aws.steps(arn))
    return next(filter(None, made), None)


def packages(voyage: Voyage) -> list[dict[str, Any]]:
    """Model packages of the engagement's group, oldest first."""
    return voyage.aws.packages(voyage.outputs["ModelPackageGroupName"])


def promote(voyage: Voyage, package_arn: str, during: Callable[[], None]) -> Promotion:
    """Approve a package and follow its promotion; `during` keeps traffic and time going meanwhile."""
    machine = voyage.outputs["StateMachineArn"]
    known = {run["executionArn"] for run in voyage.aws.state_machine_runs(machine)}
    started = voyage.now
    voyage.aws.approve(package_arn, "rehearsal: approved after reading the evaluation")
    arn = voyage.wait("promotion start", lambda: _new_run(voyage, machine, known), seconds=30)
    deadline = time.monotonic() + PROMOTION_SECONDS
    while (run := voyage.aws.state_machine_run(arn))["status"] == "RUNNING":
        voyage.progress.doing(_promotion_state(voyage))
        during()
        time.sleep(REAL_PAUSE_SECONDS)
        if time.monotonic() > deadline:
            raise RehearsalError(f"promotion: still running after {PROMOTION_SECONDS} s", str(run))
    promotion = Promotion(
        package_arn,
        int(package_arn.rpartition("/")[2]),
        started,
        voyage.now,
        run["status"],
        _outcome(run),
        voyage.aws.served_package(voyage.endpoint),
    )
    voyage.promotions.append(promotion)
    return promotion


def _outcome(run: dict[str, Any]) -> str:
    """What the state machine says of its end: the cause of a failure, or the reason in its output."""
    return run.get("cause") or json.loads(run.get("output") or "{}").get("reason", "")


def promote_or_fail(voyage: Voyage, package_arn: str, during: Callable[[], None]) -> Promotion:
    """Promote and insist that the endpoint serves the package afterwards."""
    promotion = promote(voyage, package_arn, during)
    if promotion.outcome != "SUCCEEDED" or promotion.serving_arn != package_arn:
        serving = (promotion.serving_arn or "nothing").rpartition("/")[2]
        raise RehearsalError(
            f"promotion of version {promotion.version} {promotion.outcome.lower()}, the endpoint serves {serving}",
            promotion.reason,
        )
    return promotion


def metrics_line(voyage: Voyage, package_arn: str) -> str:
    """The evaluation's main figures in one line."""
    evaluation = evaluation_of(voyage, package_arn)
    low, high = evaluation["auc_low"], evaluation["auc_high"]
    return f"ROC AUC {evaluation['auc']:.3f} ({low:.3f} to {high:.3f})"


def evaluation_of(voyage: Voyage, package_arn: str) -> dict[str, Any]:
    """The evaluation file that the package was registered with."""
    package = next(p for p in packages(voyage) if p["ModelPackageArn"] == package_arn)
    uri = package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
    return voyage.aws.read_json_if_there(uri) or {}


def failure_log(voyage: Voyage, arn: str) -> str:
    """What the failed steps said, with the folder of their logs."""
    failed = [step for step in voyage.aws.steps(arn) if step.get("StepStatus") == "Failed"]
    lines = [f"{step['StepName']}: {step.get('FailureReason', 'no reason given')}" for step in failed]
    return "\n".join([*lines, f"logs: {voyage.folder}"])


def _ended(voyage: Voyage, arn: str) -> str | None:
    running = [step["StepName"] for step in voyage.aws.steps(arn) if step["StepStatus"] == "Executing"]
    if running:
        voyage.progress.doing("step " + ", ".join(running))
    status = voyage.aws.execution(arn)["PipelineExecutionStatus"]
    return status if status in ENDED else None


def _why(voyage: Voyage, arn: str) -> str:
    return voyage.aws.execution(arn).get("FailureReason", "no reason given")


def _new_run(voyage: Voyage, machine: str, known: set[str]) -> str | None:
    fresh = [run["executionArn"] for run in voyage.aws.state_machine_runs(machine) if run["executionArn"] not in known]
    return fresh[0] if fresh else None


def _promotion_state(voyage: Voyage) -> str:
    endpoint = voyage.aws.endpoint(voyage.endpoint)
    return f"endpoint {endpoint['EndpointStatus']}" if endpoint else "endpoint not there yet"
