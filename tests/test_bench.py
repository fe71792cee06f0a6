"""`make bench` runs every benchmark, whatever the one before it said, and ends with a summary."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def bench(tmp_path):
    """The command in a project with two benchmarks, of which the first misses its target."""
    for name in ("tools", "benchmarks"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "tools" / "bench.py", tmp_path / "tools")
    (tmp_path / "benchmarks" / "large.py").write_text("raise SystemExit(1)\n")
    (tmp_path / "benchmarks" / "small.py").write_text("print('a table')\n")

    def run(*names: str) -> subprocess.CompletedProcess:
        command = [sys.executable, str(tmp_path / "tools" / "bench.py"), *names]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_all_run_and_the_summary_says_which_missed_a_target(bench):
    done = bench()

    assert done.returncode == 1
    assert "a table" in done.stdout
    lines = [line.split()[:-2] for line in done.stdout.splitlines()[-2:]]
    assert lines == [["MISSED", "a", "target", "large"], ["within", "targets", "small"]]


def test_one_alone_can_be_run(bench):
    done = bench("small")

    assert done.returncode == 0
    assert "large" not in done.stdout


def test_an_unknown_benchmark_is_told_with_those_there_are(bench):
    done = bench("smal")

    assert done.returncode == 2
    assert done.stderr == "bench: no benchmark smal; there are large, small\n"
