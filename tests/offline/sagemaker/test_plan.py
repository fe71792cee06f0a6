import doctest
import json

import pytest

from seatrial.offline.sagemaker import container, deployment, expressions, images, storage
from seatrial.offline.sagemaker.conditions import holds
from seatrial.offline.sagemaker.deployment import Shift, plan
from seatrial.offline.sagemaker.errors import ValidationError
from seatrial.offline.sagemaker.expressions import ExpressionError, Resolver
from seatrial.offline.sagemaker.pipeline_plan import Guard, read_definition

VALUES = {"Parameters.Bucket": "b", "Parameters.Rows": 7, "Parameters.Flag": True}
RESOLVER = Resolver(VALUES.__getitem__, lambda path: '{"auc": {"value": 0.8}, "list": [1, 2]}', lambda uri: "{}")


@pytest.mark.parametrize("module", [container, deployment, expressions, images, storage])
def test_examples_in_the_documentation_hold(module):
    result = doctest.testmod(module)

    assert result.attempted > 0
    assert result.failed == 0


def test_joins_nest_and_take_numbers():
    inner = {"Std:Join": {"On": "-", "Values": ["rows", {"Get": "Parameters.Rows"}]}}

    joined = RESOLVER.resolve({"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Bucket"}, inner]}})

    assert joined == "s3://b/rows-7"


@pytest.mark.parametrize(("path", "value"), [("auc.value", 0.8), ("list[1]", 2), ("['auc']['value']", 0.8)])
def test_property_files_are_read_by_path(path, value):
    file = {"Get": "Steps.Evaluate.PropertyFiles.Report"}

    assert RESOLVER.resolve({"Std:JsonGet": {"PropertyFile": file, "Path": path}}) == value


def test_a_path_that_is_not_there_says_what_is():
    with pytest.raises(ExpressionError, match=r"there is no 'train' \(there is: \['test'\]\)"):
        expressions.walk({"Outputs": {"test": 1}}, "Outputs['train']")


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": {"Get": "Parameters.Rows"}, "RightValue": 7}, True),
        ({"Type": "LessThan", "LeftValue": "6.5", "RightValue": {"Get": "Parameters.Rows"}}, True),
        ({"Type": "Equals", "LeftValue": {"Get": "Parameters.Flag"}, "RightValue": "true"}, True),
        ({"Type": "Equals", "LeftValue": "a", "RightValue": "b"}, False),
        ({"Type": "In", "QueryValue": {"Get": "Parameters.Bucket"}, "Values": ["a", "b"]}, True),
        ({"Type": "Not", "Expression": {"Type": "In", "QueryValue": 7, "Values": [7.0]}}, False),
    ],
)
def test_conditions_compare_as_sagemaker_does(condition, expected):
    assert holds([condition], RESOLVER) is expected


def test_one_of_several_conditions_is_enough_for_or_and_too_few_for_and():
    true = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    false = {"Type": "Equals", "LeftValue": 1, "RightValue": 2}

    assert holds([{"Type": "Or", "Conditions": [false, true]}], RESOLVER)
    assert not holds([true, false], RESOLVER)


def test_dependencies_come_from_references_branches_and_depends_on():
    fail = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Steps.A.ModelPackageArn"}}}
    condition = {"Type": "Equals", "LeftValue": {"Get": "Steps.B.Outcome"}, "RightValue": 1}
    steps = [
        {"Name": "A", "Type": "RegisterModel", "Arguments": {}},
        {"Name": "B", "Type": "RegisterModel", "Arguments": {}, "DependsOn": ["A"]},
        {
            "Name": "C",
            "Type": "Condition",
            "Arguments": {"Conditions": [condition], "IfSteps": [fail], "ElseSteps": []},
        },
    ]

    found = {step.name: step for step in read_definition(json.dumps({"Steps": steps})).steps}

    assert found["B"].dependencies == {"A"}
    assert found["C"].dependencies == {"B"}
    assert found["Stop"].dependencies == {"A", "C"}
    assert found["Stop"].guard == Guard("C", True)


def test_a_definition_without_steps_is_refused():
    with pytest.raises(ValidationError, match="at least one step"):
        read_definition('{"Version": "2020-12-01", "Steps": []}')


def test_a_linear_deployment_shifts_in_steps():
    routing = {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": 60,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 33},
    }

    found = plan({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}, 4)

    assert found.shifts == (Shift(0.33, 60), Shift(0.66, 60), Shift(0.99, 60), Shift(1.0, 60))


def test_a_canary_of_one_instance_is_that_share_of_the_fleet():
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": 0, "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1}}

    found = plan({"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}, 4)

    assert [shift.share for shift in found.shifts] == [0.25, 1.0]
