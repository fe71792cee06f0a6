"""F11 to F20: retraining under storms, crashes, lost answers, bad numbers, changing data; and what one reads of it."""

import itertools
import json
import math
import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ReadTimeoutError
from moto.server import ThreadedMotoServer

from seatrial.contracts.snapshot import folder_digest
from seatrial.decisions.acceptance import AcceptanceSettings, Comparison, Evidence, accept
from seatrial.decisions.memory import Memory, Run
from seatrial.decisions.retraining import RetrainingSettings, TrainingData, Trigger, decide
from seatrial.offline.sagemaker.conditions import holds
from seatrial.offline.sagemaker.expressions import ExpressionError
from tests.faults.killed_child import Recorded
from tests.lambdas.conftest import make_stores
from tests.lambdas.desks import MANUAL, Desk, MemoryDesk, cut_after, raising, verdict
from tests.lambdas.fakes import client_error
from tests.pipelines.conftest import load_step

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def desk() -> Desk:
    return MemoryDesk()


def hour(number: int) -> str:
    return f"{BEGIN + timedelta(hours=number):%Y-%m-%dT%H:%M:%SZ}"


def loss(number: int) -> dict:
    """The verdict of a window that ends at this hour."""
    return verdict(window=hour(number - 1), end=hour(number))


def test_f11_a_thousand_flapping_alarms_start_one_run_a_cooldown() -> None:
    settings, memory, starts = RetrainingSettings(daily_budget=9, monthly_budget=90), Memory(), []
    for minute in range(0, 3000, 3):  # twenty an hour for fifty hours
        time = BEGIN + timedelta(minutes=minute)
        trigger = Trigger("quality_loss", f"k{minute}", time, "loss is up")
        memory = memory.noticed(trigger)
        decision = decide(trigger, memory.state, TrainingData("s3://raw/", 4000, time), settings)
        if decision.action == "start":
            starts.append(time)
            memory = memory.reserved(Run(trigger.key, time, "s3://raw/", time, "why")).ended(gained=True)

    assert len(starts) == 3
    assert all(later - earlier >= timedelta(hours=24) for earlier, later in itertools.pairwise(starts))
    assert decision.reason.startswith("cooldown of 24 h: the last run started at ")


