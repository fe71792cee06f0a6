"""Carries out a pipeline's plan: starts each step when what it needs is there, and settles the execution's end."""

import queue
import traceback
from typing import Any

from seatrial.offline.sagemaker import expressions, storage
from seatrial.offline.sagemaker.errors import SagemakerError
from seatrial.offline.sagemaker.execution import (
    Execution,
    StepRecord,
    announce_step,
    set_execution_status,
    set_step_status,
)
from seatrial.offline.sagemaker.expressions import ExpressionError, Resolver
from seatrial.offline.sagemaker.pipeline_plan import StepPlan
from seatrial.offline.sagemaker.service import Service, jsonable
from seatrial.offline.sagemaker.simplified import note_cache
from seatrial.offline.sagemaker.step_errors import StepFailedError, StepStoppedError
from seatrial.offline.sagemaker.steps import run_step
from seatrial.offline.sagemaker.storage import StorageError

DEFAULT_PARALLEL = 50


class Executor:
    """Runs one execution on a coordinating thread, each step on a thread of its own."""

    def __init__(self, service: Service, execution: Execution) -> None:
        self._service = service
        self._execution = execution
        self._pending = {step.name: step for step in execution.plan.steps}
        self._skipped: set[str] = set()
        self._succeeded: set[str] = set()
        self._running = 0
        self._ended: queue.Queue[StepRecord] = queue.Queue()
        self._resolver = Resolver(self._get, self._property_file, self._read_uri)
        settings = execution.request.get("ParallelismConfiguration") or execution.pipeline.request.get(
            "ParallelismConfiguration", {}
        )
        self._limit = int(settings.get("MaxParallelExecutionSteps", DEFAULT_PARALLEL))

    def run(self) -> None:
        """Run to the end; the execution is settled whatever happens."""
        execution = self._execution
        try:
            while True:
                self._skip()
                if not self._halted():
                    self._start_ready()
                if self._running == 0:
                    break
                self._note_end(self._ended.get())
            self._settle()
        except Exception:
            set_execution_status(
                self._service, execution, "Failed", f"InternalServerError: {traceback.format_exc()[-900:]}"
            )
        finally:
            execution.done.set()

    def _start_ready(self) -> None:
        for name, step in list(self._pending.items()):
            if self._running >= self._limit:
                return
            if step.dependencies <= self._succeeded:
                del self._pending[name]
                self._start(step)

    def _start(self, plan: StepPlan) -> None:
        record = StepRecord(plan, "Executing", self._service.now())
        self._execution.steps[plan.name] = record
        if plan.cached:
            note_cache(self._service.context.journal, plan.name)
        announce_step(self._service, self._execution, record, "Starting")
        self._running += 1
        self._service.run(f"step-{plan.name}", lambda: self._live(record))

    def _live(self, step: StepRecord) -> None:
        status, reason = "Failed", None
        try:
            self._try(step)
            status = "Succeeded"
        except StepStoppedError:
            status = "Stopped"
        except (StepFailedError, ExpressionError, SagemakerError, StorageError) as failure:
            reason = str(failure)
        except Exception:
            reason = f"InternalServerError: {traceback.format_exc()[-900:]}"
        try:
            set_step_status(self._service, self._execution, step, status, reason)
        finally:
            step.status = status
            self._ended.put(step)

    def _try(self, step: StepRecord) -> None:
        while True:
            try:
                run_step(self._service, self._execution, step, self._resolver)
            except (StepFailedError, StepStoppedError, ExpressionError, SagemakerError, StorageError):
                raise
            except Exception:
                # Only a fault of the service itself is tried again, as retry policies for SERVICE_FAULT say.
                if step.attempts >= step.plan.attempts:
                    raise
                step.attempts += 1
            else:
                return

    def _skip(self) -> None:
        """Drop the steps of branches that were not taken, and what depends on them."""
        changed = True
        while changed:
            changed = False
            for name, step in list(self._pending.items()):
                if self._not_taken(step) or step.dependencies & self._skipped:
                    del self._pending[name]
                    self._skipped.add(name)
                    changed = True

    def _not_taken(self, step: StepPlan) -> bool:
        guard = step.guard
        if guard is None or guard.condition not in self._succeeded:
            return False
        return self._execution.steps[guard.condition].properties["Outcome"] != guard.branch

    def _note_end(self, step: StepRecord) -> None:
        # Only here, on the coordinating thread: between a step's end and this, no branch is decided by it.
        self._running -= 1
        if step.status == "Succeeded":
            self._succeeded.add(step.plan.name)

    def _halted(self) -> bool:
        failed = any(step.status == "Failed" for step in self._execution.steps.values())
        return failed or self._execution.stop_asked.is_set() or self._service.stopping.is_set()

    def _settle(self) -> None:
        failed = [step for step in self._execution.steps.values() if step.status == "Failed"]
        if failed:
            details = "; ".join(f"{step.plan.name}: {step.reason}" for step in failed)
            reason = f"Step failure: One or multiple steps failed. {details}"[:1300]
            set_execution_status(self._service, self._execution, "Failed", reason)
        elif self._execution.stop_asked.is_set() or self._service.stopping.is_set():
            set_execution_status(self._service, self._execution, "Stopped")
        else:
            set_execution_status(self._service, self._execution, "Succeeded")

    def _get(self, path: str) -> Any:
        head, _, rest = path.partition(".")
        if head == "Parameters":
            return self._execution.parameters[rest]
        if head == "Execution":
            return self._execution_value(rest)
        step = expressions.step_of(path)
        record = self._execution.steps.get(step or "")
        if head != "Steps" or record is None:
            raise ExpressionError(f"{path!r} cannot be read: step {step!r} has not run")
        return expressions.walk(record.properties, rest[len(record.plan.name) :].removeprefix("."))

    def _execution_value(self, name: str) -> Any:
        execution = self._execution
        values = {
            "PipelineExecutionId": execution.id,
            "PipelineExecutionArn": execution.arn,
            "PipelineName": execution.pipeline.name,
            "PipelineArn": execution.pipeline.arn,
            "StartDateTime": jsonable(execution.created),
            "CurrentDateTime": jsonable(self._service.now()),
        }
        if name not in values:
            raise ExpressionError(f"'Execution.{name}' is not known: {', '.join(values)}")
        return values[name]

    def _property_file(self, path: str) -> str:
        step, _, name = path.removeprefix("Steps.").partition(".PropertyFiles.")
        record = self._execution.steps.get(step)
        if record is None or name not in record.plan.property_files:
            raise ExpressionError(f"{path!r}: step {step!r} has no property file {name!r}, or has not run")
        file = record.plan.property_files[name]
        folder = expressions.walk(record.properties, f"ProcessingOutputConfig.Outputs['{file.output}'].S3Output.S3Uri")
        return self._read_uri(storage.join_uri(folder, file.path))

    def _read_uri(self, uri: str) -> str:
        return storage.read(self._service.context.client("s3"), uri).decode()
