"""An error of AWS's own inside a Map or a Parallel reaches the Catch outside under its name."""

import inspect
import json

import pytest
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName

from seatrial.offline import functions
from tests.offline.support import ROLE

MISSING = {
    "Type": "Task",
    "Resource": "arn:aws:states:::sqs:sendMessage",
    "Parameters": {"QueueUrl": "https://sqs/nothing", "MessageBody.$": "$.nothing"},
    "End": True,
}
INSIDE = {"StartAt": "Inner", "States": {"Inner": MISSING}}
OUTSIDE = {
    "Map": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": INSIDE},
    "Parallel": {"Type": "Parallel", "Branches": [INSIDE]},
}


@pytest.mark.parametrize("kind", list(OUTSIDE))
def test_an_inner_error_is_caught_outside_under_its_own_name(cloud, kind):
    caught = {"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Caught"}
    states = {"Outer": {**OUTSIDE[kind], "Catch": [caught], "End": True}, "Caught": {"Type": "Pass", "End": True}}
    client = cloud.context.client("stepfunctions")
    definition = json.dumps({"StartAt": "Outer", "States": states})
    machine = client.create_state_machine(name=f"inner-{kind}", definition=definition, roleArn=ROLE)

    arn = client.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"items": [{}]}')["executionArn"]
    functions.settle()

    error = json.loads(client.describe_execution(executionArn=arn)["output"])["error"]
    assert error["Error"] in {"States.ParameterPathFailure", "States.Runtime"}
    assert "prefix" not in error["Cause"]


def test_moto_refuses_error_names_of_awss_own():
    assert "ILLEGAL_CUSTOM_ERROR_PREFIX" in inspect.getsource(CustomErrorName)
