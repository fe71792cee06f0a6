"""What each step type does when its turn comes: the API call that it stands for, and the properties that it leaves."""

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.offline.sagemaker import conditions, jobs, models, processing, registry, training, transform, tuning
from seatrial.offline.sagemaker.api import call
from seatrial.offline.sagemaker.execution import Execution, StepRecord
from seatrial.offline.sagemaker.expressions import Resolver
from seatrial.offline.sagemaker.jobs import JobKind
from seatrial.offline.sagemaker.service import Service, short_id
from seatrial.offline.sagemaker.spark_steps import run_on_serverless
from seatrial.offline.sagemaker.step_errors import StepFailedError, StepStoppedError

NAME_LIMIT = 63
TUNING_NAME_LIMIT = 32


def run_step(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    """Run one step to its end, leaving `properties` and `metadata` on its record."""
    _RUNNERS[step.plan.type](service, execution, step, resolver)


def ask_to_stop(service: Service, step: StepRecord) -> None:
    """Stop what a running step has started."""
    job = step.job
    if job is not None and not job.done.is_set():
        call(service, f"Stop{job.kind.name}", {job.kind.key("Name"): job.name})


def _job_runner(kind: JobKind, member: str) -> Callable[[Service, Execution, StepRecord, Resolver], None]:
    def run(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
        arguments = resolver.resolve(step.plan.arguments)
        name = _name(execution, step, arguments.pop(kind.key("Name"), None), kind)
        arguments.pop("ExperimentConfig", None)
        call(service, f"Create{kind.name}", {**arguments, kind.key("Name"): name})
        job = step.job = service.jobs[kind.name, name]
        step.metadata = {member: {"Arn": job.arn}}
        if execution.stop_asked.is_set() and not job.done.is_set():
            ask_to_stop(service, step)
        job.done.wait()
        step.seconds += job.seconds
        step.properties = jobs.describe(job)
        if job.status == "Stopped" and execution.stop_asked.is_set():
            raise StepStoppedError(f"{kind.name} {name} was stopped")
        if job.status != "Completed":
            raise StepFailedError(f"ClientError: {job.reason}" if job.status == "Stopped" else job.reason or job.status)

    return run


def _name(execution: Execution, step: StepRecord, prefix: str | None, kind: JobKind) -> str:
    limit = TUNING_NAME_LIMIT if kind is tuning.KIND else NAME_LIMIT
    tail = short_id(10)
    head = prefix or f"pipelines-{execution.id}-{step.plan.name}"
    return f"{head[: limit - len(tail) - 1].rstrip('-')}-{tail}"


def _model(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    arguments = resolver.resolve(step.plan.arguments)
    name = _name(execution, step, arguments.pop("ModelName", None), training.KIND)
    arn = call(service, "CreateModel", {**arguments, "ModelName": name})["ModelArn"]
    step.metadata = {"Model": {"Arn": arn}}
    step.properties = models.describe_model(service, {"ModelName": name})


def _register(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    arguments = resolver.resolve(step.plan.arguments)
    if "ModelPackageGroupName" in arguments:
        registry.ensure_group(service, arguments["ModelPackageGroupName"])
    arn = call(service, "CreateModelPackage", arguments)["ModelPackageArn"]
    step.metadata = {"RegisterModel": {"Arn": arn}}
    step.properties = registry.description(registry.find(service, arn))


def _condition(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    outcome = conditions.holds(step.plan.conditions, resolver)
    step.metadata = {"Condition": {"Outcome": str(outcome)}}
    step.properties = {"Outcome": outcome}


def _fail(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    message = str(resolver.resolve(step.plan.arguments.get("ErrorMessage", "")))
    step.metadata = {"Fail": {"ErrorMessage": message}}
    raise StepFailedError(message)


def _lambda(service: Service, execution: Execution, step: StepRecord, resolver: Resolver) -> None:
    arn = str(resolver.resolve(step.plan.function))
    payload = resolver.resolve(dict(step.plan.arguments))
    try:
        result = service.neighbours.invoke_function(arn, payload)
    except Exception as error:
        raise StepFailedError(f"ClientError: the Lambda function {arn} failed: {error}") from error
    outputs: Mapping[str, Any] = result if isinstance(result, Mapping) else {}
    names = [output["OutputName"] for output in step.plan.outputs]
    missing = [name for name in names if name not in outputs]
    if missing:
        raise StepFailedError(f"ClientError: the Lambda function {arn} did not return {', '.join(missing)}")
    found = [{"Name": name, "Value": str(outputs[name])} for name in names]
    step.metadata = {"Lambda": {"Arn": arn, "OutputParameters": found}}
    step.properties = {"OutputParameters": {name: outputs[name] for name in names}}


_RUNNERS: dict[str, Callable[[Service, Execution, StepRecord, Resolver], None]] = {
    "Processing": _job_runner(processing.KIND, "ProcessingJob"),
    "Training": _job_runner(training.KIND, "TrainingJob"),
    "Tuning": _job_runner(tuning.KIND, "TuningJob"),
    "Transform": _job_runner(transform.KIND, "TransformJob"),
    "Model": _model,
    "CreateModel": _model,
    "RegisterModel": _register,
    "Condition": _condition,
    "Fail": _fail,
    "Lambda": _lambda,
    "EMRServerless": run_on_serverless,
}
