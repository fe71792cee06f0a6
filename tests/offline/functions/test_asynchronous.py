import json
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from tests.offline.support import bodies_of, events_of, put_function, put_queue, put_recorder

FAILING = """
    def lambda_handler(event, context):
        raise ValueError("never works")
"""


def runs_of(cloud: OfflineCloud, name: str) -> list[datetime]:
    entries = [entry for entry in cloud.journal.entries("function") if entry["name"] == name and "seconds" in entry]
    return [datetime.fromisoformat(entry["time"]) for entry in entries]


def send(cloud: OfflineCloud, name: str, payload: object) -> None:
    answer = cloud.context.client("lambda").invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(payload)
    )
    assert answer["StatusCode"] == 202


def test_answers_at_once_and_runs_afterwards(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "later")

    send(cloud, "later", {"n": 1})

    assert functions.settle()
    assert events_of(cloud, "later") == [{"n": 1}]


def test_tries_three_times_and_then_uses_the_dead_letter_queue(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "dead-letters")
    put_function(cloud, "failing", FAILING, DeadLetterConfig={"TargetArn": queue})

    send(cloud, "failing", {"n": 1})
    functions.settle()
    cloud.clock.advance(600)

    first, second, third = runs_of(cloud, "failing")
    assert second - first == pytest.approx(timedelta(minutes=1), abs=timedelta(seconds=10))
    assert third - second == pytest.approx(timedelta(minutes=2), abs=timedelta(seconds=10))
    assert bodies_of(cloud, "dead-letters") == ['{"n": 1}']


def test_sends_the_record_of_a_failure_to_its_destination(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "failures")
    put_function(cloud, "failing-once", FAILING)
    cloud.context.client("lambda").put_function_event_invoke_config(
        FunctionName="failing-once",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )

    send(cloud, "failing-once", {"n": 2})
    functions.settle()

    record = json.loads(bodies_of(cloud, "failures")[0])
    assert record["requestPayload"] == {"n": 2}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responsePayload"]["errorType"] == "ValueError"


def test_gives_up_an_event_that_is_too_old(cloud: OfflineCloud) -> None:
    queue = put_queue(cloud, "too-old")
    put_function(cloud, "failing-old", FAILING)
    cloud.context.client("lambda").put_function_event_invoke_config(
        FunctionName="failing-old",
        MaximumEventAgeInSeconds=90,
        DestinationConfig={"OnFailure": {"Destination": queue}},
    )

    send(cloud, "failing-old", {})
    functions.settle()
    cloud.clock.advance(600)

    record = json.loads(bodies_of(cloud, "too-old")[0])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert len(runs_of(cloud, "failing-old")) == 2


def test_an_event_waits_while_the_function_is_throttled(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "throttled")
    client = cloud.context.client("lambda")
    client.put_function_concurrency(FunctionName="throttled", ReservedConcurrentExecutions=0)
    send(cloud, "throttled", {"n": 3})
    functions.settle()

    client.delete_function_concurrency(FunctionName="throttled")
    cloud.clock.advance(600)

    assert events_of(cloud, "throttled") == [{"n": 3}]


def test_f51_an_event_for_a_function_without_concurrency_waits_six_hours_then_lies_in_its_queue(
    cloud: OfflineCloud,
) -> None:
    put_recorder(cloud, "held", DeadLetterConfig={"TargetArn": put_queue(cloud, "held-dead")})
    client = cloud.context.client("lambda")
    client.put_function_concurrency(FunctionName="held", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        client.invoke(FunctionName="held", Payload=b"{}")
    send(cloud, "held", {"n": 1})
    functions.settle()

    cloud.clock.advance(5 * 3600)
    waiting = bodies_of(cloud, "held-dead")
    cloud.clock.advance(2 * 3600)

    assert waiting == []
    assert [json.loads(body) for body in bodies_of(cloud, "held-dead")] == [{"n": 1}]


def test_delivers_duplicates_on_request(cloud: OfflineCloud) -> None:
    put_recorder(cloud, "twice")
    functions.duplicate_next(cloud.context, "twice", times=2)

    send(cloud, "twice", {"id": "a"})
    send(cloud, "twice", {"id": "b"})
    functions.settle()

    assert events_of(cloud, "twice") == [{"id": "a"}] * 3 + [{"id": "b"}]


def test_a_service_without_permission_is_refused_and_named(cloud: OfflineCloud) -> None:
    arn = put_recorder(cloud, "guarded")

    delivered = functions.deliver(arn, "{}", principal="events.amazonaws.com", source_arn="arn:aws:events:rule/x")

    (entry,) = [entry for entry in cloud.journal.entries("function") if entry.get("status") == "not-delivered"]
    assert not delivered
    assert "does not let events.amazonaws.com invoke it for arn:aws:events:rule/x" in entry["error"]


@pytest.mark.parametrize(("source", "expected"), [("arn:aws:s3:::mine", True), ("arn:aws:s3:::other", False)])
def test_a_permission_holds_for_its_source_alone(cloud: OfflineCloud, source: str, expected: bool) -> None:
    name = f"scoped-{expected}"
    arn = put_recorder(cloud, name)
    cloud.context.client("lambda").add_permission(
        FunctionName=name,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::mine",
        SourceAccount="111111111111",
    )

    assert functions.deliver(arn, "{}", principal="s3.amazonaws.com", source_arn=source) is expected
