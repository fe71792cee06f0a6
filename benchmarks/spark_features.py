"""The churn feature job on Spark against the same features by DuckDB and by Polars, on one machine, by size.

Run: `python benchmarks/spark_features.py [--sizes 1,10,50] [--cluster] [--record]`, sizes in million events. Events,
tables and history are the generator's; a run is a process of its own, Spark's by spark-submit. CPU time of user and
system with all child processes; memory of the largest process. `--cluster` adds Spark on a cluster of two worker
processes; `--record` keeps the figures for tools/data_costs.py. Exits 1 when results differ or a target is missed.
"""

import argparse
import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.contracts.churn_features import CHURN_FEATURES, WINDOW_DAYS
from seatrial.offline.sagemaker.programs_table import java_home
from seatrial.offline.spark.releases import installed
from seatrial.telecom.fleet import generate_files
from seatrial.telecom.plan import Plan
from tools.data_costs import RUNS, TWO_WORKERS, Run, exponent, fit

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).resolve().parent
ENVIRONMENT = Path.home() / ".cache" / "seatrial" / "benchmarks" / "polars"
POLARS = "polars==2.1.0"
START = date(2026, 6, 1)
AS_OF = START + timedelta(days=WINDOW_DAYS)
EVENTS_A_SUBSCRIBER = 70.7
"""In 30 days, by docs/reference/telecom-data.md."""
MAXIMUM_EXPONENT = 1.1
"""Of CPU time over events: more would be a job that does not scale."""
MAXIMUM_CPU_SECONDS_A_MILLION = 15.0
"""Of Spark, above its fixed cost."""
MEMORY = "6g"
LAST_BITS = 1e-15
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): executors that outlive their driver become our children, and are counted."""


@dataclass(frozen=True)
class Used:
    """What a process and its children used."""

    cpu_seconds: float
    peak_mib: float


def measure(command: list[str], environment: dict[str, str] | None = None) -> Used:
    """Run to the end, in a process group of its own; ends the program with the last words when it fails."""
    with tempfile.TemporaryFile() as words:
        settings = {**os.environ, **(environment or {})}
        started = subprocess.Popen(command, stdout=words, stderr=words, env=settings, start_new_session=True)
        try:
            ended = list(_reap(started.pid))
        except BaseException:
            os.killpg(started.pid, signal.SIGKILL)
            raise
        code = started.returncode = os.waitstatus_to_exitcode(ended[0][0])
        if code:
            words.seek(max(0, words.seek(0, os.SEEK_END) - 3000))
            raise SystemExit(f"{command[0]} ended with {code}:\n{words.read().decode(errors='replace')}")
    cpu = sum(usage.ru_utime + usage.ru_stime for _, usage in ended)
    return Used(cpu, max(usage.ru_maxrss for _, usage in ended) / 1024)


def _reap(pid: int) -> Iterator[tuple[int, resource.struct_rusage]]:
    """Status and usage of the process, then of what it left behind in its group."""
    _, status, usage = os.wait4(pid, 0)
    yield status, usage
    while True:
        try:
            _, status, usage = os.wait4(-pid, 0)
        except ChildProcessError:
            return
        yield status, usage


# ---------------------------------------------------------------------------------------------------------- the data


def prepare(folder: Path, events: int) -> tuple[int, int]:
    """Generate and curate about so many events; gives their number and the bytes of their files."""
    subscribers = round(events / EVENTS_A_SUBSCRIBER)
    plan = Plan(subscribers=subscribers, days=WINDOW_DAYS, seed=1, start=START, crm_every=10)
    generate_files(plan, str(folder / "raw"))
    curated = folder / "curated" / "telecom"
    connection = duckdb.connect(config={"threads": 2, "memory_limit": "4GB", "temp_directory": str(folder / "spill")})
    connection.execute("SET TimeZone = 'UTC'")
    days = [START + timedelta(days=number) for number in range(WINDOW_DAYS)]
    rows = sum(_curate_events(connection, folder / "raw", curated, day) for day in days)
    for name in ("billing", "care"):
        for place in sorted((folder / "raw" / "tables" / name).glob("date=*")):
            day = date.fromisoformat(place.name.removeprefix("date="))
            if day < AS_OF:
                query = f"SELECT *, DATE '{day}' AS known_on, 1 AS copies FROM {_files(place)}"
                _publish(connection, query, curated / name, f"curate_{name}", day)
    history = HISTORY.format(files=_files(folder / "raw/tables/crm/*", filename=True))
    _publish(connection, history, curated / "crm_history", "crm_history", AS_OF - timedelta(days=1))
    connection.close()
    shutil.rmtree(folder / "raw")
    return rows, sum(path.stat().st_size for path in (curated / "cdr").rglob("*.parquet"))


HISTORY = """
WITH days AS (
    SELECT *, regexp_extract(filename, 'date=([0-9-]+)', 1)::DATE AS day,
        md5(concat_ws('|', plan_type, contract, region, age_band, device_tier, autopay)) AS content
    FROM {files}
), changed AS (
    SELECT * FROM days
    QUALIFY content IS DISTINCT FROM lag(content) OVER (PARTITION BY subscriber_id ORDER BY day)
)
SELECT subscriber_id, day AS valid_from, lead(day) OVER (PARTITION BY subscriber_id ORDER BY day) AS valid_to,
    tenure_months, plan_type, contract, region, age_band, device_tier, autopay
