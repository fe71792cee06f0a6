"""`seatrial monitor explain` on an artifact as the training makes it: what it prints, writes and returns."""

import csv
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import boto3
import numpy as np
import pytest

from seatrial import cli
from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.capture_writer import capture_line
from seatrial.contracts.clarify import Analysis
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.contracts.serving import BASELINE_URI
from seatrial.monitoring.artifact import opened
from seatrial.monitoring.places import Folder
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.bias.facet_report import LabelledRows, facet_report
from tests.monitoring.made_capture import write_baseline, write_lines

ROOT = Path(__file__).parents[2]
STEPS = ROOT / "pipelines" / "churn" / "steps"
JOB = ROOT / "pipelines" / "monitor" / "steps" / "explain_window.py"
NAMES = ("tenure", "calls", "plan")
SCHEMA = FeatureSchema((Feature("tenure", "numeric"), Feature("calls", "numeric"), Feature("plan", "categorical")))
PREPROCESS = {
    "version": 1,
    "columns": [
        {"name": "tenure", "type": "numeric", "median": 24.0, "scale": 10.0, "mean": 24.0},
        {"name": "calls", "type": "numeric", "median": 30.0, "scale": 5.0, "mean": 30.0},
        {"name": "plan", "type": "categorical", "categories": ["basic"]},
    ],
}
LINEAR = {"weights": [-1.0, 0.4, 0.2, 0.0], "intercept": -0.5, "means": [0.0, 0.0, 0.5, 0.5], "labels": []}
BIAS = BiasSettings(facets=(Facet(column="plan", values=("basic",)),))
DRIFTED = 1


def people(seed, rows, tenure=10.0, calls=5.0):
    """Rows whose tenure and calls have these deviations."""
    rng = np.random.default_rng(seed)
    columns = rng.normal(24, tenure, rows), rng.normal(30, calls, rows), rng.choice(["basic", "premium"], rows)
    return [(f"{months:.2f}", f"{number:.1f}", str(plan)) for months, number, plan in zip(*columns, strict=True)]


