"""The endpoint's handler against a fake SageMaker: it waits, and an automatic roll back is a failure."""

import threading
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.clock import Clock
from seatrial.offline.context import CloudContext
from seatrial.offline.engine.errors import ResourceError
from seatrial.offline.journal import Journal
from seatrial.offline.types.base import Call
from seatrial.offline.types.sagemaker import Endpoint

ARN = "arn:aws:sagemaker:eu-central-1:111111111111:endpoint/churn-dev"
DEPLOYMENT = {
    "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    "BlueGreenUpdatePolicy": {
        "TerminationWaitInSeconds": "600",
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 600,
        },
    },
}


class FakeSageMaker:
    """One endpoint that takes a few polls to move, and may roll an update back."""

    def __init__(self, real: Any, *, config: str = "", rolls_back: bool = False, fails: bool = False) -> None:
        self.meta = real.meta
        self.config, self.rolls_back, self.fails = config, rolls_back, fails
        self.next_config, self.polls, self.requests = config, 0, []

    def create_endpoint(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        self.next_config, self.polls = request["EndpointConfigName"], 3
        return {"EndpointArn": ARN}

    def update_endpoint(self, **request: Any) -> dict[str, str]:
        self.requests.append(request)
        self.polls = 3
        if not self.rolls_back:
            self.next_config = request["EndpointConfigName"]
        return {"EndpointArn": ARN}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert EndpointName == "churn-dev"
        self.polls -= 1
        if self.polls > 0:
            return {"EndpointStatus": "Updating", "EndpointConfigName": self.config}
        self.config = self.next_config
        status = "Failed" if self.fails else "InService"
        reason = {"FailureReason": "alarm errors went off"} if self.rolls_back or self.fails else {}
        return {"EndpointStatus": status, "EndpointConfigName": self.config, **reason}


def call(tmp_path: Path, sagemaker: Any, config: str) -> Call:
    clock = Clock()
    context = CloudContext(
        "http://127.0.0.1:9", "111111111111", "eu-central-1", tmp_path, clock, Journal(tmp_path / "j", clock)
    )
    if sagemaker is not None:
        context._clients["sagemaker"] = sagemaker
    properties = {"EndpointName": "churn-dev", "EndpointConfigName": config, "DeploymentConfig": DEPLOYMENT}
    return Call(context, "serving", "Endpoint", "AWS::SageMaker::Endpoint", properties, ("EndpointConfigName",))


@pytest.fixture
def real(tmp_path: Path) -> Any:
    """A real client lends its service model; nothing is called on it."""
    return call(tmp_path, None, "any").client("sagemaker")


def test_creation_waits_until_the_endpoint_is_in_service(tmp_path: Path, real: Any) -> None:
    sagemaker = FakeSageMaker(real)

    made = Endpoint().create(call(tmp_path, sagemaker, "first"))

    assert made.physical_id == ARN
    assert made.attributes["EndpointName"] == "churn-dev"
    assert sagemaker.polls <= 0


def test_a_creation_that_fails_tells_the_reason(tmp_path: Path, real: Any) -> None:
    request = call(tmp_path, FakeSageMaker(real, fails=True), "first")

    with pytest.raises(ResourceError, match="endpoint churn-dev is Failed: alarm errors went off"):
        Endpoint().create(request)

    assert request.begun == ARN


def test_an_update_carries_the_deployment_settings_and_waits(tmp_path: Path, real: Any) -> None:
    sagemaker = FakeSageMaker(real, config="first")

    Endpoint().update(call(tmp_path, sagemaker, "second"), ARN, {})

    assert sagemaker.config == "second"
    policy = sagemaker.requests[0]["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["TerminationWaitInSeconds"] == 600
    assert policy["TrafficRoutingConfiguration"]["Type"] == "CANARY"


def test_an_automatic_roll_back_fails_the_update(tmp_path: Path, real: Any) -> None:
    request = call(tmp_path, FakeSageMaker(real, config="first", rolls_back=True), "second")

    with pytest.raises(ResourceError, match="rolled back to its previous configuration: alarm errors went off"):
        Endpoint().update(request, ARN, {})


def test_going_back_to_what_already_runs_changes_nothing(tmp_path: Path, real: Any) -> None:
    sagemaker = FakeSageMaker(real, config="first")

    Endpoint().update(call(tmp_path, sagemaker, "first"), ARN, {})

    assert sagemaker.requests == []


def test_waiting_ends_when_the_cloud_stops(tmp_path: Path, real: Any) -> None:
    sagemaker = FakeSageMaker(real, config="first")
    sagemaker.polls = 10**9
    request = call(tmp_path, sagemaker, "second")
    request.stopping = threading.Event()
    request.stopping.set()

    with pytest.raises(ResourceError, match="the offline cloud was stopped"):
        Endpoint().update(request, ARN, {})
