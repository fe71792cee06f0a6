import json

import pytest

from seatrial.pipeline import (
    CacheConfig,
    CallbackStep,
    ConditionStep,
    EmrStep,
    Execution,
    FailStep,
    In,
    Join,
    LambdaStep,
    Not,
    Or,
    Parameter,
    Pipeline,
    ProcessingStep,
    PropertyFile,
    RetryPolicy,
    at_least,
    at_most,
    equals,
)


def step_json(step):
    return Pipeline(parameters=(), steps=(step,)).to_definition()["Steps"][0]


def test_expressions_are_rendered_wherever_they_stand_in_the_arguments():
    bucket = Parameter(name="Bucket")
    uri = Join("/", ("s3:/", bucket, Execution.PipelineExecutionId))

    step = step_json(ProcessingStep(name="Prepare", arguments={"Inputs": [{"S3Uri": uri}], "Role": "arn"}))

    values = ["s3:/", {"Get": "Parameters.Bucket"}, {"Get": "Execution.PipelineExecutionId"}]
    assert step["Arguments"]["Inputs"] == [{"S3Uri": {"Std:Join": {"On": "/", "Values": values}}}]
    assert step["Arguments"]["Role"] == "arn"


def test_an_output_is_referred_to_by_its_name():
    prepare = ProcessingStep(name="Prepare", arguments={})

    reference = prepare.output("train").to_json()

    assert reference == {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}


def test_optional_members_appear_only_when_given():
    plain = ProcessingStep(name="Plain", arguments={})
    rich = ProcessingStep(
        name="Rich",
        arguments={},
        depends_on=(plain, "Other"),
        cache=CacheConfig(expire_after="P30D"),
        retries=(RetryPolicy(exceptions=("Step.THROTTLING",), maximum_attempts=3),),
        property_files=(PropertyFile(name="Report", output="data", path="report.json"),),
    )

    assert set(step_json(plain)) == {"Name", "Type", "Arguments"}
    assert step_json(rich) == {
        "Name": "Rich",
        "Type": "Processing",
        "Arguments": {},
        "DependsOn": ["Plain", "Other"],
        "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"},
        "RetryPolicies": [
            {"BackoffRate": 2.0, "IntervalSeconds": 1, "MaxAttempts": 3, "ExceptionType": ["Step.THROTTLING"]}
        ],
        "PropertyFiles": [{"PropertyFileName": "Report", "OutputName": "data", "FilePath": "report.json"}],
    }


@pytest.mark.parametrize("limits", [{}, {"maximum_attempts": 2, "expire_after_minutes": 5}])
def test_refuses_a_retry_policy_without_exactly_one_limit(limits):
    with pytest.raises(ValueError, match="give exactly one of maximum_attempts and expire_after_minutes"):
        RetryPolicy(exceptions=("Step.THROTTLING",), **limits)


def test_conditions_nest():
    parameter = Parameter(name="Mode")
    condition = Or((Not(equals(parameter, "dry")), In(parameter, ("a", "b"))))

    rendered = condition.to_json()

    mode = {"Get": "Parameters.Mode"}
    assert rendered == {
        "Type": "Or",
        "Conditions": [
            {"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": mode, "RightValue": "dry"}},
            {"Type": "In", "QueryValue": mode, "Values": ["a", "b"]},
        ],
    }


def test_a_condition_step_holds_both_branches():
    prepare = ProcessingStep(name="Prepare", arguments={})
    conditions = (at_least(prepare.json("Report", "rows"), 1), at_most(Parameter(name="Share"), 0.5))

    step = step_json(
        ConditionStep(
            name="Gate",
            conditions=conditions,
            if_steps=(prepare,),
            else_steps=(FailStep(name="Refuse", message=Join(" ", ("see", prepare.output("data")))),),
        )
    )

    assert [entry["Type"] for entry in step["Arguments"]["Conditions"]] == ["GreaterThanOrEqualTo", "LessThanOrEqualTo"]
    assert step["Arguments"]["IfSteps"][0]["Name"] == "Prepare"
    assert step["Arguments"]["ElseSteps"][0]["Arguments"]["ErrorMessage"]["Std:Join"]["On"] == " "


def test_lambda_and_callback_steps_declare_their_outputs():
    function = LambdaStep(name="Ask", function_arn="arn", arguments={"a": 1}, outputs={"answer": "String"})
    callback = CallbackStep(name="Wait", queue_url="https://queue", outputs={"answer": "Integer"})

    assert step_json(function)["FunctionArn"] == "arn"
    assert step_json(function)["OutputParameters"] == [{"OutputName": "answer", "OutputType": "String"}]
    assert step_json(callback)["SqsQueueUrl"] == "https://queue"
    assert function.output("answer").to_json() == {"Get": "Steps.Ask.OutputParameters['answer']"}


def test_an_emr_step_names_its_cluster():
    step = EmrStep(name="Spark", cluster_id="j-1", arguments={"HadoopJarStep": {"Jar": "command-runner.jar"}})

    assert step_json(step)["Arguments"]["ClusterId"] == "j-1"
    assert step_json(step)["Arguments"]["StepConfig"]["HadoopJarStep"]["Jar"] == "command-runner.jar"


def test_the_same_pipeline_gives_the_same_text_and_keeps_tokens():
    def build():
        step = ProcessingStep(name="Prepare", arguments={"RoleArn": "${Token[Role.Arn.12]}"})
        return Pipeline(parameters=(Parameter(name="Reason", default="manual"),), steps=(step,))

    text = build().to_json()

    assert text == build().to_json()
    assert json.loads(text)["Steps"][0]["Arguments"]["RoleArn"] == "${Token[Role.Arn.12]}"
