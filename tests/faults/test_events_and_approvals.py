"""F01 to F10: approvals that come twice, late, never, forged or poisoned, and what the operator reads of each."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.contracts.events import RECONCILIATION
from seatrial.contracts.serving import BASELINE_DIGEST, BASELINE_URI, CHAMPION_MODEL_URI, MODEL_DIGEST
from seatrial.decisions.promotion import Observation, verify
from tests.lambdas.desks import Desk, MemoryDesk, MemorySelecting, Selecting, approval, retraining, selecting, verdict
from tests.lambdas.fakes import PACKAGES

NOW = "2026-11-01T12:00:00Z"
LOOK = {"id": "reconciliation", "time": NOW, "detail": {RECONCILIATION: True}}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def select() -> Selecting:
    return MemorySelecting()


@pytest.fixture
def desk() -> Desk:
    return MemoryDesk()


def run(select: Selecting, event: dict, name: str = "run-1", now: str = NOW) -> dict:
    """One execution of the state machine up to its choice."""
    return select.deliver({**event, "executionId": name, "startedAt": now})


def serve(select: Selecting, version: int) -> None:
    select.sagemaker.serving = f"{PACKAGES}/{version}"


def bound(select: Selecting, version: int, champion: str = "s3://assets/none.json") -> str:
    """A package whose baseline and model lie in S3 and are bound by their digests."""
    s3, digests = select.aws.s3, {}
    for key in ("baseline.json", f"models/{version}/model.tar.gz"):
        s3.put_object(Bucket="artifacts", Key=key, Body=key.encode())
        digests[key] = hashlib.sha256(key.encode()).hexdigest()
    baseline, model = digests
    metadata = {BASELINE_URI: f"s3://artifacts/{baseline}", BASELINE_DIGEST: digests[baseline]}
    metadata |= {MODEL_DIGEST: digests[model], CHAMPION_MODEL_URI: champion}
    return select.sagemaker.add_package(version, **metadata)


def test_f01_an_approval_that_comes_three_times_is_promoted_once(select: Selecting) -> None:
    select.sagemaker.add_package(1)

    first = run(select, approval(1), "run-1")
    meanwhile = run(select, approval(1), "run-2")
    serve(select, 1)
    after = run(select, approval(1), "run-3")

    assert [answer["proceed"] for answer in (first, meanwhile, after)] == [True, False, False]
    assert "was tried at 2026-11-01T10:00:00Z" in meanwhile["reason"]
    assert (after["reason"], after["quiet"]) == (f"{PACKAGES}/1 serves already", True)


def test_f02_the_order_of_events_decides_nothing(select: Selecting) -> None:
    for version, status in ((1, "Approved"), (2, "Approved"), (3, "Rejected")):
        select.sagemaker.add_package(version, status)
    late = approval(1, "event-3", "2026-11-01T11:00:00Z")

    answer = run(select, late)
    serve(select, 2)
    again = run(select, approval(3, "event-4"), "run-2")

    assert answer["modelPackageArn"] == f"{PACKAGES}/2"
    assert (again["proceed"], again["reason"]) == (False, f"{PACKAGES}/2 serves already")


def test_f02_an_older_version_never_replaces_a_newer_one(select: Selecting) -> None:
    select.sagemaker.add_package(1)
    select.sagemaker.add_package(2, "PendingManualApproval")
    serve(select, 2)

    assert run(select, approval(1))["reason"] == f"{PACKAGES}/1 is older than {PACKAGES}/2, which serves"


def test_f03_a_lost_approval_is_found_by_looking(select: Selecting) -> None:
    select.sagemaker.add_package(1)

    found = run(select, LOOK)
    serve(select, 1)
    quiet = run(select, LOOK, "run-2")

    assert (found["proceed"], found["modelPackageArn"]) == (True, f"{PACKAGES}/1")
    assert (quiet["proceed"], quiet["quiet"]) == (False, True)


def test_f03_what_was_rolled_back_is_not_tried_again_every_hour(select: Selecting) -> None:
    select.sagemaker.add_package(1)
    serve(select, 1)
    select.sagemaker.add_package(2)
    run(select, approval(2))

    looked = run(select, LOOK, "run-2")

    assert (looked["proceed"], looked["quiet"]) == (False, True)
    assert "approve it anew or approve another" in looked["reason"]


def test_f04_an_approval_of_thirty_days_ago_has_expired(select: Selecting) -> None:
    arn = select.sagemaker.add_package(1)
    select.sagemaker.packages[arn]["LastModifiedTime"] = at("2026-10-02T12:00:00Z")

    answer = run(select, approval(1))

    expired = f"expired: {arn} was approved at 2026-10-02 12:00, longer ago than 72 h; approve it anew"
    assert (answer["proceed"], answer["reason"]) == (False, expired)


@pytest.mark.parametrize(("key", "what"), [("baseline.json", "its baseline"), ("models/1/model.tar.gz", "its model")])
@pytest.mark.parametrize("gone", [False, True])
def test_f04_what_was_approved_must_still_be_what_was_registered(
    select: Selecting, key: str, what: str, gone: bool
) -> None:
    arn = bound(select, 1)
    s3 = select.aws.s3
    s3.delete_object(Bucket="artifacts", Key=key) if gone else s3.put_object(Bucket="artifacts", Key=key, Body=b"else")

    answer = run(select, approval(1))

    changed = f"{arn}: {what} is not what was registered; train and approve a new version"
    assert (answer["proceed"], answer["reason"]) == (False, changed)


def test_f04_a_challenger_compared_with_another_champion_is_refused(select: Selecting) -> None:
    bound(select, 1)
    bound(select, 2, "s3://artifacts/models/1/model.tar.gz")
    arn = bound(select, 3, "s3://artifacts/models/1/model.tar.gz")
    serve(select, 2)

    answer = run(select, approval(3))

    compared = f"{arn} was compared with s3://artifacts/models/1/model.tar.gz, but {PACKAGES}/2 serves by now"
    assert (answer["proceed"], answer["reason"]) == (False, f"{compared}: train a new challenger")


def test_f04_what_has_not_changed_is_promoted(select: Selecting) -> None:
    bound(select, 1)
    bound(select, 2, "s3://artifacts/models/1/model.tar.gz")
    serve(select, 1)

    assert run(select, approval(2))["proceed"]


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_f05_an_event_about_a_package_that_is_not_approved_starts_nothing(select: Selecting, status: str) -> None:
    """The rule's pattern keeps such events away; what comes all the same is read again in the registry."""
    select.sagemaker.add_package(1, status)

    answer = run(select, approval(1))

    assert (answer["proceed"], answer["reason"]) == (False, "no model package is approved")


