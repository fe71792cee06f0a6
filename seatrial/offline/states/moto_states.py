"""Moto's interpreter of state machines on the cloud's clock: each replacement says what moto does instead."""

import datetime
import logging
import sys
import types
import uuid
from typing import Any

from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_name import ErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations.is_operator import (
    IsTimestamp,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from seatrial.offline import events, patches
from seatrial.offline.alarms import service_metrics
from seatrial.offline.states import executions, integrations, jobs, paths

_PACKAGE = "moto.stepfunctions.parser."
_TIMED = ("wait.wait_function.timestamp", "state.state", "event.event_manager", "backend.execution", "parser.models")


def replace_all() -> None:
    """Replace what moto lacks, and let it execute state machines at all."""
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # failures of states are told in the history
    patches.replace_everywhere(boto_client, "boto_client_for", _client_for, package=_PACKAGE)
    patches.replace(WaitFunction, "_wait_interval", _wait_interval)
    patches.replace(RetrierDecl, "_eval_body", _evaluate_retrier)
    patches.replace(Program, "eval", _evaluate_program)
    patches.replace(StateTaskServiceCallback, "_eval_wait_for_task_token", _wait_for_task_token)
    patches.replace(StateTaskServiceCallback, "_eval_sync", _wait_for_job)
    patches.replace(StateTaskServiceAwsSdk, "_normalise_service_error_name", staticmethod(_error_service_name))
    patches.replace(StateTaskServiceAwsSdk, "_eval_service_task", _call_aws_sdk)
    patches.replace(IsTimestamp, "string_to_timestamp", staticmethod(_timestamp))
    for module in (iteration_worker, branches_decl):
        patches.replace(module, "CustomErrorName", _inner_error_name)
    patches.replace(StepFunctionsParserBackend, "start_execution", _start_execution)
    patches.replace(Execution, "start", _start)
    patches.replace(Execution, "get_start_execution_details", _execution_details)
    patches.replace(BaseExecutionWorkerCommunication, "terminated", _terminated)
    paths.replace_all(_PACKAGE)
    jobs.replace_all(_PACKAGE)
    _follow_clock()


def _client_for(region: str, service: str, state_credentials: Any = None) -> Any:
    """Moto calls port 5000 of this machine, and lets parameters through that the API does not know."""
    return integrations.client_for(executions.current().context, service, region)


def _wait_interval(self: WaitFunction, env: Any, wait_seconds: int) -> None:
    """Moto waits in real time."""
    if wait_seconds > 0:
        executions.current().wait(executions.arn_of(env), wait_seconds, env.is_running)


def _evaluate_retrier(self: RetrierDecl, env: Any) -> None:
    """Moto sleeps in real time between tries; the rest is as moto has it."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if not env.stack.pop().value:
        env.stack.append(RetrierOutcome.Failed)
        return
    for part in (self.interval_seconds, self.backoff_rate, self.max_delay_seconds, self.jitter_strategy):
        part.eval(env=env)
    executions.current().wait(executions.arn_of(env), env.stack.pop(), env.is_running)
    env.stack.append(RetrierOutcome.Executed)


def _evaluate_program(self: Program, env: Any) -> None:
    """Moto measures a state machine's TimeoutSeconds in real time."""
    timeout = self.timeout_seconds
    if timeout is not None:
        vars(self)["timeout_seconds"] = None
        clock = executions.current().context.clock
        clock.after(timeout.timeout_seconds, lambda: env.set_timed_out() if env.is_running() else None)
    patches.original(Program, "eval")(self, env)


def _wait_for_task_token(
    self: Any, env: Any, timeout_seconds: int, callback_endpoint: Any, heartbeat_endpoint: Any
) -> Any:
    """Moto waits for a token in real time."""
    arn = executions.arn_of(env)
    if heartbeat_endpoint is not None:
        with executions.current().paused(arn):
            original = patches.original(StateTaskServiceCallback, "_eval_wait_for_task_token")
            return original(self, env, timeout_seconds, callback_endpoint, heartbeat_endpoint)
    executions.current().wait(
        arn, timeout_seconds, lambda: env.is_running() and callback_endpoint.get_outcome() is None
    )
    outcome = callback_endpoint.get_outcome()
    return CallbackOutcomeTimedOut(callback_id=callback_endpoint.callback_id) if outcome is None else outcome


def _wait_for_job(self: Any, env: Any, **arguments: Any) -> Any:
    """Moto polls in real time; meanwhile the clock may move."""
    with executions.current().paused(executions.arn_of(env)):
        return patches.original(StateTaskServiceCallback, "_eval_sync")(self, env, **arguments)


def _error_service_name(service_name: str) -> str:
    """Moto writes "cloudformation.cloudformationException" for CloudFormation.CloudFormationException."""
    return integrations.error_service_name(service_name.lower())


def _call_aws_sdk(
    self: StateTaskServiceAwsSdk,
    env: Any,
    resource_runtime_part: Any,
    normalised_parameters: dict[str, Any],
    state_credentials: Any,
) -> None:
    """Moto passes parameters and responses as boto3 has them: not in Pascal case, with times that are no text."""
    service, action = self.resource.api_name.lower(), self._get_boto_service_action()
    client = integrations.client_for(executions.current().context, service, resource_runtime_part.region)
    method = getattr(client, action)
    response = method(**integrations.to_request(service, action, normalised_parameters))
    env.stack.append(integrations.to_response(service, action, response or {}))


def _timestamp(text: str) -> datetime.datetime | None:
    """Moto reads no fractions of seconds, which its own $$.State.EnteredTime has, and no offsets."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return time if time.tzinfo else None


def _inner_error_name(error_name: str | None) -> ErrorName:
    """Moto refuses a Map or Parallel whose inner state failed with an error of AWS's own, such as States.TaskFailed."""
    own = error_name is not None and error_name.startswith("States.")
    return StatesErrorName.from_name(error_name) if own else CustomErrorName(error_name=error_name)


def _start_execution(
    self: StepFunctionsParserBackend,
    state_machine_arn: str,
    name: str | None = None,
    execution_input: str | None = None,
    trace_header: str | None = None,
) -> Execution:
    """Moto names an execution without a name "None"."""
    original = patches.original(StepFunctionsParserBackend, "start_execution")
    return original(self, state_machine_arn, name or str(uuid.uuid4()), execution_input or "{}", trace_header)


def _start(self: Execution) -> None:
    """Moto tells nobody."""
    executions.current().begin(self.exec_arn)
    _tell(self, "RUNNING")
    patches.original(Execution, "start")(self)


def _terminated(self: BaseExecutionWorkerCommunication) -> None:
    """Moto tells nobody, and answers an output that is a string without its quotes."""
    patches.original(BaseExecutionWorkerCommunication, "terminated")(self)
    if self.execution.status == "SUCCEEDED":
        self.execution.output = integrations.as_json(self.execution.output)
    _tell(self.execution, str(self.execution.status))
    executions.current().end(self.execution.exec_arn)


def _tell(execution: Execution, status: str) -> None:
    context = executions.current().context
    machine = execution.state_machine
    context.journal.record(
        "state_machine",
        name=machine.name,
        execution=execution.exec_arn,
        status=status,
        error=execution.error,
        cause=execution.cause,
    )
    service_metrics.count_execution(context, machine.arn, status)
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": machine.arn,
        "name": execution.name,
        "status": status,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": execution.execution_input,
        "output": execution.output if status == "SUCCEEDED" else None,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if status == "SUCCEEDED" else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    events.emit(
        context,
        source="aws.states",
        detail_type="Step Functions Execution Status Change",
        detail=detail,
        resources=[execution.exec_arn],
    )


def _milliseconds(moment: Any) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _execution_details(self: Execution) -> Any:
    """Moto has $$.Execution.StartTime as an object that is no text."""
    details = patches.original(Execution, "get_start_execution_details")(self)
    details.start_time = self.start_date.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return details


class _CloudDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        moment = executions.current().context.clock.now()
        return moment.replace(tzinfo=None) if tz is None else moment.astimezone(tz)


def _follow_clock() -> None:
    """Moto stamps executions, events and $$.State.EnteredTime with the machine's time."""
    shim = types.ModuleType("datetime")
    vars(shim).update(vars(datetime))
    shim.datetime = _CloudDatetime  # type: ignore[attr-defined]
    for name, module in list(sys.modules.items()):
        if name.startswith(_PACKAGE) and name.endswith(_TIMED) and vars(module).get("datetime") is datetime:
            patches.replace(module, "datetime", shim)
