"""The same faults with everything moving: the real machine and functions, a stack, an endpoint with a canary."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.offline.cloud import OfflineCloud
from tests.constructs import conftest as construction
from tests.constructs.conftest import Site
from tests.constructs.test_loop import monitor
from tests.faults.drydock import BAD, START, Drydock
from tests.faults.test_control_plane import FULL, LIMIT
from tests.offline.support import ROLE, put_function

HOUR, NAMESPACE = 3600, "Seatrial"
make_site, site = construction.make_site, construction.site


@pytest.fixture(scope="module")
def yard() -> Iterator[Drydock]:
    """Version 2 serves, after a quota was in the way of the first; nobody asks anything but the promotion."""
    with tempfile.TemporaryDirectory() as folder, OfflineCloud(Path(folder), start=START) as cloud:
        made = Drydock(cloud)
        with made.failing("CreateEndpoint", "ResourceLimitExceeded", LIMIT):
            made.first = made.promote(made.register())
        made.promote(made.register())
        yield made


@pytest.fixture
def dock(yard: Drydock) -> Drydock:
    """The account at rest: alarms are OK again, and nothing is left to be read."""
    yard.sail(yard.is_calm)
    yard.told()
    return yard


def test_f22_a_quota_is_reported_and_the_promotion_parked_until_somebody_approves_anew(dock: Drydock) -> None:
    before = dock.served()

    with dock.failing("UpdateEndpoint", "ResourceLimitExceeded", LIMIT) as asked:
        status, reason = dock.promote(dock.register())
        looked = dock.promote()

    assert (status, len(asked), dock.served()) == ("FAILED", 1, before)
    assert "quota 'ml.m5.large for endpoint usage' of SageMaker is 4, but 6 are needed" in reason
    assert dock.told() == [reason]
    assert looked[0] == "SUCCEEDED"
    assert "does not serve: approve it anew or approve another" in looked[1]
    assert dock.endpoint()["EndpointStatus"] == "InService"


def test_f22_a_quota_in_the_way_of_the_first_endpoint_is_reported_too(yard: Drydock) -> None:
    status, reason = yard.first

    assert status == "FAILED"
    assert "quota 'ml.m5.large for endpoint usage' of SageMaker is 4, but 6 are needed" in reason


def test_f23_without_capacity_the_old_fleet_serves_on_and_the_next_look_promotes(dock: Drydock) -> None:
    before, arn = dock.served(), dock.register()

    with dock.failing("UpdateEndpoint", "InsufficientCapacity", FULL):
        status, reason = dock.promote(arn)
    meanwhile = dock.served()
    looked = dock.promote()

    assert (status, meanwhile) == ("FAILED", before)
    assert "AWS has no capacity" in reason
    assert looked[0] == "SUCCEEDED", looked
    assert arn.endswith(f"/{dock.served()}")


def test_f24_an_update_that_hangs_is_told_once_and_nothing_else_is_started(dock: Drydock) -> None:
    with dock.counting("UpdateEndpoint") as updates, dock.stuck(after=updates):
        first = dock.start(dock.register())
        dock.sail(lambda: len(updates) == 1)
        second = dock.start(dock.register())
        told: list[str] = []
        dock.sail(lambda: told.extend(dock.told()) or bool(told))
        dock.cloud.clock.advance(600)
        told += dock.told()
        during = len(updates), dock.describe(first)["status"], dock.describe(second)["status"]
    ends = dock.finish(first)[0], dock.finish(second)[0]

    assert during == (1, "RUNNING", "RUNNING")
    assert len(told) == 1
    assert "takes longer than SageMaker may. It goes on, nothing else is started" in told[0]
    assert ends == ("SUCCEEDED", "SUCCEEDED")


def test_f26_what_an_endpoint_uses_or_may_go_back_to_is_never_deleted(dock: Drydock) -> None:
    before = dock.endpoint()["EndpointConfigName"]
    execution = dock.start(dock.register())
    dock.sail(lambda: "PendingDeploymentSummary" in dock.endpoint())
    pending = dock.endpoint()["PendingDeploymentSummary"]["EndpointConfigName"]

    during = dock.configs()
    refused = [dock.deletion(name) for name in (before, pending)]
    status, reason = dock.finish(execution)

    assert set(during) == {before, pending}
    assert [refusal.partition(": ")[2][:8] for refusal in refused] == ["endpoint", "endpoint"], refused
    assert (status, dock.configs()) == ("SUCCEEDED", [pending]), reason


def test_f29_an_idle_canary_of_a_bad_model_is_rolled_back_by_the_requests_that_the_promotion_makes(
    dock: Drydock,
) -> None:
    before, config = dock.served(), dock.endpoint()["EndpointConfigName"]

    status, reason = dock.promote(dock.register(BAD))
    found = dock.endpoint()

    assert status == "FAILED"
    assert "the alarm churn-errors went into ALARM" in reason
    assert (dock.served(), found["EndpointStatus"]) == (before, "InService")
    assert (found["EndpointConfigName"], dock.configs()) == (config, [config])
    assert "FailureReason" in found  # InService all the same: the state alone would have told of a success (F25)


def test_f31_an_endpoint_that_was_updated_by_hand_is_left_alone(dock: Drydock) -> None:
    made = dock.endpoint()["EndpointConfigName"]
    variants = dock.sagemaker.describe_endpoint_config(EndpointConfigName=made)["ProductionVariants"]
    dock.sagemaker.create_endpoint_config(EndpointConfigName="by-hand", ProductionVariants=variants)
    dock.update_by_hand("by-hand")

    with dock.counting("UpdateEndpoint") as updates:
        drifted = dock.promote(dock.register())

    told = f"the endpoint runs the configuration by-hand, its stack made {made}: put back what the stack made"
    assert drifted == ("SUCCEEDED", f"{told}, then approve anew")
    assert dock.told() == [drifted[1]]
    assert updates == []
    dock.update_by_hand(made)
    dock.sagemaker.delete_endpoint_config(EndpointConfigName="by-hand")


EMBEDDED = """
import json, time