def pack(folder, model, **changed):
    """A model.tar.gz with these files and the pipeline's inference code."""
    (model / "code").mkdir(parents=True, exist_ok=True)
    for name, content in {"preprocess.json": PREPROCESS, "linear-model.json": LINEAR | changed}.items():
        (model / name).write_text(json.dumps(content))
    for name in ("inference.py", "encoding.py"):
        shutil.copy(STEPS / name, model / "code" / name)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.add(model, arcname=".")
    return folder / "model.tar.gz"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with model.tar.gz and the analysis.json of its validation rows."""
    folder = tmp_path_factory.mktemp("trained")
    rows = people(1, 400)
    with opened(Folder(str(pack(folder, folder / "model")))) as artifact:
        scores = artifact.score(rows)
        labels = (np.random.default_rng(2).random(400) < scores).astype(int).tolist()
        facets = facet_report(
            BIAS, LabelledRows(dict(zip(NAMES, zip(*rows, strict=True), strict=True)), labels, scores)
        )
        analysis = Analysis(label="churned", facets=facets, explanation=artifact.explain(rows), bias=BIAS)
    (folder / "analysis.json").write_text(json.dumps(analysis.to_document()))
    write_baseline(folder, build_baseline(SCHEMA, rows, scores, labels))
    return folder


def table(path, rows, scores, labels):
    """A table of predictions, as a lake keeps it."""
    shown = map(lambda row, *outcome: (*row, *outcome), rows, scores, labels)
    with path.open("w", newline="") as lines:
        csv.writer(lines).writerows([(*NAMES, "prediction", "label"), *shown])
    return path


def explain(*arguments):
    return cli.main(["monitor", "explain", *map(str, arguments)])


def of(trained, window):
    return ("--model", trained / "model.tar.gz", "--baseline", trained, "--window", window)


def test_rows_like_those_of_the_training_are_ok_and_the_exit_code_is_0(trained, tmp_path, capsys):
    window = table(tmp_path / "window.csv", people(3, 300), [0.3] * 300, [0, 0, 1] * 100)

    code = explain(*of(trained, window))

    told = capsys.readouterr().out
    assert code == 0
    assert told.startswith("ok: nDCG of the attributions is 1.000, not below 0.9")
    assert "200 rows explained, 300 labelled" in told
    assert "mean |SHAP|, log_odds" in told


def test_features_that_changed_places_are_told_and_written_as_clarify_s_violation(trained, tmp_path, capsys):
    window = table(tmp_path / "window.csv", people(4, 300, tenure=0.5, calls=60.0), [0.3] * 300, [0, 0, 1] * 100)

    code = explain(*of(trained, window), "--out", tmp_path / "out")

    told = capsys.readouterr().out
    assert code == DRIFTED
    assert told.startswith("explainability_drift: nDCG of the attributions is 0.")
    assert "tenure: rank 1 at validation, 3 now" in told
    (violation,) = json.loads((tmp_path / "out/constraint_violations.json").read_text())["violations"]
    assert violation["constraint_check_type"] == "feature_attribution_drift_check"
    written = Analysis.from_document(json.loads((tmp_path / "out/analysis.json").read_text()))
    assert written.explanation.method == "linear_shap"
    assert written.facets[0].facet == "plan"


def test_a_model_that_turns_against_a_facet_is_told(trained, tmp_path, capsys):
    rows = people(5, 600)
    scores = [0.9 if plan == "basic" else 0.1 for *_, plan in rows]
    window = table(tmp_path / "window.csv", rows, scores, [0, 1] * 300)

    code = explain(*of(trained, window), "--out", tmp_path / "out")

    assert code == DRIFTED
    assert "bias: DPPL of plan=basic is -1.000" in capsys.readouterr().out
    violations = json.loads((tmp_path / "out/constraint_violations.json").read_text())["violations"]
    assert {item["constraint_check_type"] for item in violations} == {"bias_drift_check"}
    assert {item["facet_value"] for item in violations} == {"basic"}


def test_too_few_rows_are_no_result(trained, tmp_path, capsys):
    window = table(tmp_path / "window.csv", people(6, 20), [0.3] * 20, [0] * 20)

    assert explain(*of(trained, window)) == 0

    told = capsys.readouterr().out
    assert told.startswith("insufficient_data: the attributions cannot be compared")
    assert "20 rows are too few to explain; 50 are needed" in told
    assert "bias: 20 labelled rows are too few; 50 are needed" in told


def test_a_baseline_made_by_clarify_is_compared_by_its_order(trained, tmp_path, capsys):
    values = {"global_shap_values": {"tenure": 0.2, "calls": 0.1, "plan": 0.01}, "expected_value": 0.3}
    baseline = tmp_path / "clarify.json"
    baseline.write_text(json.dumps({"version": "1.0", "explanations": {"kernel_shap": {"label0": values}}}))
    window = table(tmp_path / "window.csv", people(7, 100), [0.3] * 100, [0] * 100)

    code = explain(
        "--model", trained / "model.tar.gz", "--baseline", trained, "--analysis", baseline, "--window", window
    )

    assert code == 0
    assert "Clarify's kernel SHAP, the window's is linear_shap: orders compare" in capsys.readouterr().out


def test_a_registered_model_brings_its_baseline(trained, tmp_path, upload, capsys):
    prefix = upload(trained, "trained")
    client = boto3.client("sagemaker")
    client.create_model_package_group(ModelPackageGroupName="churn")
    container = {"Image": "1.dkr.ecr.eu-central-1.amazonaws.com/x:1", "ModelDataUrl": f"{prefix}/model.tar.gz"}
    arn = client.create_model_package(
        ModelPackageGroupName="churn",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        CustomerMetadataProperties={
            "AnalysisUri": f"{prefix}/analysis.json",
            BASELINE_URI: f"{prefix}/baseline.json",
        },
    )["ModelPackageArn"]
    window = table(tmp_path / "window.csv", people(8, 100), [0.3] * 100, [0] * 100)

    assert explain("--model", arn, "--window", window) == 0
    assert "not below 0.9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"explanations": {"kernel_shap": {"label0": {"global_shap_values": {"age": 1.0}}}}},
            "only it or the model has age",
        ),
        ({"post_training_bias_metrics": {}}, "is no analysis file of Clarify's"),
    ],
)
def test_another_models_baseline_is_refused_with_a_sentence(trained, tmp_path, capsys, change, sentence):
    baseline = tmp_path / "other.json"
    baseline.write_text(json.dumps({"version": "1.0", **change}))
    window = table(tmp_path / "window.csv", people(9, 60), [0.3] * 60, [0] * 60)

    code = explain(
        "--model", trained / "model.tar.gz", "--baseline", trained, "--analysis", baseline, "--window", window
    )

    assert code == cli.USER_MISTAKE
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_no_artifact_is_refused(trained, tmp_path, capsys):
    window = table(tmp_path / "window.csv", people(9, 60), [0.3] * 60, [0] * 60)

    code = explain("--model", window, "--baseline", trained, "--window", window)

    assert code == cli.USER_MISTAKE
    assert "is no model.tar.gz" in capsys.readouterr().err


def test_the_job_explains_a_variants_capture_and_says_so_in_its_exit_message(trained, tmp_path):
    rows = people(10, 120, tenure=0.5, calls=60.0)
    when = "2026-11-01T07:10:00Z"
    lines = [
        capture_line((",".join(row), "text/csv"), ("0.3\n", "text/csv"), event_id=str(place), inference_time=when)
        for place, row in enumerate(rows)
    ]
    write_lines(tmp_path / "capture/churn/primary/2026/11/01/07/a.jsonl", lines)
    (tmp_path / "labels").mkdir()
    folders = [item for name in ("capture", "labels") for item in (f"--{name}", tmp_path / name)]
    outputs = ["--output", tmp_path / "out", "--message", tmp_path / "message"]

    done = subprocess.run(
        [sys.executable, JOB, "--model", trained, "--baseline", trained, *folders, *outputs],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "message").read_text().startswith("explainability_drift: nDCG of the attributions is 0.")
    assert json.loads((tmp_path / "out/constraint_violations.json").read_text())["violations"]


def test_the_job_without_an_artifact_ends_with_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, JOB, "--model", tmp_path], capture_output=True, text=True, check=False
    )  # fmt: skip

    assert done.returncode == 1
    assert "explain_window: no model.tar.gz in" in done.stderr
