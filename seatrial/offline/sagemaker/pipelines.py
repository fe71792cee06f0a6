"""The pipeline API: pipelines kept with their plans, executions started, stopped and told about."""

from seatrial.offline.sagemaker import storage
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import ConflictError, NotFoundError, SagemakerError, ValidationError
from seatrial.offline.sagemaker.execution import (
    Execution,
    Pipeline,
    announce_execution,
    set_execution_status,
    step_summary,
)
from seatrial.offline.sagemaker.executor import Executor
from seatrial.offline.sagemaker.pipeline_plan import read_definition
from seatrial.offline.sagemaker.service import Request, Response, Service, present, short_id
from seatrial.offline.sagemaker.steps import ask_to_stop

DEFINITION_LIMIT = 1_048_576


def create(service: Service, request: Request) -> Response:
    """CreatePipeline."""
    name = request["PipelineName"]
    definition = _definition(service, request)
    plan = read_definition(definition)
    arn = service.arn("pipeline", name)
    with service.lock:
        if name in service.pipelines:
            raise ValidationError(
                "Pipeline names must be unique within an AWS account and region. "
                f"Pipeline with name ({name}) already exists."
            )
        now = service.now()
        service.pipelines[name] = Pipeline(name, arn, definition, plan, request, now, now)
        service.set_tags(arn, request.get("Tags"))
    return {"PipelineArn": arn}


def update(service: Service, request: Request) -> Response:
    """UpdatePipeline; executions under way keep the definition they started with."""
    pipeline = find(service, request["PipelineName"])
    if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
        definition = _definition(service, request)
        pipeline.plan = read_definition(definition)
        pipeline.definition = definition
    kept = ("PipelineDisplayName", "PipelineDescription", "RoleArn", "ParallelismConfiguration")
    pipeline.request = {**pipeline.request, **{name: request[name] for name in kept if name in request}}
    pipeline.modified = service.now()
    return {"PipelineArn": pipeline.arn}


def delete(service: Service, request: Request) -> Response:
    """DeletePipeline; refused while an execution runs."""
    pipeline = find(service, request["PipelineName"])
    if any(e.pipeline is pipeline and not e.finished for e in service.executions.values()):
        raise ConflictError(f"Pipeline {pipeline.arn} cannot be deleted: an execution is under way.")
    del service.pipelines[pipeline.name]
    return {"PipelineArn": pipeline.arn}


def describe(service: Service, request: Request) -> Response:
    """DescribePipeline."""
    pipeline = find(service, request["PipelineName"])
    return present(
        PipelineArn=pipeline.arn,
        PipelineName=pipeline.name,
        PipelineDisplayName=pipeline.request.get("PipelineDisplayName"),
        PipelineDefinition=pipeline.definition,
        PipelineDescription=pipeline.request.get("PipelineDescription"),
        RoleArn=pipeline.request.get("RoleArn"),
        PipelineStatus="Active",
        CreationTime=pipeline.created,
        LastModifiedTime=pipeline.modified,
        LastRunTime=pipeline.last_executed,
        ParallelismConfiguration=pipeline.request.get("ParallelismConfiguration"),
    )


def list_pipelines(service: Service, request: Request) -> Response:
    """ListPipelines."""
    prefix = request.get("PipelineNamePrefix", "")
    found = [pipeline for name, pipeline in service.pipelines.items() if name.startswith(prefix)]
    found.sort(key=lambda p: p.created, reverse=request.get("SortOrder", "Descending") == "Descending")
    return {"PipelineSummaries": [_summary(pipeline) for pipeline in found]}


def start(service: Service, request: Request) -> Response:
    """StartPipelineExecution; the same ClientRequestToken gives the same execution."""
    pipeline = find(service, request["PipelineName"])
    given = {item["Name"]: item["Value"] for item in request.get("PipelineParameters", ())}
    token = request.get("ClientRequestToken")
    with service.lock:
        for earlier in service.executions.values():
            if token and earlier.pipeline is pipeline and earlier.request.get("ClientRequestToken") == token:
                if earlier.given != given:
                    raise ConflictError(f"ClientRequestToken {token} was used with other parameters")
                return {"PipelineExecutionArn": earlier.arn}
        execution = _new_execution(service, pipeline, given, request)
        service.executions[execution.arn] = execution
    set_execution_status(service, execution, "Executing")
    service.run(f"pipeline-{execution.id}", Executor(service, execution).run)
    return {"PipelineExecutionArn": execution.arn}


def stop(service: Service, request: Request) -> Response:
    """StopPipelineExecution: no further step starts, and running jobs are stopped."""
    execution = find_execution(service, request)
    if execution.finished:
        raise ConflictError(
            f"Pipeline execution {execution.arn} is in status {execution.status} and cannot be stopped."
        )
    execution.stop_asked.set()
    previous, execution.status = execution.status, "Stopping"
    announce_execution(service, execution, previous)
    service.run(f"stop-{execution.id}", lambda: _stop_steps(service, execution))
    return {"PipelineExecutionArn": execution.arn}


