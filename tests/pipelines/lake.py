"""A small lake in a folder: raw events written as an operator would, jobs run in this process, results read back."""

import importlib.util
import json
import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seatrial.offline.sagemaker import programs_table, spark_archive

PIPELINES = Path(__file__).parents[2] / "pipelines"


def java_options():
    """A quick start: C1 alone, and the machine's archive of Spark's classes, when there is one for this Java."""
    archive = spark_archive.path()
    quiet = "-Xlog:cds=off -Xlog:cds+dynamic=off"
    shared = f" -Xshare:auto -XX:SharedArchiveFile={archive} {quiet}" if archive.exists() else ""
    return f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC{shared}"


SPARK_SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",  # compiling costs more than running; the cluster's test compiles
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": java_options(),
}
EVENTS = pa.schema(
    {
        "event_id": pa.string(),
        "subscriber_id": pa.string(),
        "started_at": pa.timestamp("us", tz="UTC"),
        "received_at": pa.timestamp("us", tz="UTC"),
        "kind": pa.string(),
        "duration_seconds": pa.float64(),
        "data_mb": pa.float64(),
        "partner_id": pa.string(),
        "cell_id": pa.string(),
        "dropped": pa.int32(),
    }
)
DAY = date(2026, 6, 1)


def spark_session(master="local[2]"):
    """The process's one session, tiny and quick to start; other tests may have made it already."""
    from pyspark.sql import SparkSession

    if shutil.which("java") is None:
        os.environ.setdefault("JAVA_HOME", programs_table.java_home())
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.master(master)
    for key, value in SPARK_SETTINGS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    for key, value in SPARK_SETTINGS.items():
        if key.startswith("spark.sql."):
            session.conf.set(key, value)
    return session


def load_job(path):
    """A step's script as a module: `cdr/steps/curate_cdr`."""
    spec = importlib.util.spec_from_file_location(f"job_{path.replace('/', '_')}", PIPELINES / f"{path}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def moment(text):
    """`06-02 23:59` of 2026 in UTC."""
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def event(event_id, started="06-01 12:00", **changes):
    """A good call of subscriber s1, received two seconds after it started."""
    begun = moment(started) if isinstance(started, str) else started
    row = {
        "event_id": event_id,
        "subscriber_id": "s1",
        "started_at": begun,
        "received_at": begun + timedelta(seconds=2) if begun else moment("06-01 12:00"),
        "kind": "voice",
        "duration_seconds": 60.5,
        "data_mb": 0.0,
        "partner_id": "s2",
        "cell_id": "north-001",
        "dropped": 0,
    }
    return row | changes


class Lake:
    """Folders raw, curated and features below `root`, with one dataset `telecom`."""

    def __init__(self, root, spark):
        self.root, self.spark = root, spark

    @property
    def places(self):
        return ["--raw", str(self.root / "raw"), "--curated", str(self.root / "curated"), "--dataset", "telecom"]

    def folder(self, day, source="batch"):
        where = {"batch": f"events/cdr/date={day}", "stream": f"stream/cdr/date={day}/hour=12"}[source]
        return self.root / "raw" / "telecom" / where

    def land(self, rows, day=DAY, source="batch", name="part-00000", schema=EVENTS):
        """Write raw events (dicts or a table) as one file of a day of arrival."""
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema=schema)
        folder = self.folder(day, source)
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / f"{name}.parquet")
        return folder / f"{name}.parquet"

    def curate(self, *arguments):
        """Run the curation job; gives its summary."""
        job = load_job("cdr/steps/curate_cdr")
        from seatrial.spark.session import session

        session("tests")
        return job.run(self.spark, job.parse([*self.places, *arguments]))

    def account(self, day=DAY, job="curate_cdr"):
        path = self.root / f"curated/telecom/accounts/{job}/date={day}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def accounts(self, job="curate_cdr"):
        found = sorted((self.root / f"curated/telecom/accounts/{job}").glob("date=*.json"))
        return {path.stem[len("date=") :]: json.loads(path.read_text()) for path in found}

    def rows(self, table="cdr", bucket="curated"):
        """Rows of a published table in order, with the partition's value; from the files that lie there."""
        found = []
        for path in sorted((self.root / bucket / "telecom" / table).rglob("*.parquet")):
            column, _, value = path.parent.name.partition("=")
            found += [row | {column: value} for row in pq.ParquetFile(path).read().to_pylist()]
        return sorted(found, key=repr)

    def tree(self, bucket="curated"):
        """Every file with its bytes, but for what only remembers the raw files' times."""
        root = self.root / bucket
        files = [
            path
            for path in sorted(root.rglob("*"))
            if path.is_file() and "_seen" not in path.parts and path.suffix != ".crc"
        ]
        return {str(path.relative_to(root)): path.read_bytes() for path in files}

    def job(self, path, *arguments):
        """Run another step in this process, as of its arguments; gives its summary."""
        from seatrial.spark.session import session

        session("tests")
        job = load_job(path)
        places = ["--curated", str(self.root / "curated"), "--dataset", "telecom", *arguments]
        return job.run(self.spark, job.parse(places))

    def extract(self, table, rows, day, name="part-00000", schema=None):
        """Write one raw extract of a table."""
        folder = self.root / "raw" / "telecom" / "tables" / table / f"date={day}"
        folder.mkdir(parents=True, exist_ok=True)
        made = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(made, folder / f"{name}.parquet")
        return folder / f"{name}.parquet"

    def curate_tables(self, *arguments):
        return self.job("cdr/steps/curate_tables", "--raw", str(self.root / "raw"), *arguments)

    def put(self, table, job, rows, day, schema):
        """Publish a curated partition by hand, with its account, as a job would have."""
        folder = self.root / "curated" / "telecom"
        made = pa.Table.from_pylist(rows, schema=schema)
        path = folder / table / f"date={day}" / "part-00000.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(made, path)
        account = folder / "accounts" / job / f"date={day}.json"
        account.parent.mkdir(parents=True, exist_ok=True)
        files = [f"file:{path}"] if rows else []
        account.write_text(json.dumps({"rows": len(rows), "files": files, "checksum": str(len(rows)), "sources": {}}))


CRM_ROW = {
    "subscriber_id": "s1",
    "tenure_months": 5,
    "plan_type": "prepaid",
    "contract": "monthly",
    "region": "north",
    "age_band": "18-25",
    "device_tier": "mid",
    "autopay": 1,
}


def customer(subscriber_id, **changes):
    """A row of the CRM."""
    return CRM_ROW | {"subscriber_id": subscriber_id} | changes
