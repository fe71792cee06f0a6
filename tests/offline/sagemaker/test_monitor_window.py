"""The monitor's job for large windows, as the function starts it: a real process with the deployed code."""

import hashlib
from pathlib import Path

import pytest

from seatrial.constructs.staging import library_files, zip_bytes
from seatrial.contracts.volume import HourFiles, ReadingRequest, ReadingResult
from seatrial.statistics.window import WindowSummary
from tests.lambdas.fakes import load_function
from tests.lambdas.harbour import SCHEMA, capture_line
from tests.offline.sagemaker.conftest import BUCKET, ROLE

SCRIPT = Path(__file__).parents[3] / "pipelines" / "monitor" / "steps" / "read_window.py"
HOUR = "2026-11-01T00:00:00Z"


@pytest.fixture
def baseline():
    from seatrial.statistics.baseline import build_baseline

    rows = [[str(number % 60), "prepaid" if number % 3 else "postpaid"] for number in range(200)]
    return build_baseline(SCHEMA, rows, [number / 200 for number in range(200)], [int(n % 4 == 0) for n in range(200)])


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
    job = monitor.parse.WindowJob(
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
    bench.put("window/request.json", request.to_json())
    bench.put("window/manifest.json", f'[{{"prefix": "s3://{BUCKET}/"}}, "{key}"]')
    call = monitor.volume.processing_request("churn-window-1", f"s3://{BUCKET}/window/", request, 50_000, job)

    bench.sagemaker.create_processing_job(**call)
    ended = bench.wait_for_job("processing", "churn-window-1")

    assert ended["ProcessingJobStatus"] == "Completed", ended.get("FailureReason")
    result = ReadingResult.from_json(bench.get(f"s3://{BUCKET}/window/reading.json").decode())
    summary = WindowSummary.from_json(result.summary)
    assert (result.request_digest, summary.rows, summary.features[1].counts) == (request.digest, 500, (500, 0, 0))
