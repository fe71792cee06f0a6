"""Reads one window of data capture of terabytes on Spark: the same counts as in one process, to the last bit.

Every partition counts its own lines; what partitions found merges exactly, in any number and order of them. A request
that came twice is counted once: where partitions saw the same id, lines are brought together by it and read again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as fn

from seatrial.columnar.window import WindowPart
from seatrial.contracts.volume import ReadingRequest, ReadingResult
from seatrial.monitoring.capture_reader import MOST_QUARANTINED, Labels
from seatrial.monitoring.pieces import PLACE, Piece, merge_bodies
from seatrial.monitoring.volume import ReadingError, checked_baseline, new_labels, together
from seatrial.spark.errors import DataError, main
from seatrial.spark.files import Files, location
from seatrial.spark.session import session
from seatrial.statistics.baseline import Baseline

FOUND = "hour string, kind string, event long, call long, place array<long>, body binary"
PARTS_AT_ONCE = 64
EVENT_ID = "$.eventMetadata.eventId"


def run(arguments: Sequence[str]) -> None:
    """Carry out the request and write the result beside it."""
    options = parse(arguments)
    spark = session("read_window")
    files = Files(spark)
    document = files.read_json(options.request)
    if document is None:
        raise DataError(f"{options.request}: there is no request; the monitor's function writes it")
    request = ReadingRequest.from_json(json.dumps(document))
    if request.share < 1:
        raise DataError(f"{options.request}: share must be 1, got {request.share}: Spark reads all of a window")
    files.write_json(options.output, json.loads(read(spark, request, options.root).to_json()))


def read(spark: SparkSession, request: ReadingRequest, root: str | None = None, partitions: int = 0) -> ReadingResult:
    """The reading of a window; `root` stands for the bucket, `partitions` for Spark's own choice when 0."""
    base = root or f"s3://{request.bucket}"
    try:
        baseline = checked_baseline(request, body(spark, request.baseline_uri))
    except ReadingError as error:
        raise DataError(str(error)) from error
    labels = {
        hour: new_labels(files, lambda key: body(spark, f"{base}/{key}").decode(errors="replace").split("\n"))
        for hour, files in request.hours.items()
    }
    lines = lines_of(spark, request, base)
    lines = lines.repartition(partitions) if partitions else lines
    result = result_of(lines, request, baseline, labels)
    if result is None:
        again = brought_together(lines, partitions or spark.sparkContext.defaultParallelism)
        result = result_of(again, request, baseline, labels, in_order=True)
    if result is None:
        raise AssertionError("lines of an event lie in one partition, so it is counted once")
    return result


def result_of(
    lines: DataFrame,
    request: ReadingRequest,
    baseline: Baseline,
    labels: Mapping[str, Labels],
    *,
    in_order: bool = False,
) -> ReadingResult | None:
    """The result; None when a request came twice and the lines are not yet in order by their ids."""
    found = piece_by_piece(lines, request, baseline, labels).persist()
    try:
        events = found.where("event is not null").groupBy("hour", "event").count()
        if not in_order and not events.where("count > 1").isEmpty():
            return None
        return put_together(found, request, baseline, labels)
    finally:
        found.unpersist()


def lines_of(spark: SparkSession, request: ReadingRequest, base: str) -> DataFrame:
    """Every captured line with its hour and its place; `following` are files of the next hour."""
    named = [
        (number, location(f"{base}/{key}"), hour, following)
        for number, (key, hour, following) in enumerate(
            (key, hour, following)
            for hour, files in sorted(request.hours.items())
            for keys, following in ((files.own, False), (files.next_hour, True))
            for key in keys
        )
    ]
    if not named:
        raise DataError("the request names no capture files")
    known = fn.broadcast(spark.createDataFrame(named, "file long, uri string, hour string, following boolean"))
    text = spark.read.text(sorted({uri for _, uri, _, _ in named})).select(
        "value",
        fn.regexp_replace(fn.col("_metadata.file_path"), "^file:/+", "file:/").alias("uri"),
        fn.col("_metadata.file_block_start").alias("start"),
        fn.monotonically_increasing_id().alias("row"),
    )
    return text.join(known, "uri").select("value", "hour", "following", *PLACE)


def brought_together(lines: DataFrame, partitions: int) -> DataFrame:
    """Lines of the same event in one partition, in their order."""
    keyed = lines.withColumn("event", fn.get_json_object("value", EVENT_ID))
    return keyed.repartition(partitions, "hour", "event").sortWithinPartitions(*PLACE).drop("event")


