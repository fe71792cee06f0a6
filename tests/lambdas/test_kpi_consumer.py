"""The stream's consumer: partial failures, poison, duplicates, lost answers; nothing lost, nothing counted twice."""

import base64
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from seatrial.contracts.cdr import CDR
from tests.lambdas.fakes import client_error, load_function
from tests.services import REGION

function = load_function("kpi_consumer")
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Harbour:
    """Tables and buckets of moto's, a feature store that keeps records, and faults on request."""

    def __init__(self) -> None:
        self.aws = function.adapters.Aws()
        self.records: list[dict] = []
        self.aws.__dict__["featurestore"] = SimpleNamespace(put_record=self._put_record)
        self.feature_failures = 0
        names = {"KPI_TABLE": "kpi", "CURATED_BUCKET": "curated", "DATASET_NAME": "telecom", "STREAM_NAME": "cdr"}
        environment = names | {"METRIC_NAMESPACE": "Seatrial", "FEATURE_GROUP_NAME": "network-kpi"}
        self.configuration = function.parse.Configuration.from_environment(environment)
        boto3.client("s3").create_bucket(Bucket="curated", CreateBucketConfiguration={"LocationConstraint": REGION})
        boto3.client("dynamodb").create_table(
            TableName="kpi",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )

    def run(self, *records: dict) -> list[str]:
        answer = function.handler.run({"Records": [*records]}, None, self.configuration, self.aws)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def window(self, cell: str = "north", start: str = "2026-06-01T12:00:00Z") -> dict[str, float]:
        key = {"pk": {"S": f"cell#{cell}"}, "sk": {"S": f"window#{start}"}}
        item = boto3.client("dynamodb").get_item(TableName="kpi", Key=key).get("Item", {})
        return {name: float(value["N"]) for name, value in item.items() if "N" in value}

    def quarantined(self) -> list[dict]:
        s3 = boto3.client("s3")
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="curated").get("Contents", [])]
        return [{"key": key, **json.loads(s3.get_object(Bucket="curated", Key=key)["Body"].read())} for key in keys]

    def _put_record(self, *, FeatureGroupName: str, Record: list[dict]) -> None:  # noqa: N803
        if self.feature_failures:
            self.feature_failures -= 1
            raise client_error("ServiceUnavailable")
        self.records.append({one["FeatureName"]: one["ValueAsString"] for one in Record})


class Unwilling:
    """DynamoDB of moto's that fails on request, before or after it has done what was asked."""

    def __init__(self, real, *, before: int = 0, after: int = 0) -> None:
        self._real, self._before, self._after = real, before, after

    def get_item(self, **request):
        return self._real.get_item(**request)

    def update_item(self, **request):
        if self._before:
            self._before -= 1
            raise client_error("ProvisionedThroughputExceededException")
        answer = self._real.update_item(**request)
        if self._after:
            self._after -= 1
            raise client_error("InternalServerError", "the answer got lost")
        return answer


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    return Harbour()


def record(number: int, data: bytes | None = None, **changed) -> dict:
    event = {"event_id": f"e{number}", "subscriber_id": "s", "started_at": NOON, "received_at": NOON, "kind": "voice"}
    event |= {"duration_seconds": 60.5, "data_mb": 0.0, "partner_id": None, "cell_id": "north", "dropped": 0} | changed
    content = CDR.to_json(event).encode() if data is None else data
    kinesis = {
        "kinesisSchemaVersion": "1.0",
        "partitionKey": "north",
        "sequenceNumber": f"{number:05d}",
        "data": base64.b64encode(content).decode(),
        "approximateArrivalTimestamp": NOON.timestamp(),
    }
    return {"kinesis": kinesis, "eventSource": "aws:kinesis", "eventID": f"shardId-000000000000:{number:05d}"}


def test_events_are_summed_by_cell_and_window(harbour):
    later = NOON + timedelta(minutes=20)

    failed = harbour.run(
        record(1, dropped=1),
        record(2, kind="data", data_mb=10.5),
        record(3, started_at=later, received_at=later),
        record(4, cell_id="south", kind="sms"),
    )

    first = harbour.window()
    assert failed == []
    assert (first["events"], first["calls"], first["dropped_calls"], first["data_mb"]) == (2, 1, 1, 10.5)
    assert harbour.window(start="2026-06-01T12:15:00Z")["events"] == 1
    assert harbour.window("south")["sms"] == 1
    assert first["expires_at"] == (NOON + timedelta(days=14)).timestamp()


