"""Least privilege both ways: what each function's code calls it may do, and what it may do its code calls."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = {
    "cloudwatch.describe_alarms": "cloudwatch:DescribeAlarms",
    "cloudwatch.get_metric_statistics": "cloudwatch:GetMetricStatistics",
    "dynamodb.get_item": "dynamodb:GetItem",
    "dynamodb.put_item": "dynamodb:PutItem",
    "dynamodb.update_item": "dynamodb:UpdateItem",
    "emr_serverless.cancel_job_run": "emr-serverless:CancelJobRun",
    "emr_serverless.get_job_run": "emr-serverless:GetJobRun",
    "emr_serverless.start_job_run": "emr-serverless:StartJobRun",
    "events.put_events": "events:PutEvents",
    "runtime.invoke_endpoint": "sagemaker:InvokeEndpoint",
    "s3.get_object": "s3:GetObject",
    "s3.head_object": "s3:GetObject",
    "s3.put_object": "s3:PutObject",
    "sagemaker.create_processing_job": "sagemaker:CreateProcessingJob",
    "sagemaker.describe_endpoint": "sagemaker:DescribeEndpoint",
    "sagemaker.describe_model_package": "sagemaker:DescribeModelPackage",
    "sagemaker.describe_pipeline_execution": "sagemaker:DescribePipelineExecution",
    "sagemaker.describe_processing_job": "sagemaker:DescribeProcessingJob",
    "sagemaker.start_pipeline_execution": "sagemaker:StartPipelineExecution",
    "sns.publish": "sns:Publish",
}
"""Calls as the functions' code spells them, to IAM actions."""
DESCRIBING = {
    "sagemaker:DescribeEndpoint",
    "sagemaker:DescribeEndpointConfig",
    "sagemaker:DescribeModel",
    "sagemaker:DescribeModelPackage",
}
SEVERAL = {
    "resolve_serving(": DESCRIBING,
    "find_serving(": DESCRIBING,
    '"list_objects_v2"': {"s3:ListBucket"},
    '"list_model_packages"': {"sagemaker:ListModelPackages"},
    "create_processing_job(": {"iam:PassRole"},
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
}
PLATFORM = {"ec2", "kms", "logs", "sqs", "xray"}
"""Used by AWS's services in the function's name: network, keys, logs, dead letters, traces."""
SILENT = {"s3:GetBucketLocation", "s3:ListBucket"}
"""Without the right to list, S3 hides whether a key exists."""
WHERE_SPARK_READS_WINDOWS = {f"emr-serverless:{one}JobRun" for one in ("Cancel", "Get", "Start")}


EXTRACT = json.loads((Path(__file__).parent / "authorized_resources.json").read_text())["actions"]
"""Of the service authorization reference: the resource types on which an action is authorized."""


def called(name: str) -> set[str]:
    source = "\n".join(path.read_text() for path in sorted((ROOT / "lambdas" / name).glob("*.py")))
    spelt = set(
        re.findall(r"\b(?:cloudwatch|dynamodb|emr_serverless|events|runtime|s3|sagemaker|sns)\.[a-z_]+(?=\()", source)
    )
    plain = {call for call in spelt if not call.endswith((".get_paginator", ".transact_write_items"))}
    actions = {CALLS[call] for call in plain}
    return actions.union(*(wanted for mark, wanted in SEVERAL.items() if mark in source))


def allowed(assembly, stack: str, identity: str) -> set[str]:
    return {
        action
        for name, statement in assembly.statements()
        if name.startswith(f"{stack}/{identity}")
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.split(":")[0] not in PLATFORM
    }


