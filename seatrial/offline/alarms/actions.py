"""What a change of an alarm's state sets off: the event, and the messages to topics and functions."""

import json
from datetime import datetime
from typing import Any

from moto.cloudwatch.models import Alarm

from seatrial.offline import events, functions
from seatrial.offline.context import CloudContext

REGION_NAMES = {"eu-central-1": "EU (Frankfurt)", "eu-west-1": "EU (Ireland)", "us-east-1": "US East (N. Virginia)"}
PRINCIPAL = "lambda.alarms.cloudwatch.amazonaws.com"


def act(context: CloudContext, alarm: Alarm, previous: dict[str, Any]) -> None:
    """Tell the journal and EventBridge, then everyone that the alarm's actions for its new state name."""
    context.journal.record(
        "alarm", name=alarm.name, state=alarm.state_value, previous=previous["value"], reason=alarm.state_reason
    )
    events.emit(
        context,
        source="aws.cloudwatch",
        detail_type="CloudWatch Alarm State Change",
        detail=_alarm_data(alarm, previous),
        resources=[alarm.alarm_arn],
    )
    if alarm.actions_enabled:
        for arn in _actions(alarm):
            _perform(context, alarm, previous, arn)


def state_of(alarm: Alarm) -> dict[str, Any]:
    """The alarm's state as events show it."""
    return {
        "value": alarm.state_value,
        "reason": alarm.state_reason,
        "reasonData": alarm.state_reason_data,
        "timestamp": _stamp(alarm.state_updated_timestamp),
    }


def _actions(alarm: Alarm) -> list[str]:
    by_state = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }
    return list(by_state[alarm.state_value] or [])


def _perform(context: CloudContext, alarm: Alarm, previous: dict[str, Any], arn: str) -> None:
    service = arn.split(":")[2]
    try:
        if service == "sns":
            subject = f'{alarm.state_value}: "{alarm.name}" in {_region_name(context)}'[:100]
            message = json.dumps(_message(context, alarm, previous))
            context.client("sns").publish(TopicArn=arn, Subject=subject, Message=message)
        elif service == "lambda":
            functions.deliver(
                arn, json.dumps(_event(context, alarm, previous)), principal=PRINCIPAL, source_arn=alarm.alarm_arn
            )
        else:
            raise NotImplementedError(f"the alarm action {arn!r} is not emulated by the offline cloud")
    except Exception as error:
        context.journal.record("alarm", name=alarm.name, status="action-failed", action=arn, error=str(error))


def _message(context: CloudContext, alarm: Alarm, previous: dict[str, Any]) -> dict[str, Any]:
    trigger: dict[str, Any] = {
        "Period": alarm.period,
        "EvaluationPeriods": alarm.evaluation_periods,
        "DatapointsToAlarm": alarm.datapoints_to_alarm,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "TreatMissingData": alarm.treat_missing_data or "missing",
    }
    if alarm.metric_name:
        dimensions = [{"name": each.name, "value": each.value} for each in alarm.dimensions]
        trigger |= {"MetricName": alarm.metric_name, "Namespace": alarm.namespace, "Dimensions": dimensions}
        trigger |= {"StatisticType": "Statistic", "Statistic": str(alarm.statistic or "").upper(), "Unit": alarm.unit}
    else:
        trigger["Metrics"] = _queries(alarm)
    fields = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": context.account,
        "AlarmConfigurationUpdatedTimestamp": _stamp(alarm.configuration_updated_timestamp),
        "NewStateValue": alarm.state_value,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": _stamp(alarm.state_updated_timestamp),
        "Region": _region_name(context),
        "AlarmArn": alarm.alarm_arn,
        "OldStateValue": previous["value"],
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
    }
    return {**fields, "AlarmRule": alarm.rule} if alarm.rule else {**fields, "Trigger": trigger}


def _event(context: CloudContext, alarm: Alarm, previous: dict[str, Any]) -> dict[str, Any]:
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.alarm_arn,
        "accountId": context.account,
        "time": _stamp(alarm.state_updated_timestamp),
        "region": context.region,
        "alarmData": _alarm_data(alarm, previous),
    }


def _alarm_data(alarm: Alarm, previous: dict[str, Any]) -> dict[str, Any]:
    if alarm.rule:
        configuration: dict[str, Any] = {"alarmRule": alarm.rule}
    else:
        configuration = {"metrics": _queries(alarm)}
    if alarm.description:
        configuration["description"] = alarm.description
    return {
        "alarmName": alarm.name,
        "state": state_of(alarm),
        "previousState": previous,
        "configuration": configuration,
    }


def _queries(alarm: Alarm) -> list[dict[str, Any]]:
    if not alarm.metric_data_queries:
        stat = _metric_stat(alarm.namespace, alarm.metric_name, alarm.dimensions, alarm.period, alarm.statistic)
        return [{"id": "m1", "metricStat": stat, "returnData": True}]
    shown = []
    for query in alarm.metric_data_queries:
        entry: dict[str, Any] = {"id": query.id, "returnData": query.return_data is None or bool(query.return_data)}
        if query.metric_stat is None:
            entry["expression"] = query.expression
        else:
            stat = query.metric_stat
            name, dimensions = stat.metric.metric_name, stat.metric.dimensions
            entry["metricStat"] = _metric_stat(stat.metric.namespace, name, dimensions, stat.period, stat.stat)
        shown.append(entry)
    return shown


def _metric_stat(namespace: str, name: str, dimensions: Any, period: Any, statistic: Any) -> dict[str, Any]:
    metric = {"namespace": namespace, "name": name, "dimensions": {each.name: each.value for each in dimensions}}
    return {"metric": metric, "period": int(period), "stat": statistic}


def _region_name(context: CloudContext) -> str:
    return REGION_NAMES.get(context.region, context.region)


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
