"""Training, inference and baseline as plain processes, and under AWS's own toolkits."""

import csv
import hashlib
import http.client
import importlib
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile

import numpy as np
import pytest

from pipelines.churn.definition import churn_pipeline
from seatrial.contracts.bias import BiasSettings, Facet
from seatrial.contracts.clarify import Analysis
from seatrial.statistics.baseline import Baseline
from tests.pipelines.conftest import ROOT, STEPS, load_step, pack, run_step, write_split

FEATURES = [
    {"name": "tenure", "type": "numeric"},
    {"name": "calls", "type": "numeric"},
    {"name": "plan", "type": "categorical"},
]
ALGORITHMS = ("xgboost", "scikit-learn")


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Train and validation splits with a known rule: short tenure and a basic plan leave."""
    folder, rng = tmp_path_factory.mktemp("splits"), np.random.default_rng(3)
    header = ["subscriber_id", "label", *(feature["name"] for feature in FEATURES)]
    for split, count in (("train", 900), ("validation", 300)):
        tenure, calls = rng.exponential(24, count), rng.poisson(30, count)
        plan = rng.choice(["basic", "premium", "a, b"], count, p=[0.5, 0.48, 0.02])
        margin = 1.5 - 0.12 * tenure + 1.2 * (plan == "basic")
        label = (rng.random(count) < 1 / (1 + np.exp(-margin))).astype(int)
        rows = [
            (f"s{i}", label[i], "" if i % 11 == 0 else round(tenure[i], 3), calls[i], f'"{plan[i]}"' if i % 13 else "")
            for i in range(count)
        ]
        write_split(folder / split, header, rows)
    (folder / "schema").mkdir()
    (folder / "schema" / "schema.json").write_text(json.dumps({"version": 1, "features": FEATURES}))
    return folder


def train(splits, model, *arguments):
    model.mkdir(parents=True, exist_ok=True)
    folders = [item for name in ("train", "validation", "schema") for item in (f"--{name}", splits / name)]
    return run_step("train", *folders, "--model-dir", model, *arguments)


@pytest.fixture(scope="module", params=ALGORITHMS)
def model(request, splits, tmp_path_factory):
    """A trained model folder of each algorithm."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    done = train(splits, folder, "--algorithm", request.param)
    assert done.returncode == 0, done.stderr
    (folder.parent / "stdout").write_text(done.stdout)
    return folder


def rows_of(splits, name="validation"):
    with (splits / name / "part-00000.csv").open(newline="") as lines:
        return [row[2:] for row in csv.reader(lines)][1:]


def test_prints_the_metric_that_the_definition_looks_for(model, settings):
    output = (model.parent / "stdout").read_text()
    gate = churn_pipeline(settings).to_definition()["Steps"][1]
    job = gate["Arguments"]["IfSteps"][0]["Arguments"]

    found = {
        entry["Name"]: re.search(entry["Regex"], output) for entry in job["AlgorithmSpecification"]["MetricDefinitions"]
    }

    assert set(found) == {"train:auc", "validation:auc"}
    assert 0.75 < float(found["validation:auc"][1]) < 0.97


def test_the_same_seed_gives_the_same_model(splits, tmp_path):
    for name in ("first", "second"):
        assert train(splits, tmp_path / name, "--seed", "4").returncode == 0

    first, second = ((tmp_path / name / "xgboost-model.json").read_bytes() for name in ("first", "second"))
    assert first == second


def test_an_unknown_hyperparameter_ends_the_job(splits, tmp_path):
    done = train(splits, tmp_path / "model", "--max_dept", "3")

    assert done.returncode == 2
    assert "unrecognized arguments: --max_dept 3" in done.stderr


def test_one_class_alone_ends_the_job_with_a_sentence(splits, tmp_path):
    write_split(tmp_path / "train", ["subscriber_id", "label", "tenure", "calls", "plan"], [("a", 0, 1, 1, "basic")])
    model = tmp_path / "model"
    model.mkdir()

    done = run_step(
        "train", "--train", tmp_path / "train", "--validation", splits / "validation",
        "--schema", splits / "schema", "--model-dir", model,
    )  # fmt: skip

    assert done.returncode == 1
    assert "train: train: needs rows of both classes, got 1 rows" in done.stderr


def test_a_hyperparameter_reaches_the_model(splits, tmp_path):
    assert train(splits, tmp_path / "model", "--rounds", "3").returncode == 0

    assert json.loads((tmp_path / "model" / "training.json").read_text())["iterations"] <= 3


# Serving


@pytest.fixture
def serving(model):
    """The artifact's own code, imported from the artifact."""
    evaluate = load_step("evaluate")
    inference = evaluate.load_code(model / "code")
    return inference, inference.model_fn(str(model))


def answer(serving, body, content_type="text/csv"):
    inference, loaded = serving
    text, kind = inference.output_fn(inference.predict_fn(inference.input_fn(body, content_type), loaded), "text/csv")
    assert kind == "text/csv"
    return [float(line) for line in text.splitlines()]


