import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

QUALITY = """
import json, sys
with open("/opt/ml/processing/output/result/quality.json", "w") as file:
    json.dump({"checks": {"rows": int(sys.argv[1])}}, file)
"""
ROWS = {"Name": "Rows", "Type": "Integer", "DefaultValue": 100}


def test_a_pipeline_runs_its_steps_and_takes_the_right_branch(bench):
    pipeline = bench.pipeline("gated", _gated(bench, "gated"), [ROWS])

    good, succeeded = bench.run_pipeline(pipeline)
    bad, failed = bench.run_pipeline(pipeline, PipelineParameters=[{"Name": "Rows", "Value": "3"}])

    assert succeeded["PipelineExecutionStatus"] == "Succeeded", succeeded.get("FailureReason")
    assert set(bench.steps(good)) == {"Quality", "Enough", "Register"}
    package = bench.steps(good)["Register"]["Metadata"]["RegisterModel"]["Arn"]
    described = bench.sagemaker.describe_model_package(ModelPackageName=package)
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert described["CustomerMetadataProperties"]["Rows"] == "100"
    assert failed["PipelineExecutionStatus"] == "Failed"
    assert "3 rows are too few" in failed["FailureReason"]
    assert set(bench.steps(bad)) == {"Quality", "Enough", "TooFew"}
    assert bench.steps(bad)["Enough"]["Metadata"]["Condition"]["Outcome"] == "False"


def test_a_failed_job_fails_its_step_and_the_execution(bench):
    steps = [
        _processing(bench, "Broken", "raise SystemExit('no such column')"),
        {**_processing(bench, "After", "pass"), "DependsOn": ["Broken"]},
    ]

    arn, found = bench.run_pipeline(bench.pipeline("breaking", steps))

    assert found["PipelineExecutionStatus"] == "Failed"
    assert "no such column" in bench.steps(arn)["Broken"]["FailureReason"]
    assert "After" not in bench.steps(arn)


def test_a_step_that_may_be_cached_runs_and_the_report_says_so(bench):
    step = {**_processing(bench, "Often", "pass"), "CacheConfig": {"Enabled": True, "ExpireAfter": "P30D"}}

    _, found = bench.run_pipeline(bench.pipeline("cached", [step]))

    assert found["PipelineExecutionStatus"] == "Succeeded", found.get("FailureReason")
    assert ("step caching", "step Often ran anew, AWS may reuse an earlier result") in _not_proven(bench)


def test_the_same_client_request_token_gives_the_same_execution(bench):
    pipeline = bench.pipeline("tokens", [_processing(bench, "Once", "pass")])

    first, _ = bench.run_pipeline(pipeline, ClientRequestToken="a" * 32)
    second, _ = bench.run_pipeline(pipeline, ClientRequestToken="a" * 32)
    third, _ = bench.run_pipeline(pipeline, ClientRequestToken="b" * 32)

    assert first == second != third
    listed = bench.sagemaker.list_pipeline_executions(PipelineName=pipeline)["PipelineExecutionSummaries"]
    assert [item["PipelineExecutionArn"] for item in listed] == [third, first]


def test_every_mistake_in_the_parameters_is_told_at_once(bench):
    count = {"Name": "Count", "Type": "Integer"}
    pipeline = bench.pipeline("mistaken", [_processing(bench, "Any", "pass")], [ROWS, count])
    given = [{"Name": "Rows", "Value": "many"}, {"Name": "Colour", "Value": "blue"}]

    with pytest.raises(ClientError) as caught:
        bench.sagemaker.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=given)

    message = caught.value.response["Error"]["Message"]
    assert "[Colour] is not part of" in message
    assert "[Rows] must be of type Integer, got 'many'" in message
    assert "[Count] has no default value" in message


def test_a_step_type_that_is_not_emulated_is_refused_by_name(bench):
    with pytest.raises(ClientError, match="'Cluster': type 'EMR' is not emulated"):
        bench.pipeline("spark", [{"Name": "Cluster", "Type": "EMR", "Arguments": {}}])


def test_undeclared_references_and_circles_are_refused(bench):
    steps = [
        {"Name": "A", "Type": "Fail", "Arguments": {"ErrorMessage": {"Get": "Parameters.Gone"}}, "DependsOn": ["B"]},
        {"Name": "B", "Type": "Fail", "Arguments": {"ErrorMessage": "b"}, "DependsOn": ["A"]},
    ]

    with pytest.raises(ClientError) as caught:
        bench.pipeline("circular", steps)

    message = caught.value.response["Error"]["Message"]
    assert "'Parameters.Gone', which is not declared" in message
    assert "in a circle: A, B" in message


