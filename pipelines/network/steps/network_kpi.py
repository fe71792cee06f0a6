"""Network step: KPIs of each cell on a day: windowed counts, sessions, busy hour, trend and recency.

Cells and subscribers are skewed, so each aggregation groups first by something finer: a cell by its subscribers, a
subscriber's sessions by hour. No task holds all events of one cell or one subscriber.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.contracts.network_features import NETWORK_KPI, SESSION_GAP_MINUTES, TREND_DAYS
from seatrial.spark import checks
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Table, publish, read_accounts, read_partitions
from seatrial.spark.session import run_job

JOB, ID, CELL = "network_kpi", "subscriber_id", "cell_id"
MINUTE = 60_000_000
"""Microseconds."""


def ratio(part: str, whole: str) -> Column:
    """One division of whole numbers, null where there is nothing to divide by."""
    return fn.expr(f"case when {whole} > 0 then cast({part} as double) / cast({whole} as double) end")


def events_of(frame: DataFrame) -> DataFrame:
    """Events with whole numbers instead of fractions."""
    return frame.select(
        *("event_id", ID, CELL, "date", "kind"),
        fn.unix_micros("started_at").alias("start"),
        fn.hour("started_at").alias("hour"),
        fn.round(fn.col("duration_seconds") * 1000).cast("long").alias("milliseconds"),
        fn.round(fn.col("data_mb") * 1000).cast("long").alias("kilobytes"),
        (fn.col("kind") != "sms").cast("int").alias("connection"),
        fn.when(fn.col("kind") != "sms", fn.col("dropped")).otherwise(0).alias("drop"),
    )


def day_of(events: DataFrame) -> DataFrame:
    """The day's counts by cell, by way of cell and subscriber, so that a stadium's cell is many small groups."""
    voice, data = (fn.col("kind") == kind for kind in ("voice", "data"))
    sums = {
        "events": fn.lit(1),
        "voice_calls": voice.cast("int"),
        "data_sessions": data.cast("int"),
        "connections": fn.col("connection"),
        "dropped": fn.col("drop"),
        "milliseconds": fn.when(voice, fn.col("milliseconds")).otherwise(0),
        "kilobytes": fn.when(data, fn.col("kilobytes")).otherwise(0),
    }
    by_subscriber = events.groupBy(CELL, ID).agg(*(fn.sum(value).alias(name) for name, value in sums.items()))
    totals = [fn.sum(name).alias(name) for name in sums]
    return by_subscriber.groupBy(CELL).agg(*totals, fn.count(fn.lit(1)).alias("subscribers"))


def busy_hours(events: DataFrame) -> DataFrame:
    """The hour with the most events of each cell, the first of equals."""
    hourly = events.groupBy(CELL, "hour").agg(fn.count(fn.lit(1)).alias("n"))
    best = fn.max(fn.struct("n", (-fn.col("hour")).alias("early"))).alias("best")
    chosen = hourly.groupBy(CELL).agg(best)
    return chosen.select(CELL, (-fn.col("best.early")).alias("busy_hour"), fn.col("best.n").alias("busy_hour_events"))


def week_of(events: DataFrame, day: date) -> DataFrame:
    """Traffic, drop rate and recency by cell over the days that end with this one."""
    end = fn.unix_micros(fn.lit(day + timedelta(days=1)).cast("timestamp"))
    totals = events.groupBy(CELL).agg(
        fn.count(fn.lit(1)).alias("events_7d"),
        fn.sum("connection").alias("connections_7d"),
        fn.sum("drop").alias("dropped_7d"),
        fn.max("start").alias("last"),
    )
    silence = (end - fn.col("last")).cast("double") / fn.lit(float(MINUTE))
    return totals.withColumn("minutes_since_last_event", silence)


def sessions_of(events: DataFrame, day: date) -> DataFrame:
    """Sessions that began on the day, by the cell of their first event.

    Two phases: within one subscriber's hour by a window, then from hour to hour by what each hour hands on, so a
    machine that sends a million events a day is 24 groups and not one.
    """
    gap = fn.lit(SESSION_GAP_MINUTES * MINUTE)
    midnight = fn.unix_micros(fn.lit(day).cast("timestamp"))
    bucketed = events.where(fn.col("start") >= midnight - gap).withColumn("bucket", fn.expr(f"start div {60 * MINUTE}"))
    in_hour = Window.partitionBy(ID, "bucket").orderBy("start", "event_id")
    across = Window.partitionBy(ID).orderBy("bucket")
    edges = bucketed.groupBy(ID, "bucket").agg(fn.max("start").alias("latest"))
    edges = edges.select(ID, "bucket", fn.lag("latest").over(across).alias("handed_on"))
    before = fn.coalesce(fn.lag("start").over(in_hour), fn.col("handed_on"))
    marked = bucketed.join(edges, [ID, "bucket"]).withColumn("before", before)
    begins = fn.col("before").isNull() | (fn.col("start") - fn.col("before") > gap)
    marked = marked.withColumn("begin", fn.when(begins, fn.col("start")))
    opened = marked.groupBy(ID, "bucket").agg(fn.max("begin").alias("newest"))
    carried = opened.select(
        ID, "bucket", fn.max("newest").over(across.rowsBetween(Window.unboundedPreceding, -1)).alias("open")
    )
    so_far = fn.max("begin").over(in_hour)
    placed = marked.join(carried, [ID, "bucket"]).withColumn("session", fn.coalesce(so_far, fn.col("open")))
    stop = fn.col("start") + fn.col("milliseconds") * 1000
    whole = placed.groupBy(ID, "session").agg(
        fn.min(fn.struct("start", "event_id", CELL)).alias("first"), fn.max(stop).alias("stop")
    )
    today = whole.where(fn.col("session") >= midnight).select(fn.col(f"first.{CELL}").alias(CELL), "session", "stop")
    length = fn.sum(fn.col("stop") - fn.col("session")).alias("length")
    return today.groupBy(CELL).agg(fn.count(fn.lit(1)).alias("sessions"), length)


def kpis_of(frame: DataFrame, day: date) -> DataFrame:
    """One row for each cell, in the contract's order; counts are 0 on a silent day."""
    events = events_of(frame)
    today = events.where(fn.col("date") == fn.lit(day))
    joined = week_of(events, day)
    for part in (day_of(today), busy_hours(today), sessions_of(events, day)):
        joined = joined.join(part, CELL, "left")
    figures = {
        "voice_minutes": fn.col("milliseconds").cast("double") / 60_000.0,
        "data_mb": fn.col("kilobytes").cast("double") / 1000.0,
        "drop_rate": ratio("dropped", "connections"),
        "drop_rate_7d": ratio("dropped_7d", "connections_7d"),
        "session_minutes": ratio("length", f"(sessions * {MINUTE})"),
        "traffic_trend": ratio(f"(coalesce(events, 0) * {TREND_DAYS})", "events_7d"),
    }
    full = joined.withColumns(figures)
    return full.select(*(_finished(one) for one in NETWORK_KPI.fields))


