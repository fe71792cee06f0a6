"""Warehouse, streaming and feature store as stacks: off by default, wired, with the rights that the code uses."""

import re

import pytest

from tests.lambdas.test_kpi_consumer import function as consumer
from tests.stacks.test_alarms_alive import AWS_METRICS
from tests.stacks.test_data_layer import endpoints, outputs
from tests.stacks.test_rights import PLATFORM, ROOT

STACKS = ("Warehouse", "Streaming", "Features")
CALLS = {
    "data.execute_statement": "redshift-data:ExecuteStatement",
    "data.batch_execute_statement": "redshift-data:BatchExecuteStatement",
    "data.describe_statement": "redshift-data:DescribeStatement",
    '"get_statement_result"': "redshift-data:GetStatementResult",
    '"list_statements"': "redshift-data:ListStatements",
    "serverless.get_namespace": "redshift-serverless:GetNamespace",
    "client.list_usage_limits": "redshift-serverless:ListUsageLimits",
    "client.create_usage_limit": "redshift-serverless:CreateUsageLimit",
    "client.update_usage_limit": "redshift-serverless:UpdateUsageLimit",
    "dynamodb.get_item": "dynamodb:GetItem",
    "dynamodb.update_item": "dynamodb:UpdateItem",
    "s3.put_object": "s3:PutObject",
    "featurestore.put_record": "sagemaker:PutRecord",
}
"""Calls as the functions' code spells them, to IAM actions."""
FOR_THE_FUNCTION = {
    "secretsmanager:GetSecretValue",  # the Data API reads the secret in the caller's name
    "kinesis:DescribeStream",
    "kinesis:DescribeStreamSummary",
    "kinesis:GetRecords",
    "kinesis:GetShardIterator",
    "kinesis:ListShards",  # Lambda polls the stream with the function's role
}
METRICS = AWS_METRICS | {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "IteratorAge"): {"FunctionName"},
    # https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html
    ("AWS/Kinesis", "WriteProvisionedThroughputExceeded"): {"StreamName"},
    # https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
    ("AWS/Firehose", "DeliveryToS3.DataFreshness"): {"DeliveryStreamName"},
    ("AWS/Firehose", "FailedConversion.Records"): {"DeliveryStreamName"},
    **{("Seatrial", name): {"StreamName"} for name in consumer.publish.METRICS},
}


def called(name: str) -> set[str]:
    source = "\n".join(path.read_text() for path in sorted((ROOT / "lambdas" / name).glob("*.py")))
    return {action for call, action in CALLS.items() if call in source}


def allowed(assembly, identity: str) -> set[str]:
    return {
        action
        for name, statement in assembly.statements()
        if name.startswith(identity)
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.split(":")[0] not in PLATFORM
    }


def test_nothing_of_it_is_there_by_default(assembly):
    kinds = {resource["Type"] for _, resource in assembly.resources("")}

    assert not {
        kind for kind in kinds if re.match("AWS::(Redshift|RedshiftServerless|Kinesis|KinesisFirehose|IoT)", kind)
    }
    assert not set(STACKS) & set(assembly.templates)
    assert not endpoints(assembly) & {"redshift-data", "redshift-serverless", "sagemaker.featurestore-runtime"}


def test_outputs_have_the_agreed_names(data_assembly, emr_assembly):
    warehouse = {"DatabaseName", "MigrationFunctionName", "MigrationStateMachineArn", "WarehouseRoleArn"}
    streaming = {"StreamName", "DeliveryStreamName", "ConsumerFunctionName", "KpiTableName", "DiscardedQueueUrl"}

    assert outputs(data_assembly, "Warehouse") >= warehouse | {"WorkgroupName", "NamespaceName"}
    assert outputs(emr_assembly, "Warehouse") >= warehouse | {"ClusterIdentifier", "SecretArn"}
    assert outputs(data_assembly, "Streaming") == streaming | {"IotRuleName", "IotPolicyName", "IotTopicRoot"}
    assert outputs(emr_assembly, "Streaming") == streaming
    assert outputs(data_assembly, "Features") >= {"ChurnFeatureGroupName", "NetworkKpiFeatureGroupName"}


@pytest.mark.parametrize(
    ("function", "identity"),
    [
        ("warehouse_migrations", "Warehouse/MigrationsMigrateIdentity"),
        ("kpi_consumer", "Streaming/KpisConsumeIdentity"),
    ],
)
def test_a_function_may_do_exactly_what_its_code_calls(data_assembly, function, identity):
    wanted, given = called(function), allowed(data_assembly, identity)

    assert wanted
    assert wanted - given == set()
    assert given - wanted - FOR_THE_FUNCTION == set()


def test_endpoints_are_there_for_what_the_functions_call_and_nothing_else(data_assembly, emr_assembly):
    optional = {"redshift-data", "redshift-serverless", "sagemaker.featurestore-runtime"}

    assert endpoints(data_assembly) & optional == optional
    assert endpoints(emr_assembly) & optional == {"redshift-data"}


def test_every_alarm_watches_a_metric_that_something_emits_and_tells_somebody(data_assembly, emr_assembly):
    for assembly in (data_assembly, emr_assembly):
        alarms = assembly.properties("AWS::CloudWatch::Alarm", *(set(STACKS) & set(assembly.templates)))
        dead = [
            name
            for name, alarm in alarms
            if METRICS.get((alarm["Namespace"], alarm["MetricName"])) != {d["Name"] for d in alarm["Dimensions"]}
        ]

        assert len(alarms) >= 10
        assert dead == []
        assert all(alarm["AlarmActions"] for _, alarm in alarms)


def test_the_key_serves_the_audit_logs_that_redshift_names_itself(data_assembly, emr_assembly):
    for assembly, prefix in (
        (data_assembly, "/aws/redshift/telecom-data-dev/"),
        (emr_assembly, "/aws/redshift/cluster/"),
    ):
        ((_, key),) = assembly.properties("AWS::KMS::Key")
        (statement,) = [s for s in key["KeyPolicy"]["Statement"] if s["Sid"] == "CloudWatchLogs"]

        served = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]

        assert any(f"log-group:{prefix}" in arn for arn in served)


def test_the_consumer_feeds_the_feature_group_of_the_cells(data_assembly, emr_assembly):
    one = data_assembly.function_environment("Streaming", "KpisConsume")
    other = emr_assembly.function_environment("Streaming", "KpisConsume")

    assert one["FEATURE_GROUP_NAME"] == "telecom-data-dev-network-kpi"
    assert other["FEATURE_GROUP_NAME"] == ""