FROM changed
"""


def _curate_events(connection: duckdb.DuckDBPyConnection, raw: Path, curated: Path, day: date) -> int:
    """Events by the day on which they started: those of a midnight arrive the day after."""
    places = [raw / f"events/cdr/date={one}" for one in (day, day + timedelta(days=1))]
    files = _files(*(path for path in places if path.exists()))
    extra = "'batch' AS source, 0 AS late, 1 AS copies_batch, 0 AS copies_stream"
    query = f"SELECT *, {extra} FROM {files} WHERE started_at::DATE = DATE '{day}'"
    return _publish(connection, query, curated / "cdr", "curate_cdr", day)


def _files(*folders: Path, filename: bool = False) -> str:
    names = ", ".join(f"'{folder}/*.parquet'" for folder in folders)
    return f"read_parquet([{names}], hive_partitioning = false, filename = {filename})"


def _publish(connection: duckdb.DuckDBPyConnection, query: str, table: Path, job: str, day: date) -> int:
    """One file of a partition and its account, in the form of seatrial/spark/publish.py."""
    path = table / f"date={day}" / "part-00000.parquet"
    account = table.parent / "accounts" / job / f"date={day}.json"
    for one in (path, account):
        one.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
    rows = pq.read_metadata(path).num_rows
    account.write_text(json.dumps({"rows": rows, "files": [f"file:{path}"], "checksum": f"{rows:016x}"}))
    return rows


# ----------------------------------------------------------------------------------------------------------- engines


def spark(folder: Path, out: Path, master: str = "local[*]") -> Used:
    """The feature job."""
    arguments = ["--curated", str(folder / "curated"), "--features", str(out), "--as-of", str(AS_OF)]
    return submit("churn/steps/usage_features.py", arguments, folder, master)


def submit(step: str, arguments: list[str], folder: Path, master: str = "local[*]") -> Used:
    """A step as spark-submit runs it, with Spark's own settings but for memory, folders and the user interface."""
    settings = {
        "spark.ui.enabled": "false",
        "spark.local.dir": folder / "spill",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    settings |= {"spark.driver.host": "127.0.0.1", "spark.driver.memory": MEMORY}
    if master.startswith("local-cluster"):
        settings |= {"spark.executor.memory": "2g", "spark.driver.memory": "2g"}
    command = [str(Path(sys.executable).parent / "spark-submit"), "--master", master]
    command += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    command += [str(ROOT / "pipelines" / step), "--dataset", "telecom", *arguments]
    installation = installed()
    environment = {"JAVA_HOME": java_home(), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(installation.home)}
    # Workers of a cluster build their executors' class path for the Scala version that they are told.
    environment |= {"SPARK_SCALA_VERSION": installation.scala_version}
    environment |= {"PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}
    return measure(command, environment)


def script(python: str, name: str, folder: Path, out: Path) -> Used:
    """One of the scripts beside this one."""
    return measure([python, str(HERE / name), str(folder / "curated" / "telecom"), str(out), str(AS_OF)])


def polars_python() -> str | None:
    """A Python with polars in an environment of its own, made when it is missing; None, with the reason printed."""
    python = ENVIRONMENT / "bin" / "python"
    if _has_polars(python):
        return str(python)
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if uv is None:
        print("polars is left out: there is no uv to make its environment with")
        return None
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    made = [[uv, "venv", "-q", "--clear", "--python", sys.executable, str(ENVIRONMENT)]]
    made += [[uv, "pip", "install", "-q", "--python", str(python), POLARS]]
    for command in made:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1].strip()
            print(f"polars is left out: {' '.join(command[1:3])}: {reason}")
            return None
    return str(python)


def _has_polars(python: Path) -> bool:
    program = f"import polars; raise SystemExit(polars.__version__ != {POLARS.partition('==')[2]!r})"
    return python.exists() and subprocess.run([python, "-c", program], check=False).returncode == 0


# ------------------------------------------------------------------------------------------------------- one size


def run_size(millions: float, polars: str | None, cluster: bool) -> Iterator[Run]:
    """All engines on the same events; ends the program when their rows differ."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, size = prepare(folder, round(millions * 1_000_000))
        outs = {"spark": folder / "spark", "duckdb": folder / "duckdb.parquet"}
        used = {"spark": spark(folder, outs["spark"])}
        used["duckdb"] = script(sys.executable, "_features_duckdb.py", folder, outs["duckdb"])
        if polars:
            outs["polars"] = folder / "polars.parquet"
            used["polars"] = script(polars, "_features_polars.py", folder, outs["polars"])
        if cluster:
            outs[TWO_WORKERS] = folder / "cluster"
            used[TWO_WORKERS] = spark(folder, outs[TWO_WORKERS], "local-cluster[2,1,2048]")
        rows = compare(outs)
    for engine, one in used.items():
        yield Run(engine=engine, events=events, bytes=size, rows=rows, **asdict(one))


def compare(outs: dict[str, Path]) -> int:
    """Rows of the results; ends the program when two engines do not agree in every row and column.

    DuckDB and Spark agree to the last bit; Polars multiplies by the inverse of a constant where they divide by it.
    """
    tables = {}
    for engine, path in outs.items():
        found = sorted(path.glob("telecom/churn/as_of=*/*.parquet")) if path.is_dir() else [path]
        table = pq.ParquetDataset(found, partitioning=None).read(columns=list(CHURN_FEATURES.names))
        tables[engine] = table.sort_by("subscriber_id")
    first = tables["spark"]
    for engine, table in tables.items():
        different = differences(first, table.select(first.column_names).cast(first.schema), exact=engine != "polars")
        if different:
            raise SystemExit(f"{engine} and spark differ: {', '.join(different)}")
    return first.num_rows


def differences(one: pa.Table, other: pa.Table, *, exact: bool) -> list[str]:
    """What two tables of the same columns do not agree in."""
    if one.num_rows != other.num_rows:
        return [f"{one.num_rows} and {other.num_rows} rows"]
    return [name for name in one.column_names if not _same(one[name], other[name], exact)]


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray, exact: bool) -> bool:
    if one.equals(other):
        return True
    if exact or one.type != pa.float64() or not one.is_null().equals(other.is_null()):
        return False
    return np.allclose(one.drop_null().to_numpy(), other.drop_null().to_numpy(), rtol=LAST_BITS, atol=0)


def report(runs: list[Run]) -> int:
    """Print the table and what follows from it; 1 when a target was missed."""
    print(
        f"{'engine':<18}{'events':>12}{'CPU s':>9}{'to DuckDB':>11}{'peak MiB':>10}{'rows':>10}{'bytes an event':>16}"
    )
    base = {run.events: run.cpu_seconds for run in runs if run.engine == "duckdb"}
    for run in sorted(runs, key=lambda one: (one.events, one.cpu_seconds)):
        figures = f"{run.cpu_seconds:>9.1f}{run.cpu_seconds / base[run.events]:>11.1f}{run.peak_mib:>10.0f}"
        print(f"{run.engine:<18}{run.events:>12,}{figures}{run.rows:>10,}{run.bytes / run.events:>16.1f}")
    missed = []
    for engine in dict.fromkeys(run.engine for run in runs):
        own = [run for run in runs if run.engine == engine]
        if len(own) < 2:
            continue
        line, grown = fit(own), exponent(own)
        print(f"\n{engine}: {line.fixed:.1f} CPU s + {line.per_million:.2f} per million events", end="")
        print(f" (largest residual {100 * line.residual:.0f} %), growth exponent {grown:.2f}", end="")
        missed += [engine] if grown > MAXIMUM_EXPONENT else []
        missed += [engine] if engine == "spark" and line.per_million > MAXIMUM_CPU_SECONDS_A_MILLION else []
    print(f"\n\nall results are equal, row for row; targets: exponent at most {MAXIMUM_EXPONENT}, ", end="")
    print(f"Spark at most {MAXIMUM_CPU_SECONDS_A_MILLION:.0f} CPU s per million events above its fixed cost")
    return int(bool(missed))


def main() -> int:
    """Measure each size, print, keep the figures when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1,5", help="million events, separated by commas")
    parser.add_argument("--cluster", action="store_true", help="also on local-cluster with two workers")
    parser.add_argument("--record", action="store_true", help="add the runs to those of docs/reference/data-costs.md")
    options = parser.parse_args()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    polars, runs = polars_python(), []
    for text in options.sizes.split(","):
        runs += run_size(float(text), polars, options.cluster)
        print(f"{runs[-1].events:,} events measured", flush=True)
        if options.record:
            record(runs)
    return report(runs)


def record(runs: list[Run]) -> None:
    """Replace recorded runs of the same engine and size."""
    kept = [Run(**one) for one in json.loads(RUNS.read_text())] if RUNS.exists() else []
    new = {(run.engine, run.events) for run in runs}
    both = [run for run in kept if (run.engine, run.events) not in new] + runs
    both.sort(key=lambda run: (run.engine, run.events))
    RUNS.parent.mkdir(exist_ok=True)
    RUNS.write_text(json.dumps([asdict(run) for run in both], indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
