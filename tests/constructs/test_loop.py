"""Monitoring, retraining and promotion as constructs of their own, without an engagement."""

import aws_cdk.aws_sagemaker as sagemaker
import pytest

from seatrial.constructs import (
    EndpointMonitor,
    ModelState,
    Promotion,
    RetrainingPolicy,
    ServingEndpoint,
    TrainingPipeline,
)


def monitor(site, **properties) -> EndpointMonitor:
    return EndpointMonitor(
        site.stack,
        "Monitoring",
        endpoint_name="churn",
        variant_name="primary",
        model_package_group_name="churn",
        capture=site.bucket("capture"),
        artifacts=site.bucket("artifacts"),
        state=ModelState(site.stack, "State", encryption_key=site.key),
        network=site.network,
        encryption_key=site.key,
        notification_topic=site.topic,
        settings={"minimum_rows": 10},
        **properties,
    )


def retraining(site, **properties) -> RetrainingPolicy:
    pipeline = TrainingPipeline(
        site.stack,
        "Training",
        pipeline_name="churn",
        definition={"Version": "2020-12-01", "Parameters": [], "Steps": []},
        network=site.network,
        encryption_key=site.key,
        artifacts=site.bucket("artifacts"),
        model_package_group=sagemaker.CfnModelPackageGroup(site.stack, "Group", model_package_group_name="churn"),
    )
    return RetrainingPolicy(
        site.stack,
        "Retraining",
        pipeline=pipeline,
        endpoint_name="churn",
        raw=site.bucket("raw"),
        artifacts=site.bucket("artifacts2"),
        dataset_name="churn",
        state=ModelState(site.stack, "State", encryption_key=site.key),
        network=site.network,
        encryption_key=site.key,
        notification_topic=site.topic,
        settings={"cooldown_hours": 1},
        **properties,
    )


def promotion(site) -> Promotion:
    serving = ServingEndpoint(
        site.stack,
        "Serving",
        endpoint_name="churn",
        network=site.network,
        encryption_key=site.key,
        artifacts=site.bucket("artifacts"),
        capture=site.bucket("capture"),
        notification_topic=site.topic,
        image_arns=["arn:aws:ecr:eu-central-1:492215442770:repository/sagemaker-xgboost"],
    )
    return Promotion(
        site.stack,
        "Promotion",
        serving_stack_name="churn-serving",
        model_package_parameter="ModelPackageArn",
        kept_parameters=[],
        endpoint_name="churn",
        model_package_group_name="churn",
        rollback_alarms=serving.alarms,
        artifacts=site.bucket("artifacts2"),
        state=ModelState(site.stack, "State", encryption_key=site.key),
        network=site.network,
        encryption_key=site.key,
        notification_topic=site.topic,
    )


@pytest.mark.parametrize("make", [monitor, retraining, promotion])
def test_leaves_nothing_for_cdk_nag(site, make):
    make(site)

    assert site.findings() == ""


def test_the_monitor_runs_hourly_with_the_time_of_the_run(site):
    monitor(site)

    schedule = site.one("AWS::Scheduler::Schedule")

    assert schedule["ScheduleExpression"] == "cron(20 * * * ? *)"
    assert schedule["Target"]["Input"] == '{"time":"<aws.scheduler.scheduled-time>"}'


def _watched(alarm):
    """Namespace and name of each metric, of an alarm on one or on an expression."""
    queries = alarm.get("Metrics", [])
    return [query["MetricStat"]["Metric"] for query in queries if "MetricStat" in query] if queries else [alarm]


def test_the_namespace_reaches_function_alarms_and_dashboard(site):
    monitor(site, metric_namespace="Example")

    function = site.one("AWS::Lambda::Function")
    alarms = site.resources("AWS::CloudWatch::Alarm")
    namespaces = {found["Namespace"] for alarm in alarms for found in _watched(alarm)}

    assert function["Environment"]["Variables"]["METRIC_NAMESPACE"] == "Example"
    assert namespaces == {"Example", "AWS/Lambda", "AWS/SQS"}
    assert '"Example"' in site.one("AWS::CloudWatch::Dashboard")["DashboardBody"]


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (1, 1)])
def test_missing_data_is_an_alarm_only_where_data_is_captured(site, percent, expected):
    monitor(site, capture_percent=percent)

    alarms = site.resources("AWS::CloudWatch::Alarm")
    watched = [found["MetricName"] for alarm in alarms for found in _watched(alarm)]

    assert watched.count("MissingData") == expected


def test_retraining_is_woken_by_verdicts_of_its_endpoint_and_by_ends_of_its_pipeline(site):
    retraining(site)

    patterns = [rule["EventPattern"] for rule in site.resources("AWS::Events::Rule")]

    assert {"endpoint_name": ["churn"]} in [pattern["detail"] for pattern in patterns]
    arn = "arn:aws:sagemaker:eu-central-1:111111111111:pipeline/churn"
    assert [arn] in [pattern["detail"].get("pipelineArn") for pattern in patterns]


def test_retraining_does_without_a_schedule_when_asked(site):
    retraining(site, schedule=None)

    assert site.resources("AWS::Scheduler::Schedule") == []


def test_promotion_is_started_by_approvals_of_its_group_alone(site):
    promotion(site)

    pattern = site.one("AWS::Events::Rule")["EventPattern"]

    assert pattern["detail"] == {"ModelPackageGroupName": ["churn"], "ModelApprovalStatus": ["Approved"]}


def test_promotion_may_update_the_serving_stack_alone(site):
    promotion(site)

    (statement,) = [s for s in site.statements() if "cloudformation:UpdateStack" in s["Action"]]

    assert statement["Resource"] == "arn:aws:cloudformation:eu-central-1:111111111111:stack/churn-serving/*"
