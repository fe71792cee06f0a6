"""The Spark session of a job, with the settings on which the data's form depends, and nothing about machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from pyspark.sql import SparkSession

from seatrial.spark.errors import main

Options = TypeVar("Options")

DATA_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    # INT96, Spark's default, has no statistics and is no type of Iceberg.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # A file with nanoseconds is a change of schema that the job reports; Spark alone would end with a traceback.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.mergeSchema": "false",
}
WORK_SETTINGS = {
    # A task of its own to ask for each of a thousand files costs more than a task that asks for some in turn.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "64",
}


def session(name: str) -> SparkSession:
    """The session that spark-submit, EMR or EMR Serverless configured."""
    spark = SparkSession.builder.appName(name).getOrCreate()
    for key, value in {**WORK_SETTINGS, **DATA_SETTINGS}.items():
        spark.conf.set(key, value)
    return spark


def run_job(
    name: str, parse: Callable[[Sequence[str]], Options], run: Callable[[SparkSession, Options], object]
) -> None:
    """Run as a job with the process's arguments: the summary goes to standard output as JSON, errors as `main` does."""

    def start(arguments: Sequence[str]) -> None:
        options = parse(arguments)
        sys.stdout.write(json.dumps(run(session(name), options)) + "\n")

    main(start)
