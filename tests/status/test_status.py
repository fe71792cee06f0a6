"""`seatrial status` against stacks, tables and state machine as AWS answers, and what it says when it cannot tell."""

import base64
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from seatrial.decisions.memory import Memory, Run
from seatrial.decisions.retraining import RetrainingSettings
from seatrial.status import show
from seatrial.status.advice import advice
from seatrial.status.aws import Aws, StatusError
from seatrial.status.facts import Request, gather
from tests.lambdas.fakes import PACKAGES, FakeSageMaker, client_error

NOW = datetime(2026, 11, 3, 16, 30, tzinfo=UTC)
REQUEST = Request(prefix="churn-dev", account="111111111111", region="eu-central-1", windows=2, decisions=3)
LOSS = "quality_loss: share of misordered pairs is above the limit"


class Sts:
    account = "111111111111"

    def get_caller_identity(self) -> dict:
        return {"Account": self.account}


class CloudFormation:
    deployed = True

    def describe_stacks(self, *, StackName: str) -> dict:  # noqa: N803
        if not self.deployed:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = {
            "churn-dev-training": {"ModelPackageGroupName": "churn-dev", "PipelineName": "churn-dev"},
            "churn-dev-monitoring": {},
            "churn-dev-retraining": {
                "StateTableName": "state",
                "LedgerTableName": "ledger",
                "RetrainingFunctionName": "decide",
            },
            "churn-dev-promotion": {"StateMachineArn": "machine"},
        }[StackName]
        return {"Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]}]}


class Lambda:
    readable = True

    def get_function_configuration(self, *, FunctionName: str) -> dict:  # noqa: N803
        assert FunctionName == "decide"
        if not self.readable:
            return {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms:Decrypt"}}}
        return {"Environment": {"Variables": {"RETRAINING_SETTINGS": json.dumps({"daily_budget": 2})}}}


class Tables:
    """DynamoDB with items by partition and sort key."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict] = {}

    def get_item(self, *, TableName: str, Key: dict, ConsistentRead: bool) -> dict:  # noqa: N803
        found = self.items.get((Key["pk"]["S"], Key["sk"]["S"]))
        return {"Item": found} if found else {}

    def query(self, *, ExpressionAttributeValues: dict, Limit: int, ScanIndexForward: bool, **_: str) -> dict:  # noqa: N803
        pk, prefix = ExpressionAttributeValues[":pk"]["S"], ExpressionAttributeValues[":sk"]["S"]
        keys = sorted((key for key in self.items if key[0] == pk and key[1].startswith(prefix)), reverse=True)
        assert not ScanIndexForward
        return {"Items": [self.items[key] for key in keys[:Limit]]}


class Registry(FakeSageMaker):
    def list_model_packages(self, *, ModelApprovalStatus: str, **_: object) -> dict:  # noqa: N803
        waiting = [p for p in self.packages.values() if p["ModelApprovalStatus"] == ModelApprovalStatus]
        return {"ModelPackageSummaryList": waiting[::-1]}


class Machine:
    def __init__(self) -> None:
        self.runs: dict[str, dict] = {}

    def describe_execution(self, *, executionArn: str) -> dict:  # noqa: N803
        if executionArn not in self.runs:
            raise client_error("ExecutionDoesNotExist")
        return self.runs[executionArn]


class World:
    """A deployed engagement whose model has lost quality and is being trained anew."""

    def __init__(self) -> None:
        self.services = {
            "sts": Sts(),
            "cloudformation": CloudFormation(),
            "lambda": Lambda(),
            "dynamodb": Tables(),
            "sagemaker": Registry(),
            "stepfunctions": Machine(),
        }
        self.items = self.services["dynamodb"].items

    def serve(self) -> None:
        registry = self.services["sagemaker"]
        registry.serving = registry.add_package(2)
        champion = {"model_package_arn": f"{PACKAGES}/2", "previous_model_package_arn": f"{PACKAGES}/1"}
        champion["promoted_at"] = "2026-11-01T00:06:30.123Z"
        self.items["champion#churn-dev", "current"] = {name: {"S": value} for name, value in champion.items()}
        output = json.dumps({"outcome": "promoted", "reason": "serves as asked"})
        self.promote(2, "2026-11-01T00:00:00Z", {"status": "SUCCEEDED", "output": output})

    def promote(self, version: int, time: str, run: dict | None, reason: str = "") -> None:
        """A decision: `run` of the state machine that went on, None where AWS has forgotten it or it was declined."""
        name = f"execution-{version}"
        item = {"time": {"S": time}, "event_id": {"S": name}, "proceed": {"BOOL": not reason}, "reason": {"S": reason}}
        package = {"model_package_arn": {"S": f"{PACKAGES}/{version}"}}
        self.items["promotion#churn-dev", f"decision#{time}#{name}"] = {**item, **package}
        self.services["stepfunctions"].runs |= {name: run} if run else {}

    def judge(self, hours_ago: int, sentence: str = "ok: 160 rows agree with the baseline") -> None:
        start, end = (NOW.replace(minute=0) - timedelta(hours=hours) for hours in (hours_ago, hours_ago - 1))
        times = {"window_start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "window_end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        detail = {
            **times,
            "rows": 160,
            "labelled_rows": 150,
            "sentence": sentence,
            "verdict": sentence.partition(":")[0],
        }
        key = ("monitor#churn-dev#primary", f"window#{times['window_start']}")
        self.items[key] = {"detail": {"S": json.dumps({**detail, "incident_id": None})}}

    def remember(self, *conditions: str) -> None:
        incidents = [{"id": c, "condition": c, "opened_at": "2026-11-03T14:00:00Z"} for c in conditions]
        packed = base64.b85encode(zlib.compress(json.dumps({"incidents": incidents}).encode())).decode()
        self.items["monitor#churn-dev#primary", "state"] = {"memory": {"S": packed}}

    def decide(self, trigger: str, hour: int, action: str, rule: str, reason: str) -> None:
        entry = {"trigger": trigger, "action": action, "rule": rule, "reason": reason}
        entry["time"] = f"2026-11-03T{hour:02}:00:00+00:00"
        self.items["retraining#churn-dev", f"decision#{entry['time']}"] = {"entry": {"S": json.dumps(entry)}}

    def train(self, memory: Memory) -> None:
        item = {"memory": {"S": memory.to_json()}, "revision": {"N": "3"}}
        self.items["retraining#churn-dev", "state"] = item

    def facts(self, request: Request = REQUEST):
        aws = Aws(lambda service: self.services[service])
        aws.now = lambda: NOW
        return gather(aws, request)


@pytest.fixture
def world() -> World:
    return World()


def test_everything_an_operator_asks_is_told_in_one_page(world: World) -> None:
    started = datetime(2026, 11, 3, 15, tzinfo=UTC)
    world.serve()
    for hours in (3, 2, 1):
        world.judge(hours, LOSS if hours < 3 else "ok: 160 rows agree with the baseline")
    world.remember("quality_loss")
    world.decide("quality_loss", 14, "refuse", "confirmation", "1 of 2 windows")
    world.decide("quality_loss", 15, "start", "all", "loss; training on 4000 rows")
    execution = world.services["sagemaker"].start_pipeline_execution(ClientRequestToken="t")["PipelineExecutionArn"]
    run = Run("k", started, "s3://raw/v2/", started, "loss", kind="quality_loss", execution_arn=execution)
    world.train(Memory(starts=(started,), runs_without_gain=1, run=run))

    assert show.as_text(world.facts()).splitlines() == [
        "churn-dev in 111111111111, eu-central-1 at 2026-11-03T16:30Z",
        "serves      version 2 since 2026-11-01T00:06Z, endpoint InService",
        "            before it version 1",
        "incidents   quality_loss since 2026-11-03T14:00:00Z",
        f"windows     2026-11-03T15:00:00Z 160 rows, 150 labelled: {LOSS}",
        f"            2026-11-03T14:00:00Z 160 rows, 150 labelled: {LOSS}",
        "training    Executing since 2026-11-03T15:00Z: loss",
        "            budget left: 1 of 2 in 24 hours, 7 of 8 in 30 days",
        "            cooldown until 2026-11-04T15:00Z",
        "            breaker closed: 1 of 3 runs without gain",
        "decisions   quality_loss at 2026-11-03T15:00Z: yes (all), loss; training on 4000 rows",
        "            quality_loss at 2026-11-03T14:00Z: no (confirmation), 1 of 2 windows",
        "promotions  version 2 at 2026-11-01T00:00Z: promoted, serves as asked",
        "to do       quality_loss: a retraining is under way since 2026-11-03T15:00Z: wait for its evaluation",
    ]


def test_decisions_in_a_row_are_one_line_and_a_run_says_how_it_ended(world: World) -> None:
    for hour in (8, 9, 10):
        world.decide("schema_violation", hour, "refuse", "curable", "repair the data first")
    world.decide("quality_loss", 11, "start", "all", "loss is up")
    key = ("retraining#churn-dev", "decision#2026-11-03T11:00:00+00:00")
    entry = json.loads(world.items[key]["entry"]["S"]) | {"execution_arn": "arn:run"}
    world.items[key] = {"entry": {"S": json.dumps(entry)}}
    outcome = {"reason": "the run ended Succeeded and registered a challenger"}
    world.items["retraining#churn-dev", "outcome#arn:run"] = {"entry": {"S": json.dumps(outcome)}}
    world.serve()
    world.judge(1)
    world.remember("quality_loss")

    facts = world.facts(replace(REQUEST, decisions=5))

    told = show.as_text(facts)
    assert f"decisions   quality_loss at 2026-11-03T11:00Z: yes (all), loss is up; {outcome['reason']}\n" in told
    assert "schema_violation at 2026-11-03T10:00Z and 2 before it since 2026-11-03T08:00Z: no (curable), repair" in told
    assert advice(facts) == [f"quality_loss: its retraining is over: {outcome['reason']}"]


def test_json_holds_the_same_and_the_advice(world: World) -> None:
    world.serve()
    world.judge(1)

    found = json.loads(show.as_json(world.facts()))

    assert found["serving"]["model_package_arn"] == f"{PACKAGES}/2"
    assert found["allowance"]["daily_left"] == 2
    assert found["advice"] == ["nothing to do"]


def test_before_anything_serves_the_first_steps_are_told(world: World) -> None:
    assert advice(world.facts()) == ["nothing serves yet: start the first training by hand"]
    world.services["sagemaker"].add_package(1, "PendingManualApproval")

    assert advice(world.facts()) == [
        "nothing serves yet: approve a model package",
        "approve or reject version 1: read its evaluation.json first",
    ]


def test_a_silent_monitor_an_open_breaker_and_a_failed_promotion_are_told(world: World) -> None:
    world.serve()
    world.judge(9)
    world.train(Memory(runs_without_gain=3))
    world.promote(3, "2026-11-02T00:00:00Z", {"status": "FAILED", "cause": "rolled back: alarm canary-errors"})
    world.promote(1, "2026-05-02T00:00:00Z", None)

    assert advice(world.facts()) == [
        "the last promotion failed: rolled back: alarm canary-errors",
        "the breaker is open after 3 runs without gain: find out why, then start a run by hand",
        "the monitor is silent since 2026-11-03T08:00:00Z: look at its function's alarms",
    ]


def test_an_approval_that_was_declined_says_why(world: World) -> None:
    world.serve()
    world.judge(1)
    world.promote(3, "2026-11-02T00:00:00Z", None, "expired: approved longer ago than 72 h; approve it anew")

    told = "the last promotion declined: expired: approved longer ago than 72 h; approve it anew"
    assert advice(world.facts()) == [told]
    assert (
        f"promotions  version 3 at 2026-11-02T00:00Z: {told.removeprefix('the last promotion ').replace(':', ',', 1)}"
        in (show.as_text(world.facts()))
    )


def test_a_loss_that_is_not_retrained_says_what_would_let_it(world: World) -> None:
    world.serve()
    world.judge(1)
    world.remember("quality_loss")
    world.decide("quality_loss", 15, "refuse", "fresh_data", "no new data")

    told = "quality_loss: not retrained (fresh_data): land newer labelled data: the last run has used what is there"
    assert advice(world.facts()) == [told]


def test_a_memory_of_another_release_falls_back_to_the_last_window(world: World) -> None:
    world.serve()
    world.judge(1, LOSS)
    world.items["monitor#churn-dev#primary", "state"] = {"memory": {"S": "something else"}}
    (key,) = [key for key in world.items if key[1].startswith("window#")]
    detail = json.loads(world.items[key]["detail"]["S"]) | {"incident_id": "quality_loss-1"}
    world.items[key] = {"detail": {"S": json.dumps(detail)}}

    assert [incident["condition"] for incident in world.facts().incidents] == ["quality_loss"]


def test_settings_that_are_encrypted_for_others_are_those_of_the_engagement_file(world: World) -> None:
    world.services["lambda"].readable = False

    facts = world.facts(replace(REQUEST, settings=RetrainingSettings(daily_budget=7, monthly_budget=9)))

    assert (facts.allowance.daily_left, facts.allowance.monthly_left) == (7, 9)


def test_nothing_deployed_is_one_line_that_names_the_stacks(world: World) -> None:
    world.services["cloudformation"].deployed = False

    with pytest.raises(StatusError, match=r"not deployed in account 111111111111, .* no stack churn-dev-training, "):
        world.facts()


def test_credentials_of_another_account_are_refused(world: World) -> None:
    world.services["sts"].account = "999999999999"

    with pytest.raises(StatusError, match="of account 999999999999, the engagement's is 111111111111"):
        world.facts()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NoCredentialsError(), "AWS cannot be asked: Unable to locate credentials: give AWS credentials, or"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:9"), "AWS cannot be asked: Could not connect"),
        (ClientError({"Error": {"Code": "InvalidClientTokenId", "Message": "no such token"}}, "x"), "not accepted: no"),
    ],
)
def test_credentials_that_do_not_work_are_one_line(world: World, error: Exception, sentence: str) -> None:
    def refuse() -> dict:
        raise error

    world.services["sts"].get_caller_identity = refuse

    with pytest.raises(StatusError, match=sentence) as found:
        world.facts()

    assert "\n" not in str(found.value)
