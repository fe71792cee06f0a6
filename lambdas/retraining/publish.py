"""Counts decisions as metrics, timed by the request that asked for them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from parse import Configuration, ExecutionEnded

from seatrial.decisions.retraining import Trigger

METRICS = {"start": "RetrainingStarted", "refuse": "RetrainingRefused"}


def count(request: Trigger | ExecutionEnded, answer: dict[str, Any], configuration: Configuration) -> None:
    """Put one metric for a decision taken now; none for repeats, quiet verdicts and endings."""
    name = METRICS.get(answer["action"])
    if name is None or answer.get("duplicate"):
        return
    # The provider instead of `Metrics`: that one would add the service as a further dimension.
    metrics = AmazonCloudWatchEMFProvider(namespace=configuration.metric_namespace, service="")
    metrics.set_timestamp(request.time)
    metrics.add_dimension("EndpointName", configuration.endpoint_name)
    metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()
