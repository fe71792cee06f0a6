"""Each replacement of a part of moto, seen without it: a test fails once moto no longer needs the replacement."""

import inspect
import json
from typing import Any

from moto.core.config import DefaultConfig
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.event import event_manager
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends

from seatrial.offline import functions, patches
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ACCOUNT, REGION, ROLE

PASS = {"StartAt": "End", "States": {"End": {"Type": "Pass", "Result": "text", "End": True}}}


def source(owner: Any, name: str) -> str:
    return inspect.getsource(patches.original(owner, name))


def run(cloud: OfflineCloud, name: str, definition: dict[str, Any]) -> dict[str, Any]:
    client = cloud.context.client("stepfunctions")
    machine = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    functions.settle()
    return client.describe_execution(executionArn=arn)


def test_moto_executes_nothing_unless_it_is_told_to(cloud: OfflineCloud) -> None:
    from moto.core import config

    plain = inspect.getsource(config)

    assert '"stepfunctions": {"execute_state_machine": False}' in plain
    assert "stepfunctions" in DefaultConfig.__annotations__


def test_moto_waits_sleeps_and_times_out_in_real_time() -> None:
    assert "time.time()" in source(WaitFunction, "_wait_interval")
    assert "time.sleep(" in source(RetrierDecl, "_eval_body")
    assert "join(timeout=timeout)" in source(Program, "eval")
    assert "time.sleep(" in source(StateTaskServiceCallback, "_eval_sync")
    assert "callback_endpoint" in source(StateTaskServiceCallback, "_eval_wait_for_task_token")
    assert retrier_decl.RetrierDecl is RetrierDecl


def test_moto_calls_a_fixed_port_of_this_machine() -> None:
    text = source(boto_client, "boto_client_for")

    assert 'f"http://localhost:{moto_server_port()}"' in text
    assert "parameter_validation=False" in text


def test_moto_stamps_its_history_with_the_time_of_the_machine(cloud: OfflineCloud) -> None:
    cloud.clock.advance(86_400)

    with patches.without(event_manager, "datetime"):
        plain = EventManager._get_current_timestamp()

    assert abs((EventManager._get_current_timestamp() - cloud.clock.now()).total_seconds()) < 5
    assert abs((plain - cloud.clock.now()).total_seconds()) > 3600


def test_moto_spells_services_in_error_names_as_boto_does() -> None:
    plain = patches.original(StateTaskServiceAwsSdk, "_normalise_service_error_name")

    assert plain.__func__("cloudformation") == "cloudformation"


def test_moto_leaves_the_case_of_the_api_in_sdk_integrations(cloud: OfflineCloud) -> None:
    cloud.context.client("stepfunctions").create_activity(name="case")
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sfn:listActivities", "Parameters": {}, "End": True}

    with patches.without(StateTaskServiceAwsSdk, "_eval_service_task"):
        description = run(cloud, "motos-case", {"StartAt": "List", "States": {"List": task}})

    assert "activities" in json.loads(description["output"])


def test_moto_names_an_execution_without_a_name_none(cloud: OfflineCloud) -> None:
    client = cloud.context.client("stepfunctions")
    machine = client.create_state_machine(name="nameless", definition=json.dumps(PASS), roleArn=ROLE)
    backend = stepfunctions_parser_backends[ACCOUNT][REGION]

    with patches.without(StepFunctionsParserBackend, "start_execution"):
        execution = backend.start_execution(machine["stateMachineArn"])
    functions.settle()

    assert execution.exec_arn.endswith(":None")


def test_moto_tells_nobody_that_an_execution_starts_or_ends(cloud: OfflineCloud) -> None:
    before = len(cloud.journal.entries("state_machine"))

    with patches.without(Execution, "start"), patches.without(BaseExecutionWorkerCommunication, "terminated"):
        _wait_for_end(cloud, run(cloud, "untold", PASS)["executionArn"])

    assert len(cloud.journal.entries("state_machine")) == before


def test_moto_answers_an_output_that_is_a_string_without_its_quotes(cloud: OfflineCloud) -> None:
    with patches.without(Execution, "start"), patches.without(BaseExecutionWorkerCommunication, "terminated"):
        description = run(cloud, "unquoted", PASS)
        _wait_for_end(cloud, description["executionArn"])

    plain = cloud.context.client("stepfunctions").describe_execution(executionArn=description["executionArn"])
    assert plain["output"] == "text"
    assert run(cloud, "quoted", PASS)["output"] == '"text"'


def test_moto_has_a_start_time_that_is_no_text(cloud: OfflineCloud) -> None:
    client = cloud.context.client("stepfunctions")
    machine = client.create_state_machine(name="objects", definition=json.dumps(PASS), roleArn=ROLE)
    execution = stepfunctions_parser_backends[ACCOUNT][REGION].start_execution(machine["stateMachineArn"])
    functions.settle()

    with patches.without(Execution, "get_start_execution_details"):
        plain = execution.get_start_execution_details()

    assert not isinstance(plain.start_time, str)


def _wait_for_end(cloud: OfflineCloud, arn: str) -> None:
    import time

    client = cloud.context.client("stepfunctions")
    deadline = time.monotonic() + 10
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.05)


def test_moto_wraps_what_a_definite_path_names_in_a_list(cloud: OfflineCloud) -> None:
    data = {"Stacks": [{"StackStatus": "UPDATE_COMPLETE"}]}

    plain = patches.original(json_path, "extract_json")("$.Stacks[0].StackStatus", data)

    assert plain == ["UPDATE_COMPLETE"]
    assert json_path.extract_json("$.Stacks[0].StackStatus", data) == "UPDATE_COMPLETE"
    assert json_path.extract_json("$.Stacks[*].StackStatus", data) == ["UPDATE_COMPLETE"]
