"""The process that a submission becomes: Spark's own SparkSubmit in a JVM that is told to start fast."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.offline.journal import Journal
from seatrial.offline.sagemaker import programs_table, spark_archive
from seatrial.offline.sagemaker.programs import smspark_submit
from seatrial.offline.spark.releases import Spark, installed
from seatrial.offline.spark.submission import Submission

MASTER = "SEATRIAL_SPARK_MASTER"
"""Environment variable: where Spark runs; `local[*]` unless it says otherwise, say `local-cluster[2,1,2048]`."""
SCHEMES = ("s3", "s3a", "s3n")
LARGE_INPUT_BYTES = 256 << 20
"""Jobs that read more get the JVM's optimising compiler, which small jobs would only wait for."""
DEFAULT_MEMORY = "2g"
_VIEW = "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
_WEB = "org.apache.hadoop.hdfs.web.WebHdfsFileSystem"
_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}
_OF_THE_CLUSTER = (
    "spark.master",
    "spark.submit.deployMode",
    "spark.dynamicAllocation.",
    "spark.shuffle.service.",
    "spark.executor.instances",
    "spark.executor.cores",
    "spark.executor.memoryOverhead",
    "spark.driver.memoryOverhead",
    "spark.emr-serverless.",
    "spark.executorEnv.PYSPARK",
    "spark.pyspark.",
    "spark.yarn.",
    "spark.driver.extraClassPath",
    "spark.executor.extraClassPath",
    "spark.driver.extraLibraryPath",
    "spark.executor.extraLibraryPath",
    "spark.hadoop.fs.s3",
)
"""Settings that speak of machines, their managers and EMRFS: they are checked by nobody here."""
_DRIVER_ENVIRONMENT = ("spark.emr-serverless.driverEnv.", "spark.yarn.appMasterEnv.")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a submission runs: its Spark, its folder, and what `s3://bucket` is for each bucket."""

    spark: Spark
    folder: Path
    buckets: Mapping[str, str]
    input_bytes: int = 0


def master() -> str:
    """Where Spark runs."""
    return os.environ.get(MASTER) or "local[*]"


def java_command(submission: Submission, place: Place, journal: Journal) -> tuple[str, ...]:
    """The Java command that spark-submit's shell script would build with a JVM of its own."""
    settings = _settings(submission, place, journal)
    home = place.spark.home
    java = str(Path(programs_table.java_home()) / "bin" / "java")
    opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in smspark_submit.OPENS]
    jvm = [f"-Xmx{settings['spark.driver.memory']}", *_jvm_options(place), *opens]
    jvm.append("-Djdk.reflect.useDirectMethodHandle=false")
    submit = ["org.apache.spark.deploy.SparkSubmit", "--master", master()]
    submit += [part for name, value in sorted(settings.items()) for part in ("--conf", f"{name}={value}")]
    files = {"--py-files": submission.py_files, "--files": submission.files}
    files |= {"--archives": submission.archives, "--jars": submission.jars}
    submit += [part for flag, uris in files.items() if uris for part in (flag, ",".join(uris))]
    return (java, "-cp", f"{home}/conf:{home}/jars/*", *jvm, *submit, submission.script, *submission.arguments)


def environment(submission: Submission, place: Place) -> dict[str, str]:
    """Where Spark, Java and Python are, and what the submission sets for its driver."""
    own = {
        name.removeprefix(prefix): value
        for prefix in _DRIVER_ENVIRONMENT
        for name, value in submission.settings.items()
        if name.startswith(prefix) and "PYSPARK" not in name
    }
    # Workers of a cluster build their executors' class path for the Scala version that they are told.
    spark = {"SPARK_HOME": str(place.spark.home), "SPARK_SCALA_VERSION": place.spark.scala_version}
    python = {"PYSPARK_PYTHON": place.spark.python, "PYSPARK_DRIVER_PYTHON": place.spark.python}
    return {**programs_table.spark_environment(place.folder), **spark, **python, **own}


