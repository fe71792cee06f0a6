"""CPU time and memory of summarising 30 columns of Parquet: `python benchmarks/summaries.py [--rows 100000 1000000]`.

20 numeric and 10 categorical columns, a reference and a window of the same size in which each numeric column moved a
little. The floor reads the same columns with pyarrow, one column of one row group at a time, and looks at nothing.
Every measurement is a process of its own, floor and summary in turns, lowest of the rounds; import is told apart.
Exits 1 when a target is missed at 1 M rows or more.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[1]
MAXIMUM_RATIO, MAXIMUM_KS_ERROR, MAXIMUM_MEMORY_MB = 2.5, 2e-4, 200.0
NUMERIC, CATEGORICAL = 20, 10
ROWS_OF_TARGET = 1_000_000
"""Below, the time is the cost of opening files, and a cell's own sampling error is larger than the target."""
PIECE = 250_000
NAMES = [f"x{index}" for index in range(NUMERIC)] + [f"c{index}" for index in range(CATEGORICAL)]


def numeric_column(index: int, size: int, rng: np.random.Generator, shift: float) -> np.ndarray:
    """Normal, log-normal, exponential, count and far-from-zero columns in turn."""
    kinds = (
        lambda: rng.normal(shift, 1, size),
        lambda: rng.lognormal(shift, 1, size),
        lambda: rng.exponential(1 + shift, size),
        lambda: rng.poisson(20 * (1 + shift), size).astype(np.float64),
        lambda: rng.normal(1e6 + shift, 1, size),
    )
    return kinds[index % len(kinds)]()


def write(path: str, rows: int, seed: int, shift: float) -> None:
    """A file in row groups of 250,000 rows."""
    rng = np.random.default_rng(seed)
    writer = None
    for start in range(0, rows, PIECE):
        size = min(PIECE, rows - start)
        columns = {f"x{index}": pa.array(numeric_column(index, size, rng, shift)) for index in range(NUMERIC)}
        for index in range(CATEGORICAL):
            texts = pa.array([f"value-{number}" for number in range(3 + index * 5)])
            columns[f"c{index}"] = pa.DictionaryArray.from_arrays(rng.integers(0, len(texts), size), texts)
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def read(paths: list[str]) -> None:
    """The floor: decode every column, one row group at a time."""
    for path in paths:
        for name in NAMES:
            with pq.ParquetFile(path, read_dictionary=NAMES[NUMERIC:]) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group, columns=[name], use_threads=False)


def summarise(paths: list[str], kept: str) -> None:
    """The baseline's map and summary, the window's, and all distances of all columns."""
    from seatrial.columnar.parquet import freeze_maps, summarise_parquet
    from seatrial.statistics.distances.comparison import compare

    maps = freeze_maps(paths[:1], NAMES)
    baseline, window = (summarise_parquet([path], maps) for path in paths)
    told = [compare(baseline.columns[name], window.columns[name]) for name in NAMES]
    distances = [distance.l_infinity for distance in told[:NUMERIC] if distance]
    Path(kept).write_text(json.dumps({"distances": distances, "bytes": len(window.to_bytes())}))


def exact_distances(paths: list[str]) -> list[float]:
    """KS distances by sorting all values."""
    found = []
    for name in NAMES[:NUMERIC]:
        first, second = (np.sort(pq.read_table(path, columns=[name])[name].to_numpy()) for path in paths)
        values = np.concatenate([first, second])
        shares = [np.searchsorted(side, values, side="right") / len(side) for side in (first, second)]
        found.append(float(np.abs(shares[0] - shares[1]).max()))
    return found


def child(task: str, paths: list[str], kept: str) -> None:
    """One measurement: prints CPU seconds of the work, of importing, and peak memory in MB."""
    if task == "summary":
        import seatrial.columnar.parquet
        import seatrial.statistics.distances.comparison  # noqa: F401 - the work is measured after the imports
    imported = time.process_time()
    read(paths) if task == "floor" else summarise(paths, kept)
    spent = time.process_time() - imported
    # ru_maxrss would begin with the size of the process that started this one
    peak = int(re.findall(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[0]) / 1024
    print(json.dumps({"cpu": spent, "import": imported, "peak": peak}))


def measure(task: str, paths: list[str], kept: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", task, "--kept", kept, "--paths", *paths]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{task} failed:\n{done.stderr}")
    return json.loads(done.stdout)


def run(rows: int, rounds: int) -> bool:
    """One line of the table; whether the targets were met."""
    with tempfile.TemporaryDirectory() as folder:
        paths, kept = [str(Path(folder) / f"{side}.parquet") for side in ("reference", "window")], f"{folder}/kept"
        for seed, (path, shift) in enumerate(zip(paths, (0.0, 0.1), strict=True)):
            write(path, rows, seed, shift)
        taken = [(measure("floor", paths, kept), measure("summary", paths, kept)) for _ in range(rounds)]
        result = json.loads(Path(kept).read_text())
        errors = [abs(a - b) for a, b in zip(result["distances"], exact_distances(paths), strict=True)]
    floor, ours = (min(side["cpu"] for side in sides) for sides in zip(*taken, strict=True))
    peaks = [min(side["peak"] for side in sides) for sides in zip(*taken, strict=True)]
    loaded = min(side["import"] for _, side in taken)
    print(
        f"{rows:>10}{floor:>10.2f}{ours:>10.2f}{ours / floor:>8.2f}{peaks[0]:>10.0f}{peaks[1]:>10.0f}"
        f"{loaded:>10.2f}{max(errors):>12.1e}{result['bytes'] / 1024:>10.0f}",
        flush=True,
    )
    met = ours / floor < MAXIMUM_RATIO and max(errors) < MAXIMUM_KS_ERROR and peaks[1] < MAXIMUM_MEMORY_MB
    return met or rows < ROWS_OF_TARGET


def main() -> int:
    """Print the table; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=("floor", "summary"), help=argparse.SUPPRESS)
    parser.add_argument("--kept", help=argparse.SUPPRESS)
    parser.add_argument("--paths", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.paths, options.kept)
        return 0
    print(f"reference and window, {NUMERIC} numeric and {CATEGORICAL} categorical columns; CPU seconds of both files")
    print(f"{'rows each':>10}{'floor':>10}{'ours':>10}{'ratio':>8}{'floor MB':>10}{'ours MB':>10}", end="")
    print(f"{'import':>10}{'KS error':>12}{'KB a file':>10}")
    met = [run(rows, options.rounds) for rows in options.rows]
    print(f"targets from {ROWS_OF_TARGET:,} rows on: ratio {MAXIMUM_RATIO}, KS error {MAXIMUM_KS_ERROR},", end=" ")
    print(f"{MAXIMUM_MEMORY_MB:.0f} MB")
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
