"""Every alarm and dashboard widget watches a metric that something emits, with the very dimensions."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_DIMENSIONS = {"EndpointName", "VariantName"}
AWS_METRICS = {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    ("AWS/SageMaker", "Invocations"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "Invocation4XXErrors"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "Invocation5XXErrors"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "ModelLatency"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "OverheadLatency"): {"EndpointName", "VariantName"},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    ("AWS/States", "ExecutionsFailed"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsTimedOut"): {"StateMachineArn"},
}


def emitted_by_the_monitor() -> set[str]:
    source = "\n".join(path.read_text() for path in sorted((ROOT / "lambdas" / "monitor").glob("*.py")))
    assert 'add_dimension("EndpointName"' in source
    assert 'add_dimension("VariantName"' in source
    return set(re.findall(r'"([A-Z][A-Za-z]+)":', source))


def watched_by_alarms(assembly):
    for name, alarm in assembly.properties("AWS::CloudWatch::Alarm"):
        queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in queries or [alarm]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            yield name, metric["Namespace"], metric["MetricName"], dimensions


def watched_by_the_dashboard(assembly):
    ((name, dashboard),) = assembly.properties("AWS::CloudWatch::Dashboard")
    for widget in json.loads(dashboard["DashboardBody"])["widgets"]:
        for namespace, metric, *pairs, _ in widget["properties"]["metrics"]:
            yield name, namespace, metric, dict(zip(pairs[::2], pairs[1::2], strict=True))


def test_every_watched_metric_has_an_emitter(assembly):
    namespace = assembly.function_environment("Monitoring", "MonitoringMonitor")["METRIC_NAMESPACE"]
    own = emitted_by_the_monitor()
    known = AWS_METRICS | {(namespace, metric): OWN_DIMENSIONS for metric in own}
    watched = [*watched_by_alarms(assembly), *watched_by_the_dashboard(assembly)]

    dead = [
        (name, space, metric, set(dimensions))
        for name, space, metric, dimensions in watched
        if known.get((space, metric)) != set(dimensions)
    ]

    assert len(watched) > 25
    assert dead == []


def test_dimensions_name_resources_of_the_templates(assembly):
    watched = [*watched_by_alarms(assembly), *watched_by_the_dashboard(assembly)]

    for name, _, _, dimensions in watched:
        stack = name.split("/")[0]
        for key, value in dimensions.items():
            if isinstance(value, str):
                assert (key, value) in {("EndpointName", "telecom-churn-dev"), ("VariantName", "primary")}, name
            else:
                ((kind, target),) = value.items()
                logical_id = target if kind == "Ref" else target[0]
                assert logical_id in assembly.templates[stack]["Resources"], name


def test_every_alarm_tells_somebody(assembly):
    alarms = assembly.properties("AWS::CloudWatch::Alarm")

    assert len(alarms) >= 18
    assert not [name for name, alarm in alarms if not alarm.get("AlarmActions")]


def test_a_silent_monitor_is_an_alarm(assembly):
    (alarm,) = [p for name, p in assembly.properties("AWS::CloudWatch::Alarm") if "MonitorSilent" in name]

    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["Statistic"] == "SampleCount"
