"""Runs the benchmarks: every file of benchmarks/ is one command that prints its own table."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all, then sum up; 1 when one missed a target, 2 when there is no such benchmark."""
    known = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"bench: no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results = [(name, *_run(known[name])) for name in wanted or known]
    print("\nbench:")
    for name, code, seconds in results:
        print(f"  {'within targets' if code == 0 else 'MISSED a target':<16} {name:<12} {seconds:7.1f} s")
    return int(any(code for _, code, _ in results))


def _run(path: Path) -> tuple[int, float]:
    print(f"\nbench: {path.stem}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, str(path)], cwd=ROOT, check=False).returncode
    return code, time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
