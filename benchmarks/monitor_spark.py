"""The monitor's Spark job over a table, by size: CPU time a row, and what merging the partitions' counts costs.

`python benchmarks/monitor_spark.py [--rows 1000000 4000000]`. The table is the window of `monitor_speed.py` (20 numeric
and 10 categorical columns of Parquet), its baseline is built of 20,000 rows. The job runs as spark-submit does, with
`local[2]`; CPU time of user and system with all child processes. The same table in one process, without Spark, must
give the same evaluation. Exits 1 when results differ or a target is missed.
"""

import argparse
import ctypes
import math
import sys
import tempfile
import time
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
from _monitor_data import NAMES, NUMERIC, write  # pyrefly: ignore[missing-import]
from spark_features import ROOT, SUBREAPER, measure  # pyrefly: ignore[missing-import]

from seatrial.columnar.window import WindowPart, part_of_batch
from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.offline.sagemaker.programs_table import java_home
from seatrial.offline.spark.releases import installed
from seatrial.statistics.baseline import Baseline, build_baseline

MAXIMUM_EXPONENT = 1.1
"""Of CPU time over rows, above the fixed cost's share: more would be a job that does not scale."""
BASELINE_ROWS = 20_000
PARTITIONS = 64


def baseline_of(folder: Path) -> Baseline:
    """A baseline of rows as texts, as the pipeline's step makes it."""
    write(folder / "baseline.parquet", BASELINE_ROWS, 0, 0.0)
    table = pq.read_table(folder / "baseline.parquet", columns=NAMES).to_pydict()
    rows = [[str(value) for value in row] for row in zip(*table.values(), strict=True)]
    kinds = [Feature(name, "numeric" if index < NUMERIC else "categorical") for index, name in enumerate(NAMES)]
    scores = [index % 100 / 100 for index in range(len(rows))]
    made = build_baseline(FeatureSchema(tuple(kinds)), rows, scores, [index % 3 == 0 for index in range(len(rows))])
    (folder / "baseline.json").write_text(made.to_json())
    return made


def submit(folder: Path, table: Path, out: Path) -> float:
    """CPU seconds of the job."""
    settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.memory": "3g"}
    settings |= {"spark.local.dir": str(folder / "spill"), "spark.driver.bindAddress": "127.0.0.1"}
    command = [str(Path(sys.executable).parent / "spark-submit"), "--master", "local[2]"]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    command += [str(ROOT / "pipelines/monitor/steps/read_table_spark.py"), "--baseline", str(folder / "baseline.json")]
    command += ["--table", str(table), "--output", str(out)]
    python = {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    java = {"JAVA_HOME": java_home(), "SPARK_HOME": str(installed().home), "SPARK_LOCAL_IP": "127.0.0.1"}
    return measure(command, {**python, **java, "OPENBLAS_NUM_THREADS": "1"}).cpu_seconds


def alone(folder: Path, table: Path, out: Path) -> float:
    """CPU seconds of the processing job's script."""
    script = str(ROOT / "pipelines/monitor/steps/read_table.py")
    command = [sys.executable, script, "--baseline", str(folder), "--table", str(table), "--output", str(out)]
    return measure(command, {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}).cpu_seconds


def merge_cost(baseline: Baseline, table: Path) -> tuple[float, float]:
    """CPU milliseconds to merge one more partition's part, read from its bytes, and its size in KB."""
    with pq.ParquetFile(next(table.glob("*.parquet"))) as file:
        body = part_of_batch(baseline, file.read_row_group(0, columns=NAMES)).to_bytes()
    began = time.process_time()
    reduce(WindowPart.merge, (WindowPart.from_bytes(body) for _ in range(PARTITIONS)))
    return (time.process_time() - began) / PARTITIONS * 1000, len(body) / 1024


def run(folder: Path, baseline: Baseline, rows: int) -> tuple[float, float, bool]:
    """CPU seconds of Spark and of one process, and whether both told the same."""
    table = folder / f"table-{rows}"
    table.mkdir()
    write(table / "part-0.parquet", rows, 1, 0.1)
    spark = submit(folder, table, folder / f"spark-{rows}")
    process = alone(folder, table, folder / f"process-{rows}")
    told = [(folder / f"{kind}-{rows}" / "evaluation.json").read_text().split() for kind in ("spark", "process")]
    merge, size = merge_cost(baseline, table)
    print(f"{rows:>12,}{spark:>12.1f}{process:>14.1f}{merge:>18.2f}{size:>12.0f}", flush=True)
    return spark, process, told[0] == told[1]


def main() -> int:
    """Print the table; 1 when results differ or a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 4_000_000])
    options = parser.parse_args()
    # Python workers outlive the JVM that started them; as children of this process they are counted.
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    print(f"{'rows':>12}{'Spark CPU s':>12}{'process CPU s':>14}{'merge ms a part':>18}{'KB a part':>12}")
    with tempfile.TemporaryDirectory() as name:
        baseline = baseline_of(Path(name))
        found = [run(Path(name), baseline, rows) for rows in options.rows]
    same = all(equal for _, _, equal in found)
    exponents = [
        math.log(more[0] / fewer[0]) / math.log(large / small)
        for (small, fewer), (large, more) in pairwise(zip(options.rows, found, strict=True))
    ]
    told = ", ".join(f"{exponent:.2f}" for exponent in exponents) or "one size"
    print(f"\nSpark and one process tell {'the same' if same else 'DIFFERENT THINGS'}; growth exponent {told}")
    print(f"target: at most {MAXIMUM_EXPONENT}")
    return int(not same or any(exponent > MAXIMUM_EXPONENT for exponent in exponents))


if __name__ == "__main__":
    sys.exit(main())
