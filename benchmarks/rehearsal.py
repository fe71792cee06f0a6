"""The rehearsal's real time, and the share of it outside the steps' own processes, with its breakdown.

Run: `python benchmarks/rehearsal.py [--engagement FILE] [--data FILE]`. Exits 1 when a target is missed or the
rehearsal fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from seatrial.rehearsal.record import TimePart
from seatrial.rehearsal.report import overhead_share

ROOT = Path(__file__).resolve().parents[1]
MAXIMUM_SECONDS = 480.0
MAXIMUM_SHARE = 0.35


def rehearse(folder: Path, arguments: list[str]) -> tuple[dict[str, Any], float]:
    """One rehearsal through the command; returns report.json and the seconds that the user waits."""
    command = [str(Path(sys.executable).parent / "seatrial"), "rehearse", "--json", "--report", str(folder), *arguments]
    began = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            entry = json.loads(line)
            if entry["kind"] == "end":
                print(f"  {entry['text']}", flush=True)
    seconds = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"the rehearsal ended with exit {process.returncode}")
    return json.loads((folder / "report.json").read_text()), seconds


def main() -> int:
    """Rehearse, print where the time went, compare with the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engagement", type=Path)
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    given = {"--engagement": options.engagement, "--data": options.data}
    arguments = [text for name, value in given.items() if value for text in (name, str(value))]
    with tempfile.TemporaryDirectory() as name:
        report, seconds = rehearse(Path(name), arguments)
    parts = tuple(TimePart(**part) for part in report["time_parts"])
    share = overhead_share(parts) or 0.0
    print(f"\n{'where the time went':<40}{'seconds':>9}{'share':>8}")
    for own, title in ((True, "the steps' own processes"), (False, "outside of them")):
        _print_parts(title, [part for part in parts if part.own_process is own], sum(part.seconds for part in parts))
    print(f"\nreal time: {seconds:.1f} s (target {MAXIMUM_SECONDS:.0f} s)")
    print(f"outside the steps' own processes: {100 * share:.1f} % (target {100 * MAXIMUM_SHARE:.0f} %)")
    jobs = sum(part.seconds for part in parts if part.name.endswith(": jobs")) / sum(part.seconds for part in parts)
    print(f"with functions and model servers counted as outside too: {100 * (1 - jobs):.1f} %")
    return int(seconds > MAXIMUM_SECONDS or share > MAXIMUM_SHARE)


def _print_parts(title: str, parts: list[TimePart], total: float) -> None:
    print(_line(title, sum(part.seconds for part in parts), total))
    for part in sorted(parts, key=lambda one: -one.seconds):
        print(_line(f"  {part.name}", part.seconds, total))


def _line(name: str, seconds: float, total: float) -> str:
    return f"{name:<40}{seconds:>9.2f}{100 * seconds / total:>7.1f}%"


if __name__ == "__main__":
    sys.exit(main())
