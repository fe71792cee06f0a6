"""Rows a second of the telecom generator against a floor: `python benchmarks/generator.py [--subscribers 100000]`.

The floor writes random numpy arrays of the same columns, types and rows to the same number of Parquet files with the
same settings: what no generator can do without. CPU time of user and system, lowest of the rounds taken in turns.
Exits 1 when a target is missed.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from seatrial.telecom.events import ENCODED, EVENT_SCHEMA
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.landing import Landing
from seatrial.telecom.plan import Plan

ROWS_A_SECOND = 2_000_000
"""Target of events on two cores that have nothing else to do; told by CPU time, for other work may run."""
MAXIMUM_RATIO = 3.0
CORES = 2


@dataclass(frozen=True)
class Run:
    """One measured run."""

    rows: int
    cpu_seconds: float
    seconds: float
    bytes: int

    @property
    def rows_a_cpu_second(self) -> float:
        return self.rows / self.cpu_seconds


def measure(work: Callable[[str], int]) -> Run:
    """Time, processor time (with child processes) and bytes of a work that fills a folder and tells its rows."""
    with tempfile.TemporaryDirectory() as folder:
        cpu, began = cpu_seconds(), time.perf_counter()
        rows = work(str(Path(folder) / "out"))
        spent, passed = cpu_seconds() - cpu, time.perf_counter() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
    return Run(rows, spent, passed, size)


def cpu_seconds() -> float:
    """User and system time of this process and of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def generate(plan: Plan, workers: int, place: str) -> int:
    """The generator's events."""
    return generate_files(plan, place, workers=workers, events_only=True).rows["events"]


def floor(rows: int, files: int, place: str) -> int:
    """Random numbers as a table of events, written in equal parts."""
    rng, size = np.random.default_rng(1), rows // files
    landing = Landing(place)
    names = pa.array([f"s{number:011d}" for number in range(8192)])
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    for number in range(files):
        table = random_events(rng, size, names, letters)
        with landing.parquet(f"part-{number:05d}.parquet", table.schema, ENCODED) as file:
            file.write(table)
    return size * files


def random_events(rng: np.random.Generator, size: int, names: pa.Array, letters: np.ndarray) -> pa.Table:
    """Columns of the events' types; ids as random letters, categories as random indexes."""
    moments = pa.array(rng.integers(0, 2**50, size)).cast(pa.timestamp("us", tz="UTC"))
    texts = letters[rng.integers(0, 16, (size, 16), dtype=np.uint8)]
    offsets = np.arange(size + 1, dtype=np.int32) * 16
    ids = pa.StringArray.from_buffers(size, pa.py_buffer(offsets), pa.py_buffer(texts))

    def category(count: int) -> pa.DictionaryArray:
        index = pa.array(rng.integers(0, count, size, dtype=np.int32))
        return pa.DictionaryArray.from_arrays(index, names.slice(0, count))

    columns = [ids, category(8192), moments, moments, category(3), rng.random(size), rng.random(size), ids]
    columns += [category(96), pa.array(rng.integers(0, 2, size, dtype=np.int32))]
    return pa.Table.from_arrays([pa.array(one) for one in columns], names=EVENT_SCHEMA.names)


def main() -> int:
    """Print the table; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    plan = Plan(subscribers=options.subscribers, days=options.days, seed=1)
    runs: dict[str, list[Run]] = {"generator": [], "floor": [], "generator, two processes": []}
    for _ in range(options.rounds):
        runs["generator"].append(measure(lambda place: generate(plan, 1, place)))
        rows, files = runs["generator"][0].rows, plan.blocks * (options.days + 1)
        runs["floor"].append(measure(lambda place, rows=rows, files=files: floor(rows, files, place)))
        runs["generator, two processes"].append(measure(lambda place: generate(plan, CORES, place)))
    return report(runs, options)


def report(runs: dict[str, list[Run]], options: argparse.Namespace) -> int:
    """Print the best run of each kind."""
    best = {name: min(those, key=lambda run: run.cpu_seconds) for name, those in runs.items()}
    quickest = {name: min(run.seconds for run in those) for name, those in runs.items()}
    print(f"{options.subscribers:,} subscribers, {options.days} days, best of {options.rounds} rounds\n")
    print(f"{'':<26}{'rows':>12}{'CPU s':>8}{'rows a CPU s':>14}{'seconds':>9}{'rows a s':>12}{'bytes a row':>13}")
    for name, run in best.items():
        speed = f"{run.rows / quickest[name]:>12,.0f}{run.bytes / run.rows:>13.1f}"
        print(f"{name:<26}{run.rows:>12,}{run.cpu_seconds:>8.2f}{run.rows_a_cpu_second:>14,.0f}", end="")
        print(f"{quickest[name]:>9.2f}{speed}")
    pair = CORES * best["generator"].rows_a_cpu_second
    ratio = best["floor"].rows_a_cpu_second / best["generator"].rows_a_cpu_second
    print(f"\n{CORES} cores with nothing else to do: {pair:,.0f} rows a second (target {ROWS_A_SECOND:,})")
    print(f"ratio to the floor: {ratio:.2f} (target {MAXIMUM_RATIO})")
    return int(pair < ROWS_A_SECOND or ratio > MAXIMUM_RATIO)


if __name__ == "__main__":
    sys.exit(main())
