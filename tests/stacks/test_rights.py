"""Least privilege both ways: what each function's code calls it may do, and what it may do its code calls."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALLS = {
    "cloudwatch.describe_alarms": "cloudwatch:DescribeAlarms",
    "dynamodb.get_item": "dynamodb:GetItem",
    "dynamodb.put_item": "dynamodb:PutItem",
    "dynamodb.update_item": "dynamodb:UpdateItem",
    "events.put_events": "events:PutEvents",
    "runtime.invoke_endpoint": "sagemaker:InvokeEndpoint",
    "s3.get_object": "s3:GetObject",
    "s3.put_object": "s3:PutObject",
    "sagemaker.describe_pipeline_execution": "sagemaker:DescribePipelineExecution",
    "sagemaker.start_pipeline_execution": "sagemaker:StartPipelineExecution",
    "sns.publish": "sns:Publish",
}
"""Calls as the functions' code spells them, to IAM actions."""
SEVERAL = {
    "resolve_serving(": {
        "sagemaker:DescribeEndpoint",
        "sagemaker:DescribeEndpointConfig",
        "sagemaker:DescribeModel",
        "sagemaker:DescribeModelPackage",
    },
    '"list_objects_v2"': {"s3:ListBucket"},
    '"list_model_packages"': {"sagemaker:ListModelPackages"},
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
}
PLATFORM = {"ec2", "kms", "logs", "sqs", "xray"}
"""Used by AWS's services in the function's name: network, keys, logs, dead letters, traces."""
SILENT = {"s3:GetBucketLocation", "s3:ListBucket"}
"""Without the right to list, S3 hides whether a key exists."""


def called(name: str) -> set[str]:
    source = "\n".join(path.read_text() for path in sorted((ROOT / "lambdas" / name).glob("*.py")))
    spelt = set(re.findall(r"\b(?:cloudwatch|dynamodb|events|runtime|s3|sagemaker|sns)\.[a-z_]+(?=\()", source))
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
    assert wanted - given == set()
    assert given - wanted - SILENT == set()