def test_a_redelivered_batch_changes_nothing(harbour):
    batch = [record(n) for n in range(5)]
    harbour.run(*batch)

    harbour.run(*batch, record(5))

    assert harbour.window()["events"] == 6
    assert harbour.window()["revision"] == 2


def test_an_event_sent_twice_by_its_producer_counts_once(harbour):
    harbour.run(record(1, event_id="same"), record(2, event_id="same"))
    harbour.run(record(3, event_id="same"))

    assert harbour.window()["events"] == 1


def test_only_the_window_that_failed_is_reported(harbour):
    harbour.aws.__dict__["dynamodb"] = Unwilling(boto3.client("dynamodb"), before=1)

    failed = harbour.run(record(1), record(2), record(3, cell_id="south"))

    assert failed == ["00001", "00002"]
    assert harbour.window() == {}
    assert harbour.window("south")["events"] == 1


def test_an_answer_that_got_lost_does_not_count_twice(harbour):
    harbour.aws.__dict__["dynamodb"] = Unwilling(boto3.client("dynamodb"), after=1)
    batch = [record(1), record(2), record(3, cell_id="south")]

    failed = harbour.run(*batch)
    again = harbour.run(*batch)

    assert (failed, again) == (["00001", "00002"], [])
    assert harbour.window()["events"] == 2


def test_a_batch_that_fails_as_a_whole_raises_so_that_lambda_splits_it(harbour):
    harbour.aws.__dict__["dynamodb"] = Unwilling(boto3.client("dynamodb"), before=9)

    with pytest.raises(BatchProcessingError):
        harbour.run(record(1), record(2))


def test_another_invocation_in_between_is_no_loss(harbour):
    real = boto3.client("dynamodb")
    store = function.store.WindowStore(harbour.aws, harbour.configuration)

    class Interrupted(Unwilling):
        interrupted = False

        def update_item(self, **request):
            if not self.interrupted:
                self.interrupted = True
                other = function.adapters.Aws()
                function.handler.run({"Records": [record(7)]}, None, harbour.configuration, harbour.aws_of(other))
            return super().update_item(**request)

    harbour.aws_of = lambda other: other.__dict__.update(featurestore=harbour.aws.featurestore) or other
    harbour.aws.__dict__["dynamodb"] = Interrupted(real)

    harbour.run(record(1))

    assert harbour.window()["events"] == 2
    assert store is not None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no json", "contract"),
        (b"\xff\xfe", "contract"),
        (b"[]", "contract"),
        (b"[" * 100_000, "contract"),
        (b'{"event_id": "e"}', "contract"),
    ],
)
def test_poison_is_set_aside_and_stops_nothing(harbour, data, reason):
    failed = harbour.run(record(1), record(2, data=data), record(3))

    (document,) = harbour.quarantined()
    assert failed == []
    assert harbour.window()["events"] == 2
    assert document["reason"] == reason
    assert document["key"] == "telecom/quarantine/kpi/date=2026-06-01/stream-00002.json"


def test_broken_clocks_are_set_aside_once_however_often_they_come(harbour):
    broken = record(1, started_at=NOON + timedelta(hours=1))

    harbour.run(broken)
    harbour.run(broken)

    (document,) = harbour.quarantined()
    assert document["reason"] == "future"
    assert json.loads(document["data"])["event_id"] == "e1"


def test_features_are_the_totals_that_stand_and_are_put_again_after_a_failure(harbour):
    harbour.feature_failures = 1

    failed = harbour.run(record(1, dropped=1), record(2), record(9, data=b"x"))
    again = harbour.run(record(1, dropped=1), record(2))

    assert (failed, again) == (["00001", "00002"], [])
    (features,) = harbour.records
    assert features["event_time"] == "2026-06-01T12:00:00Z"
    assert (features["calls"], features["drop_rate"], features["duration_seconds"]) == ("2", "0.5", "121")


def test_counts_add_up_to_what_was_read(harbour, capsys):
    late = record(3, received_at=NOON + timedelta(hours=25))

    harbour.run(record(1), record(2, event_id="e1"), late, record(4, data=b"x"))

    (document,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    counts = {name: document[name][0] for name in function.publish.METRICS}
    assert counts == {
        "EventsRead": 4,
        "EventsUsed": 1,
        "EventsLate": 1,
        "EventsDuplicate": 1,
        "EventsQuarantined": 1,
        "EventsFailed": 0,
    }
