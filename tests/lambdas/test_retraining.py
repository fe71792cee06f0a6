"""The retraining function against DynamoDB and S3 in memory: each request once, also when it is cut short."""

import pytest

from seatrial.contracts.events import SOURCE
from tests.lambdas.desks import MANUAL, Desk, cut_after, raising, retraining, verdict
from tests.lambdas.fakes import client_error


@pytest.fixture
def desk(cloud: None) -> Desk:
    return Desk()


def test_a_person_starts_the_first_run_without_a_champion(desk: Desk) -> None:
    answer = desk.deliver(MANUAL)

    assert answer["action"] == "start"
    parameters = {item["Name"]: item["Value"] for item in desk.executions[0]["PipelineParameters"]}
    assert parameters == {"InputDataUri": "s3://raw/churn/training/v1/", "TriggerReason": "manual: first training"}
    assert len(desk.aws.sns.messages) == 1


def test_the_champions_model_goes_along_for_comparison(desk: Desk) -> None:
    desk.aws.sagemaker.serving = desk.aws.sagemaker.add_package(3)

    desk.deliver(verdict())

    parameters = {item["Name"]: item["Value"] for item in desk.executions[0]["PipelineParameters"]}
    assert parameters["ChampionModelUri"] == "s3://artifacts/models/3/model.tar.gz"


def test_a_redelivered_verdict_starts_one_run_and_makes_one_entry(desk: Desk) -> None:
    answers = [desk.deliver(verdict()) for _ in range(3)]

    assert len(desk.executions) == len(desk.ledger()) == 1
    assert [answer.get("duplicate", False) for answer in answers] == [False, True, True]


def test_refusals_are_in_the_ledger_with_their_rule_and_sentence(desk: Desk) -> None:
    desk.deliver(verdict("schema_violation"))
    desk.deliver(verdict("drift"))

    assert {entry["rule"] for entry in desk.ledger()} == {"curable", "trigger"}
    assert desk.executions == []


def test_quiet_verdicts_leave_no_entry(desk: Desk) -> None:
    assert desk.deliver(verdict("ok"))["action"] == "ignore"
    assert desk.ledger() == []


def test_a_start_cut_short_after_its_effect_is_taken_over(desk: Desk) -> None:
    publish, desk.aws.sns.publish = desk.aws.sns.publish, raising(client_error("InternalError"))
    put, desk.aws.dynamodb.put_item = desk.aws.dynamodb.put_item, cut_after(desk.aws.dynamodb.put_item, calls=1)

    with pytest.raises(RuntimeError, match="killed"):
        desk.deliver(verdict())
    desk.aws.sns.publish, desk.aws.dynamodb.put_item = publish, put
    answer = desk.deliver(verdict())

    assert answer["action"] == "start"
    assert len(desk.executions) == 1
    assert desk.ledger()[0]["execution_arn"] == desk.executions[0]["arn"]


def test_a_service_limit_is_a_refusal_that_costs_no_budget(desk: Desk) -> None:
    desk.aws.sagemaker.before_start = raising(client_error("ResourceLimitExceeded"))

    answer = desk.deliver(verdict())
    desk.aws.sagemaker.before_start = lambda: None
    later = desk.deliver(verdict(window="2026-11-03T11:00:00Z", end="2026-11-03T12:00:00Z"))

    assert (answer["rule"], later["action"]) == ("service", "start")


def test_throttling_is_raised_so_that_the_delivery_is_repeated(desk: Desk) -> None:
    desk.aws.sagemaker.before_start = raising(client_error("ThrottlingException"))

    with pytest.raises(type(client_error("x"))):
        desk.deliver(verdict())
    desk.aws.sagemaker.before_start = lambda: None

    assert desk.deliver(verdict())["action"] == "start"


def test_the_end_of_a_run_frees_the_way_once(desk: Desk) -> None:
    desk.deliver(MANUAL)
    ended = desk.end("Succeeded")

    first, second = desk.deliver(ended), desk.deliver(ended)

    assert (first["action"], second["action"]) == ("outcome", "ignore")
    assert retraining.store.Store(desk.aws, desk.configuration).load().run is None


