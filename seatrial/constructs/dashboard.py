"""The CloudWatch dashboard of one endpoint, as the JSON body that CloudWatch reads."""

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_cloudwatch as cloudwatch
from constructs import Construct

Line = tuple[str, str]
"""Metric and statistic."""
SERVING: dict[str, list[Line]] = {
    "Requests and failures": [
        ("Invocations", "Sum"),
        ("Invocation4XXErrors", "Sum"),
        ("Invocation5XXErrors", "Sum"),
    ],
    "Model latency (microseconds)": [("ModelLatency", "p50"), ("ModelLatency", "p99"), ("OverheadLatency", "p99")],
}
MONITORING: dict[str, list[Line]] = {
    "Rows a window": [("WindowRows", "Sum"), ("LabelledRows", "Sum")],
    "Drift and quality statistics": [("DriftStatistic", "Maximum"), ("QualityLossStatistic", "Maximum")],
    "Coverage and estimate": [
        ("SampledShare", "Minimum"),
        ("LabelCoverage", "Minimum"),
        ("EstimatedAuc", "Average"),
    ],
    "Data quality": [
        ("UnreadableLines", "Sum"),
        ("RepeatedIds", "Sum"),
        ("UnmatchedLabels", "Sum"),
        ("WindowRevisions", "Sum"),
    ],
    "Verdicts": [
        ("InputDrift", "Maximum"),
        ("QualityLoss", "Maximum"),
        ("MissingData", "Maximum"),
        ("SchemaViolations", "Maximum"),
    ],
}
RETRAINING = ("RetrainingStarted", "RetrainingRefused", "RetrainingEnded", "RetrainingBreakerOpened")
DECISIONS = (
    "fields @timestamp, answer.trigger, answer.action, answer.rule, answer.reason, answer.execution_arn "
    "| filter ispresent(answer.action) and answer.action != 'ignore' | sort @timestamp desc | limit 50"
)
"""In CloudWatch Logs Insights' language."""
WIDTH, HEIGHT, COLUMNS = 12, 6, 2


def endpoint_dashboard(
    scope: Construct, construct_id: str, *, name: str, dimensions: Mapping[str, str], namespace: str
) -> cloudwatch.CfnDashboard:
    """Serving on top, monitoring below."""
    region = cdk.Stack.of(scope).region
    titles = [(title, "AWS/SageMaker", 60, lines) for title, lines in SERVING.items()]
    titles += [(title, namespace, 3600, lines) for title, lines in MONITORING.items()]
    widgets = [
        _widget(index, title, region, [_metric(space, line, dimensions, period) for line in lines])
        for index, (title, space, period, lines) in enumerate(titles)
    ]
    body = cdk.Stack.of(scope).to_json_string({"start": "-P7D", "periodOverride": "auto", "widgets": widgets})
    return cloudwatch.CfnDashboard(scope, construct_id, dashboard_name=name, dashboard_body=body)


def decisions_dashboard(
    scope: Construct, construct_id: str, *, name: str, log_groups: Mapping[str, str], endpoint: str, namespace: str
) -> cloudwatch.CfnDashboard:
    """The last decisions of each function with their reasons, as tables out of its log, and how many there were.

    `log_groups` are names by title; what is logged as `answer` is in the columns.
    """
    region = cdk.Stack.of(scope).region
    lines = [(metric, "Sum") for metric in RETRAINING]
    metrics = [_metric(namespace, line, {"EndpointName": endpoint}, 3600) for line in lines]
    widgets = [_widget(0, "Retraining", region, metrics)]
    for index, (title, group) in enumerate(log_groups.items()):
        place = {"x": 0, "y": HEIGHT * (index + 1), "width": WIDTH * COLUMNS, "height": HEIGHT}
        query = f"SOURCE '{group}' | {DECISIONS}"
        widgets.append(
            {"type": "log", **place, "properties": {"title": title, "region": region, "view": "table", "query": query}}
        )
    body = cdk.Stack.of(scope).to_json_string({"start": "-P30D", "periodOverride": "auto", "widgets": widgets})
    return cloudwatch.CfnDashboard(scope, construct_id, dashboard_name=name, dashboard_body=body)


def _metric(namespace: str, line: Line, dimensions: Mapping[str, str], period: int) -> list[Any]:
    metric, statistic = line
    pairs = [part for pair in dimensions.items() for part in pair]
    return [namespace, metric, *pairs, {"stat": statistic, "period": period}]


def _widget(index: int, title: str, region: str, metrics: list[list[Any]]) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": WIDTH * (index % COLUMNS),
        "y": HEIGHT * (index // COLUMNS),
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {"title": title, "region": region, "view": "timeSeries", "stacked": False, "metrics": metrics},
    }
