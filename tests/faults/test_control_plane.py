"""F21 to F33: SageMaker refuses, is full, hangs, fails silently, is changed by hand, and what the operator reads."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import botocore.awsrequest
import pytest

from pipelines.churn import requests
from seatrial.constructs.definitions import STEP_ACTIONS, step_types
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.promotion_machine import promotion_machine
from seatrial.contracts.events import RECONCILIATION
from seatrial.contracts.serving import PROBE_PREFIX, SMOKE_INPUT_URI, SMOKE_OUTPUT_URI
from seatrial.decisions.promotion import Observation, verify
from seatrial.decisions.promotion_canary import needed, probes
from seatrial.decisions.promotion_failure import explain
from tests.constructs.test_promotion_machine import SETTINGS
from tests.lambdas.desks import Desk, MemoryDesk, MemorySelecting, Selecting, approval, selecting, verdict
from tests.lambdas.fakes import (
    PACKAGES,
    FakeObjects,
    FakeRuntime,
    FakeSageMaker,
    FakeWatch,
    client_error,
    load_function,
)
from tests.lambdas.harbour import Harbour, capture_line

NOW = "2026-11-01T12:00:00Z"
LOOK = {"id": "reconciliation", "time": NOW, "detail": {RECONCILIATION: True}}
LIMIT = (
    "The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances, with current utilization of 2 "
    "Instances and a request delta of 4 Instances. Please use AWS Service Quotas to request an increase for this quota."
)
FULL = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
MADE = [
    {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": "churn-errors"},
    {
        "ResourceType": "AWS::SageMaker::EndpointConfig",
        "PhysicalResourceId": "arn:aws:sagemaker:eu-central-1:111111111111:endpoint-config/config",
    },
]
STATES = promotion_machine(SETTINGS)["States"]
verifying = load_function("promotion_verify")


@pytest.fixture
def select() -> Selecting:
    """Version 1 serves, version 2 is approved."""
    made = MemorySelecting()
    made.sagemaker.serving = made.sagemaker.add_package(1)
    made.sagemaker.add_package(2)
    return made


def run(select: Selecting, event: dict, name: str = "run-1", **more: object) -> dict:
    """One execution of the state machine up to its choice."""
    seen = {"startedAt": NOW, "enteredAt": NOW, "stackStatus": "UPDATE_COMPLETE", "stackResources": MADE}
    return select.deliver({**event, "executionId": name, **seen, **more})


@pytest.fixture
def verified() -> SimpleNamespace:
    """The verifying function when version 2 serves, on an endpoint that answers as it should."""
    aws = verifying.adapters.Aws()
    aws.sagemaker, aws.runtime, aws.cloudwatch, aws.s3 = (
        FakeSageMaker(),
        FakeRuntime("0.25\n"),
        FakeWatch(),
        FakeObjects(),
    )
    smoke = {SMOKE_INPUT_URI: "s3://artifacts/smoke.csv", SMOKE_OUTPUT_URI: "s3://artifacts/expected.csv"}
    aws.sagemaker.serving = aws.sagemaker.add_package(2, **smoke)
    aws.s3.put_object(Bucket="artifacts", Key="smoke.csv", Body=b"1,a\n")
    aws.s3.put_object(Bucket="artifacts", Key="expected.csv", Body=b"0.25\n")

    def ask(task: str = "verify", **more: object) -> dict:
        event = {"task": task, "modelPackageArn": f"{PACKAGES}/2", "previousModelPackageArn": f"{PACKAGES}/1"}
        return verifying.handler.run({**event, "time": NOW, **more}, verifying.parse.Configuration("churn"), aws)

    return SimpleNamespace(aws=aws, ask=ask)


def test_f21_throttling_is_waited_out_by_the_function_and_then_by_the_machine(cloud: None) -> None:
    aws, sent = selecting.adapters.Aws(), []

    def throttled(request: object, **_: object) -> object:
        sent.append(request)
        if len(sent) > 2:
            return None
        body = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
        raw = SimpleNamespace(stream=lambda: iter([body]), read=lambda: body)
        return botocore.awsrequest.AWSResponse("https://sagemaker", 400, {}, raw)

    aws.sagemaker.meta.events.register_first("before-send.sagemaker.ListModelPackages", throttled)
    boto3.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn")

    assert aws.approved("churn") == []
    assert len(sent) == 3


@pytest.mark.parametrize("state", ["Select", "Verify", "PromoteProbe", "PromoteStack", "PromoteStatus"])
def test_f21_every_call_of_the_machine_is_tried_again_a_bounded_number_of_times_with_full_jitter(state: str) -> None:
    (policy,) = STATES[state]["Retry"]

    throttling = {"ClientError", "CloudFormation.ThrottlingException", "States.ALL"}
    assert set(policy["ErrorEquals"]) & throttling
    assert (policy["JitterStrategy"], policy["BackoffRate"]) == ("FULL", 2)
    assert 1 <= policy["MaxAttempts"] <= 5


def test_f21_the_pipelines_steps_are_tried_again_when_throttled() -> None:
    policies = [policy.to_json() for policy in requests.RETRIES if "Step.THROTTLING" in policy.exceptions]

    assert [(policy["MaxAttempts"], policy["BackoffRate"]) for policy in policies] == [(5, 2.0)]


def test_f22_a_quota_is_told_with_its_name_the_value_that_is_needed_and_the_way_to_its_code(
    verified: SimpleNamespace,
) -> None:
    told = [("09:00", "a failure of last week's update"), ("12:01", LIMIT), ("12:02", "Resource update cancelled")]
    failures = [{"Timestamp": f"2026-11-01T{time}:00.123Z", "ResourceStatusReason": reason} for time, reason in told]
    events = {"changed": failures[::2], "made": failures[1::2]}

    answer = verified.ask("explain", events=events, since=NOW)

    assert (answer["kind"], answer["passing"]) == ("quota", False)
    assert (
        "quota 'ml.m5.large for endpoint usage' of SageMaker is 4, but 6 are needed (2 in use, 4 more)"
        in answer["reason"]
    )
    assert "aws service-quotas list-service-quotas --service-code sagemaker" in answer["reason"]
    assert "it is not tried again before" in answer["reason"]


def test_f22_the_pipelines_steps_do_not_try_a_quota_again() -> None:
    assert not [policy for policy in requests.RETRIES if "SageMaker.RESOURCE_LIMIT" in policy.exceptions]


def test_f22_a_training_that_the_quota_refuses_is_entered_in_the_ledger_and_not_repeated() -> None:
    desk: Desk = MemoryDesk()
    refusals = []

    def refuse() -> None:
        refusals.append(1)
        raise client_error("ResourceLimitExceeded", LIMIT)

    desk.aws.sagemaker.before_start = refuse

    desk.deliver(verdict())
    desk.deliver(verdict())

    (entry,) = desk.ledger()
    assert (entry["action"], entry["rule"], len(refusals)) == ("refuse", "service", 1)
    assert "'ml.m5.large for endpoint usage' is 4" in entry["reason"]


def test_f22_only_failures_of_this_promotion_are_told(verified: SimpleNamespace) -> None:
    before = [{"Timestamp": "2026-11-01T11:59:00Z", "ResourceStatusReason": LIMIT}]

    answer = verified.ask("explain", events={"changed": before, "made": []}, since=NOW)

    assert (answer["kind"], answer["reason"].rpartition(": ")[2]) == ("other", "no reason was given")


@pytest.mark.parametrize("reason", [FULL, f"CapacityError: {FULL}", "InsufficientCapacity: no instances"])
def test_f23_a_lack_of_capacity_passes_by_itself(reason: str) -> None:
    found = explain([reason])

    assert (found.kind, found.passing) == ("capacity", True)
    assert "the old fleet serves on, it is tried again every hour" in found.reason


def release(select: Selecting, version: int, kind: str = "capacity") -> None:
    """What the machine writes when a failure passes by itself."""
    key = {"pk": {"S": "promotion#churn"}, "sk": {"S": f"attempt#{PACKAGES}/{version}"}}
    run_of = {"event_id": {"S": "run-1"}, "time": {"S": "2026-11-01T10:00:00Z"}}
    select.aws.dynamodb.put_item(TableName="state", Item={**key, **run_of, "released": {"S": kind}})


def test_f23_the_hourly_look_tries_again_what_was_released_and_nothing_else(select: Selecting) -> None:
    run(select, approval(2))
    parked = run(select, LOOK, "run-2")

    release(select, 2)
    tried = run(select, LOOK, "run-3")

    assert (parked["proceed"], tried["proceed"]) == (False, True)


def test_f23_trying_again_ends_with_the_approval(select: Selecting) -> None:
    package = select.sagemaker.packages[f"{PACKAGES}/2"]
    package["LastModifiedTime"] = datetime(2026, 10, 29, 11, tzinfo=UTC)
    release(select, 2)

    answer = run(select, LOOK)

    assert (answer["proceed"], answer["reason"][:8]) == (False, "expired:")


def test_f23_training_waits_for_capacity_for_six_hours_at_most() -> None:
    (policy,) = [policy.to_json() for policy in requests.RETRIES if "SageMaker.CAPACITY_ERROR" in policy.exceptions]

    assert (policy["ExpireAfterMin"], policy["IntervalSeconds"]) == (360, 300)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ({"failure": "alarm tripped"}, "the endpoint reports a failure: alarm tripped"),
        ({"serving_arn": "p/1"}, "the endpoint serves p/1, not p/2"),
        ({"endpoint_status": "RollingBack"}, "the endpoint is RollingBack, not InService"),
    ],
)
def test_f25_success_is_what_is_observed(failure: dict, told: str) -> None:
    seen = {"wanted_arn": "p/2", "serving_arn": "p/2", "endpoint_status": "InService", "failure": None}
    answers = {"expected": [0.5], "answers": [0.5]}

    assert verify(Observation(**seen, **answers)).ok
    assert verify(Observation(**{**seen, **failure}, **answers)).reason == told


@pytest.mark.parametrize("status", ["Updating", "SystemUpdating", "RollingBack", "Creating"])
def test_f27_an_approval_waits_while_the_endpoint_moves(select: Selecting, status: str) -> None:
    select.sagemaker.endpoint["EndpointStatus"] = status

    waiting = run(select, approval(2))
    looking = run(select, LOOK, "run-2")
    select.sagemaker.endpoint["EndpointStatus"] = "InService"
    then = run(select, approval(2))

    assert (waiting["proceed"], waiting["later"]) == (False, True)
    assert waiting["reason"] == f"the endpoint is {status}: it takes no update now"
    assert (looking["later"], looking["quiet"]) == (False, True)
    assert then["proceed"]
    (later,) = [rule for rule in STATES["ShallProceed"]["Choices"] if rule["Variable"] == "$.selection.later"]
    assert (later["Next"], STATES["PromoteLater"]["Next"]) == ("PromoteLater", "Look")


def test_f27_an_update_that_meets_another_one_all_the_same_is_tried_again() -> None:
    assert explain(['Cannot update in-progress endpoint "arn:aws:sagemaker:eu-central-1:1:endpoint/churn".']).passing


@pytest.mark.parametrize(("alarms", "told"), [
    ({"errors": "ALARM", "latency": "OK"}, "errors is ALARM"),
    ({"errors": "INSUFFICIENT_DATA", "latency": "OK"}, "errors is INSUFFICIENT_DATA"),
    ({"latency": "OK"}, "errors is missing"),
])  # fmt: skip
def test_f28_a_guard_that_is_not_ok_or_gone_stops_the_promotion(select: Selecting, alarms: dict, told: str) -> None:
    select.alarms, select.aws.cloudwatch = ("errors", "latency"), FakeWatch(**alarms)

    refused = run(select, approval(2))
    select.aws.cloudwatch = FakeWatch(errors="OK", latency="OK")
    found = run(select, LOOK, "run-2")

    assert (refused["proceed"], refused["reason"]) == (False, f"guard alarms are not OK: {told}")
    assert found["proceed"]


@pytest.mark.parametrize(("requests", "sent"), [(0, 3), (5 * 60, 3), (6 * 60, 0)])
def test_f29_the_promotion_makes_the_requests_where_nobody_does(select: Selecting, requests: int, sent: int) -> None:
    select.aws.cloudwatch = FakeWatch(requests)

    assert run(select, approval(2))["probes"] == sent


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 50])
def test_f29_so_many_requests_miss_a_canary_once_in_a_thousand_times(percent: int) -> None:
    assert (1 - percent / 100) ** needed(percent) < 0.001
    assert probes(0, percent, 30) >= min(120, 1.5 * 100 / percent)


def test_f29_a_canary_that_saw_no_request_is_no_success(verified: SimpleNamespace) -> None:
    verified.aws.cloudwatch = FakeWatch(13)
    idle = verified.ask()
    first = verified.ask(previousModelPackageArn="")
    verified.aws.cloudwatch = FakeWatch(14)

    assert not idle["ok"]
    assert idle["reason"].startswith("the canary proves nothing: the endpoint saw 13 requests while it was watched")
    assert (first["ok"], verified.ask()["ok"]) == (True, True)


@pytest.mark.parametrize(
    ("states", "sent"), [(None, 0), ([], 2), (["Creating"], 0), (["ActivatingTraffic"], 2), (["Creating", "Baking"], 2)]
)
def test_f29_probes_are_sent_when_the_new_fleet_gets_traffic_and_say_what_they_are(
    verified: SimpleNamespace, states: list[str] | None, sent: int
) -> None:
    variant = {"VariantName": "primary", "VariantStatus": [{"Status": state} for state in states or ()]}
    pending = {"PendingDeploymentSummary": {"EndpointConfigName": "next", "ProductionVariants": [variant]}}
    verified.aws.sagemaker.endpoint |= {"EndpointStatus": "Updating", **(pending if states is not None else {})}

    answer = verified.ask("probe", count=2)

    assert answer == {"sent": sent, "answered": sent}
    assert all(request["InferenceId"].startswith(PROBE_PREFIX) for request in verified.aws.runtime.requests)


def test_f29_a_probe_that_is_not_answered_is_the_alarms_concern(verified: SimpleNamespace) -> None:
    def fail(**_: object) -> dict:
        raise client_error("ModelError")

    verified.aws.runtime = SimpleNamespace(invoke_endpoint=fail)
    verified.aws.sagemaker.endpoint["PendingDeploymentSummary"] = {"ProductionVariants": [{}]}

    assert verified.ask("probe", count=3) == {"sent": 3, "answered": 0}
    assert STATES["PromoteProbe"]["Catch"][0]["Next"] == STATES["PromoteProbe"]["Next"] == "PromoteWait"


def test_f29_what_the_promotion_asked_is_no_input_to_the_monitor(cloud: None) -> None:
    harbour = Harbour()
    harbour.traffic(0, 100)
    asked = [json.loads(capture_line(f"probe-{number}", "9999,prepaid", 0.5)) for number in range(60)]
    for number, probe in enumerate(asked):
        probe["eventMetadata"]["inferenceId"] = f"{PROBE_PREFIX}{number}"
    harbour.capture(0, [json.dumps(probe) for probe in asked], "probes.jsonl")

    harbour.run(0)

    found = harbour.verdict(0)
    assert (found["rows"], found["verdict"]) == (100, "ok")


def test_f31_an_endpoint_that_was_changed_by_hand_is_not_updated_and_people_are_told_once(select: Selecting) -> None:
    select.sagemaker.endpoint["EndpointConfigName"] = "by-hand"

    answers = [run(select, approval(2)), run(select, LOOK, "run-2"), run(select, LOOK, "run-3")]

    drifted = "the endpoint runs the configuration by-hand, its stack made config"
    assert {answer["proceed"] for answer in answers} == {False}
    assert answers[0]["reason"] == f"{drifted}: put back what the stack made, then approve anew"
    assert [answer["quiet"] for answer in answers] == [False, False, True]


def test_f31_a_name_in_capitals_is_no_drift_because_arns_are_in_lower_case(select: Selecting) -> None:
    select.sagemaker.endpoint["EndpointConfigName"] = "Config"

    assert run(select, approval(2))["proceed"]


def test_f31_an_endpoint_that_was_deleted_by_hand_is_told(select: Selecting) -> None:
    select.sagemaker.serving = None

    answer = run(select, approval(2))

    assert not answer["proceed"]
    assert answer["reason"].startswith("the endpoint is gone, but its stack made one with the configuration config")


def test_f31_a_stack_that_cannot_roll_back_is_repaired_first(select: Selecting) -> None:
    answer = run(select, approval(2), stackStatus="UPDATE_ROLLBACK_FAILED")

    assert (answer["proceed"], answer["quiet"]) == (False, False)
    assert "repair it (aws cloudformation continue-update-rollback)" in answer["reason"]


def test_f31_while_its_own_stack_moves_nothing_is_taken_for_drift(select: Selecting) -> None:
    select.sagemaker.endpoint["EndpointConfigName"] = "the-one-before"

    answer = run(select, approval(2), stackStatus="UPDATE_IN_PROGRESS")

    assert answer["proceed"]  # CloudFormation then says that it is busy, and all of it is decided again


@pytest.mark.parametrize("kind", ["Lambda", "Callback"])
def test_f32_no_step_has_effects_that_a_second_try_would_repeat(kind: str) -> None:
    step = {"Name": "Effect", "Type": kind, "Arguments": {}}

    with pytest.raises(ConstructError, match=f"steps of type '{kind}' are not supported"):
        step_types({"Version": "2020-12-01", "Steps": [step]})
    assert not {"Lambda", "Callback"} & set(STEP_ACTIONS)


def test_f32_the_end_of_a_run_that_is_told_twice_counts_once() -> None:
    desk: Desk = MemoryDesk()
    desk.deliver(verdict())
    ended = desk.end("Failed")

    desk.deliver(ended)
    before = dict(desk.tables.items)
    desk.deliver(ended)

    assert desk.tables.items == before
