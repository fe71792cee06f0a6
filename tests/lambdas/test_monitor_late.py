"""Files, labels and windows that come late, twice, out of order or half: each counts once, none alarms twice."""

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.contracts import layout
from tests.lambdas.harbour import Harbour, at, capture_line, monitor


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    return Harbour()


def test_a_late_file_revises_its_window_and_is_told_without_a_second_alarm(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(1, shift=7.0)
    harbour.run(0)
    harbour.run(1)
    harbour.traffic(1, rows=40, file="late.jsonl", labels=False, shift=7.0)
    harbour.traffic(2, shift=7.0)

    verdicts = harbour.run(2)

    revised = harbour.events[-1]
    assert verdicts == {"2026-11-01T02:00:00Z": "drift", "2026-11-01T01:00:00Z": "drift"}
    assert (revised["window_start"], revised["revision"], revised["rows"]) == ("2026-11-01T01:00:00Z", 2, 200)
    assert (revised["incident_state"], revised["incident_id"]) == ("ongoing", "drift-2026-11-01T01:00:00Z")
    assert revised["sentence"].endswith("revision 2 by files that came after the window had been judged")
    assert [event["incident_state"] for event in harbour.events].count("opened") == 1
    assert harbour.verdict(1)["revision"] == 2


def test_after_a_revision_everything_is_as_if_the_files_had_been_in_time(harbour: Harbour) -> None:
    lines, truths = harbour.requests(1, 120)
    for hour in (0, 2, 3):
        harbour.traffic(hour)
    harbour.capture(1, lines[:50])
    harbour.put(layout.ground_truth_hour_prefix("churn", at(1)) + "labels.jsonl", truths[:50])
    for hour in range(3):
        harbour.run(hour)
    before = harbour.memory().statistics
    harbour.capture(1, lines[50:], "late.jsonl")
    harbour.run(3)
    late = harbour.memory().statistics

    _forget(harbour)
    for hour in range(4):
        harbour.run(hour)

    assert late == harbour.memory().statistics != before


def test_late_files_end_the_incident_that_their_absence_opened(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.invoked(1, 160)
    harbour.run(0)
    harbour.run(1)
    harbour.traffic(1, labels=False)
    harbour.invoked(2, 5)

    harbour.run(2)

    told = [(event["verdict"], event["incident_state"]) for event in harbour.events]
    assert told == [("ok", "none"), ("missing_data", "opened"), ("missing_data", "ongoing"), ("ok", "none")]
    assert harbour.verdict(1)["rows"] == 160


def test_a_late_file_that_repeats_captured_requests_adds_no_rows(harbour: Harbour) -> None:
    lines, _ = harbour.requests(0, 100)
    harbour.capture(0, lines)
    harbour.run(0)
    harbour.traffic(1)

    harbour.capture(0, lines[:3], "again.jsonl")
    harbour.run(1)

    assert harbour.verdict(0)["rows"] == 100
    assert harbour.verdict(0)["revision"] == 2


def test_requests_in_the_folder_of_the_next_hour_belong_to_their_own_hour_once(harbour: Harbour) -> None:
    lines = [capture_line(f"0-{number}", "24.0,prepaid", 0.35, "2026-11-01T00:59:58Z") for number in range(60)]
    harbour.capture(0, lines[:40], "59-58-000-a.jsonl")
    harbour.capture(1, lines[40:], "00-02-000-b.jsonl")
    harbour.traffic(1, rows=100, labels=False, file="30-00-000-c.jsonl")

    harbour.run(0)
    harbour.run(1)

    assert (harbour.verdict(0)["rows"], harbour.verdict(1)["rows"]) == (60, 100)


def test_a_window_is_left_to_the_next_run_until_the_watermark_has_passed(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.run(0)
    harbour.traffic(1)
    early = {"time": f"{at(2) + timedelta(minutes=14):%Y-%m-%dT%H:%M:%SZ}"}

    windows = monitor.handler.run(early, harbour.configuration, harbour.aws)["windows"]

    assert windows == {"2026-11-01T00:00:00Z": "ok"}
    assert harbour.run(1) == {"2026-11-01T01:00:00Z": "ok"}


def test_a_result_that_was_recorded_but_not_told_is_told_by_the_next_run(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.traffic(1)
    harbour.aws.events.failures = 1
    with pytest.raises(ClientError):
        harbour.run(0)

    harbour.run(1)

    assert [event["window_start"] for event in harbour.events] == ["2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"]


def test_what_time_does_not_suffice_for_is_left_to_the_next_run(harbour: Harbour) -> None:
    for hour in range(4):
        harbour.traffic(hour)
    harbour.run(0)
    event = {"time": f"{at(4) + timedelta(minutes=20):%Y-%m-%dT%H:%M:%SZ}"}

    windows = monitor.handler.run(event, harbour.configuration, harbour.aws, lambda: 1000)["windows"]

    assert list(windows) == ["2026-11-01T01:00:00Z"]


def test_labels_that_come_in_parts_add_up_in_the_hour_that_they_belong_to(harbour: Harbour) -> None:
    lines, truths = harbour.requests(0, 100)
    harbour.capture(0, lines)
    prefix = layout.ground_truth_hour_prefix("churn", at(0))
    harbour.put(prefix + "a.jsonl", truths[:60])
    harbour.run(0)
    harbour.put(prefix + "b.jsonl", [*truths[50:90], truths[0].replace('"data": "0"', '"data": "1"')])
    harbour.traffic(1, labels=False)

    harbour.run(1)

    labels = json.loads(harbour.file(0, layout.LABELS_FILE))
    assert (labels["labelled_rows"], labels["label_coverage"], labels["revision"]) == (90, 0.9, 2)
    assert [harbour.verdict(hour)["labelled_rows"] for hour in (0, 1)] == [60, 30]


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_of_files_labels_runs_and_failures_ends_in_the_same_state(cloud: None, data: st.DataObject) -> None:
    """At-least-once runs, files in any order, event bus down between record and event."""
    harbour = Harbour()
    lines = [harbour.requests(hour, 60)[0] for hour in range(3)]
    parts = [(hour, number, lines[hour][number::2]) for hour in range(3) for number in range(2)]
    order = data.draw(st.permutations(parts))
    for hour, number, part in order[:3]:
        harbour.capture(hour, part, f"{number}.jsonl")
    for hour in range(3):
        harbour.invoked(hour, 60)
        _run_with_failures(harbour, hour, data.draw(st.integers(0, 2)))
    for hour, number, part in order[3:]:
        harbour.capture(hour, part, f"{number}.jsonl")
    harbour.traffic(3)
    _run_with_failures(harbour, 3, data.draw(st.integers(0, 2)))
    harbour.run(3)
    late, rows = harbour.memory().statistics, [harbour.verdict(hour)["rows"] for hour in range(4)]

    _forget(harbour)
    for hour in range(4):
        harbour.run(hour)

    assert late == harbour.memory().statistics
    assert rows == [60, 60, 60, 160]
    assert {event["verdict"] for event in harbour.events} == {"ok"}
    _empty(harbour)


def _run_with_failures(harbour: Harbour, hour: int, failures: int) -> None:
    harbour.aws.events.failures = failures
    for _ in range(failures):
        with pytest.raises(ClientError, match="refused"):
            harbour.run(hour)
    harbour.run(hour)


def _forget(harbour: Harbour) -> None:
    """Delete the monitor's memory and results."""
    table = boto3.resource("dynamodb").Table("state")
    for item in table.scan()["Items"]:
        table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
    harbour.aws.events.entries.clear()


def _empty(harbour: Harbour) -> None:
    _forget(harbour)
    for bucket in ("capture", "artifacts"):
        boto3.resource("s3").Bucket(bucket).objects.all().delete()
