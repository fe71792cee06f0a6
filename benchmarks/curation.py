"""Curation of raw call records by Spark: CPU time by size, on the generator's events with its faults.

Run: `python benchmarks/curation.py [--sizes 0.5,2]`, sizes in million events. CPU time of user and system of the whole
process, so a size has Java's start and compiling in it; the line through the sizes tells them apart. Exits 1 when a
million events costs more than the target.
"""

import argparse
import ctypes
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from spark_features import (  # pyrefly: ignore[missing-import]
    EVENTS_A_SUBSCRIBER,
    START,
    SUBREAPER,
    WINDOW_DAYS,
    Used,
    submit,
)

from seatrial.telecom.fleet import generate_files
from seatrial.telecom.plan import Faults, Plan

FAULTS = Faults(duplicates=0.01, late=0.005, too_late=0.002, out_of_order=0.01, bad=0.002)
MAXIMUM_CPU_SECONDS_A_MILLION = 30.0
"""The line's slope; the job as it was before each row was asked but one short question took more."""


def run_size(millions: float) -> tuple[int, Used]:
    """Generate, curate, and hold the accounts against the number of events; gives that and what was used."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subscribers = round(millions * 1_000_000 / EVENTS_A_SUBSCRIBER)
        plan = Plan(subscribers=subscribers, days=WINDOW_DAYS, seed=1, start=START, faults=FAULTS)
        generate_files(plan, str(folder / "raw" / "telecom"))
        rows = json.loads((folder / "raw/telecom/_generated.json").read_text())["events"]["rows"]
        places = ["--raw", str(folder / "raw"), "--curated", str(folder / "curated")]
        # The days after the last one hold its latest events alone, which is no feed that fell silent.
        used = submit("cdr/steps/curate_cdr.py", [*places, "--silent-feeds", "publish"], folder)
        accounts = (folder / "curated/telecom/accounts/curate_cdr").glob("date=*.json")
        read = sum(json.loads(path.read_text())["read"] for path in accounts)
    if read != rows:
        raise SystemExit(f"{rows} events were generated, {read} are accounted for")
    return rows, used


def main() -> int:
    """Measure each size and print the line through them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="0.5,2", help="million events, separated by commas, at least two")
    sizes = [float(text) for text in parser.parse_args().sizes.split(",")]
    if len(sizes) < 2:
        parser.error("--sizes must be at least two: a line is drawn through them")
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    print(f"{'events':>12}{'CPU s':>9}{'peak MiB':>10}")
    runs = []
    for millions in sizes:
        runs.append(run_size(millions))
        print(f"{runs[-1][0]:>12,}{runs[-1][1].cpu_seconds:>9.1f}{runs[-1][1].peak_mib:>10.0f}", flush=True)
    events, seconds = [rows / 1e6 for rows, _ in runs], [used.cpu_seconds for _, used in runs]
    slope, fixed = np.polyfit(events, seconds, 1)
    print(f"{fixed:.1f} CPU s + {slope:.1f} per million events (target {MAXIMUM_CPU_SECONDS_A_MILLION:.0f})")
    return int(slope > MAXIMUM_CPU_SECONDS_A_MILLION)


if __name__ == "__main__":
    sys.exit(main())