@pytest.mark.parametrize(
    ("function", "stack", "identity"),
    [
        ("monitor", "Monitoring", "MonitoringMonitorIdentity"),
        ("retraining", "Retraining", "RetrainingDecideIdentity"),
        ("promotion_select", "Promotion", "PromotionSelectIdentity"),
        ("promotion_verify", "Promotion", "PromotionVerifyIdentity"),
    ],
)
def test_a_function_may_do_exactly_what_its_code_calls(assembly, function, stack, identity):
    wanted, given = called(function), allowed(assembly, stack, identity)

    assert wanted
    assert wanted - given - WHERE_SPARK_READS_WINDOWS == set()
    assert given - wanted - SILENT == set()
    assert given & WHERE_SPARK_READS_WINDOWS == set()


def test_the_monitor_may_start_spark_where_spark_reads_the_largest_windows(emr_assembly):
    given = allowed(emr_assembly, "Monitoring", "MonitoringMonitorIdentity")

    assert called("monitor") - given == set()
    assert given - called("monitor") - SILENT == set()
    statements = [
        statement
        for name, statement in emr_assembly.statements()
        if name.startswith("Monitoring/MonitoringMonitorIdentity") and statement["Action"] == "iam:PassRole"
    ]
    passed = {statement["Condition"]["StringEquals"]["iam:PassedToService"] for statement in statements}
    assert passed == {"sagemaker.amazonaws.com", "emr-serverless.amazonaws.com"}


def literal(resource) -> str | None:
    """The ARN as text with a mark for each reference; None where all of it is a reference."""
    if isinstance(resource, str):
        return resource
    return (
        "".join(part if isinstance(part, str) else "token" for part in resource["Fn::Join"][1])
        if ("Fn::Join" in resource)
        else None
    )


def kind(arn: str) -> str:
    """Service and resource type of an ARN, as the extract spells them.

    >>> kind("arn:aws:sagemaker:eu-central-1:1:model-package/churn/*")
    'sagemaker:model-package/'
    """
    _, _, service, _, _, resource = arn.split(":", 5)
    if service == "sagemaker" and "/execution/" in resource:
        return "sagemaker:pipeline/*/execution/"
    beginning = re.match(r"[A-Za-z-]+[:/]", resource)
    return f"{service}:{beginning.group() if beginning else ''}"


def granted_kinds(assembly) -> dict[str, set[str]]:
    """The resource types on which each action of the extract is allowed, in whole ARNs that the templates spell."""
    found: dict[str, set[str]] = {}
    for name, statement in assembly.statements():
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        kinds = {kind(arn) for arn in map(literal, resources) if arn and arn.startswith("arn:")}
        for action in actions if statement["Effect"] == "Allow" and kinds else ():
            found.setdefault(f"{name} {action}", set()).update(kinds)
    return found


def test_an_action_is_allowed_on_every_resource_type_that_it_is_authorized_on(assembly):
    granted = {key: kinds for key, kinds in granted_kinds(assembly).items() if key.split()[1] in EXTRACT}

    wrong = {key: kinds for key, kinds in granted.items() if not set(EXTRACT[key.split()[1]]) <= kinds}

    assert {key.split()[1] for key in granted} >= {"sagemaker:ListModelPackages", "cloudwatch:DescribeAlarms"}
    assert wrong == {}


def test_every_sagemaker_action_is_in_the_extract(assembly):
    used = {key.split()[1] for key in granted_kinds(assembly)}
    sagemaker = {action for action in used if action.startswith("sagemaker:") and action != "sagemaker:AddTags"}

    assert sagemaker - set(EXTRACT) == set()


def test_the_state_machine_may_read_every_parameter_that_cloudformation_resolves_in_its_name(assembly):
    parameters = assembly.templates["Serving"]["Parameters"].values()
    stored = {p["Default"] for p in parameters if p["Type"].startswith("AWS::SSM::Parameter::Value")}
    readable = {
        literal(statement["Resource"]).split(":parameter", 1)[1]
        for name, statement in assembly.statements()
        if name.startswith("Promotion/PromotionIdentity") and statement["Action"] == "ssm:GetParameters"
    }

    assert stored
    assert readable == stored
