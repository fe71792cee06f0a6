"""The monitor's jobs as the function starts them: real processes with the deployed code."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from seatrial.constructs.staging import library_files, zip_bytes
from seatrial.contracts.clarify import Analysis
from seatrial.contracts.serving import BASELINE_URI, Serving
from seatrial.contracts.volume import HourFiles, ReadingRequest, ReadingResult
from seatrial.monitoring.artifact import opened
from seatrial.monitoring.places import Folder
from seatrial.statistics.baseline import build_baseline
from seatrial.statistics.window import WindowSummary
from tests.lambdas.fakes import load_function
from tests.lambdas.harbour import SCHEMA, capture_line
from tests.monitoring import test_explain
from tests.offline.sagemaker.conftest import BUCKET, ROLE

STEPS = Path(__file__).parents[3] / "pipelines" / "monitor" / "steps"
SCRIPT, EXPLAIN = STEPS / "read_window.py", STEPS / "explain_window.py"
HOUR = "2026-11-01T00:00:00Z"
IMAGE = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"


@pytest.fixture
def baseline():
    rows = [[str(number % 60), "prepaid" if number % 3 else "postpaid"] for number in range(200)]
    return build_baseline(SCHEMA, rows, [number / 200 for number in range(200)], [int(n % 4 == 0) for n in range(200)])


def window_job(monitor, bench, source):
    """The job as the stack makes it."""
    return monitor.parse.WindowJob(
        name_prefix="churn-window-",
        role_arn=ROLE,
        image=bench.image("sagemaker-scikit-learn"),
        instance_type="ml.m5.large",
        code_uri=bench.put("code/window/read_window.py", source),
        library_uri=bench.put("code/window/library.zip", zip_bytes(library_files([source]))),
        kms_key_arn="arn:aws:kms:eu-central-1:111111111111:key/k",
        subnet_ids=("subnet-1",),
        security_group_ids=("sg-1",),
        max_runtime_seconds=600,
    )


def test_the_function_s_job_reads_the_window_isolated_from_the_network(bench, baseline):
    monitor, source = load_function("monitor"), SCRIPT.read_bytes()
    key = "data-capture/churn/primary/2026/11/01/00/20-00.jsonl"
    bench.put(key, "\n".join(capture_line(f"e-{n}", f"{n % 60},prepaid", 0.25) for n in range(500)))
    text = baseline.to_json()
    request = ReadingRequest(
        window=HOUR,
        bucket=BUCKET,
        baseline_uri=bench.put("models/1/baseline.json", text),
        baseline_digest=hashlib.sha256(text.encode()).hexdigest(),
        hours={HOUR: HourFiles(own=(key,))},
    )
    job = window_job(monitor, bench, source)
    bench.put("window/request.json", request.to_json())
    bench.put("window/manifest.json", f'[{{"prefix": "s3://{BUCKET}/"}}, "{key}"]')
    call = monitor.volume.processing_request("churn-window-1", f"s3://{BUCKET}/window/", request, 50_000, job)

    bench.sagemaker.create_processing_job(**call)
    ended = bench.wait_for_job("processing", "churn-window-1")

    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    result = ReadingResult.from_json(bench.get(f"s3://{BUCKET}/window/reading.json").decode())
    summary = WindowSummary.from_json(result.summary)
    assert (result.request_digest, summary.rows, summary.features[1].counts) == (request.digest, 500, (500, 0, 0))


def trained(bench, folder):
    """A model with its baseline and analysis in S3; the model's address and the baseline's."""
    rows = test_explain.people(1, 400)
    archive = test_explain.pack(folder, folder / "model")
    with opened(Folder(str(archive))) as artifact:
        scores = artifact.score(rows)
        analysis = Analysis(label="churned", facets=(), explanation=artifact.explain(rows), bias=None)
    found = build_baseline(test_explain.SCHEMA, rows, scores, [int(score > 0.5) for score in scores])
    bench.put("models/7/baseline/analysis.json", json.dumps(analysis.to_document()))
    model, text = bench.put("models/7/model.tar.gz", archive.read_bytes()), found.to_json()
    bench.put("models/7/baseline/baseline.sha256", hashlib.sha256(text.encode()).hexdigest())
    return model, bench.put("models/7/baseline/baseline.json", text)


def test_the_function_s_job_explains_a_period_isolated_from_the_network(bench, tmp_path):
    monitor, source = load_function("monitor"), EXPLAIN.read_bytes()
    model, baseline_uri = trained(bench, tmp_path)
    key, script = "data-capture/churn/primary/2026/11/01/07/00-00.jsonl", source
    rows = test_explain.people(10, 120, tenure=0.5, calls=60.0)
    when = "2026-11-01T07:10:00Z"
    bench.put(key, "\n".join(capture_line(f"e-{n}", ",".join(row), 0.25, when) for n, row in enumerate(rows)))
    code = monitor.parse.ExplainJob(
        code_uri=bench.put("code/explain/explain_window.py", script),
        library_uri=bench.put("code/explain/library.zip", zip_bytes(library_files([script]))),
    )
    configuration = SimpleNamespace(artifacts_bucket=BUCKET, capture_bucket=BUCKET)
    aws = SimpleNamespace(put=lambda _, name, body: bench.put(name, body), image=lambda _: IMAGE)
    asked = {"start": "2026-11-01T00:00:00Z", "end": "2026-11-02T00:00:00Z"}
    serving = Serving("InService", "arn", metadata={BASELINE_URI: baseline_uri}, model_data_uri=model)
    files = {"capture": [monitor.adapters.StoredObject(key, 1)], "labels": []}
    work = monitor.explain._work(serving, asked, files, "explained/", (code, configuration, aws))

    name = "churn-window-explain-2026110200"
    job = window_job(monitor, bench, SCRIPT.read_bytes())
    bench.sagemaker.create_processing_job(**monitor.volume.job_request(name, job, work))
    ended = bench.wait_for_job("processing", name)

    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    found = json.loads(bench.get(f"s3://{BUCKET}/explained/found.json"))
    assert (found["verdict"], found["rows"]) == ("explainability_drift", 120)
    assert ended["ExitMessage"] == found["sentence"]
    violations = json.loads(bench.get(f"s3://{BUCKET}/explained/constraint_violations.json"))["violations"]
    assert violations[0]["constraint_check_type"] == "feature_attribution_drift_check"