def lambda_handler(event, context):
    told = {"Name": "MonitorRuns", "Unit": "Count"}
    now = int(time.time() * 1000)
    block = {"Namespace": "%s", "Dimensions": [["EndpointName", "VariantName"]], "Metrics": [told]}
    document = {"_aws": {"Timestamp": now, "CloudWatchMetrics": [block]}, "MonitorRuns": 1}
    print(json.dumps({**document, "EndpointName": "churn", "VariantName": "primary"}))
"""


def test_f33_a_monitor_whose_schedule_is_gone_is_an_alarm_after_two_periods(dock: Drydock, site: Site) -> None:
    monitor(site)
    (alarm,) = [each for each in site.resources("AWS::CloudWatch::Alarm") if "MonitorRuns" in str(each)]
    (expression,) = {each["ScheduleExpression"] for each in site.resources("AWS::Scheduler::Schedule")}
    target = put_function(dock.cloud, "monitor", EMBEDDED % NAMESPACE)
    dock.client("cloudwatch").put_metric_alarm(**{**alarm, "AlarmActions": []}, AlarmName="silent")
    schedule = {
        "Name": "hourly",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": target, "RoleArn": ROLE, "Input": "{}"},
    }
    scheduler, states = dock.client("scheduler"), []

    def pass_hours(hours: int) -> None:
        dock.cloud.clock.advance(hours * HOUR)
        states.append(dock.alarm_state("silent"))

    scheduler.create_schedule(**schedule)
    pass_hours(4)
    scheduler.update_schedule(**schedule, State="DISABLED")
    pass_hours(3)
    scheduler.update_schedule(**schedule, State="ENABLED")
    pass_hours(3)
    scheduler.delete_schedule(Name="hourly")
    pass_hours(3)

    assert states == ["OK", "ALARM", "OK", "ALARM"]
