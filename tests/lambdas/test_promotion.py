"""The two promotion functions: what is chosen, and whether it holds."""

from types import SimpleNamespace

import boto3
import pytest

from seatrial.contracts.serving import SMOKE_INPUT_URI, SMOKE_OUTPUT_URI
from tests.lambdas.desks import Selecting, approval, selecting
from tests.lambdas.fakes import PACKAGES, FakeRuntime, FakeSageMaker, client_error, load_function

verifying = load_function("promotion_verify")
SMOKE = {SMOKE_INPUT_URI: "s3://artifacts/b/smoke.csv", SMOKE_OUTPUT_URI: "s3://artifacts/b/smoke_expected.csv"}


@pytest.fixture
def select(cloud: None) -> Selecting:
    return Selecting()


@pytest.fixture
def verify(cloud: None) -> tuple:
    aws = verifying.adapters.Aws()
    aws.sagemaker, aws.runtime = FakeSageMaker(), FakeRuntime("0.25\n0.5\n")
    aws.sagemaker.serving = aws.sagemaker.add_package(2, **SMOKE)
    boto3.client("s3").put_object(Bucket="artifacts", Key="b/smoke.csv", Body=b"1,a\n2,b\n")
    boto3.client("s3").put_object(Bucket="artifacts", Key="b/smoke_expected.csv", Body=b"0.25\n0.5\n")
    return aws, verifying.parse.Configuration("churn")


def asked(version: int) -> dict:
    """The machine's question after the update of the first endpoint."""
    return {"modelPackageArn": f"{PACKAGES}/{version}", "previousModelPackageArn": "", "time": "2026-11-01T12:00:00Z"}


def test_the_first_approved_package_is_promoted_without_an_endpoint(select: Selecting) -> None:
    select.sagemaker.add_package(1)

    answer = select.deliver(approval(1))

    assert (answer["proceed"], answer["modelPackageArn"]) == (True, f"{PACKAGES}/1")
    assert answer["previousModelPackageArn"] == ""


def test_the_registry_decides_not_the_event(select: Selecting) -> None:
    select.sagemaker.serving = select.sagemaker.add_package(1)
    select.sagemaker.add_package(2)
    select.sagemaker.add_package(3, "Rejected")

    answer = select.deliver(approval(3))

    assert answer["modelPackageArn"] == f"{PACKAGES}/2"


def test_an_alarming_guard_stops_the_promotion(select: Selecting) -> None:
    select.sagemaker.add_package(1)
    select.alarms = ("canary-errors",)
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="canary-errors",
        Namespace="N",
        MetricName="M",
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    cloudwatch.set_alarm_state(AlarmName="canary-errors", StateValue="ALARM", StateReason="test")

    answer = select.deliver(approval(1))

    assert (answer["proceed"], answer["reason"]) == (False, "guard alarms are not OK: canary-errors is ALARM")


def test_only_metric_alarms_are_asked_for(select: Selecting) -> None:
    """Composite alarms need a right to every alarm of the account."""
    asked = []
    select.aws.cloudwatch = SimpleNamespace(describe_alarms=lambda **request: asked.append(request) or {})

    select.aws.alarm_states(["canary-errors"])

    assert asked == [{"AlarmNames": ["canary-errors"], "AlarmTypes": ["MetricAlarm"]}]


def test_a_retried_selection_of_the_same_event_gives_the_same_answer(select: Selecting) -> None:
    select.sagemaker.add_package(1)

    assert select.deliver(approval(1)) == select.deliver(approval(1))


def test_a_rolled_back_package_is_not_tried_again_because_of_another_event(select: Selecting) -> None:
    select.sagemaker.serving = select.sagemaker.add_package(1)
    select.sagemaker.add_package(2)
    select.deliver(approval(2))

    another = select.deliver(approval(1, "event-2", "2026-11-01T12:00:00Z"))
    renewed = select.deliver(approval(2, "event-3", "2026-11-01T13:00:00Z"))

    assert (another["proceed"], renewed["proceed"]) == (False, True)
    assert "does not serve" in another["reason"]


def test_editing_the_metadata_of_a_rolled_back_package_does_not_try_it_again(select: Selecting) -> None:
    select.sagemaker.serving = select.sagemaker.add_package(1)
    select.sagemaker.add_package(2)
    select.deliver(approval(2))

    edited = select.deliver(approval(2, "event-2", "2026-11-01T12:00:00Z", field="CustomerMetadataProperties"))

    assert edited["proceed"] is False
    assert "approve it anew" in edited["reason"]


def test_a_package_registered_as_approved_is_promoted(select: Selecting) -> None:
    """The event of a registration names no updated fields."""
    select.sagemaker.add_package(1)
    registered = approval(1)
    del registered["detail"]["UpdatedModelPackageFields"]

    assert select.deliver(registered)["proceed"]


def test_a_malformed_approval_is_refused(select: Selecting) -> None:
    with pytest.raises(selecting.parse.EventError, match="needs id and time"):
        select.deliver({"detail": {}})


def test_a_promotion_that_answers_as_validated_is_verified(verify: tuple) -> None:
    aws, configuration = verify

    answer = verifying.handler.run(asked(2), configuration, aws)

    assert (answer["ok"], answer["reason"]) == (True, "serves as asked; 2 smoke rows agree within 1e-06")


def test_a_silent_roll_back_is_seen(verify: tuple) -> None:
    aws, configuration = verify

    answer = verifying.handler.run(asked(3), configuration, aws)

    assert not answer["ok"]
    assert "serves" in answer["reason"]


@pytest.mark.parametrize("answer", ["0.25\n0.6\n", "0.25\n", "nan\n0.5\n", "error"])
def test_other_answers_than_validated_fail(verify: tuple, answer: str) -> None:
    aws, configuration = verify
    aws.runtime.answer = answer

    assert not verifying.handler.run(asked(2), configuration, aws)["ok"]


def test_a_model_that_cannot_answer_fails_the_verification(verify: tuple) -> None:
    aws, configuration = verify

    class Broken(FakeRuntime):
        def invoke_endpoint(self, **_: object) -> dict:
            raise client_error("ModelError")

    aws.runtime = Broken("")

    assert not verifying.handler.run(asked(2), configuration, aws)["ok"]


def test_a_reported_failure_fails_although_the_package_is_right(verify: tuple) -> None:
    aws, configuration = verify
    aws.sagemaker.endpoint["FailureReason"] = "alarm tripped"

    answer = verifying.handler.run(asked(2), configuration, aws)

    assert (answer["ok"], answer["reason"]) == (False, "the endpoint reports a failure: alarm tripped")
