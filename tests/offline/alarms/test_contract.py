"""Each replacement of a part of moto, seen without it: a test fails once moto no longer needs the replacement."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.cloudwatch.models import CloudWatchBackend, cloudwatch_backends
from moto.cloudwatch.responses import CloudWatchResponse

from seatrial.offline import alarms, patches
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import ACCOUNT, REGION

ALARM: dict[str, Any] = {
    "Namespace": "N",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


def test_moto_keeps_every_value_in_one_list(cloud: OfflineCloud) -> None:
    backend = cloudwatch_backends[ACCOUNT][REGION]
    values = [{"MetricName": "many", "Values": [1.0, 2.0, 3.0]}]
    before = len(backend.metric_data)

    with patches.without(CloudWatchBackend, "put_metric_data"):
        backend.put_metric_data("N", values)

    assert len(backend.metric_data) - before == 3


def test_moto_begins_periods_with_the_first_value_and_ignores_missing_dimensions(cloud: OfflineCloud) -> None:
    backend = cloudwatch_backends[ACCOUNT][REGION]
    hour = cloud.clock.now().replace(minute=0, second=0, microsecond=0, tzinfo=None)
    datum = {"MetricName": "off", "Value": 1.0, "Timestamp": hour + timedelta(minutes=7)}
    datum["Dimensions"] = [{"Name": "a", "Value": "1"}]
    names = ("put_metric_data", "get_metric_statistics")

    with patches.without(CloudWatchBackend, names[0]), patches.without(CloudWatchBackend, names[1]):
        backend.put_metric_data("N", [datum])
        (point,) = backend.get_metric_statistics(
            "N", "off", hour, hour + timedelta(hours=1), 3600, ["Sum"], dimensions=[]
        )

    assert point.timestamp == hour + timedelta(minutes=7)


def test_moto_knows_no_metric_math_beyond_names(cloud: OfflineCloud) -> None:
    client = cloud.context.client("cloudwatch")
    now = cloud.clock.now()
    stat = {"Metric": {"Namespace": "N", "MetricName": "math"}, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "a", "MetricStat": stat}, {"Id": "b", "Expression": "FILL(a, 0) * 2 + 1"}]
    alarms.put_metric(cloud.context, "N", "math", 1.0, {})

    with patches.without(CloudWatchBackend, "get_metric_data"):
        answer = client.get_metric_data(
            MetricDataQueries=queries, StartTime=now - timedelta(hours=1), EndTime=now + timedelta(hours=1)
        )

    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    assert values["b"] != [3.0]


def test_moto_takes_a_new_alarm_for_ok_and_forgets_its_state_when_it_is_put_again(cloud: OfflineCloud) -> None:
    client = cloud.context.client("cloudwatch")
    with patches.without(CloudWatchBackend, "put_metric_alarm"):
        client.put_metric_alarm(AlarmName="motos", **ALARM)
        first = alarms.state(cloud.context, "motos")
        cloudwatch_backends[ACCOUNT][REGION].alarms["motos"].state_value = "ALARM"

        client.put_metric_alarm(AlarmName="motos", **ALARM)

    assert (first, alarms.state(cloud.context, "motos")) == ("OK", "OK")


def test_moto_has_no_composite_alarms(cloud: OfflineCloud) -> None:
    with patches.without(CloudWatchResponse, "put_composite_alarm"), pytest.raises(ClientError, match="NotEmulated"):
        cloud.context.client("cloudwatch").put_composite_alarm(AlarmName="motos-whole", AlarmRule="TRUE")


def test_moto_does_nothing_about_a_state_that_is_set(cloud: OfflineCloud) -> None:
    client = cloud.context.client("cloudwatch")
    client.put_metric_alarm(AlarmName="set", **ALARM)
    before = len(cloud.journal.entries("alarm"))

    with patches.without(CloudWatchBackend, "set_alarm_state"):
        client.set_alarm_state(AlarmName="set", StateValue="ALARM", StateReason="drill")

    assert len(cloud.journal.entries("alarm")) == before


def test_moto_deletes_alarms_without_telling_who_evaluates_them(cloud: OfflineCloud) -> None:
    client = cloud.context.client("cloudwatch")
    client.put_metric_alarm(AlarmName="gone", **ALARM)

    client.delete_alarms(AlarmNames=["gone"])
    alarms.put_metric(cloud.context, "N", "m", 9.0, {})
    cloud.clock.advance(60)

    with pytest.raises(KeyError):
        alarms.state(cloud.context, "gone")
