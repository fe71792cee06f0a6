"""Alarms as constructs: one metric or a share of two, a threshold, and the topic that is told."""

from collections.abc import Mapping
from typing import Any

import aws_cdk.aws_cloudwatch as cloudwatch
import aws_cdk.aws_sns as sns
import aws_cdk.aws_sqs as sqs
from constructs import Construct

from seatrial.constructs.function import PythonFunction

Dimensions = Mapping[str, str]
EVENT_AGE_MINUTES = 60
"""A run of the monitor may take fifteen; an event that waits for longer than a few of them is not waited for."""


def metric_alarm(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    namespace: str,
    metric: str,
    dimensions: Dimensions,
    topic: sns.ITopic,
    threshold: float,
    statistic: str = "Sum",
    comparison: str = "GreaterThanOrEqualToThreshold",
    period_seconds: int = 300,
    evaluation_periods: int = 1,
    datapoints_to_alarm: int | None = None,
    missing: str = "notBreaching",
) -> cloudwatch.CfnAlarm:
    """An alarm on one metric; `statistic` may be a percentile such as "p99"."""
    percentile = statistic.startswith("p")
    return cloudwatch.CfnAlarm(
        scope,
        construct_id,
        alarm_description=description,
        namespace=namespace,
        metric_name=metric,
        dimensions=_dimensions(dimensions),
        statistic=None if percentile else statistic,
        extended_statistic=statistic if percentile else None,
        period=period_seconds,
        evaluation_periods=evaluation_periods,
        datapoints_to_alarm=datapoints_to_alarm,
        threshold=threshold,
        comparison_operator=comparison,
        treat_missing_data=missing,
        alarm_actions=[topic.topic_arn],
    )


def share_alarm(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    namespace: str,
    part: str,
    whole: str,
    dimensions: Dimensions,
    topic: sns.ITopic,
    maximum_percent: float,
    period_seconds: int = 60,
    evaluation_periods: int = 3,
    datapoints_to_alarm: int = 2,
) -> cloudwatch.CfnAlarm:
    """An alarm on `100 * part / whole`, both summed over the period; no traffic is no alarm."""

    counted = {"namespace": namespace, "dimensions": _dimensions(dimensions)}
    share = cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id="share", expression="100 * part / whole", label="percent", return_data=True
    )
    return cloudwatch.CfnAlarm(
        scope,
        construct_id,
        alarm_description=description,
        metrics=[
            _sum("part", period_seconds, metric_name=part, **counted),
            _sum("whole", period_seconds, metric_name=whole, **counted),
            share,
        ],
        evaluation_periods=evaluation_periods,
        datapoints_to_alarm=datapoints_to_alarm,
        threshold=maximum_percent,
        comparison_operator="GreaterThanThreshold",
        treat_missing_data="notBreaching",
        alarm_actions=[topic.topic_arn],
    )


def absence_alarm(
    scope: Construct,
    construct_id: str,
    *,
    description: str,
    namespace: str,
    metric: str,
    dimensions: Dimensions,
    topic: sns.ITopic,
    period_seconds: int,
    periods: int,
) -> cloudwatch.CfnAlarm:
    """An alarm on a metric that has not come for so many periods.

    Each empty period is filled with 0: treated as missing data, it would not count before all that CloudWatch looks
    back on is empty, two periods more than it is told to evaluate and two more again for those it still finds full.
    """
    runs = _sum("runs", period_seconds, namespace=namespace, metric_name=metric, dimensions=_dimensions(dimensions))
    filled = cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id="filled", expression="FILL(runs, 0)", label=metric, return_data=True
    )
    return cloudwatch.CfnAlarm(
        scope,
        construct_id,
        alarm_description=description,
        metrics=[runs, filled],
        evaluation_periods=periods,
        datapoints_to_alarm=periods,
        threshold=1,
        comparison_operator="LessThanThreshold",
        treat_missing_data="breaching",
        alarm_actions=[topic.topic_arn],
    )


def _sum(name: str, period_seconds: int, **metric: Any) -> cloudwatch.CfnAlarm.MetricDataQueryProperty:
    """A metric summed over the period, for an expression."""
    stat = cloudwatch.CfnAlarm.MetricStatProperty(
        metric=cloudwatch.CfnAlarm.MetricProperty(**metric), period=period_seconds, stat="Sum"
    )
    return cloudwatch.CfnAlarm.MetricDataQueryProperty(id=name, metric_stat=stat, return_data=False)


def function_alarms(scope: Construct, function: PythonFunction, topic: sns.ITopic) -> list[cloudwatch.CfnAlarm]:
    """One alarm on the function's errors, one on messages in its dead-letter queue, one on events that wait for it."""
    dimensions = {"FunctionName": function.function.function_name}
    errors = metric_alarm(
        scope,
        "FunctionErrors",
        description=f"The function of {scope.node.id} failed",
        namespace="AWS/Lambda",
        metric="Errors",
        dimensions=dimensions,
        topic=topic,
        threshold=1,
    )
    alarms = [errors, queue_alarm(scope, "DeadLetterDepth", function.dead_letters, topic)]
    return [*alarms, _age_alarm(scope, dimensions, topic)] if function.takes_events else alarms


def _age_alarm(scope: Construct, dimensions: Dimensions, topic: sns.ITopic) -> cloudwatch.CfnAlarm:
    """Lambda keeps an event for six hours, then it is in the dead-letter queue: this is told before."""
    return metric_alarm(
        scope,
        "EventAge",
        description=f"Events wait for the function of {scope.node.id}: is it throttled, its concurrency 0?",
        namespace="AWS/Lambda",
        metric="AsyncEventAge",
        dimensions=dimensions,
        topic=topic,
        threshold=EVENT_AGE_MINUTES * 60_000,
        statistic="Maximum",
    )


def machine_alarms(scope: Construct, machine_arn: str, topic: sns.ITopic, *, what: str) -> list[cloudwatch.CfnAlarm]:
    """One alarm on failed and one on timed-out executions of a state machine; `what` says whose run ended so."""
    return [
        metric_alarm(
            scope,
            f"{metric}Alarm",
            description=f"{what} ended as {metric}",
            namespace="AWS/States",
            metric=metric,
            dimensions={"StateMachineArn": machine_arn},
            topic=topic,
            threshold=1,
        )
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut")
    ]


def queue_alarm(scope: Construct, construct_id: str, queue: sqs.IQueue, topic: sns.ITopic) -> cloudwatch.CfnAlarm:
    """An alarm on anything in a dead-letter queue."""
    return metric_alarm(
        scope,
        construct_id,
        description=f"Something could not be delivered or handled: look into the queue of {scope.node.id}",
        namespace="AWS/SQS",
        metric="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue.queue_name},
        topic=topic,
        threshold=1,
        statistic="Maximum",
    )


def _dimensions(dimensions: Dimensions) -> list[cloudwatch.CfnAlarm.DimensionProperty]:
    return [cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value) for name, value in dimensions.items()]
