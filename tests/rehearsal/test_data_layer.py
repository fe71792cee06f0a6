"""The rehearsal of the data layer as a user starts it, and what it refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial.config import load
from seatrial.rehearsal.data_layer import mistakes

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "import sys; from seatrial.cli import main; sys.exit(main())", "rehearse")
SMALL = ("--with", "data", "--subscribers", "1000", "--days", "2")


def rehearse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


def test_an_engagement_without_a_data_layer_is_told_which_keys_to_set():
    done = rehearse("--with", "data", "--engagement", "engagements/telecom-churn.yaml")

    assert done.returncode == 2
    assert done.stderr == (
        "seatrial: --with data: the engagement telecom-churn has to set lake.catalog.enabled: true; "
        "processing.engine: emr-serverless or emr; warehouse.kind: serverless or provisioned; "
        "streaming.mode: on-demand or provisioned\n"
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--subscribers", "10"), "seatrial: --subscribers: needs --with data"),
        (("--with", "data", "--days", "61"), "seatrial: --days: must be from 1 to 60, got 61"),
        (("--with", "data", "--subscribers", "0"), "seatrial: --subscribers: must be at least 1, got 0"),
        (("--with", "data", "--files", "docs"), "seatrial: --files: has no meaning together with --with data"),
    ],
)
def test_refuses_what_has_no_meaning(arguments, sentence):
    done = rehearse(*arguments)

    assert (done.returncode, done.stderr.strip()) == (2, sentence)


def test_the_shipped_engagement_has_all_that_is_needed():
    assert mistakes(load(ROOT / "engagements/telecom-data.yaml"), 30, 200_000) == []


@pytest.fixture
def engagement(tmp_path):
    """The shipped one with gates that a small operator passes."""
    gates = "quality_gate: {minimum_rows: 100}\n  acceptance: {minimum_auc: 0.5, minimum_segment_auc: 0.0}"
    text = (ROOT / "engagements/telecom-data.yaml").read_text().replace("training:\n", f"training:\n  {gates}\n")
    path = tmp_path / "telecom-data.yaml"
    path.write_text(text)
    return path


@pytest.mark.slow
def test_every_row_of_a_small_operator_is_accounted_for_and_a_model_of_its_features_serves(tmp_path, engagement):
    done = rehearse(*SMALL, "--engagement", str(engagement), "--json", "--report", str(tmp_path))

    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    record = json.loads((tmp_path / "report.json").read_text())
    data, lines = record["data"], {(one["source"], one["kind"]): one for one in record["data"]["reconciliation"]}
    assert {one["difference"] for one in [*data["reconciliation"], *data["checks"]]} == {0}
    assert lines["batch", "events"]["used"] > 0
    assert lines["stream", "events"]["read"] == data["streamed"] > 0
    assert lines["stream", "poisoned records"]["quarantined"] == {"unreadable": 3}
    features = next(one for one in data["checks"] if one["subject"] == "features of subscribers")
    assert features["found"] == features["expected"] > 900
    labelled = [one for one in data["checks"] if one["subject"] == "labelled features"]
    assert [one["found"] for one in labelled] == [features["found"]] * 2
    assert [one["state"] for one in record["versions"]] == ["created", "serving"]
    assert {one["name"] for one in record["metrics"]} >= {"ROC AUC", "Brier"}
    assert record["requests"] == 20
    assert record["failed_requests"] == 0
    assert record["leak_check"]["leftovers"] == []
    assert "every row accounted for" in (tmp_path / "report.html").read_text()
