"""Counts decisions as metrics, timed by the request that asked for them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from parse import Configuration, ExecutionEnded

from seatrial.decisions.retraining import Trigger

METRICS = {
    "start": "RetrainingStarted",
    "refuse": "RetrainingRefused",
    "outcome": "RetrainingEnded",
    "breaker": "RetrainingBreakerOpened",
}


def count(request: Trigger | ExecutionEnded, answer: dict[str, Any], configuration: Configuration) -> None:
    """Put one metric for what was decided or ended now, another when the breaker opened; none for the rest."""
    happened = (answer["action"], *(["breaker"] if answer.get("breaker") else []))
    names = [METRICS[name] for name in happened if name in METRICS]
    if not names or answer.get("duplicate"):
        return
    # The provider instead of `Metrics`: that one would add the service as a further dimension.
    metrics = AmazonCloudWatchEMFProvider(namespace=configuration.metric_namespace, service="")
    metrics.set_timestamp(request.time)
    metrics.add_dimension("EndpointName", configuration.endpoint_name)
    for name in names:
        metrics.add_metric(name, MetricUnit.Count, 1)
    metrics.flush_metrics()
