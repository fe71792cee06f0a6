"""Runs the benchmarks: every file of benchmarks/ is one command that prints its own table."""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(wanted: list[str]) -> int:
    """Run the benchmarks named, or all; 1 when one failed, 2 when there is no such benchmark."""
    known = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"bench: no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    failed = [name for name in wanted or known if not _run(known[name])]
    if failed:
        print(f"\nbench: failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _run(path: Path) -> bool:
    print(f"\nbench: {path.stem}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, str(path)], cwd=ROOT, check=False).returncode
    print(f"bench: {path.stem} took {time.monotonic() - began:.1f} s", flush=True)
    return code == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
