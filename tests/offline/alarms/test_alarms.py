import json
import time
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import alarms, functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import bodies_of, events_of, put_queue, put_recorder

MINUTE = 60
HOUR = 3600


def put_alarm(cloud: OfflineCloud, name: str, **properties: Any) -> None:
    settings = {
        "Namespace": "Test",
        "MetricName": name,
        "Statistic": "Sum",
        "Period": MINUTE,
        "EvaluationPeriods": 1,
        "Threshold": 5.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **properties,
    }
    if "Metrics" in settings:
        for key in ("Namespace", "MetricName", "Statistic", "Period"):
            settings.pop(key)
    cloud.context.client("cloudwatch").put_metric_alarm(AlarmName=name, **settings)


def state(cloud: OfflineCloud, name: str) -> str:
    return alarms.state(cloud.context, name)


def put(cloud: OfflineCloud, name: str, value: float, **more: Any) -> None:
    alarms.put_metric(cloud.context, "Test", name, value, {}, **more)


def test_a_new_alarm_has_no_state_until_it_is_evaluated(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "new", TreatMissingData="notBreaching")
    before = state(cloud, "new")

    cloud.clock.advance(MINUTE)

    assert (before, state(cloud, "new")) == ("INSUFFICIENT_DATA", "OK")


def test_goes_into_alarm_and_back(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "there-and-back", TreatMissingData="notBreaching")

    put(cloud, "there-and-back", 6)
    cloud.clock.advance(MINUTE)
    raised = state(cloud, "there-and-back")
    cloud.clock.advance(10 * MINUTE)

    assert (raised, state(cloud, "there-and-back")) == ("ALARM", "OK")


def test_values_of_a_minute_that_is_not_over_wait_for_its_end(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "patient")
    cloud.clock.advance(MINUTE)

    put(cloud, "patient", 100)

    assert state(cloud, "patient") == "INSUFFICIENT_DATA"


def test_a_late_value_is_judged_at_once(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "late", Period=HOUR)
    hour = cloud.clock.now().replace(minute=0, second=0, microsecond=0)
    cloud.clock.advance(MINUTE)

    put(cloud, "late", 6, timestamp=hour)

    assert state(cloud, "late") == "ALARM"


def test_two_of_three_periods_are_enough(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "some", EvaluationPeriods=3, DatapointsToAlarm=2)

    states = []
    for value in (9, 1, 9):
        put(cloud, "some", value)
        cloud.clock.advance(MINUTE)
        states.append(state(cloud, "some"))

    assert states[-1] == "ALARM"
    assert "ALARM" not in states[1:2]


def test_dimensions_belong_to_the_name_of_a_metric(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "dimensioned", Dimensions=[{"Name": "EndpointName", "Value": "churn"}])

    alarms.put_metric(cloud.context, "Test", "dimensioned", 9, {"EndpointName": "other"})
    put(cloud, "dimensioned", 9)
    cloud.clock.advance(MINUTE)
    elsewhere = state(cloud, "dimensioned")
    alarms.put_metric(cloud.context, "Test", "dimensioned", 9, {"EndpointName": "churn"})
    cloud.clock.advance(MINUTE)

    assert (elsewhere, state(cloud, "dimensioned")) == ("INSUFFICIENT_DATA", "ALARM")


def test_metric_math_judges_a_ratio(cloud: OfflineCloud) -> None:
    def metric(identifier: str, name: str) -> dict[str, Any]:
        stat = {"Metric": {"Namespace": "Test", "MetricName": name}, "Period": MINUTE, "Stat": "Sum"}
        return {"Id": identifier, "MetricStat": stat, "ReturnData": False}

    ratio = {"Id": "r", "Expression": "IF(n > 0, FILL(e, 0) / n * 100, 0)", "Label": "errors in percent"}
    put_alarm(cloud, "ratio", Metrics=[metric("e", "errors"), metric("n", "calls"), ratio])

    states = []
    for errors in (4, 6):
        batch = [{"MetricName": "errors", "Value": errors}, {"MetricName": "calls", "Value": 100}]
        cloud.context.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=batch)
        cloud.clock.advance(MINUTE)
        states.append(state(cloud, "ratio"))

    assert states == ["OK", "ALARM"]


def test_a_composite_alarm_follows_its_parts(cloud: OfflineCloud) -> None:
    for name in ("part-a", "part-b"):
        put_alarm(cloud, name, TreatMissingData="notBreaching")
    arn = "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:part-b"
    cloud.context.client("cloudwatch").put_composite_alarm(
        AlarmName="whole", AlarmRule=f'ALARM("part-a") AND NOT ALARM({arn})'
    )
    cloud.clock.advance(MINUTE)

    states = [state(cloud, "whole")]
    for name in ("part-a", "part-b"):
        put(cloud, name, 9)
        cloud.clock.advance(MINUTE)
        states.append(state(cloud, "whole"))

    assert states == ["OK", "ALARM", "OK"]