def test_a_stopped_execution_stops_its_job(bench):
    pipeline = bench.pipeline("stopping", [_processing(bench, "Slow", "import time; time.sleep(60)")])
    arn = bench.sagemaker.start_pipeline_execution(PipelineName=pipeline)["PipelineExecutionArn"]
    bench.wait(lambda: bench.steps(arn).get("Slow", {}).get("Metadata"))

    bench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="s" * 32)

    assert bench.wait_for_execution(arn)["PipelineExecutionStatus"] == "Stopped"
    assert bench.steps(arn)["Slow"]["StepStatus"] == "Stopped"


def test_executions_and_steps_are_told_on_eventbridge(bench):
    pipeline = bench.pipeline("told", [_processing(bench, "Only", "pass")])

    arn, _ = bench.run_pipeline(pipeline)

    executions = bench.events("SageMaker Model Building Pipeline Execution Status Change")
    steps = bench.events("SageMaker Model Building Pipeline Execution Step Status Change")
    statuses = [e["currentPipelineExecutionStatus"] for e in executions if e["pipelineExecutionArn"] == arn]
    assert statuses == ["Executing", "Succeeded"]
    assert [s["currentStepStatus"] for s in steps if s["pipelineExecutionArn"] == arn] == ["Executing", "Succeeded"]


def test_a_lambda_step_calls_the_function_and_gives_its_outputs(bench):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "def run(event, context):\n    return {'verdict': event['rows'] > 10}\n")
    trust = {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole", "Effect": "Allow"}
    role = bench.cloud.context.client("iam").create_role(
        RoleName="check", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    function = bench.cloud.context.client("lambda").create_function(
        FunctionName="check",
        Runtime="python3.13",
        Role=role,
        Handler="handler.run",
        Code={"ZipFile": code.getvalue()},
    )
    verdict = {"Get": "Steps.Check.OutputParameters['verdict']"}
    steps = [
        {
            "Name": "Check",
            "Type": "Lambda",
            "Arguments": {"rows": {"Get": "Parameters.Rows"}},
            "FunctionArn": function["FunctionArn"],
            "OutputParameters": [{"OutputName": "verdict", "OutputType": "Boolean"}],
        },
        {
            "Name": "Enough",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [{"Type": "Equals", "LeftValue": verdict, "RightValue": True}],
                "IfSteps": [],
                "ElseSteps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "too few"}}],
            },
        },
    ]

    arn, found = bench.run_pipeline(bench.pipeline("functional", steps, [ROWS]))

    assert found["PipelineExecutionStatus"] == "Succeeded", found.get("FailureReason")
    outputs = bench.steps(arn)["Check"]["Metadata"]["Lambda"]["OutputParameters"]
    assert outputs == [{"Name": "verdict", "Value": "True"}]


def test_a_definition_may_lie_in_s3(bench):
    definition = {
        "Version": "2020-12-01",
        "Steps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "x"}}],
    }
    bench.put("definitions/one.json", json.dumps(definition))

    bench.sagemaker.create_pipeline(
        PipelineName="stored",
        PipelineDefinitionS3Location={"Bucket": bench.bucket, "ObjectKey": "definitions/one.json"},
        RoleArn=bench.role,
        ClientRequestToken="d" * 32,
    )

    stored = bench.sagemaker.describe_pipeline(PipelineName="stored")["PipelineDefinition"]
    assert json.loads(stored) == definition


def _not_proven(bench):
    entries = bench.cloud.journal.entries("fidelity")
    return [(entry["subject"], entry["detail"]) for entry in entries if entry["how"] == "not-proven"]


def _processing(bench, name, script, **extra):
    return {"Name": name, "Type": "Processing", "Arguments": bench.processing(f"step-{name}", script, **extra)}


def _gated(bench, group):
    rows = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Quality.PropertyFiles.Report"}, "Path": "checks.rows"}}
    quality = _processing(bench, "Quality", QUALITY)
    quality["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Rows"}]}}
    ]
    quality["PropertyFiles"] = [{"PropertyFileName": "Report", "OutputName": "result", "FilePath": "quality.json"}]
    folder = {"Get": "Steps.Quality.ProcessingOutputConfig.Outputs['result'].S3Output.S3Uri"}
    register = {
        "ModelPackageGroupName": group,
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": bench.image("sagemaker-scikit-learn"),
                    "ModelDataUrl": {"Std:Join": {"On": "/", "Values": [folder, "model.tar.gz"]}},
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "CustomerMetadataProperties": {"Rows": {"Std:Join": {"On": "", "Values": [rows]}}},
    }
    message = {"Std:Join": {"On": " ", "Values": [rows, "rows are too few"]}}
    enough = [{"Type": "Not", "Expression": {"Type": "LessThan", "LeftValue": rows, "RightValue": 50}}]
    branches = {
        "Conditions": enough,
        "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
        "ElseSteps": [{"Name": "TooFew", "Type": "Fail", "Arguments": {"ErrorMessage": message}}],
    }
    return [{"Name": "Enough", "Type": "Condition", "Arguments": branches}, quality]
