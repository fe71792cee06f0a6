"""Tells the world: the verdict event on EventBridge and the metrics, timed at the window's end."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapters import Aws
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from parse import Configuration, parse_time
from report import Judgement

from seatrial.contracts import events

RATIOS = ("Statistic", "Share", "Coverage", "Auc", "Ndcg")
REVISED = {"WindowRevisions": 1.0}


class EventNotAcceptedError(RuntimeError):
    """EventBridge refused the verdict event."""


def publish(judgement: Judgement, configuration: Configuration, aws: Aws) -> None:
    """Put the event, then the metrics; a rerun may repeat both, consumers know a window by its start and revision.

    A revision only counts itself: the metrics that alarms watch have been told for this window.
    """
    end = parse_time(judgement.detail["window_end"])
    _put(events.VERDICT_DETAIL_TYPE, judgement.detail, end, configuration, aws)
    _put_metrics(judgement.metrics if judgement.revision == 1 else REVISED, end, configuration)


def publish_run(time: datetime, configuration: Configuration) -> None:
    """The heartbeat: an alarm on its absence tells that nothing is monitored, whatever the windows say."""
    metrics = _metrics(time, configuration)
    metrics.add_metric("MonitorRuns", MetricUnit.Count, 1)
    metrics.flush_metrics()


def publish_explanations(detail: dict[str, Any], configuration: Configuration, aws: Aws) -> None:
    """Put the event and the metrics of a look at explanations and fairness."""
    end = parse_time(detail["period_end"])
    _put(events.EXPLANATION_DETAIL_TYPE, detail, end, configuration, aws)
    metrics = {"ExplanationTickets": float(detail["severity"] == "ticket")}
    metrics |= {"AttributionNdcg": detail["ndcg"]} if detail["ndcg"] is not None else {}
    _put_metrics(metrics, end, configuration)


def _put(detail_type: str, detail: dict[str, Any], time: datetime, configuration: Configuration, aws: Aws) -> None:
    entry = {
        "Source": events.SOURCE,
        "DetailType": detail_type,
        "Detail": json.dumps(detail, sort_keys=True),
        "EventBusName": configuration.event_bus_name,
        "Time": time,
    }
    answer = aws.events.put_events(Entries=[entry])
    if answer.get("FailedEntryCount"):
        raise EventNotAcceptedError(f"{detail_type} of {time}: {answer['Entries'][0].get('ErrorMessage')}")


def _put_metrics(told: Mapping[str, float], time: datetime, configuration: Configuration) -> None:
    metrics = _metrics(time, configuration)
    for name, value in told.items():
        metrics.add_metric(name, MetricUnit.NoUnit if name.endswith(RATIOS) else MetricUnit.Count, value)
    metrics.flush_metrics()


def _metrics(time: datetime, configuration: Configuration) -> AmazonCloudWatchEMFProvider:
    # The provider instead of `Metrics`: that one would add the service as a third dimension.
    metrics = AmazonCloudWatchEMFProvider(namespace=configuration.metric_namespace, service="")
    if configuration.source is None:
        metrics.set_timestamp(time)
    # A source's windows may be told a day late: its alarms, which look at the last hour, must see them.
    metrics.add_dimension("EndpointName", configuration.endpoint_name)
    metrics.add_dimension("VariantName", configuration.variant_name)
    return metrics