def test_actions_reach_topics_and_functions_and_an_event_is_emitted(cloud: OfflineCloud) -> None:
    topic = cloud.context.client("sns").create_topic(Name="alarms")["TopicArn"]
    queue = put_queue(cloud, "alarms")
    raw = {"RawMessageDelivery": "true"}
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=raw)
    function = put_recorder(cloud, "on-alarm", "lambda.alarms.cloudwatch.amazonaws.com")
    put_alarm(cloud, "acting", AlarmActions=[topic, function])

    put(cloud, "acting", 9)
    cloud.clock.advance(MINUTE)
    functions.settle()

    (message,) = [json.loads(body) for body in bodies_of(cloud, "alarms")]
    assert (message["AlarmName"], message["NewStateValue"], message["OldStateValue"]) == (
        "acting",
        "ALARM",
        "INSUFFICIENT_DATA",
    )
    (event,) = events_of(cloud, "on-alarm")
    assert event["alarmData"]["state"]["value"] == "ALARM"
    emitted = [e for e in cloud.journal.entries("event") if e.get("detail_type") == "CloudWatch Alarm State Change"]
    assert emitted[-1]["detail"]["alarmName"] == "acting"
    assert emitted[-1]["detail"]["previousState"]["value"] == "INSUFFICIENT_DATA"


def test_an_alarm_without_enabled_actions_only_changes_its_state(cloud: OfflineCloud) -> None:
    topic = cloud.context.client("sns").create_topic(Name="silent")["TopicArn"]
    queue = put_queue(cloud, "silent")
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    put_alarm(cloud, "silent", AlarmActions=[topic], ActionsEnabled=False)

    put(cloud, "silent", 9)
    cloud.clock.advance(MINUTE)

    assert state(cloud, "silent") == "ALARM"
    assert bodies_of(cloud, "silent") == []


def test_setting_a_state_by_hand_acts(cloud: OfflineCloud) -> None:
    topic = cloud.context.client("sns").create_topic(Name="by-hand")["TopicArn"]
    queue = put_queue(cloud, "by-hand")
    cloud.context.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    put_alarm(cloud, "by-hand", AlarmActions=[topic])

    cloud.context.client("cloudwatch").set_alarm_state(AlarmName="by-hand", StateValue="ALARM", StateReason="drill")

    assert state(cloud, "by-hand") == "ALARM"
    assert len(bodies_of(cloud, "by-hand")) == 1


def test_an_alarm_that_is_put_again_keeps_its_state(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "kept", TreatMissingData="ignore")
    put(cloud, "kept", 9)
    cloud.clock.advance(MINUTE)

    put_alarm(cloud, "kept", TreatMissingData="ignore", Threshold=6.0)

    assert state(cloud, "kept") == "ALARM"


def test_callbacks_run_before_each_evaluation(cloud: OfflineCloud) -> None:
    put_alarm(cloud, "fed")
    stamp = cloud.clock.now() + timedelta(seconds=1)
    fed: list[bool] = []

    def feed() -> None:
        if not fed:
            fed.append(True)
            put(cloud, "fed", 9, timestamp=stamp)

    alarms.before_evaluation(feed)
    cloud.clock.advance(MINUTE)

    assert state(cloud, "fed") == "ALARM"


def test_a_wrong_composite_rule_is_refused(cloud: OfflineCloud) -> None:
    with pytest.raises(ClientError, match="is not understood"):
        cloud.context.client("cloudwatch").put_composite_alarm(AlarmName="wrong", AlarmRule="WHEN(x)")


def test_statistics_are_those_of_aligned_periods(cloud: OfflineCloud) -> None:
    hour = cloud.clock.now().replace(minute=0, second=0, microsecond=0)
    for minutes, value in ((5, 1.0), (50, 3.0), (65, 10.0)):
        put(cloud, "aligned", value, timestamp=hour + timedelta(minutes=minutes))

    points = cloud.context.client("cloudwatch").get_metric_statistics(
        Namespace="Test",
        MetricName="aligned",
        StartTime=hour,
        EndTime=hour + timedelta(hours=2),
        Period=HOUR,
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
    )["Datapoints"]

    told = [[p[key] for key in ("Timestamp", "Average", "Sum", "Minimum", "Maximum", "SampleCount")] for p in points]
    assert told == [[hour, 2.0, 4.0, 1.0, 3.0, 2.0], [hour + timedelta(hours=1), 10.0, 10.0, 10.0, 10.0, 1.0]]


def test_metric_data_answers_statistics_percentiles_and_math(cloud: OfflineCloud) -> None:
    hour = cloud.clock.now().replace(minute=0, second=0, microsecond=0)
    member = {"MetricName": "latency", "Values": [1.0, 100.0], "Counts": [99, 1], "Timestamp": hour}
    cloud.context.client("cloudwatch").put_metric_data(Namespace="Test", MetricData=[member])
    metric = {"Namespace": "Test", "MetricName": "latency"}
    queries = [
        {"Id": name, "MetricStat": {"Metric": metric, "Period": 300, "Stat": stat}}
        for name, stat in (("median", "p50"), ("tail", "p99.5"), ("count", "SampleCount"))
    ]
    queries.append({"Id": "double", "Expression": "count * 2"})

    results = cloud.context.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=hour, EndTime=hour + timedelta(hours=1)
    )["MetricDataResults"]

    values = {result["Id"]: result["Values"] for result in results}
    assert values == {"median": [1.0], "tail": [100.0], "count": [100.0], "double": [200.0]}


def test_a_quiet_month_passes_in_seconds(cloud: OfflineCloud) -> None:
    started = time.process_time()

    cloud.clock.advance(30 * 24 * HOUR)

    assert time.process_time() - started < 20