def test_f06_a_package_rejected_while_its_update_runs_is_taken_back() -> None:
    observation = Observation(
        wanted_arn="p/2",
        serving_arn="p/2",
        endpoint_status="InService",
        failure=None,
        approval="Rejected",
        expected=[0.5],
        answers=[0.5],
    )

    found = verify(observation)

    assert not found.ok
    assert found.reason == "p/2 is Rejected by now: its approval was taken back while it was being promoted"


def test_f06_a_package_rejected_while_it_serves_gives_way_to_the_one_before(select: Selecting) -> None:
    first, second = select.sagemaker.add_package(1), select.sagemaker.add_package(2, "Rejected")
    serve(select, 2)
    champion = {"pk": {"S": "champion#churn"}, "sk": {"S": "current"}, "model_package_arn": {"S": second}}
    select.aws.dynamodb.put_item(
        TableName="state",
        Item={**champion, "previous_model_package_arn": {"S": first}},
        ConditionExpression="attribute_not_exists(pk)",
    )

    answer = run(select, LOOK)

    assert (answer["proceed"], answer["modelPackageArn"]) == (True, first)
    assert answer["reason"] == f"{second}, which serves, has been rejected: back to {first}"


def test_f06_people_are_told_when_there_is_nothing_to_go_back_to(select: Selecting) -> None:
    select.sagemaker.add_package(1, "Rejected")
    serve(select, 1)

    answer = run(select, LOOK)

    assert (answer["proceed"], answer["quiet"]) == (False, False)
    assert answer["reason"].endswith("has served before: approve one, or remove the endpoint")


