"""The monitor function against S3 and DynamoDB in memory: one result a window, whatever is delivered how often."""

import json
from datetime import timedelta
from types import SimpleNamespace

import boto3
import pytest

from seatrial.contracts import layout
from seatrial.contracts.events import MonitoringVerdict
from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.serving import BASELINE_DIGEST, BASELINE_URI
from tests.lambdas.fakes import client_error
from tests.lambdas.harbour import BASELINE, Harbour, at, capture_line, monitor


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    return Harbour()


def test_quiet_hours_are_ok_and_told_as_an_event_each(harbour: Harbour) -> None:
    for hour in range(4):
        harbour.traffic(hour)
        harbour.run(hour)

    assert harbour.verdicts() == ["ok"] * 4
    details = [json.loads(entry["Detail"]) for entry in harbour.aws.events.entries]
    assert MonitoringVerdict.from_detail(details[0]).labelled_rows == 160
    assert details[3]["window_start"] == "2026-11-01T03:00:00Z"


def test_a_window_delivered_again_changes_nothing(harbour: Harbour) -> None:
    harbour.traffic(0)
    first = harbour.run(0)
    before = boto3.client("dynamodb").scan(TableName="state")["Items"]

    second = harbour.run(0)

    assert first == second == {"2026-11-01T00:00:00Z": "ok"}
    assert boto3.client("dynamodb").scan(TableName="state")["Items"] == before
    assert len(harbour.aws.events.entries) == 1


