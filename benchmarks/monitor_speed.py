"""CPU time and memory of the monitor's statistics against a plain read and against other libraries, in one run.

`python benchmarks/monitor_speed.py [--rows 100000 1000000 10000000] [--peer-rows 1000000] [--no-peers]`. 30 columns (20
numeric, 10 categorical) of Parquet, a reference and a window of the same size. The floor reads the same columns with
pyarrow, one column of one row group at a time, and looks at nothing; floor and ours run in turns, lowest of the rounds.
Every measurement is a process of its own; importing is told apart. Exits 1 when a target is missed.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from _environments import environment  # pyrefly: ignore[missing-import]
from _monitor_data import CATEGORICAL, NAMES, NUMERIC, exact_distances, write_pair  # pyrefly: ignore[missing-import]
from _monitor_peers import ARROW, PEERS  # pyrefly: ignore[missing-import]

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
MAXIMUM_RATIO, MAXIMUM_KS_ERROR, MAXIMUM_MEMORY_MB = 2.5, 2e-4, 200.0
MINIMUM_AGAINST_EVIDENTLY, ROWS_AGAINST_EVIDENTLY = 150.0, 1_000_000
WINDOWS = 24
"""Summaries of hourly windows that are merged into a day's."""
QUIET = {"OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1"}
"""One thread, as the others; and no library tells anyone that it was used."""


@dataclass(frozen=True)
class Line:
    """What one program used: CPU seconds of the work and of importing, peak memory in MB, largest KS error."""

    name: str
    cpu: float
    imported: float
    peak: float
    error: float | None = None


def read(paths: list[str]) -> None:
    """The floor: decode every column, one row group at a time."""
    for path in paths:
        for name in NAMES:
            with pq.ParquetFile(path, read_dictionary=NAMES[NUMERIC:]) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group, columns=[name], use_threads=False)


def summarise(paths: list[str]) -> dict[str, Any]:
    """The baseline's maps and summary, the window's, and all distances; then, untimed, what they hold."""
    from seatrial.columnar.parquet import summarise_baseline, summarise_parquet
    from seatrial.statistics.distances.comparison import compare

    began = time.process_time()
    baseline = summarise_baseline(paths[:1], NAMES)
    window = summarise_parquet(paths[1:], baseline.maps)
    told = {name: compare(baseline.columns[name], window.columns[name]) for name in NAMES}
    cpu = time.process_time() - began
    peak = peak_mb()
    began = time.process_time()
    reduce(type(window).merge, [window] * WINDOWS)
    merged = time.process_time() - began
    distances = {name: distance.l_infinity for name, distance in told.items() if distance}
    return {"cpu": cpu, "peak": peak, "distances": distances, "bytes": len(window.to_bytes()), "merge": merged}


def peak_mb() -> float:
    """Of this process; ru_maxrss would begin with the size of the process that started it."""
    return int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024


def child(task: str, paths: list[str]) -> None:
    """One measurement, printed as JSON."""
    if task == "ours":
        import seatrial.columnar.parquet
        import seatrial.statistics.distances.comparison  # noqa: F401 - the work is measured after the imports
    imported = time.process_time()
    told: dict[str, Any] = {}
    if task == "ours":
        told = summarise(paths)
    else:
        read(paths)
    print(json.dumps({"cpu": time.process_time() - imported, "peak": peak_mb(), "import": imported, **told}))


def measure(command: list[str]) -> dict[str, Any]:
    """The JSON that a program printed last; raises `RuntimeError` with its last words when it failed."""
    settings = os.environ | QUIET | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or [f"ended by {done.returncode}"])[-1][-300:])
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(task: str, paths: list[str]) -> dict[str, Any]:
    """Floor or summary, in a process of its own."""
    return measure([sys.executable, __file__, "--child", task, "--paths", *paths])


def best(name: str, rounds: list[dict[str, Any]], exact: dict[str, float]) -> Line:
    """The lowest of the rounds."""
    cpu, imported, peak = (min(item[key] for item in rounds) for key in ("cpu", "import", "peak"))
    return Line(name, cpu, imported, peak, _error(rounds[0].get("distances"), exact))