def test_one_row_and_many_rows_get_the_same_answers(serving):
    rows = ["3,10,basic", "60,35,premium", ",,", '5,20,"a, b"', "5,20,unheard of"]

    together = answer(serving, "\n".join(rows))

    assert together == [answer(serving, row)[0] for row in rows]
    assert all(0 < probability < 1 for probability in together)
    assert together[0] > together[1]


def test_bytes_and_a_charset_are_read(serving):
    assert answer(serving, b"3,10,basic\r\n", "text/csv; charset=utf-8") == answer(serving, "3,10,basic")


@pytest.mark.parametrize(
    ("body", "kind", "status", "message"),
    [
        ("3,10", "text/csv", 400, "row 0: expected 3 values, got 2; columns: tenure, calls, plan"),
        ("3,10,basic\n3,ten,basic", "text/csv", 400, "row 1, column 'calls': not a number: 'ten'"),
        ("", "text/csv", 400, "body: expected at least one row of comma-separated values, got none"),
        (b"\xff\xfe", "text/csv", 400, "body: not CSV in UTF-8"),
        ("{}", "application/json", 415, "content type: must be text/csv, got 'application/json'"),
    ],
)
def test_a_bad_request_is_refused_with_a_sentence(serving, body, kind, status, message):
    with pytest.raises(ValueError, match=message.split("(")[0].split("{")[0]) as caught:
        answer(serving, body, kind)

    assert str(caught.value).startswith(message)
    assert caught.value.status_code == status


def test_one_row_is_scored_in_well_under_a_millisecond_of_processor_time(serving):
    import time

    inference, loaded = serving
    body = "3,10,basic"
    answer(serving, body)
    started = time.process_time()

    for _ in range(200):
        inference.output_fn(inference.predict_fn(inference.input_fn(body, "text/csv"), loaded), "text/csv")

    assert (time.process_time() - started) / 200 < 0.005


def test_serves_under_awss_inference_toolkit(model, monkeypatch):
    from sagemaker_inference import environment
    from sagemaker_inference.transformer import Transformer

    for name in ("inference", "encoding"):
        sys.modules.pop(name, None)
    monkeypatch.syspath_prepend(str(model / "code"))
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    importlib.reload(environment)
    context = FakeContext(str(model))
    transformer = Transformer()

    good = transformer.transform([{"body": b"3,10,basic\n60,35,premium\n"}], context)
    status = context.status
    bad = transformer.transform([{"body": b"3,10\n"}], context)

    assert status is None
    assert len(good[0][0].splitlines() if isinstance(good[0], tuple) else good[0].splitlines()) == 2
    assert context.status == http.client.BAD_REQUEST
    assert "row 0: expected 3 values, got 2" in bad[0]


class FakeContext:
    """What the model server hands to the toolkit."""

    def __init__(self, model_dir):
        self.system_properties = {"model_dir": model_dir}
        self.request_processor = [self]
        self.status = None

    def get_request_properties(self):
        return {"Content-Type": "text/csv", "Accept": "text/csv"}

    def set_response_content_type(self, _index, kind):
        self.content_type = kind

    def set_response_status(self, code, phrase):
        self.status = code


def test_trains_under_awss_training_toolkit(splits, tmp_path, settings):
    base = tmp_path / "ml"
    channels = ("train", "validation", "schema")
    for name in channels:
        (base / "input/data" / name).mkdir(parents=True)
        for file in (splits / name).iterdir():
            (base / "input/data" / name / file.name).write_bytes(file.read_bytes())
    code = base / "input/data/code"
    code.mkdir()
    with tarfile.open(code / "t.tar.gz", "w:gz") as archive:
        for script in ("train.py", "inference.py", "encoding.py"):
            archive.add(STEPS / script, arcname=script)
    for folder in ("input/config", "model", "output"):  # as the platform makes them
        (base / folder).mkdir()
    gate = churn_pipeline(settings).to_definition()["Steps"][1]
    given = gate["Arguments"]["IfSteps"][0]["Arguments"]["HyperParameters"]
    given = {**given, "sagemaker_submit_directory": str(code / "t.tar.gz"), "rounds": "5"}
    config = {
        "hyperparameters": given,
        "resourceconfig": {"current_host": "localhost", "hosts": ["localhost"], "network_interface_name": "lo"},
        "inputdataconfig": {name: {"TrainingInputMode": "File"} for name in (*channels, "code")},
    }
    for name, content in config.items():
        (base / "input/config" / f"{name}.json").write_text(json.dumps(content))
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "AWS_DEFAULT_REGION": "eu-central-1"}
    program = "from sagemaker_training.cli.train import main; main()"

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "validation:auc=" in done.stdout
    assert json.loads((base / "model" / "training.json").read_text())["iterations"] <= 5
    assert (base / "model" / "code" / "inference.py").exists()


