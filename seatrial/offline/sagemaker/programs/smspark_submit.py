"""Stands in for the `smspark-submit` of AWS's Spark processing container: one local Spark, told to start fast."""

import argparse
import json
import os
import sys
from pathlib import Path

CONFIGURATION = Path("/opt/ml/processing/input/conf/configuration.json")
OPENS = (
    "java.lang",
    "java.lang.invoke",
    "java.lang.reflect",
    "java.io",
    "java.net",
    "java.nio",
    "java.util",
    "java.util.concurrent",
    "java.util.concurrent.atomic",
    "jdk.internal.ref",
    "sun.nio.ch",
    "sun.nio.cs",
    "sun.security.action",
    "sun.util.calendar",
)
DEFAULTS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.warehouse.dir": "file:///tmp/spark-warehouse",
    "spark.shuffle.compress": "false",
    "spark.broadcast.compress": "false",
    # AWS's image has HDFS as the default: a path without a scheme must fail here too, and soon.
    "spark.hadoop.fs.defaultFS": "hdfs://127.0.0.1:9",
    "spark.hadoop.ipc.client.connect.max.retries": "0",
}
"""What a script's own builder settings and the job's configuration.json override."""


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options of AWS's smspark-submit; the rest is the application and its arguments."""
    parser = argparse.ArgumentParser(prog="smspark-submit")
    parser.add_argument("--class", dest="class_name")
    for name in ("--py-files", "--jars", "--files"):
        parser.add_argument(name)
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--spark-event-logs-s3-uri")
    parser.add_argument("--local-spark-event-logs-dir")
    parser.add_argument("application")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def listed(value: str) -> str:
    """Comma-separated files; a folder stands for the files in it, as in AWS's container."""
    files: list[str] = []
    for item in value.split(","):
        path = Path(item.removeprefix("file://"))
        files += sorted(str(entry) for entry in path.iterdir()) if path.is_dir() else [item]
    return ",".join(files)


def configured() -> dict[str, str]:
    """The spark-defaults of the job's EMR-style configuration.json, if it has one."""
    base = os.environ.get("SAGEMAKER_BASE_DIR")
    path = Path(base, "processing/input/conf/configuration.json") if base else CONFIGURATION
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    entries = content if isinstance(content, list) else [content]
    wanted = [entry for entry in entries if entry.get("Classification") == "spark-defaults"]
    return {key: str(value) for entry in wanted for key, value in entry.get("Properties", {}).items()}


def archive_options() -> list[str]:
    """Use, or write when the process ends, an archive of loaded classes: it saves a third of a small job's time.

    One that does not fit is left alone without a word, as the job's output is the job's.
    """
    wanted = {"SPARK_CLASS_ARCHIVE": "-XX:SharedArchiveFile", "SPARK_CLASS_ARCHIVE_AT_EXIT": "-XX:ArchiveClassesAtExit"}
    used = [f"{option}={os.environ[name]}" for name, option in wanted.items() if os.environ.get(name)]
    return [*used, "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] if os.environ.get("SPARK_CLASS_ARCHIVE") else used


def command(options: argparse.Namespace) -> list[str]:
    """The Java command that spark-submit's shell script would build with a JVM of its own."""
    home = Path(os.environ["SPARK_HOME"])
    settings = {**DEFAULTS, "spark.sql.warehouse.dir": f"file://{Path.cwd()}/spark-warehouse", **configured()}
    memory = settings["spark.driver.memory"]
    jvm = [f"-Xmx{memory}", "-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xshare:auto"]
    jvm.append(f"-Djava.io.tmpdir={os.environ.get('TMPDIR', '/tmp')}")  # noqa: S108 - what Java would take itself
    jvm += archive_options()
    opens = [f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in OPENS]
    java = str(Path(os.environ["JAVA_HOME"]) / "bin" / "java")
    submit = [java, "-cp", f"{home}/conf:{home}/jars/*", *jvm, *opens, "-Djdk.reflect.useDirectMethodHandle=false"]
    submit += ["org.apache.spark.deploy.SparkSubmit", "--master", "local[*]"]
    submit += [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
    submit += ["--class", options.class_name] if options.class_name else []
    for flag, value in (("--py-files", options.py_files), ("--jars", options.jars), ("--files", options.files)):
        submit += [flag, listed(value)] if value else []
    return [*submit, *(["--verbose"] if options.verbose else []), options.application, *options.arguments]


if __name__ == "__main__":
    argv = command(parse(sys.argv[1:]))
    os.execvp(argv[0], argv)  # noqa: S606 - becomes Spark