def test_f11_what_is_refused_in_a_storm_is_in_the_ledger_and_the_metric(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.deliver(loss(1))
    desk.deliver(desk.end("Succeeded"))
    for number in range(2, 12):
        desk.deliver(loss(number))

    refusals = [entry for entry in desk.ledger() if entry["action"] == "refuse"]
    assert len(desk.executions) == 1
    assert {entry["rule"] for entry in refusals} == {"cooldown"}
    assert len(refusals) == capsys.readouterr().out.count('"RetrainingRefused":[1.0]') == 10


def test_f12_drift_that_persists_opens_the_breaker_and_calls_a_person(desk: Desk) -> None:
    desk.set(cooldown_hours=0, daily_budget=50, monthly_budget=50)
    for number in range(1, 30):
        desk.land(f"v{number}", hour(number))
        desk.deliver(loss(number))
        if desk.executions[-1]["status"] == "Executing":
            desk.deliver(desk.end("Failed"))

    (message,) = [m for m in desk.aws.sns.messages if m["Subject"] == "Retraining of churn: breaker open"]
    assert len(desk.executions) == 3
    assert message["Message"].endswith("the breaker is open until a person starts a run that brings a gain")
    assert desk.deliver(loss(40))["reason"].startswith("the breaker is open: 3 runs in a row brought no better model")


def test_f12_a_run_by_hand_that_gains_closes_the_breaker(desk: Desk) -> None:
    desk.set(cooldown_hours=0, daily_budget=9, breaker_after=1)
    desk.deliver(loss(1))
    desk.deliver(desk.end("Failed"))
    desk.deliver({**MANUAL, "time": hour(2)})
    desk.deliver(desk.end("Succeeded"))
    desk.land("v9", hour(3))

    assert desk.deliver(loss(4))["action"] == "start"


def test_f13_a_second_run_is_refused_while_one_is_in_flight(desk: Desk) -> None:
    desk.deliver(MANUAL)

    answer = desk.deliver(loss(12))

    assert len(desk.executions) == 1
    assert answer["reason"] == f"{desk.executions[0]['arn']} is still in flight"


def test_f13_of_two_at_once_one_starts(desk: Desk) -> None:
    """The second decides between the first one's reading and its writing."""
    load, answers = desk.aws.training_data, []

    def interleaved(configuration: object) -> TrainingData | None:
        desk.aws.training_data = load
        answers.append(desk.deliver({**MANUAL, "reason": "another"}))
        return load(configuration)

    desk.aws.training_data = interleaved
    answers.append(desk.deliver(MANUAL))

    assert [answer["action"] for answer in answers] == ["start", "refuse"]
    assert len(desk.executions) == 1
    assert "is still in flight" in answers[1]["reason"]


def test_f14_a_start_is_adopted_by_the_delivery_after_a_kill(tmp_path: Path) -> None:
    """A real SIGKILL between the start of the pipeline and every record of it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-central-1"}
    before = dict(os.environ)
    url = f"http://localhost:{server._server.server_port}"
    os.environ.update({**keys, "AWS_ENDPOINT_URL": url})
    try:
        urllib.request.urlopen(f"{url}/moto-api/reset", data=b"").close()  # of whatever ran in this process before
        make_stores()
        effects = tmp_path / "executions.json"
        command = [sys.executable, "-m", "tests.faults.killed_child", str(effects)]
        killed = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        desk, world = Desk(), Recorded(effects)
        desk.aws.sagemaker.start_pipeline_execution = lambda *, ClientRequestToken, **_: {  # noqa: N803
            "PipelineExecutionArn": world.start(ClientRequestToken)
        }

        answer = desk.deliver(verdict())
    finally:
        os.environ.clear()
        os.environ.update(before)
        server.stop()

    assert killed.returncode == -9, killed.stderr
    assert list(json.loads(effects.read_text()).values()) == [answer["execution_arn"]]
    assert answer["action"] == "start"


def test_f15_an_answer_that_gets_lost_after_its_effect_starts_no_second_run(desk: Desk) -> None:
    start = desk.aws.sagemaker.start_pipeline_execution

    def lost(**request: object) -> dict:
        start(**request)
        raise ReadTimeoutError(endpoint_url="https://api.sagemaker")

    desk.aws.sagemaker.start_pipeline_execution = lost
    with pytest.raises(ReadTimeoutError):
        desk.deliver(verdict())
    desk.aws.sagemaker.start_pipeline_execution = start

    answer = desk.deliver(verdict())

    assert answer["action"] == "start"
    assert len(desk.executions) == len(desk.ledger()) == 1


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_f16_whoever_comes_after_a_time_out_takes_over_without_a_second_effect(desk: Desk, calls: int) -> None:
    put, desk.aws.dynamodb.put_item = desk.aws.dynamodb.put_item, cut_after(desk.aws.dynamodb.put_item, calls)
    with pytest.raises(RuntimeError, match="killed"):
        desk.deliver(loss(30))
    desk.aws.dynamodb.put_item = put

    other = desk.deliver(loss(31))
    again = desk.deliver(loss(30))

    assert len(desk.executions) == 1
    assert {other["action"], again["action"]} == {"refuse", "start"}
    assert sorted(entry["action"] for entry in desk.ledger()) == ["refuse", "start"]


@pytest.mark.parametrize("call", ["get_item", "put_item"])
def test_f17_without_its_memory_nothing_is_started_and_the_function_fails(desk: Desk, call: str) -> None:
    """Errors of the function are an alarm (`function_alarms`), and the event is delivered again."""
    working = getattr(desk.aws.dynamodb, call)
    setattr(desk.aws.dynamodb, call, raising(client_error("ProvisionedThroughputExceededException")))
    with pytest.raises(type(client_error("x")), match="ProvisionedThroughputExceeded"):
        desk.deliver(verdict())
    started = len(desk.executions)
    setattr(desk.aws.dynamodb, call, working)

    assert started == 0
    assert desk.deliver(verdict())["action"] == "start"


def test_f17_nobody_to_tell_stops_nothing(desk: Desk) -> None:
    desk.aws.sns.publish = raising(client_error("InternalError"))

    assert desk.deliver(verdict())["action"] == "start"
    assert len(desk.ledger()) == 1


def test_f18_a_worse_model_is_not_registered_and_the_champion_goes_on(desk: Desk) -> None:
    desk.aws.sagemaker.serving = desk.aws.sagemaker.add_package(1)
    desk.deliver(verdict())
    worse = Comparison(gain=-0.03, gain_low=-0.05, gain_high=-0.01, p_no_gain=0.99, champion_profit=4.0)
    found = accept(Evidence(auc=0.7, profit=3.0, comparison=worse, latency_milliseconds=2.0), AcceptanceSettings())

    ended = desk.deliver(desk.end("Failed"))

    assert not found.accepted
    assert found.objections[0] == "gain in AUC -0.0300 (-0.0500 to -0.0100) misses the minimum +0.0000"
    assert ended["reason"] == "the run ended Failed and brought no challenger; 1 runs in a row without gain"
    assert list(desk.aws.sagemaker.packages) == [desk.aws.sagemaker.serving]


class Values:
    """Resolves a condition's values to themselves."""

    def resolve(self, value: object) -> object:
        return value


@pytest.mark.parametrize("value", [math.nan, -math.inf, "nan", 0, "0"])
def test_f19_the_pipelines_gate_stays_closed_for_what_is_no_number(value: object) -> None:
    """`seatrial.decisions.acceptance` writes none (tests/decisions/test_acceptance.py): this is the second lock."""
    condition = {"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": 1}

    assert not holds([condition], Values())


@pytest.mark.parametrize("value", [None, "", "good", {}, [1], True])
def test_f19_the_pipelines_gate_fails_for_what_is_nothing_like_a_number(value: object) -> None:
    condition = {"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": 1}

    with pytest.raises(ExpressionError, match="compares numbers"):
        holds([condition], Values())


def test_f20_data_that_changes_after_the_decision_ends_the_run(tmp_path: Path) -> None:
    features = load_step("features")
    part = tmp_path / "snapshot=a" / "crm" / "part-0.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"rows as they were")
    (part.parent / "_SUCCESS").touch()
    digest = folder_digest(tmp_path)

    features.verify(str(tmp_path), digest)
    part.write_bytes(b"rows as they are!")

    with pytest.raises(features.DataError, match="the data was changed after the run had been decided"):
        features.verify(str(tmp_path), digest)


def test_f20_a_run_is_started_for_the_data_that_was_decided_on(desk: Desk) -> None:
    desk.land("v2", "2026-11-02T00:00:00Z", digest="ab" * 32)
    start, desk.aws.sagemaker.start_pipeline_execution = desk.aws.sagemaker.start_pipeline_execution, raising(OSError())
    with pytest.raises(OSError):  # noqa: PT011 - the process, not the call, is what fails
        desk.deliver(verdict())
    desk.land("v3", "2026-11-03T00:00:00Z", digest="cd" * 32)
    desk.aws.sagemaker.start_pipeline_execution = start

    desk.deliver(verdict())

    parameters = {item["Name"]: item["Value"] for item in desk.executions[0]["PipelineParameters"]}
    assert parameters["InputDataUri"] == "s3://raw/churn/training/v2/"
    assert parameters["InputDataDigest"] == "ab" * 32
