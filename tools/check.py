"""The gate: runs every stage even when one fails, and ends with what passed, what failed and how long each took."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORES = 2
WORKERS = "3"
"""Of the tests: one more than cores, as some wait for seconds (the CDK CLI polls)."""


@dataclass(frozen=True)
class Stage:
    """One command of the gate."""

    name: str
    command: tuple[str, ...]


QUICK = (
    # The longest first: two run at a time.
    Stage("templates", (sys.executable, "tools/templates.py")),
    # Made once for a machine: each of the tests' many Spark processes then starts in half the CPU time.
    Stage("archive", (sys.executable, "-m", "seatrial.offline.sagemaker.spark_archive")),
    Stage("docstrings", (sys.executable, "-m", "pytest", "--doctest-modules", "seatrial")),
    Stage("types", (sys.executable, "tools/check_types.py")),
    Stage("format", ("ruff", "format", "--check", ".")),
    Stage("lint", ("ruff", "check", ".")),
    Stage("imports", ("lint-imports", "--no-logo", "--no-cache")),
)
# xdist would begin with the modules of most tests, which are the quick ones; tests/conftest.py knows the slow.
ORDER = ("--dist", "loadscope", "--no-loadscope-reorder")
TESTS = Stage("tests", (sys.executable, "-m", "pytest", "-n", WORKERS, *ORDER, "--durations", "15"))
STAGES = (*QUICK, TESTS)
ON_REQUEST = (
    # An environment of 1.5 GB from a package index, and minutes: run when named.
    Stage("spark4", (sys.executable, "tools/spark4.py")),
)


@dataclass(frozen=True)
class Result:
    """How a stage ended, and what it printed where that has not been shown yet."""

    stage: Stage
    code: int
    seconds: float
    output: str = ""


def main(wanted: list[str]) -> int:
    """Run the stages named, or all but those on request; 1 when one failed, 2 when there is no such stage."""
    unknown = [name for name in wanted if name not in {stage.name for stage in (*STAGES, *ON_REQUEST)}]
    if unknown:
        known = ", ".join(stage.name for stage in (*STAGES, *ON_REQUEST))
        print(f"check: no stage {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    results = []
    with ThreadPoolExecutor(CORES) as pool:
        for result in pool.map(_run, [stage for stage in QUICK if not wanted or stage.name in wanted]):
            print(f"\ncheck: {result.stage.name}\n{result.output}", end="", flush=True)
            results.append(result)
    for stage in (TESTS, *ON_REQUEST):
        if stage.name in wanted or (not wanted and stage is TESTS):
            print(f"\ncheck: {stage.name}", flush=True)
            results.append(_run(stage, shown=True))
    print("\ncheck:")
    for result in results:
        print(f"  {'passed' if result.code == 0 else 'FAILED'}  {result.stage.name:<10} {result.seconds:7.1f} s")
    return int(any(result.code for result in results))


def _run(stage: Stage, *, shown: bool = False) -> Result:
    """Run one stage; its output goes to the terminal at once where it is `shown`, else into the result."""
    began, target = time.monotonic(), None if shown else subprocess.PIPE
    done = subprocess.run(
        stage.command, cwd=ROOT, env=_environment(), check=False, text=True, stdout=target, stderr=subprocess.STDOUT
    )
    return Result(stage, done.returncode, time.monotonic() - began, done.stdout or "")


def _environment() -> dict[str, str]:
    """No AWS account, no notices, one thread a process: the machine's cores are shared by the tests' workers."""
    dropped = ("AWS_", "CDK_", "JSII_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