def test_a_lost_end_is_found_by_asking(desk: Desk) -> None:
    desk.deliver(MANUAL)
    desk.executions[0]["status"] = "Failed"
    desk.land("v2", "2026-11-02T00:00:00Z")

    answer = desk.deliver(verdict())

    assert answer["action"] == "start"
    assert len(desk.executions) == 2
    assert [entry["status"] for entry in desk.ledger() if entry["action"] == "outcome"] == ["Failed"]


def test_a_second_run_is_refused_while_the_first_is_in_flight(desk: Desk) -> None:
    desk.deliver(MANUAL)

    answer = desk.deliver(verdict())

    assert answer["rule"] == "single_flight"
    assert len(desk.executions) == 1


def test_a_start_that_was_cut_short_is_finished_by_whatever_comes_next(desk: Desk) -> None:
    desk.aws.sagemaker.before_start = raising(client_error("ThrottlingException"))
    with pytest.raises(type(client_error("x"))):
        desk.deliver(MANUAL)
    desk.aws.sagemaker.before_start = lambda: None

    answer = desk.deliver(verdict())

    assert answer["rule"] == "single_flight"
    assert [entry["trigger"] for entry in desk.ledger() if entry["action"] == "start"] == ["manual"]
    assert len(desk.executions) == 1


def test_a_second_window_confirms_the_first_and_both_answers_are_in_the_ledger(desk: Desk) -> None:
    desk.set(confirm_windows=2)

    first = desk.deliver(verdict())
    again = desk.deliver(verdict())
    second = desk.deliver(verdict(window="2026-11-03T11:00:00Z", end="2026-11-03T12:00:00Z"))

    assert (first["rule"], again["duplicate"], second["action"]) == ("confirmation", True, "start")
    assert [entry["action"] for entry in desk.ledger()] == ["refuse", "start"]


def test_the_breaker_opens_after_runs_without_gain_and_pages_once(desk: Desk) -> None:
    desk.set(breaker_after=2, cooldown_hours=0, daily_budget=9, minimum_fresh_rows=0)
    for day in (3, 4, 5):
        desk.land(f"v{day}", f"2026-11-0{day}T00:00:00Z")
        desk.deliver(verdict(window=f"2026-11-0{day}T10:00:00Z", end=f"2026-11-0{day}T11:00:00Z"))
        if day < 5:
            desk.deliver(desk.end("Failed"))

    told = [message for message in desk.aws.sns.messages if "breaker open" in message["Subject"]]
    assert len(told) == 1
    assert "the breaker is open until a person starts a run that brings a gain" in told[0]["Message"]
    assert len(desk.executions) == 2
    assert "breaker" in {entry.get("rule") for entry in desk.ledger()}


def test_scheduled_runs_without_gain_leave_the_breaker_closed(desk: Desk) -> None:
    desk.set(breaker_after=1)
    desk.deliver({"trigger": "schedule", "time": "2026-11-01T03:00:00Z"})
    desk.deliver(desk.end("Failed"))

    assert retraining.store.Store(desk.aws, desk.configuration).load().runs_without_gain == 0


def test_nobody_to_notify_changes_nothing(desk: Desk) -> None:
    desk.aws.sns.publish = raising(client_error("InternalError"))

    answer = desk.deliver(verdict())

    assert answer["action"] == "start"
    assert len(desk.ledger()) == 1


def test_the_datas_digest_goes_along_where_its_publisher_gave_one(desk: Desk) -> None:
    desk.land("v2", "2026-11-02T00:00:00Z", digest="ab" * 32)

    desk.deliver(verdict())

    parameters = {item["Name"]: item["Value"] for item in desk.executions[0]["PipelineParameters"]}
    assert parameters["InputDataDigest"] == "ab" * 32


@pytest.mark.parametrize(
    "event",
    [{}, {"source": SOURCE}, {"source": SOURCE, "detail": {"verdict": "drift"}}, {"trigger": "manual"}, {"trigger": 7}],
)
def test_a_poison_event_is_refused_with_a_sentence(desk: Desk, event: dict) -> None:
    with pytest.raises(retraining.parse.EventError, match="event"):
        desk.deliver(event)
