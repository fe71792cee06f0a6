"""Every alarm and dashboard widget watches a metric that something emits, with the very dimensions."""

import dataclasses
import json
from types import SimpleNamespace

import pytest

from tests.lambdas import conftest as services
from tests.lambdas.fakes import load_function
from tests.lambdas.test_monitor import Harbour, at

cloud = services.cloud
retraining = load_function("retraining")
AWS_METRICS = {
    # https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    ("AWS/SageMaker", "Invocations"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "Invocation4XXErrors"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "Invocation5XXErrors"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "ModelLatency"): {"EndpointName", "VariantName"},
    ("AWS/SageMaker", "OverheadLatency"): {"EndpointName", "VariantName"},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    ("AWS/Lambda", "Errors"): {"FunctionName"},
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html, "Asynchronous invocation metrics"
    ("AWS/Lambda", "AsyncEventAge"): {"FunctionName"},
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"): {"QueueName"},
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    ("AWS/States", "ExecutionsFailed"): {"StateMachineArn"},
    ("AWS/States", "ExecutionsTimedOut"): {"StateMachineArn"},
}


def emitted(text: str) -> dict[tuple[str, str], set[str]]:
    """Namespace and name of each metric in embedded metric format, to the names of its dimensions."""
    documents = [json.loads(line) for line in text.splitlines() if '"_aws"' in line]
    return {
        (block["Namespace"], metric["Name"]): set(dimensions)
        for document in documents
        for block in document["_aws"]["CloudWatchMetrics"]
        for metric in block["Metrics"]
        for dimensions in block["Dimensions"]
    }


@pytest.fixture
def own_metrics(assembly, cloud: None, capsys: pytest.CaptureFixture) -> dict[tuple[str, str], set[str]]:
    """What the functions really write when the monitor judges an hour and retraining decides, in the stacks' names."""
    capsys.readouterr()
    harbour = Harbour()
    namespace = assembly.function_environment("Monitoring", "MonitoringMonitor")["METRIC_NAMESPACE"]
    harbour.configuration = dataclasses.replace(harbour.configuration, metric_namespace=namespace)
    harbour.traffic(0)
    harbour.run(0)
    harbour.traffic(0, file="late.jsonl")
    harbour.run(1)
    request = SimpleNamespace(time=at(1))
    configuration = SimpleNamespace(
        endpoint_name="churn",
        metric_namespace=assembly.function_environment("Retraining", "RetrainingDecide")["METRIC_NAMESPACE"],
    )
    for action in retraining.publish.METRICS:
        retraining.publish.count(request, {"action": action}, configuration)
    return emitted(capsys.readouterr().out)


def watched_by_alarms(assembly):
    for name, alarm in assembly.properties("AWS::CloudWatch::Alarm"):
        queries = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        for metric in queries or [alarm]:
            dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
            yield name, metric["Namespace"], metric["MetricName"], dimensions


def watched_by_the_dashboard(assembly):
    for name, dashboard in assembly.properties("AWS::CloudWatch::Dashboard"):
        for widget in widgets(dashboard):
            for namespace, metric, *pairs, _ in widget["properties"].get("metrics", ()):
                yield name, namespace, metric, dict(zip(pairs[::2], pairs[1::2], strict=True))


def widgets(dashboard):
    body = dashboard["DashboardBody"]
    parts = [body] if isinstance(body, str) else body["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else "token" for part in parts))["widgets"]


def test_decisions_are_a_table_out_of_the_log_that_the_function_writes(assembly):
    (dashboard,) = [p for name, p in assembly.properties("AWS::CloudWatch::Dashboard") if name.startswith("Retraining")]
    (table,) = [widget for widget in widgets(dashboard) if widget["type"] == "log"]

    assert dashboard["DashboardName"] == "telecom-churn-dev-retraining"
    assert table["properties"]["query"].startswith("SOURCE 'token' | fields @timestamp, answer.trigger")
    assert "LogGroup" in json.dumps(dashboard["DashboardBody"]["Fn::Join"])


def test_every_watched_metric_has_an_emitter(assembly, own_metrics):
    known = AWS_METRICS | own_metrics
    watched = [*watched_by_alarms(assembly), *watched_by_the_dashboard(assembly)]

    dead = [
        (name, space, metric, set(dimensions))
        for name, space, metric, dimensions in watched
        if known.get((space, metric)) != set(dimensions)
    ]

    assert {"MonitorRuns", "RetrainingStarted"} <= {metric for _, metric in own_metrics}
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

    runs, filled = alarm["Metrics"]
    assert alarm["TreatMissingData"] == "breaching"
    assert runs["MetricStat"]["Metric"]["MetricName"] == "MonitorRuns"
    assert (filled["Expression"], alarm["EvaluationPeriods"]) == ("FILL(runs, 0)", 2)
