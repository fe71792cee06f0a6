"""The gate: runs every stage even when one fails, and ends with what passed, what failed and how long each took."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORKERS = "2"


@dataclass(frozen=True)
class Stage:
    """One command of the gate."""

    name: str
    command: tuple[str, ...]


STAGES = (
    Stage("format", ("ruff", "format", "--check", ".")),
    Stage("lint", ("ruff", "check", ".")),
    Stage("types", (sys.executable, "tools/check_types.py")),
    Stage("imports", ("lint-imports", "--no-logo", "--no-cache")),
    Stage("templates", (sys.executable, "tools/templates.py")),
    # Made once for a machine: each of the tests' many Spark processes then starts in half the CPU time.
    Stage("archive", (sys.executable, "-m", "seatrial.offline.sagemaker.spark_archive")),
    Stage("docstrings", (sys.executable, "-m", "pytest", "--doctest-modules", "seatrial")),
    Stage("tests", (sys.executable, "-m", "pytest", "-n", WORKERS, "--dist", "loadscope", "--durations", "15")),
)


def main(wanted: list[str]) -> int:
    """Run the stages named, or all; 1 when one failed, 2 when there is no such stage."""
    unknown = [name for name in wanted if name not in {stage.name for stage in STAGES}]
    if unknown:
        known = ", ".join(stage.name for stage in STAGES)
        print(f"check: no stage {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    results = [(stage, *_run(stage)) for stage in STAGES if not wanted or stage.name in wanted]
    print("\ncheck:")
    for stage, code, seconds in results:
        print(f"  {'passed' if code == 0 else 'FAILED'}  {stage.name:<10} {seconds:7.1f} s")
    return int(any(code for _, code, _ in results))


def _run(stage: Stage) -> tuple[int, float]:
    print(f"\ncheck: {stage.name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(stage.command, cwd=ROOT, env=_environment(), check=False).returncode
    return code, time.monotonic() - began


def _environment() -> dict[str, str]:
    """No AWS account, no notices, one thread a process: the machine's cores are shared by the tests' workers."""
    dropped = ("AWS_", "CDK_", "JSII_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