def test_explanations_add_up_to_the_log_odds_of_the_score(serving, splits):
    inference, loaded = serving
    rows = rows_of(splits)[:50]

    told = inference.explain_fn(rows, loaded)

    scores = np.asarray(inference.predict_fn(rows, loaded), float)
    assert told["values"].shape == (50, 3)
    np.testing.assert_allclose(
        told["values"].sum(axis=1) + told["expected_value"], np.log(scores / (1 - scores)), atol=1e-4
    )
    assert told["unit"] == "log_odds"


def test_a_linear_artifact_of_before_means_were_kept_has_no_exact_explanation(splits, tmp_path):
    assert train(splits, tmp_path / "model", "--algorithm", "scikit-learn").returncode == 0
    weights = tmp_path / "model" / "linear-model.json"
    kept = {name: value for name, value in json.loads(weights.read_text()).items() if name != "means"}
    weights.write_text(json.dumps(kept))
    inference = load_step("evaluate").load_code(tmp_path / "model" / "code")

    assert inference.explain_fn(rows_of(splits)[:2], inference.model_fn(str(tmp_path / "model"))) is None


# Baseline


def test_the_baseline_describes_the_validation_split_and_the_smoke_rows_are_answered_alike(
    model, serving, splits, tmp_path
):
    library = tmp_path / "library.zip"
    with zipfile.ZipFile(library, "w") as archive:
        for package in ("contracts", "statistics"):
            for path in sorted((ROOT / "seatrial" / package).rglob("*.py")):
                archive.write(path, path.relative_to(ROOT))
        archive.write(ROOT / "seatrial/__init__.py", "seatrial/__init__.py")
    folders = [
        "--model",
        pack(model, tmp_path / "model"),
        "--validation",
        splits / "validation",
        "--schema",
        splits / "schema",
    ]

    bias = BiasSettings(facets=(Facet(column="plan", values=("basic",)),))

    done = run_step(
        "baseline", *folders, "--output", tmp_path / "out", "--smoke-rows", 7, "--label", "churned",
        "--bias", bias.to_json(), environment={"PYTHONPATH": str(library)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    body = (tmp_path / "out/baseline.json").read_bytes()
    assert (tmp_path / "out/baseline.sha256").read_text().strip() == hashlib.sha256(body).hexdigest()
    assert json.loads((tmp_path / "out/binding.json").read_text()) == {"sha256": hashlib.sha256(body).hexdigest()}
    baseline = Baseline.from_json(body.decode())
    assert baseline.rows == 300
    assert baseline.schema.names == ("tenure", "calls", "plan")
    smoke, expected = ((tmp_path / "out" / name).read_text() for name in ("smoke.csv", "smoke_expected.csv"))
    assert len(smoke.splitlines()) == 7
    assert answer(serving, smoke) == [float(line) for line in expected.splitlines()]
    statistics = json.loads((tmp_path / "out/statistics.json").read_text())
    assert statistics["dataset"]["item_count"] == 300
    constraints = json.loads((tmp_path / "out/constraints.json").read_text())
    assert [feature["name"] for feature in constraints["features"]] == ["tenure", "calls", "plan"]
    analysis = Analysis.from_document(json.loads((tmp_path / "out/analysis.json").read_text()))
    assert (analysis.label, analysis.bias, analysis.facets[0].value) == ("churned", bias, "basic")
    assert analysis.facets[0].metrics["DPPL"] < -0.1
    attributions = analysis.explanation.attributions
    assert sorted(attributions, key=attributions.get) == ["calls", "plan", "tenure"]


def test_a_facet_that_no_row_has_ends_the_baseline_with_a_sentence(model, splits, tmp_path):
    bias = BiasSettings(facets=(Facet(column="plan", values=("gold",)),))
    folders = ["--model", pack(model, tmp_path / "model"), "--validation", splits / "validation"]

    done = run_step(
        "baseline", *folders, "--schema", splits / "schema", "--output", tmp_path / "out", "--bias", bias.to_json()
    )

    assert done.returncode == 1
    assert "baseline: monitoring.bias: facet: one of the two groups has no rows" in done.stderr


def test_scores_equal_those_of_the_training_library(splits, tmp_path):
    """The weights served with numpy are the logistic regression that scikit-learn fitted."""
    from sklearn.linear_model import LogisticRegression

    assert train(splits, tmp_path / "model", "--algorithm", "scikit-learn").returncode == 0
    module = load_step("train")
    rows, labels = module.read_split(splits / "train", [feature["name"] for feature in FEATURES])
    encoder = module.Encoder.fit(FEATURES, rows, 10)
    matrix = encoder.standardize(encoder.encode(rows))
    reference = LogisticRegression(C=1.0, max_iter=2000).fit(matrix, labels)
    inference = load_step("evaluate").load_code(tmp_path / "model" / "code")

    served = inference.predict_fn(rows, inference.model_fn(str(tmp_path / "model")))

    np.testing.assert_allclose(served, reference.predict_proba(matrix)[:, 1], atol=1e-9)