def describe_execution(service: Service, request: Request) -> Response:
    """DescribePipelineExecution."""
    execution = find_execution(service, request)
    return present(
        PipelineArn=execution.pipeline.arn,
        PipelineExecutionArn=execution.arn,
        PipelineExecutionDisplayName=execution.request.get("PipelineExecutionDisplayName"),
        PipelineExecutionDescription=execution.request.get("PipelineExecutionDescription"),
        PipelineExecutionStatus=execution.status,
        FailureReason=execution.reason,
        CreationTime=execution.created,
        LastModifiedTime=execution.modified,
        ParallelismConfiguration=execution.request.get("ParallelismConfiguration"),
    )


def list_executions(service: Service, request: Request) -> Response:
    """ListPipelineExecutions, newest first."""
    pipeline = find(service, request["PipelineName"])
    found = [e for e in service.executions.values() if e.pipeline.arn == pipeline.arn]
    found.sort(key=lambda e: e.created, reverse=request.get("SortOrder", "Descending") == "Descending")
    rows = [
        present(
            PipelineExecutionArn=e.arn,
            StartTime=e.created,
            PipelineExecutionStatus=e.status,
            PipelineExecutionDescription=e.request.get("PipelineExecutionDescription"),
            PipelineExecutionDisplayName=e.request.get("PipelineExecutionDisplayName"),
            PipelineExecutionFailureReason=e.reason,
        )
        for e in found[: request.get("MaxResults", 100)]
    ]
    return {"PipelineExecutionSummaries": rows}


def list_steps(service: Service, request: Request) -> Response:
    """ListPipelineExecutionSteps, newest first as AWS does."""
    execution = find_execution(service, request)
    steps = sorted(execution.steps.values(), key=lambda step: step.started)
    if request.get("SortOrder", "Descending") == "Descending":
        steps.reverse()
    return {"PipelineExecutionSteps": [step_summary(step) for step in steps]}


def describe_definition(service: Service, request: Request) -> Response:
    """DescribePipelineDefinitionForExecution."""
    execution = find_execution(service, request)
    return {"PipelineDefinition": execution.definition, "CreationTime": execution.created}


def list_parameters(service: Service, request: Request) -> Response:
    """ListPipelineParametersForExecution."""
    execution = find_execution(service, request)
    return {"PipelineParameters": [{"Name": k, "Value": str(v)} for k, v in execution.parameters.items()]}


def stop_all(service: Service) -> None:
    """Let no execution start another step; called when the cloud stops."""
    for execution in service.executions.values():
        execution.stop_asked.set()


def find(service: Service, name: str) -> Pipeline:
    """The pipeline of that name or ARN."""
    short = name.rpartition("/")[2]
    if short not in service.pipelines:
        raise NotFoundError(f"Pipeline '{service.arn('pipeline', short)}' does not exist.")
    return service.pipelines[short]


def find_execution(service: Service, request: Request) -> Execution:
    """The execution that a request names."""
    arn = request["PipelineExecutionArn"]
    if arn not in service.executions:
        raise NotFoundError(f"Pipeline execution with ARN {arn} does not exist.")
    return service.executions[arn]


def _definition(service: Service, request: Request) -> str:
    location = request.get("PipelineDefinitionS3Location")
    if location is None and "PipelineDefinition" not in request:
        raise ValidationError("PipelineDefinition or PipelineDefinitionS3Location: one of them is required")
    if location is None:
        return request["PipelineDefinition"]
    uri = f"s3://{location['Bucket']}/{location['ObjectKey']}"
    try:
        text = storage.read(service.context.client("s3"), uri).decode()
    except storage.StorageError as error:
        raise ValidationError(str(error)) from error
    if len(text) > DEFINITION_LIMIT:
        raise ValidationError(f"PipelineDefinition: {len(text)} characters, at most {DEFINITION_LIMIT}")
    return text


def _new_execution(service: Service, pipeline: Pipeline, given: dict[str, str], request: Request) -> Execution:
    values = pipeline.plan.values(given)
    identity = short_id()
    now = service.now()
    pipeline.last_executed = now
    arn = f"{pipeline.arn}/execution/{identity}"
    return Execution(arn, identity, pipeline, pipeline.plan, pipeline.definition, values, given, request, now, now)


def _stop_steps(service: Service, execution: Execution) -> None:
    for step in list(execution.steps.values()):
        try:
            ask_to_stop(service, step)
        except SagemakerError:
            continue  # the job ended in the meantime


def _summary(pipeline: Pipeline) -> Response:
    return present(
        PipelineArn=pipeline.arn,
        PipelineName=pipeline.name,
        PipelineDisplayName=pipeline.request.get("PipelineDisplayName"),
        PipelineDescription=pipeline.request.get("PipelineDescription"),
        RoleArn=pipeline.request.get("RoleArn"),
        CreationTime=pipeline.created,
        LastModifiedTime=pipeline.modified,
        LastExecutionTime=pipeline.last_executed,
    )


OPERATIONS: dict[str, Operation] = {
    "CreatePipeline": create,
    "UpdatePipeline": update,
    "DeletePipeline": delete,
    "DescribePipeline": describe,
    "ListPipelines": list_pipelines,
    "StartPipelineExecution": start,
    "StopPipelineExecution": stop,
    "DescribePipelineExecution": describe_execution,
    "ListPipelineExecutions": list_executions,
    "ListPipelineExecutionSteps": list_steps,
    "DescribePipelineDefinitionForExecution": describe_definition,
    "ListPipelineParametersForExecution": list_parameters,
}