def test_f07_of_two_approvals_at_once_one_promotes_the_newest(select: Selecting) -> None:
    """The second reads the registry between the first one's reading and its claim."""
    select.sagemaker.add_package(1)
    select.sagemaker.add_package(2)
    claim, answers = select.aws.claim, []

    def interleaved(*arguments: object) -> bool:
        select.aws.claim = claim
        answers.append(run(select, approval(2, "event-2", "2026-11-01T10:00:01Z"), "run-2"))
        return claim(*arguments)

    select.aws.claim = interleaved
    answers.append(run(select, approval(1), "run-1"))

    assert [answer["proceed"] for answer in answers] == [True, False]
    assert answers[0]["modelPackageArn"] == f"{PACKAGES}/2"
    assert answers[1]["reason"] == f"{PACKAGES}/2: another promotion has just begun"


def test_f08_an_approval_by_the_pipelines_own_role_does_not_count(select: Selecting) -> None:
    """IAM denies it to the role as well: tests/stacks/test_security_identity.py."""
    select.barred = ("churn-pipeline",)
    arn = select.sagemaker.add_package(1)
    identity = {"Arn": "arn:aws:sts::111111111111:assumed-role/churn-pipeline/SageMaker"}
    select.sagemaker.packages[arn]["LastModifiedBy"] = {"IamIdentity": identity}

    answer = run(select, approval(1))

    forged = f"{arn} was approved by the training pipeline's own role churn-pipeline: a person has to approve it"
    assert (answer["proceed"], answer["reason"]) == (False, forged)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("id", "time", "detail", "source", "trigger", "executionId", "startedAt", "detail-type")
VERDICTS = st.dictionaries(st.sampled_from([*verdict()["detail"]]), JSON, max_size=3).map(
    lambda wrong: {"source": "seatrial.monitoring", "detail": {**verdict()["detail"], **wrong}}
)
POISON = st.dictionaries(
    st.sampled_from(KEYS), JSON | st.sampled_from(["aws.sagemaker", "seatrial.monitoring", "manual"])
)


def refusal(read: Callable[[], object], error: type[Exception]) -> str | None:
    """The sentence with which an event is refused; None when it is read. Any other error is the test's failure."""
    try:
        read()
    except error as refused:
        return str(refused)
    return None


@given(POISON)
def test_f09_a_poisoned_approval_is_read_or_refused_with_a_sentence(event: dict) -> None:
    told = refusal(lambda: selecting.parse.Request.from_event(event), selecting.parse.EventError)

    assert told is None or told.startswith("event: needs id and time as text")


@given(POISON | VERDICTS)
def test_f09_a_poisoned_request_to_retrain_is_read_or_refused_with_a_sentence(event: dict) -> None:
    names = retraining.parse.Configuration.__dataclass_fields__
    configuration = retraining.parse.Configuration(**dict.fromkeys(names, "churn"))

    told = refusal(lambda: retraining.parse.read_event(event, configuration), retraining.parse.EventError)

    assert told is None or told.startswith("event")


def test_f09_a_huge_event_of_another_endpoint_starts_nothing(desk: Desk) -> None:
    event = {"source": "seatrial.monitoring", "detail": {"padding": "x" * 256_000}}

    with pytest.raises(retraining.parse.EventError, match=r"is no verdict of version"):
        desk.deliver(json.loads(json.dumps(event)))

    assert (desk.executions, desk.ledger()) == ([], [])


def test_f10_events_redriven_after_a_week_are_refused_as_expired(select: Selecting) -> None:
    select.sagemaker.add_package(1)
    week_later = (at(NOW) + timedelta(days=7)).isoformat()

    answer = run(select, approval(1), now=week_later)

    expired = "expired: the event is of 2026-11-01 10:00, longer ago than 72 h; approve it anew"
    (written,) = [item for key, item in select.tables.items.items() if key[2].startswith("decision#")]
    assert (answer["proceed"], answer["reason"]) == (False, expired)
    assert written["reason"]["S"] == expired


def test_f10_verdicts_redriven_after_a_week_are_recorded_and_start_nothing_twice(desk: Desk) -> None:
    first = desk.deliver(verdict())
    later = desk.deliver(verdict())

    assert (first["action"], later["duplicate"]) == ("start", True)
    assert len(desk.executions) == len(desk.ledger()) == 1
