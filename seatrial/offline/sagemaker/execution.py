"""The record of one pipeline execution and its steps, and the events that tell of their changes."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.offline.sagemaker.pipeline_plan import PipelinePlan, StepPlan
from seatrial.offline.sagemaker.service import Request, Response, Service, jsonable, present

EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"
FINAL = ("Succeeded", "Failed", "Stopped")


@dataclass
class Pipeline:
    """One pipeline: its definition now, and what it was created with."""

    name: str
    arn: str
    definition: str
    plan: PipelinePlan
    request: Request
    created: datetime
    modified: datetime
    last_executed: datetime | None = None


@dataclass
class StepRecord:
    """What became of a step."""

    plan: StepPlan
    status: str
    started: datetime
    ended: datetime | None = None
    reason: str | None = None
    attempts: int = 1
    metadata: Response = field(default_factory=dict)
    properties: Response = field(default_factory=dict)
    """What `Steps.<name>.…` paths see."""
    seconds: float = 0.0
    job: Any = None


@dataclass
class Execution:
    """One run of a pipeline."""

    arn: str
    id: str
    pipeline: Pipeline
    plan: PipelinePlan
    definition: str
    parameters: dict[str, Any]
    given: dict[str, str]
    request: Request
    created: datetime
    modified: datetime
    status: str = "Executing"
    reason: str | None = None
    steps: dict[str, StepRecord] = field(default_factory=dict)
    stop_asked: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def finished(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in FINAL


def set_execution_status(service: Service, execution: Execution, status: str, reason: str | None = None) -> None:
    """Change the status, journal it and emit the event."""
    previous, execution.status, execution.reason = execution.status, status, reason
    execution.modified = service.now()
    service.context.journal.record(
        "execution", pipeline=execution.pipeline.name, arn=execution.arn, status=status, reason=reason
    )
    announce_execution(service, execution, previous)


def announce_execution(service: Service, execution: Execution, previous: str | None) -> None:
    """Emit the event of an execution's change."""
    detail = present(
        pipelineArn=execution.pipeline.arn,
        pipelineExecutionArn=execution.arn,
        pipelineExecutionDescription=execution.request.get("PipelineExecutionDescription"),
        pipelineExecutionDisplayName=execution.request.get("PipelineExecutionDisplayName"),
        currentPipelineExecutionStatus=execution.status,
        previousPipelineExecutionStatus=previous,
        executionStartTime=execution.created,
        executionEndTime=execution.modified if execution.finished else None,
    )
    service.emit(EXECUTION_EVENT, detail, execution.pipeline.arn)


def set_step_status(
    service: Service, execution: Execution, step: StepRecord, status: str, reason: str | None = None
) -> None:
    """Change a step's status, journal its end and emit the event."""
    previous, step.status, step.reason = step.status, status, reason
    if status in FINAL:
        step.ended = service.now()
        service.context.journal.record(
            "step",
            pipeline=execution.pipeline.name,
            execution=execution.arn,
            name=step.plan.name,
            type=step.plan.type,
            status=status,
            seconds=step.seconds,
            reason=reason,
            folder=str(step.job.folder) if step.job is not None else None,
        )
    announce_step(service, execution, step, previous)


def announce_step(service: Service, execution: Execution, step: StepRecord, previous: str | None) -> None:
    """Emit the event of a step's change."""
    detail = present(
        metadata=jsonable(step.metadata),
        stepName=step.plan.name,
        stepType=step.plan.type,
        stepStartTime=step.started,
        stepEndTime=step.ended,
        previousStepStatus=previous,
        currentStepStatus=step.status,
        failureReason=step.reason,
        pipelineArn=execution.pipeline.arn,
        pipelineExecutionArn=execution.arn,
    )
    service.emit(STEP_EVENT, detail, execution.pipeline.arn)


def step_summary(step: StepRecord) -> Response:
    """A step as ListPipelineExecutionSteps tells it."""
    return present(
        StepName=step.plan.name,
        StepDisplayName=step.plan.display_name,
        StepDescription=step.plan.description,
        StartTime=step.started,
        EndTime=step.ended,
        StepStatus=step.status,
        AttemptCount=step.attempts,
        FailureReason=step.reason,
        Metadata=step.metadata,
    )
