"""Counts migrations as metrics."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from parse import Configuration


def count(answer: dict[str, Any], configuration: Configuration) -> None:
    """Put what was applied, and whether something needs a person."""
    # The provider instead of `Metrics`: that one would add the service as a further dimension.
    metrics = AmazonCloudWatchEMFProvider(namespace=configuration.metric_namespace, service="")
    metrics.add_dimension("Warehouse", configuration.name)
    metrics.add_metric("MigrationsApplied", MetricUnit.Count, len(answer["applied"]))
    metrics.add_metric("MigrationsBlocked", MetricUnit.Count, int(answer["status"] in {"failed", "refused"}))
    metrics.flush_metrics()