def test_an_event_that_could_not_be_put_is_put_by_the_rerun(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.aws.events.failures = 1

    with pytest.raises(type(client_error("x"))):
        harbour.run(0)
    harbour.run(0)

    assert harbour.verdicts() == ["ok"]


def test_hours_missed_by_the_schedule_are_made_good_in_order(harbour: Harbour) -> None:
    for hour in range(5):
        harbour.traffic(hour)
    harbour.run(0)

    windows = harbour.run(4)

    assert list(windows) == [f"2026-11-01T0{hour}:00:00Z" for hour in (1, 2, 3, 4)]


def test_no_capture_is_missing_data_and_one_incident_until_it_clears(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(3)
    harbour.invoked(1, 5)
    harbour.invoked(2, 7)

    for hour in range(4):
        harbour.run(hour)

    states = [(harbour.verdict(hour)["verdict"], harbour.verdict(hour)["incident_state"]) for hour in range(4)]
    assert states == [("ok", "none"), ("missing_data", "opened"), ("missing_data", "ongoing"), ("ok", "cleared")]
    assert harbour.verdict(1)["incident_id"] == harbour.verdict(2)["incident_id"] != harbour.verdict(3)["incident_id"]


def test_an_hour_without_requests_is_no_missing_data(harbour: Harbour) -> None:
    harbour.invoked(0, 5, variant="other")
    harbour.invoked(1, 5)

    harbour.run(0)

    assert harbour.verdict(0)["verdict"] == "insufficient_data"
    assert harbour.verdict(0)["sentence"] == "insufficient_data: no request came in this hour"


def test_requests_of_the_next_hour_and_failed_ones_make_an_idle_hour_no_gap(harbour: Harbour) -> None:
    harbour.invoked_at(at(1), 80)
    harbour.invoked_at(at(0) + timedelta(minutes=30), 12)
    harbour.invoked_at(at(0) + timedelta(minutes=30), 12, metric="Invocation5XXErrors")

    harbour.run(0)

    assert harbour.verdict(0)["verdict"] == "insufficient_data"


def test_an_idle_hour_does_not_close_the_incident_of_a_capture_that_failed(harbour: Harbour) -> None:
    harbour.invoked(0, 5)

    harbour.run(0)
    harbour.run(1)

    assert harbour.verdict(1)["incident_state"] == "ongoing"


def test_windows_that_ended_before_the_endpoint_was_created_are_not_judged(harbour: Harbour) -> None:
    harbour.aws.sagemaker.endpoint["CreationTime"] = at(1)
    harbour.invoked(1, 5)

    assert harbour.run(0) == {"2026-11-01T00:00:00Z": "skipped"}
    assert harbour.run(1) == {"2026-11-01T01:00:00Z": "missing_data"}


def test_few_rows_are_insufficient_until_enough_have_come_together(harbour: Harbour) -> None:
    for hour in range(3):
        harbour.traffic(hour, rows=20, labels=False)
        harbour.run(hour)

    assert harbour.verdicts() == ["insufficient_data", "insufficient_data", "ok"]


def test_a_shifted_feature_is_drift_by_name_and_in_the_violations_file(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(1, shift=6.0)
    harbour.run(0)
    harbour.run(1)

    verdict = harbour.verdict(1)
    prefix = layout.window_report_prefix("churn", at(1))
    body = harbour.s3.get_object(Bucket="artifacts", Key=prefix + "constraint_violations.json")["Body"].read()

    assert (verdict["verdict"], verdict["severity"]) == ("drift", "ticket")
    assert json.loads(body)["violations"][0]["feature_name"] == "tenure_months"
    assert json.loads(body)["violations"][0]["constraint_check_type"] == "baseline_drift_check"


def test_a_missing_column_is_a_schema_violation_and_no_drift_afterwards(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(1, width=1)
    harbour.traffic(2)

    for hour in range(3):
        harbour.run(hour)

    assert harbour.verdicts() == ["ok", "schema_violation", "ok"]
    assert harbour.verdict(1)["findings"][0]["kind"] == "missing_column"


def test_a_reversed_concept_pages_once_its_labels_have_come(harbour: Harbour) -> None:
    for hour in range(5):
        harbour.traffic(hour, flipped=hour >= 1)
        harbour.run(hour)

    told = [harbour.verdict(hour) for hour in range(5)]
    assert "quality_loss" in [verdict["verdict"] for verdict in told]
    assert next(item for item in told if item["verdict"] == "quality_loss")["severity"] == "page"


def test_a_label_is_used_once_however_often_it_is_delivered(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(1, labels=False)
    harbour.run(0)
    key = layout.ground_truth_hour_prefix("churn", at(0))
    again = [ground_truth_line(f"0-00-{number}", [1]) for number in range(160)]
    harbour.put(key + "late.jsonl", again)

    harbour.run(1)

    assert harbour.verdict(0)["labelled_rows"] == 160
    assert harbour.verdict(1)["labelled_rows"] == 0


def test_late_labels_count_in_the_window_in_which_they_come(harbour: Harbour) -> None:
    harbour.traffic(0, labels=False)
    harbour.traffic(1, labels=False)
    harbour.run(0)
    key = layout.ground_truth_hour_prefix("churn", at(0))
    harbour.put(key + "labels-00.jsonl", [ground_truth_line(f"0-00-{number}", [0]) for number in range(100)])

    harbour.run(1)

    assert harbour.verdict(1)["labelled_rows"] == 100


def test_a_newly_promoted_model_starts_afresh_and_closes_its_predecessors_incident(harbour: Harbour) -> None:
    harbour.traffic(0, shift=8.0)
    harbour.run(0)
    harbour.register(2)
    harbour.traffic(1)

    harbour.run(1)

    verdict = harbour.verdict(1)
    assert harbour.verdict(0)["verdict"] == "drift"
    assert (verdict["verdict"], verdict["incident_state"]) == ("ok", "cleared")
    assert verdict["model_package_arn"].endswith("/2")


def test_refuses_a_baseline_that_was_changed_after_it_was_first_read(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.run(0)
    harbour.traffic(1)
    harbour.register(1)
    harbour.aws._baselines.clear()

    with pytest.raises(ValueError, match="baseline has been changed"):
        harbour.run(1)


def test_refuses_a_baseline_that_is_not_the_one_whose_digest_was_written(harbour: Harbour) -> None:
    harbour.traffic(0)
    key = BASELINE.removeprefix("s3://artifacts/")
    body = harbour.s3.get_object(Bucket="artifacts", Key=key)["Body"].read()
    harbour.s3.put_object(Bucket="artifacts", Key=key, Body=body.replace(b"tenure_months", b"tenure_months ", 1))

    with pytest.raises(ValueError, match="is not the file whose digest"):
        harbour.run(0)


def test_refuses_a_baseline_that_is_not_the_one_registered_with_the_model(harbour: Harbour) -> None:
    package = harbour.aws.sagemaker.packages[harbour.aws.sagemaker.serving]
    package["CustomerMetadataProperties"][BASELINE_DIGEST] = "0" * 64
    harbour.traffic(0)

    with pytest.raises(monitor.adapters.BaselineError, match="is not the file whose digest"):
        harbour.run(0)


def test_refuses_a_baseline_without_a_digest(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.s3.delete_object(Bucket="artifacts", Key="models/1/baseline.sha256")

    with pytest.raises(ValueError, match="cannot be read"):
        harbour.run(0)


@pytest.mark.parametrize("uri", ["", "s3://elsewhere/baseline.json"])
def test_refuses_a_baseline_that_is_not_the_champions_own(harbour: Harbour, uri: str) -> None:
    harbour.traffic(0)
    harbour.aws.sagemaker.serving = harbour.aws.sagemaker.add_package(1, **{BASELINE_URI: uri})

    with pytest.raises(ValueError, match="must lie in bucket artifacts"):
        harbour.run(0)


def test_before_the_endpoint_exists_there_is_only_a_heartbeat(harbour: Harbour, capsys: pytest.CaptureFixture) -> None:
    harbour.aws.sagemaker.serving = None

    assert harbour.run(0) == {"2026-11-01T00:00:00Z": "skipped"}
    assert harbour.aws.events.entries == []
    (beat,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert beat["MonitorRuns"] == [1.0]
    assert beat["_aws"]["Timestamp"] == int((at(1) + timedelta(minutes=20)).timestamp() * 1000)
    assert (beat["EndpointName"], beat["VariantName"]) == ("churn", "primary")


def test_truncated_capture_lines_are_counted_and_the_rest_is_judged(harbour: Harbour) -> None:
    harbour.traffic(0)
    prefix = layout.capture_hour_prefix("churn", "primary", at(0))
    harbour.put(prefix + "01.jsonl", [capture_line("x", "24,prepaid", 0.3)[:50]])

    harbour.run(0)

    assert harbour.verdict(0)["verdict"] == "ok"
    assert harbour.verdict(0)["rows"] == 160


def test_only_the_first_of_two_simultaneous_runs_keeps_its_result(harbour: Harbour) -> None:
    harbour.traffic(0)
    store = monitor.store.Store(harbour.aws, harbour.configuration)
    memory, revision = store.load()
    harbour.run(0)
    window = "2026-11-01T00:00:00Z"
    judgement = SimpleNamespace(window=window, detail={"verdict": "drift"}, metrics={}, revision=1, digest="")
    stale = monitor.memory.Memory(package_arn="other", baseline_digest="", since="")

    with pytest.raises(monitor.store.AlreadyJudgedError):
        store.commit(judgement, stale, revision)

    assert memory is None
    assert store.judgement("2026-11-01T00:00:00Z").detail["verdict"] == "ok"


@pytest.mark.parametrize("event", [{}, {"time": 5}, {"time": "yesterday"}])
def test_says_what_is_wrong_with_an_event(harbour: Harbour, event: dict) -> None:
    with pytest.raises(monitor.parse.EventError, match=r"event\.time: must be an ISO 8601 time"):
        monitor.handler.run(event, harbour.configuration, harbour.aws)


def test_metrics_are_timed_at_the_windows_end_with_two_dimensions(
    harbour: Harbour, capsys: pytest.CaptureFixture
) -> None:
    harbour.traffic(0)

    harbour.run(0)

    blocks = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert blocks[0]["_aws"]["Timestamp"] == int(at(1).timestamp() * 1000)
    assert blocks[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["EndpointName", "VariantName"]]
    assert blocks[0]["WindowRows"] == [160.0]
