"""F47 to F57: credentials, keys, storage, topics, concurrency, disks and the control plane fail; what is done then."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError

from seatrial.contracts.snapshot import folder_digest
from tests.constructs.test_promotion_machine import STATES
from tests.lambdas.desks import Desk, MemoryDesk, Selecting, approval, verdict
from tests.lambdas.fakes import PACKAGES, client_error
from tests.lambdas.harbour import Harbour
from tests.pipelines.conftest import load_step

ROOT = Path(__file__).parents[2]
ROLE = "arn:aws:sts::111111111111:assumed-role/select/churn-select"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd"


def refuse(client: Any, operation: str, error: Exception) -> Callable[[], None]:
    """Let every call of an operation fail before it is sent; what is returned lets them through again."""
    name = f"before-call.{client.meta.service_model.service_id.hyphenize()}.{operation}"

    def fail(**_: object) -> None:
        raise error

    client.meta.events.register(name, fail)
    return lambda: client.meta.events.unregister(name, fail)


def disturb(client: Any, operation: str, *answers: object) -> list[object]:
    """Answer the first requests of an operation with HTTP errors or exceptions; the rest of them is returned."""
    left = list(answers)

    def send(request: Any, **_: object) -> AWSResponse | None:
        if not left:
            return None
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return http_error(request.url, *answer)

    client.meta.events.register_first(
        f"before-send.{client.meta.service_model.service_id.hyphenize()}.{operation}", send
    )
    return left


class Raw:
    """The body of an HTTP answer."""

    def __init__(self, text: str) -> None:
        self.parts = [text.encode()]

    def stream(self, **_: object) -> list[bytes]:
        return self.parts


def http_error(url: str, status: int, code: str) -> AWSResponse:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>"
    return AWSResponse(url, status, {"content-type": "application/xml"}, Raw(body))


@pytest.fixture
def select(cloud: None) -> Selecting:
    """Version 1 serves, version 2 is approved and bound to its files by their digests."""
    made = Selecting()
    made.sagemaker.serving = made.sagemaker.add_package(1)
    body = b"model"
    boto3.client("s3").put_object(Bucket="artifacts", Key="models/2/model.tar.gz", Body=body)
    digest = "9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"
    made.sagemaker.add_package(2, ModelSha256=digest)
    return made


# F47


def test_f47_an_expired_session_promotes_nothing_and_the_next_look_does(select: Selecting) -> None:
    expired = client_error("ExpiredTokenException", "The security token included in the request is expired")
    let_through = refuse(select.aws.dynamodb, "PutItem", expired)

    with pytest.raises(ClientError, match="ExpiredTokenException"):
        select.deliver(approval(2))
    let_through()
    answer = select.deliver(approval(2))

    assert (answer["proceed"], answer["modelPackageArn"]) == (True, f"{PACKAGES}/2")


# F48


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("KMS.DisabledException", f"{KEY} is disabled."),
        (
            "AccessDenied",
            f"User: {ROLE} is not authorized to perform: kms:Decrypt on resource: {KEY} because no policy allows it",
        ),
    ],
)
def test_f48_a_key_that_cannot_be_used_ends_a_promotion_before_it_begins(
    select: Selecting, code: str, message: str
) -> None:
    let_through = refuse(select.aws.s3, "GetObject", client_error(code, message))

    with pytest.raises(ClientError) as told:
        select.deliver(approval(2))

    assert message in str(told.value)
    assert STATES["Select"]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Broken"}]
    assert "$.error.Cause" in STATES["Broken"]["Parameters"]["reason.$"]
    assert boto3.client("dynamodb").scan(TableName="state")["Items"] == []
    let_through()
    assert select.deliver(approval(2))["proceed"] is True


# F49


def test_f49_a_window_is_judged_once_though_storage_stumbles(cloud: None) -> None:
    harbour = Harbour()
    harbour.traffic(0)
    slow, lost = (503, "SlowDown"), ReadTimeoutError(endpoint_url="https://s3")
    reads = disturb(harbour.aws.s3, "GetObject", slow, lost)
    writes = disturb(harbour.aws.s3, "PutObject", (500, "InternalError"))

    first = harbour.run(0)

    assert (reads, writes) == ([], [])
    assert list(first.values()) == ["ok"]
    assert harbour.verdicts() == ["ok"]


def test_f49_a_window_whose_files_cannot_be_written_is_not_recorded_and_judged_by_the_next_run(cloud: None) -> None:
    harbour = Harbour()
    harbour.traffic(0)
    harbour.run(0)
    harbour.traffic(1)
    let_through = refuse(harbour.aws.s3, "PutObject", ConnectTimeoutError(endpoint_url="https://s3"))

    with pytest.raises(ConnectTimeoutError):
        harbour.run(1)
    told = len(harbour.events)
    let_through()
    harbour.traffic(2)
    harbour.run(2)

    assert told == 1
    assert [event["window_start"] for event in harbour.events] == [f"2026-11-01T0{hour}:00:00Z" for hour in range(3)]


# F50


def test_f50_a_topic_that_is_down_changes_no_decision(cloud: None) -> None:
    desk = Desk()
    desk.aws.sns = boto3.client("sns")
    refuse(desk.aws.sns, "Publish", ConnectTimeoutError(endpoint_url="https://sns"))
    desk.set(cooldown_hours=0, daily_budget=9, breaker_after=1)
    desk.deliver(verdict())

    answer = desk.deliver(desk.end("Failed"))

    assert "brought no challenger" in answer["reason"]
    assert [entry["action"] for entry in desk.ledger()] == ["start", answer["action"]]


# F52


def test_f52_an_unload_of_which_files_are_missing_is_not_trained_on(tmp_path: Path) -> None:
    folder = tmp_path / "snapshot=2026-06-01" / "table"
    folder.mkdir(parents=True)
    for number in range(2):
        (folder / f"part-{number}.parquet").write_bytes(b"rows")
    digest = folder_digest(tmp_path)
    (folder / "part-1.parquet").unlink()
    features = load_step("features")

    with pytest.raises(features.DataError, match="the data was changed after the run had been decided"):
        features.verify(str(tmp_path), digest)


def test_f52_files_without_a_pointer_start_no_training(cloud: None) -> None:
    desk = MemoryDesk()
    desk.objects.objects.clear()
    desk.objects.put_object(Bucket="raw", Key="churn/training/v1/snapshot=a/table/0000_part_00.parquet", Body=b"rows")

    answer = desk.deliver(verdict())

    assert (answer["action"], desk.executions) == ("refuse", [])


# F54


@pytest.mark.parametrize("status", ["Stopped", "Failed"])
def test_f54_a_run_that_was_stopped_is_no_success(status: str) -> None:
    desk = MemoryDesk()
    desk.deliver(verdict())

    answer = desk.deliver(desk.end(status))

    assert answer["reason"].startswith(f"the run ended {status} and brought no challenger")


# F55


def test_f55_an_hour_of_the_control_plane_s_silence_is_made_up_for_in_order_and_once(cloud: None) -> None:
    harbour = Harbour()
    harbour.traffic(0)
    harbour.run(0)
    away = client_error("ServiceUnavailable", "SageMaker is away")
    describe = harbour.aws.sagemaker.describe_endpoint
    harbour.aws.sagemaker.describe_endpoint = _raising(away)
    for hour in range(1, 4):
        harbour.traffic(hour)
        with pytest.raises(ClientError, match="SageMaker is away"):
            harbour.run(hour)

    harbour.aws.sagemaker.describe_endpoint = describe
    harbour.traffic(4)
    judged = harbour.run(4)

    assert list(judged) == [f"2026-11-01T0{hour}:00:00Z" for hour in range(1, 5)]
    assert len(harbour.events) == 5


def test_f55_what_was_asked_for_while_the_control_plane_was_silent_starts_one_run() -> None:
    desk = MemoryDesk()
    start = desk.aws.sagemaker.start_pipeline_execution
    desk.aws.sagemaker.start_pipeline_execution = _raising(client_error("ServiceUnavailable"))
    events = [verdict(window=f"2026-11-03T1{hour}:00:00Z", end=f"2026-11-03T1{hour + 1}:00:00Z") for hour in range(4)]
    for event in events:
        for _ in range(3):  # Lambda's own tries
            with pytest.raises(ClientError, match="ServiceUnavailable"):
                desk.deliver(event)

    desk.aws.sagemaker.start_pipeline_execution = start
    answers = [desk.deliver(event)["action"] for event in events]

    assert len(desk.executions) == 1
    assert answers.count("start") == 1


def _raising(error: Exception) -> Callable[..., None]:
    def fail(**_: object) -> None:
        raise error

    return fail


# F56


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from tests import services
from tests.lambdas.conftest import make_stores
from tests.lambdas.desks import Desk, Selecting, approval, verdict
from tests.lambdas.harbour import Harbour
with services.in_memory():
    make_stores()
    harbour = Harbour()
    harbour.traffic(0, rows=2000)
    judged = harbour.run(0)
    desk = Desk()
    started = desk.deliver(verdict())
    select = Selecting()
    select.sagemaker.add_package(1)
    chosen = select.deliver(approval(1))
    sys.stderr.write(f"{list(judged.values())} {started['action']} {chosen['proceed']} {len(harbour.events)}")
    try:
        with open("/tmp/f56", "w") as file:
            file.write("x" * 10)
    except OSError as error:
        sys.stderr.write(f" {error.strerror}")
"""


def test_f56_functions_write_nothing_to_their_disk(tmp_path: Path) -> None:
    code = FULL_DISK.replace("/tmp/f56", str(tmp_path / "file"))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.stderr.endswith("['ok'] start True 1 File too large"), done.stderr