# ----------------------------------------------------------------------------------------------- in each partition


def piece_by_piece(
    lines: DataFrame, request: ReadingRequest, baseline: Baseline, labels: Mapping[str, Labels]
) -> DataFrame:
    """What each partition finds: parts, facts, ids of requests, and requests with labels."""
    context = lines.sparkSession.sparkContext
    shared = context.broadcast((request.window, baseline.to_json(), dict(labels)))

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        window, text, waiting = shared.value
        piece = Piece(window, Baseline.from_json(text), waiting)
        for batch in batches:
            yield from piece.read(batch)
        yield piece.finish()

    return lines.mapInArrow(work, FOUND)


# ------------------------------------------------------------------------------------------------- on the driver


def put_together(
    found: DataFrame, request: ReadingRequest, baseline: Baseline, labels: Mapping[str, Labels]
) -> ReadingResult:
    """Merge what the partitions found."""
    known = few(found).where("kind in ('facts', 'labelled', 'part')").select("hour", "kind", "place", "body").collect()
    facts = [json.loads(bytes(row["body"])) for row in known if row["kind"] == "facts"]
    counts = requests_of(found)
    labelled = [row for row in known if row["kind"] == "labelled"]
    matched = {
        hour: match([row for row in labelled if row["hour"] == hour], counts.get(hour, (0, 0))[0], waiting)
        for hour, waiting in labels.items()
        if waiting
    }
    return together(
        request,
        baseline,
        [WindowPart.from_bytes(bytes(row["body"])) for row in known if row["kind"] == "part"],
        reasons=[item["reasons"] for item in facts],
        facts={
            "newest": max((item["newest"] for item in facts), default=""),
            "repeated": counts.get(request.window, (0, 0))[1],
            "sampled_share": 1.0,
        },
        matched=matched,
        labels={hour: len(waiting) for hour, waiting in labels.items() if waiting},
        quarantine=sorted(line for item in facts for line in item["quarantine"])[:MOST_QUARANTINED],
    )


def few(found: DataFrame) -> DataFrame:
    """At most 64 parts: of more partitions the workers merge them first, as the driver would take too long."""
    if found.rdd.getNumPartitions() <= PARTS_AT_ONCE:
        return found
    parts = found.where("kind = 'part'").select("body").repartition(PARTS_AT_ONCE)
    merged = parts.mapInArrow(merge_bodies, "body binary").selectExpr(
        "cast(null as string) hour", "'part' kind", "cast(null as array<long>) place", "body"
    )
    return found.where("kind != 'part'").select("hour", "kind", "place", "body").unionByName(merged)


def requests_of(found: DataFrame) -> dict[str, tuple[int, int]]:
    """By hour: requests, each once, and how many had an event or a caller's id that came before.

    An event that came again is taken to have had the same caller's id then.
    """
    named = found.where("event is not null")
    by_call = named.groupBy("hour", "call").agg(
        fn.sum((fn.col("kind") == "request").cast("long")).alias("first"), fn.count(fn.lit(1)).alias("all")
    )
    # Without a caller's id only events that came again count; with one, whoever is not its first.
    again = fn.when(fn.col("call").isNull(), fn.col("all") - fn.col("first")).otherwise(fn.col("all") - 1)
    totals = by_call.groupBy("hour").agg(fn.sum("first").alias("requests"), fn.sum(again).alias("repeated"))
    return {row["hour"]: (int(row["requests"]), int(row["repeated"])) for row in totals.collect()}


def match(rows: Sequence[Row], requests: int, labels: Labels) -> dict[str, Any]:
    """Labelled predictions in the order of the capture; of several requests of one id the first counts."""
    waiting, joined = dict(labels), 0
    total: dict[str, list[Any]] = {"predictions": [], "labels": [], "rows": []}
    for row in sorted(rows, key=lambda item: tuple(item["place"])):
        record = json.loads(bytes(row["body"]))
        values = waiting.pop(record["id"], ())
        if values and len(values) == len(record["predictions"]):
            joined += 1
            for name, items in (("predictions", record["predictions"]), ("labels", values), ("rows", record["rows"])):
                total[name] += list(items)
    return {"requests": requests, "joined": joined, **total}


def body(spark: SparkSession, uri: str) -> bytes:
    """A whole small object."""
    row = spark.read.format("binaryFile").load(location(uri)).select("content").first()
    if row is None:
        raise DataError(f"{uri}: cannot be read")
    return bytes(row["content"])


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Where the request lies and where the result goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--request", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--root", help="stands for the bucket of the request, for tests")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(run)