def _jvm_options(place: Place) -> list[str]:
    shared = ["-Xss4m", "-XX:-UsePerfData", "-Xshare:auto", f"-Djava.io.tmpdir={place.folder / 'tmp'}"]
    archive = spark_archive.path()
    if place.spark == installed() and archive.exists():
        # An archive that does not fit costs time only; said on stdout it would be among the job's own words.
        shared += [f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    if place.input_bytes > LARGE_INPUT_BYTES:
        return [*shared, "-XX:+UseParallelGC"]
    return [*shared, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


def _settings(submission: Submission, place: Place, journal: Journal) -> dict[str, str]:
    asked = dict(submission.settings)
    left_out = sorted(name for name in asked if name.startswith(_OF_THE_CLUSTER))
    for name in left_out:
        journal.fidelity("spark settings", "not-proven", f"{name} has no meaning on this machine and was left out")
        del asked[name]
    files = {
        "spark.local.dir": str(place.folder / "tmp"),
        "spark.sql.warehouse.dir": f"file://{place.folder}/warehouse",
    }
    settings = {**smspark_submit.DEFAULTS, **files, **_s3(place.buckets), **asked}
    for name in ("spark.driver.memory", "spark.executor.memory"):
        settings[name] = _capped(name, settings.get(name, DEFAULT_MEMORY), journal)
    if master().startswith("local-cluster"):
        settings |= _worker_settings(place)
    return settings


def _s3(buckets: Mapping[str, str]) -> dict[str, str]:
    """Each bucket is a mount table; what its job writes appears as with EMR's committer."""
    settings = {
        "spark.sql.sources.ignoreDataLocality": "true",
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        "spark.hadoop.fs.viewfs.overload.scheme.target.webhdfs.impl": _WEB,
        "spark.hadoop.fs.viewfs.ignore.port.in.mount.table.name": "true",
    }
    for scheme in SCHEMES:
        settings[f"spark.hadoop.fs.{scheme}.impl"] = _VIEW
        settings[f"spark.hadoop.fs.viewfs.overload.scheme.target.{scheme}.impl"] = _WEB
    for bucket, uri in buckets.items():
        settings[f"spark.hadoop.fs.viewfs.mounttable.{bucket}.linkFallback"] = uri
    return settings


def _worker_settings(place: Place) -> dict[str, str]:
    """The executors are processes of their own: they start as the driver does, each with the memory of its worker."""
    opens = " ".join(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in smspark_submit.OPENS)
    memory = master().rstrip("]").rpartition(",")[2].strip()
    options = " ".join(_jvm_options(place))
    return {"spark.executor.memory": f"{memory}m", "spark.executor.extraJavaOptions": f"{opens} {options}"}


def _capped(name: str, asked: str, journal: Journal) -> str:
    """The memory asked for, at most a quarter of this machine's."""
    most = machine_memory_bytes() // 4
    if memory_bytes(asked) <= most:
        return asked
    capped = f"{most >> 20}m"
    journal.fidelity(name, "emulated", f"{asked} was asked for; {capped} of this machine's memory was given")
    return capped


def memory_bytes(text: str) -> int:
    """A size as Spark writes it; a bare number counts MiB.

    >>> memory_bytes("4g") == 4 << 30, memory_bytes("512") == 512 << 20, memory_bytes("16 GB") == 16 << 30
    (True, True, True)
    """
    plain = text.strip().lower().replace(" ", "").removesuffix("b")
    unit = plain[-1] if plain[-1:] in _UNITS else ""
    return int(float(plain.removesuffix(unit)) * (1 << _UNITS[unit or "m"]))


def machine_memory_bytes() -> int:
    """This machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def buckets_of(uris: Iterable[str]) -> set[str]:
    """The buckets that S3 URIs name.

    >>> sorted(buckets_of(["s3://a/b", "--date", "s3://c"]))
    ['a', 'c']
    """
    return {uri.removeprefix("s3://").partition("/")[0] for uri in uris if uri.startswith("s3://")}
