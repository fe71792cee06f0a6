"""The rehearsal as a user starts it: the whole loop, an interruption, a refusal, a failure."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import yaml

from seatrial.constructs.staging import library_files, zip_bytes

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "import sys; from seatrial.cli import main; sys.exit(main())", "rehearse", "--json")
STAGES = (
    "doctor validate cloud synth deploy ingest train promote features quiet scenarios concept retrain canary rollback "
    "ledger destroy"
)


def rehearse(report: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = (*COMMAND, "--report", str(report), *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)


def lines_of(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.fixture
def strict_engagement(tmp_path: Path) -> Path:
    engagement = yaml.safe_load((ROOT / "engagements/telecom-churn.yaml").read_text())
    engagement["training"]["quality_gate"] = {"minimum_rows": 1_000_000}
    path = tmp_path / "strict.yaml"
    path.write_text(yaml.safe_dump(engagement))
    return path


@pytest.mark.slow
def test_the_whole_loop_passes_on_the_default_data(tmp_path: Path) -> None:
    done = rehearse(tmp_path)

    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    ended = [line for line in lines_of(done.stdout) if line["kind"] == "end"]
    assert [line["stage"] for line in ended] == STAGES.split()
    record = json.loads((tmp_path / "report.json").read_text())
    assert record["outcome"] == "passed"
    assert record["failed_requests"] < 0.05 * record["requests"]
    assert [sighting["told_as"] in sighting["expected"] for sighting in record["sightings"]] == [True] * 4
    assert not [w for w in record["windows"][:8] if w["severity"] != "none"]
    states = [(version["version"], version["state"]) for version in record["versions"]]
    assert (2, "serving") in states
    assert (3, "rolled back") in states
    assert any(decision["action"] == "start" for decision in record["decisions"])
    assert record["leak_check"]["leftovers"] == []
    page = (tmp_path / "report.html").read_text()
    assert len(page) < 2_000_000
    assert "<script" not in page


@pytest.fixture
def own_files(tmp_path: Path) -> Path:
    examples, folder = ROOT / "docs" / "examples", tmp_path / "files" / "example"
    (folder / "sourcedir.tar.gz").mkdir(parents=True)
    (folder / "data").mkdir()
    for name in ("train.py", "inference.py"):
        shutil.copy(examples / "code" / name, folder / "sourcedir.tar.gz")
    for name in ("prepare.py", "check.py"):
        shutil.copy(examples / "code" / name, folder)
    library = zip_bytes(library_files([(examples / "code" / "check.py").read_bytes()]))
    (folder / "library.zip").write_bytes(library)
    (folder / "data" / "rows.csv").write_text("label,a\n" + "".join(f"{i % 2},{i % 2}\n" for i in range(40)))
    return tmp_path / "files"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_pipeline_written_with_the_sagemaker_sdk_is_rehearsed(own_files: Path, tmp_path: Path, version: str) -> None:
    definition = ROOT / "docs" / "examples" / f"sagemaker_sdk_{version}" / "definition.json"
    engagement = yaml.safe_load((ROOT / "engagements/telecom-churn.yaml").read_text())
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({**engagement, "training": {"definition": str(definition)}}))

    done = rehearse(tmp_path / "report", "--engagement", str(path), "--files", str(own_files))

    assert done.returncode == 0, done.stderr + done.stdout[-2000:]
    ended = {line["stage"]: line["text"] for line in lines_of(done.stdout) if line["kind"] == "end"}
    assert "Prepare succeeded, Train succeeded, Check succeeded, Register" in ended["train"]
    assert "version 1 serves" in ended["promote"]
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    assert "smoke rows agree" in record["versions"][0]["reason"]
    assert record["not_proven"][0]["subject"] == "Monitoring and retraining of your pipeline's models"
    assert record["leak_check"]["leftovers"] == []


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        (*COMMAND, "--report", str(tmp_path)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_running(
    running: subprocess.Popen[str], tmp_path: Path, end: signal.Signals
) -> None:
    assert running.stdout is not None
    for line in running.stdout:
        if json.loads(line)["text"].startswith("step Features"):
            break
    children = psutil.Process(running.pid).children(recursive=True)
    os.kill(running.pid, end)
    code = running.wait(timeout=60)

    assert code == 130
    assert children
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
    assert json.loads((tmp_path / "report.json").read_text())["outcome"] == "interrupted"


@pytest.mark.slow
def test_a_failed_stage_says_why_and_where_to_look(strict_engagement: Path, tmp_path: Path) -> None:
    done = rehearse(tmp_path / "report", "--engagement", str(strict_engagement))

    assert done.returncode == 1
    assert "quality gate" in done.stdout
    assert "run folder: " in done.stderr
    assert "Traceback" not in done.stderr
    record = json.loads((tmp_path / "report" / "report.json").read_text())
    assert record["outcome"] == "failed"
    statuses = [stage["status"] for stage in record["stages"]]
    assert statuses[statuses.index("failed") + 1 :] == ["not run"] * 10


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "empty"),
        (b"customerID,tenure\nA,1\n", "Churn"),
        (b"customerID,tenure,Churn\nA\xff\xfe,1,Yes\n", "line"),
    ],
)
def test_a_customers_file_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, content: bytes, complaint: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_bytes(content)

    done = rehearse(tmp_path, "--engagement", "engagements/ibm-telco-churn.yaml", "--data", str(file))

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "customers.csv" in done.stderr
    assert complaint in done.stderr
    assert list(tmp_path.iterdir()) == [file]
