"""An archive of Spark's classes that its processes share, so that each starts faster; made once for a machine.

`python -m seatrial.offline.sagemaker.spark_archive` makes it; without it Spark jobs run all the same.
"""

import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from seatrial.offline.sagemaker import programs_table

SAMPLE = """
from pathlib import Path
from pyspark.sql import SparkSession, functions
here = Path.cwd().as_uri()
spark = SparkSession.builder.getOrCreate()
rows = spark.range(1000).selectExpr("id % 7 as k", "cast(id as string) as s", "id as v")
grouped = rows.groupBy("k").agg(functions.sum("v").alias("total"), functions.countDistinct("s").alias("n"))
joined = rows.join(grouped, "k", "left")
joined.write.mode("overwrite").parquet(f"{here}/parquet")
spark.read.parquet(f"{here}/parquet").write.mode("overwrite").option("header", True).csv(f"{here}/csv")
"""


def path() -> Path:
    """Where the archive of this Spark and this Java lies, which it knows by their paths; it need not exist."""
    java = Path(programs_table.java_home())
    spark = importlib.metadata.distribution("pyspark")
    key = f"{spark.version} {spark.locate_file('')} {java} {(java / 'release').read_text(encoding='utf-8')}"
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    return cache / "seatrial" / f"spark-{hashlib.sha256(key.encode()).hexdigest()[:12]}.jsa"


def make() -> Path:
    """Run a small job and keep the classes that it loaded; does nothing when the archive is there."""
    archive = path()
    if archive.exists():
        return archive
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        (folder / "sample.py").write_text(SAMPLE, encoding="utf-8")
        fresh = folder / "fresh.jsa"
        environment = {**os.environ, **programs_table.spark_environment(folder)}
        environment |= {"SPARK_CLASS_ARCHIVE_AT_EXIT": str(fresh), "TMPDIR": str(folder / "tmp")}
        program = str(programs_table.PROGRAMS / "smspark_submit.py")
        command = [sys.executable, program, str(folder / "sample.py")]
        ended = subprocess.run(command, env=environment, cwd=folder, check=False, capture_output=True, text=True)
        if ended.returncode != 0 or not fresh.exists():
            raise SystemExit(f"the class archive could not be made; Spark runs without it: {ended.stderr[-1500:]}")
        beside = archive.with_suffix(".part")
        beside.write_bytes(fresh.read_bytes())
        beside.replace(archive)
    return archive


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")
