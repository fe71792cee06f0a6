"""CPU time of synth, against an empty Python CDK app: built-in validation on (ratio) and off (cost of a resource).

Run: `python benchmarks/synth.py [--runs 7]`. Exits 1 when a target is missed.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EMPTY = """
import aws_cdk as cdk
app = cdk.App()
cdk.Stack(app, "Empty")
app.synth()
"""
MAXIMUM_RATIO = 2.5
MAXIMUM_MILLISECONDS_A_RESOURCE = 20.0


def cpu_seconds(command: list[str], out: Path, *, validation: bool) -> float:
    """User and system time of one synth with all its children (Node included)."""
    # Without compiled bytecode every run would compile our modules, which nobody's second synth does.
    spoilers = {"CDK_CONTEXT_JSON", "PYTHONDONTWRITEBYTECODE"}
    environment = {key: value for key, value in os.environ.items() if key not in spoilers}
    environment |= {"CDK_OUTDIR": str(out), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}
    environment["CDK_VALIDATION"] = "true" if validation else "false"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(apps: dict[str, list[str]], folder: Path, runs: int) -> dict[tuple[str, bool], float]:
    """Median of each app's runs with validation and without, after one that warms the caches.

    They run in turns, so that all meet the same unrest of the machine: Node's CPU time alone varies by a factor of two.
    """
    kinds = [(name, validation) for validation in (True, False) for name in apps]
    rounds = [
        {kind: cpu_seconds(apps[kind[0]], folder / kind[0], validation=kind[1]) for kind in kinds}
        for _ in range(runs + 1)
    ]
    return {kind: statistics.median(held[kind] for held in rounds[1:]) for kind in kinds}


def resources(assembly: Path) -> int:
    """Resources in all templates."""
    return sum(len(json.loads(path.read_text())["Resources"]) for path in assembly.glob("*.template.json"))


def main() -> int:
    """Measure, print a table, compare with the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        times = measure({"empty": [sys.executable, "-c", EMPTY], "ours": [sys.executable, "app.py"]}, folder, runs)
        count = resources(folder / "ours")
    ratio = times["ours", True] / times["empty", True]
    milliseconds = 1000 * (times["ours", False] - times["empty", False]) / count
    print(f"{'CPU seconds':<24}{'empty app':>12}{'default engagement':>22}")
    for validation in (True, False):
        label = f"validation {'on' if validation else 'off'}"
        print(f"{label:<24}{times['empty', validation]:>12.2f}{times['ours', validation]:>22.2f}")
    print(f"ratio with validation on: {ratio:.2f} (target {MAXIMUM_RATIO})")
    print(
        f"per resource with it off: {milliseconds:.1f} ms of {count} (target {MAXIMUM_MILLISECONDS_A_RESOURCE:.0f} ms)"
    )
    return int(ratio > MAXIMUM_RATIO or milliseconds > MAXIMUM_MILLISECONDS_A_RESOURCE)


if __name__ == "__main__":
    sys.exit(main())
