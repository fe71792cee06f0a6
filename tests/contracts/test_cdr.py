"""The event contract in memory: JSON form, reasons, places; and that Spark's older Pythons can read what is staged."""

import ast
import doctest
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import seatrial.spark.files
import seatrial.spark.iceberg
from seatrial.constructs.staging import library_files
from seatrial.contracts import cdr, table
from seatrial.contracts.table import ContractError

PIPELINES = Path(__file__).parents[2] / "pipelines"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVENT = {
    "event_id": "e",
    "subscriber_id": "s",
    "started_at": NOON,
    "received_at": NOON + timedelta(seconds=2),
    "kind": "voice",
    "duration_seconds": 1.5,
    "data_mb": 0,
    "partner_id": None,
    "cell_id": "c",
    "dropped": 0,
}
JOBS = ["cdr/steps/curate_cdr", "cdr/steps/curate_tables", "network/steps/crm_history", "network/steps/network_kpi"]


@pytest.mark.parametrize("module", [cdr, table, seatrial.spark.files, seatrial.spark.iceberg])
def test_examples_in_the_documentation_hold(module):
    found = doctest.testmod(module)

    assert found.attempted > 0
    assert found.failed == 0


def test_an_event_survives_the_json_form():
    text = cdr.CDR.to_json(EVENT)

    assert '"started_at":"2026-06-01T12:00:00.000000Z"' in text
    assert cdr.CDR.from_json(text) == EVENT


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "fax"}, "cdr.kind: kind_invalid, got 'fax'"),
        ({"started_at": "yesterday"}, "cdr.started_at: started_at_invalid, got 'yesterday'"),
        ({"started_at": "2026-06-01T12:00:00"}, "cdr.started_at: started_at_invalid"),
        ({"dropped": True}, "cdr.dropped: dropped_invalid, got True"),
        ({"dropped": 0.5}, "cdr.dropped: dropped_invalid, got 0.5"),
        ({"data_mb": -1}, "cdr.data_mb: data_mb_range, got -1"),
        ({"cell_id": ""}, "cdr.cell_id: cell_id_missing, got ''"),
    ],
)
def test_the_first_column_that_breaks_the_contract_is_named(change, sentence):
    text = table.json.dumps({**table.json.loads(cdr.CDR.to_json(EVENT)), **change})

    with pytest.raises(ContractError, match=sentence):
        cdr.CDR.from_json(text)


@pytest.mark.parametrize("text", ["[]", "{", b"\xff"])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ContractError, match=r"must be a JSON object|not JSON"):
        cdr.CDR.from_json(text)


def test_late_and_future_begin_after_their_limits():
    assert not cdr.is_late(NOON, NOON + cdr.LATE_AFTER)
    assert cdr.is_late(NOON, NOON + cdr.LATE_AFTER + timedelta(microseconds=1))
    assert not cdr.from_the_future(NOON + cdr.CLOCK_SKEW, NOON)
    assert cdr.from_the_future(NOON + cdr.CLOCK_SKEW + timedelta(microseconds=1), NOON)


@pytest.mark.parametrize("job", [*JOBS, "churn/steps/usage_features", "churn/steps/training_set"])
def test_a_job_and_its_library_are_python_3_9(job):
    script = (PIPELINES / f"{job}.py").read_bytes()

    staged = library_files([script])

    assert "seatrial/spark/publish.py" in staged
    for name, source in [(job, script), *staged.items()]:
        ast.parse(source, name, feature_version=(3, 9))
        assert b"from datetime import UTC" not in source, name
        assert b"strict=True" not in source, name