def _finished(field: Any) -> Column:
    value = fn.col(field.name)
    if field.kind != "string" and not field.nullable:
        value = fn.coalesce(value, fn.lit(0))
    return value.cast(checks.spark_type(field)).alias(field.name)


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Publish the KPIs of a day; gives their account's numbers."""
    files, day = Files(spark), options.date
    below = f"{location(options.curated)}/{options.dataset}"
    events = Table(f"{below}/cdr", f"{below}/accounts/curate_cdr")
    root = f"{location(options.features)}/{cdr.features_prefix(options.dataset, JOB).rstrip('/')}"
    target = Table(root, f"{location(options.features)}/{options.dataset}/accounts/{JOB}")
    days = [day - timedelta(days=back) for back in range(TREND_DAYS - 1, -1, -1)]
    inputs = {str(one): account["checksum"] for one, account in read_accounts(files, events, days).items()}
    before = files.read_json(target.account(day)) or {}
    if before.get("inputs") == inputs and not options.everything:
        return {"date": str(day), "made": False, "rows": before["rows"]}
    out = kpis_of(read_partitions(spark, events, days), day).withColumn("date", fn.lit(day))
    pieces = out.repartition(max(1, options.files), CELL).sortWithinPartitions(CELL)
    account = publish(pieces, target, [day], {"inputs": inputs})[day]
    return {"date": str(day), "made": True, "rows": account["rows"]}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and the day; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--curated", required=True, help="root of the curated bucket: s3://bucket or a folder")
    parser.add_argument("--features", required=True, help="root of the features bucket")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True, help="YYYY-MM-DD")
    parser.add_argument("--everything", action="store_true", help="make the day anew, also if nothing is new")
    parser.add_argument("--files", type=int, default=1, help="files of the partition; about 5 million rows fit one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_job(JOB, parse, run)
