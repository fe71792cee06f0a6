"""Counts what became of a batch's records as metrics; the five counts besides `EventsRead` add up to it."""

from collections import Counter

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from parse import Configuration

METRICS = ("EventsRead", "EventsUsed", "EventsLate", "EventsDuplicate", "EventsQuarantined", "EventsFailed")


def count(counts: Counter[str], configuration: Configuration) -> None:
    """Put every metric, zeros as well: a metric that is silent when nothing happens cannot be told from a dead one."""
    # The provider instead of `Metrics`: that one would add the service as a further dimension.
    metrics = AmazonCloudWatchEMFProvider(namespace=configuration.metric_namespace, service="")
    metrics.add_dimension("StreamName", configuration.stream_name)
    for name in METRICS:
        metrics.add_metric(name, MetricUnit.Count, counts[name])
    metrics.flush_metrics()
