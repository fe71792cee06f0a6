"""Looks at a table of terabytes as one window: every partition counts its rows, and the counts merge exactly."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from functools import reduce

import pyarrow as pa
from pyspark.sql import DataFrame

from seatrial.columnar.arrow import ColumnError
from seatrial.columnar.window import WindowPart, merge_parts, part_of_batch
from seatrial.monitoring.pieces import merge_bodies
from seatrial.monitoring.table_window import table_documents, wanted_columns
from seatrial.spark.errors import DataError, main
from seatrial.spark.files import Files, location
from seatrial.spark.session import session
from seatrial.statistics.baseline import Baseline

PARTS_AT_ONCE = 64
ROWS_A_BATCH = 65_536
"""Spark's 10,000 rows a batch would pay the fixed cost of counting a column six times as often."""


def run(arguments: Sequence[str]) -> None:
    """Write the window's files."""
    options = parse(arguments)
    spark = session("read_table")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", ROWS_A_BATCH)
    files = Files(spark)
    document = files.read_json(options.baseline)
    if document is None:
        raise DataError(f"{options.baseline}: there is no baseline")
    baseline = Baseline.from_json(json.dumps(document))
    table = spark.read.parquet(location(options.table))
    for name, text in table_documents(baseline, count(table, baseline, options.prediction_column)).items():
        files.write_json(f"{options.output}/{name}", json.loads(text))


def count(table: DataFrame, baseline: Baseline, prediction: str = "prediction") -> WindowPart:
    """All rows of a table in the baseline's cells; raises `DataError` when columns are absent."""
    shared = table.sparkSession.sparkContext.broadcast((baseline.to_json(), prediction))
    chosen = table.select(*wanted_columns(baseline, table.columns, prediction))
    try:
        part_of_batch(baseline, pa.table({name: pa.array([], pa.string()) for name in chosen.columns}), prediction)
    except ColumnError as error:
        raise DataError(str(error)) from error

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        text, name = shared.value
        known = Baseline.from_json(text)
        parts = [part_of_batch(known, batch, name) for batch in batches]
        if parts:
            body = reduce(WindowPart.merge, parts).to_bytes()
            yield pa.RecordBatch.from_pydict({"body": [body]}, pa.schema({"body": pa.binary()}))

    merged = few(chosen.mapInArrow(work, "body binary"))
    return merge_parts(baseline, [WindowPart.from_bytes(bytes(row.body)) for row in merged.collect()])


def few(parts: DataFrame) -> DataFrame:
    """At most 64 parts: of more partitions the workers merge them first, as the driver would take too long."""
    if parts.rdd.getNumPartitions() <= PARTS_AT_ONCE:
        return parts
    return parts.repartition(PARTS_AT_ONCE).mapInArrow(merge_bodies, "body binary")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Where baseline and table lie, and where the files go."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("baseline", "table", "output"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--prediction-column", default="prediction")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(run)