def _error(distances: dict[str, float] | None, exact: dict[str, float]) -> float | None:
    return max(abs(distances[name] - value) for name, value in exact.items()) if distances else None


def peers(paths: list[str], exact: dict[str, float]) -> list[Line]:
    """Every other library once, in an environment of its own; one that cannot run is told and left out."""
    lines = []
    for name, requirements in PEERS.items():
        python = environment(name, [*requirements, ARROW])
        if python is None:
            continue
        try:
            told = measure([str(python), str(HERE / "_monitor_peers.py"), name, *paths])
        except RuntimeError as error:
            print(f"{name} is left out: {error}", flush=True)
            continue
        lines.append(best(name, [told], exact))
    return lines


def run(rows: int, rounds: int, *, with_peers: bool) -> list[str]:
    """Print the table of one size; gives the targets that were missed."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_pair(Path(folder), rows)
        exact = exact_distances(paths)
        taken = [(ours("floor", paths), ours("ours", paths)) for _ in range(rounds)]
        floors, summaries = (list(side) for side in zip(*taken, strict=True))
        floor, mine = best("pyarrow, plain read", floors, {}), best("seatrial", summaries, exact)
        others = peers(paths, exact) if with_peers else []
    kept, merged = summaries[0]["bytes"] / 1024, min(item["merge"] for item in summaries)
    print(
        f"\n{rows:,} rows each: {kept:.0f} KB a summary, {WINDOWS} of them merge in {merged * 1000:.0f} ms of CPU time"
    )
    print(f"{'':<22}{'CPU s':>9}{'to floor':>10}{'to ours':>9}{'import s':>10}{'peak MB':>9}{'KS error':>10}")
    for line in (floor, mine, *others):
        error = f"{line.error:.1e}" if line.error is not None else "-"
        ratios = f"{line.cpu / floor.cpu:>10.2f}{line.cpu / mine.cpu:>9.1f}"
        print(f"{line.name:<22}{line.cpu:>9.2f}{ratios}{line.imported:>10.2f}{line.peak:>9.0f}{error:>10}", flush=True)
    return missed(rows, floor, mine, others)


def missed(rows: int, floor: Line, mine: Line, others: list[Line]) -> list[str]:
    """Sentences, one for each target that was missed."""
    ratio = mine.cpu / floor.cpu
    found = [f"{ratio:.2f} times the plain read, at most {MAXIMUM_RATIO}"] if ratio > MAXIMUM_RATIO else []
    if (mine.error or 0) > MAXIMUM_KS_ERROR:
        found.append(f"KS error {mine.error:.1e}, at most {MAXIMUM_KS_ERROR:.0e}")
    if mine.peak > MAXIMUM_MEMORY_MB:
        found.append(f"{mine.peak:.0f} MB, at most {MAXIMUM_MEMORY_MB:.0f}")
    for other in others:
        gain = other.cpu / mine.cpu
        if other.name == "evidently" and rows == ROWS_AGAINST_EVIDENTLY and gain < MINIMUM_AGAINST_EVIDENTLY:
            found.append(f"{gain:.0f} times less CPU time than Evidently, at least {MINIMUM_AGAINST_EVIDENTLY:.0f}")
    return [f"{rows:,} rows: {sentence}" for sentence in found]


def main() -> int:
    """Print the tables; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--peer-rows", type=int, default=1_000_000, help="the largest size for other libraries")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", choices=("floor", "ours"), help=argparse.SUPPRESS)
    parser.add_argument("--paths", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.paths)
        return 0
    print(f"reference and window of {NUMERIC} numeric and {CATEGORICAL} categorical columns; CPU seconds of both files")
    found = []
    for rows in options.rows:
        found += run(rows, options.rounds, with_peers=not options.no_peers and rows <= options.peer_rows)
    print("\n".join(["", *(f"missed: {sentence}" for sentence in found)]) if found else "\nall targets met")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
