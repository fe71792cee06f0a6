"""Feature step: what a subscriber did, paid and asked before a day, from curated tables, without a look ahead.

pipelines/churn/sql/ computes the same rows in the warehouse; seatrial/contracts/churn_features.py names the columns.
Each aggregation groups by subscriber and one thing more first (day, partner, cell), so no heavy user is a hot key.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.contracts.churn_features import (
    CHANGE_DAYS,
    CHURN_FEATURES,
    INVOICE_DAYS,
    RECENT_DAYS,
    WINDOW_DAYS,
)
from seatrial.contracts.telecom import BILLING, CARE, CARE_CATEGORIES, CRM, CRM_ATTRIBUTES
from seatrial.spark import checks
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Table, known_days, publish, read_accounts, read_partitions
from seatrial.spark.session import run_job

JOB, ID = "churn_features", "subscriber_id"
DAY_MICROSECONDS = 86_400_000_000
MILLION = 1_000_000


def ratio(part: str, whole: str) -> Column:
    """One division of whole numbers, null where there is nothing to divide by."""
    return fn.expr(f"case when {whole} > 0 then cast({part} as double) / cast({whole} as double) end")


def events_of(frame: DataFrame, as_of: date) -> DataFrame:
    """Events of the window with whole numbers instead of fractions."""
    recent = fn.col("date") >= fn.lit(as_of - timedelta(days=RECENT_DAYS))
    return frame.select(
        *(ID, "cell_id", "date", "partner_id", "started_at", "kind"),
        recent.cast("int").alias("recent"),
        fn.round(fn.col("duration_seconds") * 1000).cast("long").alias("milliseconds"),
        fn.round(fn.col("data_mb") * 1000).cast("long").alias("kilobytes"),
        (fn.col("kind") != "sms").cast("int").alias("connection"),
        fn.when(fn.col("kind") != "sms", fn.col("dropped")).otherwise(0).alias("drop"),
    )


SUMMED = ("voice_calls", "milliseconds", "sms", "data_sessions", "kilobytes", "connections", "drops")


def daily_of(events: DataFrame) -> DataFrame:
    """Sums by subscriber and day."""
    voice, sms, data = (fn.col("kind") == kind for kind in cdr.KINDS)
    sums = {
        "voice_calls": voice.cast("int"),
        "milliseconds": fn.when(voice, fn.col("milliseconds")).otherwise(0),
        "sms": sms.cast("int"),
        "data_sessions": data.cast("int"),
        "kilobytes": fn.when(data, fn.col("kilobytes")).otherwise(0),
        "connections": fn.col("connection"),
        "drops": fn.col("drop"),
        "night": (fn.hour("started_at") < 6).cast("int"),
        "events": fn.lit(1),
    }
    columns = [fn.sum(value).alias(name) for name, value in sums.items()]
    return events.groupBy(ID, "date", "recent").agg(*columns, fn.max("started_at").alias("last"))


def usage_of(events: DataFrame, as_of: date) -> DataFrame:
    """Sums by subscriber over both windows, by way of the days, and the ratios made of them."""
    sums = [fn.sum(name).alias(f"{name}_30d") for name in SUMMED]
    sums += [fn.sum(fn.col(name) * fn.col("recent")).alias(f"{name}_7d") for name in SUMMED]
    totals = (
        daily_of(events)
        .groupBy(ID)
        .agg(
            *sums,
            fn.sum("events").alias("events"),
            fn.sum("night").alias("night"),
            fn.count(fn.lit(1)).alias("active_days_30d"),
            fn.sum("recent").alias("active_days_7d"),
            fn.max("last").alias("last"),
        )
    )
    silence = fn.unix_micros(fn.lit(as_of).cast("timestamp")) - fn.unix_micros("last")
    figures = {
        "days_since_last_activity": silence.cast("double") / fn.lit(float(DAY_MICROSECONDS)),
        "voice_trend": ratio("(voice_calls_7d * 30)", "(voice_calls_30d * 7)"),
        "data_trend": ratio("(kilobytes_7d * 30)", "(kilobytes_30d * 7)"),
        "data_share_30d": ratio("data_sessions_30d", "events"),
        "night_share_30d": ratio("night", "events"),
    }
    for days in ("7d", "30d"):
        figures[f"voice_minutes_{days}"] = fn.col(f"milliseconds_{days}").cast("double") / 60_000.0
        figures[f"data_mb_{days}"] = fn.col(f"kilobytes_{days}").cast("double") / 1000.0
        figures[f"drop_rate_{days}"] = ratio(f"drops_{days}", f"connections_{days}")
    return totals.withColumns(figures)


def partners_of(events: DataFrame) -> DataFrame:
    """Distinct partners, and how many contacts were with numbers that left the operator."""
    pairs = (
        events.where("kind <> 'data' and partner_id is not null")
        .groupBy(ID, "partner_id")
        .agg(fn.max("recent").alias("recent"), fn.count(fn.lit(1)).alias("contacts"))
    )
    ported = fn.when(fn.col("partner_id").startswith("ported-"), fn.col("contacts")).otherwise(0)
    totals = pairs.groupBy(ID).agg(
        fn.count(fn.lit(1)).alias("partners_30d"),
        fn.sum("recent").alias("partners_7d"),
        fn.sum("contacts").alias("contacts"),
        fn.sum(ported).alias("ported"),
    )
    return totals.withColumn("ported_share_30d", ratio("ported", "contacts"))


def cells_of(events: DataFrame) -> DataFrame:
    """Cells used, and their drop rate over all subscribers (whole millionths), weighted by the subscriber's use."""
    pairs = events.groupBy(ID, "cell_id").agg(fn.sum("connection").alias("connections"), fn.sum("drop").alias("drops"))
    cells = pairs.groupBy("cell_id").agg(fn.sum("connections").alias("c"), fn.sum("drops").alias("d"))
    rate = fn.expr(f"case when c > 0 then (d * {MILLION}) div c else 0 end").alias("rate")
    used = pairs.join(fn.broadcast(cells.select("cell_id", rate)), "cell_id")
    totals = used.groupBy(ID).agg(
        fn.count(fn.lit(1)).alias("cells_30d"),
        fn.sum("connections").alias("cell_connections"),
        fn.sum(fn.col("connections") * fn.col("rate")).alias("weighted"),
    )
    return totals.withColumn("cell_drop_rate_30d", ratio("weighted", f"(cell_connections * {MILLION})"))


def customers_of(history: DataFrame, as_of: date) -> DataFrame:
    """The version of each customer that held at the end of the day before, and how often plan and region changed."""
    known = fn.lit(as_of - timedelta(days=1))
    by_time = Window.partitionBy(ID).orderBy("valid_from")
    marks = {
        f"{short}_changed": fn.coalesce((fn.col(name) != fn.lag(name).over(by_time)).cast("int"), fn.lit(0))
        for short, name in (("plan", "plan_type"), ("region", "region"))
    }
    past = history.where(fn.col("valid_from") <= known).withColumns(marks)
    fresh = (fn.col("valid_from") >= fn.lit(as_of - timedelta(days=CHANGE_DAYS))).cast("int")
    changes = past.groupBy(ID).agg(
        *(fn.sum(fn.col(f"{name}_changed") * fresh).alias(f"{name}_changes_90d") for name in ("plan", "region"))
    )
    holds = fn.col("valid_to").isNull() | (fn.col("valid_to") > known)
    months = (
        fn.col("tenure_months") + fn.expr(f"datediff(date'{as_of - timedelta(days=1)}', valid_from) div 30")
    ).cast("int")
    current = past.where(holds).select(ID, months.alias("tenure_months"), *CRM_ATTRIBUTES)
    return current.join(changes, ID)


def billing_of(billing: DataFrame) -> DataFrame:
    """The newest invoice and the invoices of the period; of corrections the one known last counts."""
    invoice = fn.struct("date", fn.round(fn.col("amount") * 100).cast("long").alias("cents"), "overdue_days")
    months = billing.groupBy(ID, "invoice_month").agg(fn.max(invoice).alias("i"))
    totals = months.groupBy(ID).agg(
        fn.max_by("i", "invoice_month").alias("newest"),
        fn.sum("i.cents").alias("cents"),
        fn.count(fn.lit(1)).alias("invoices"),
        fn.max("i.overdue_days").alias("overdue_days_max"),
    )
    return totals.select(
        ID,
        (fn.col("newest.cents").cast("double") / 100.0).alias("invoice_amount"),
        ratio("cents", "(invoices * 100)").alias("invoice_amount_mean"),
        fn.col("newest.overdue_days").alias("overdue_days"),
        "overdue_days_max",
    )


def care_of(care: DataFrame, as_of: date) -> DataFrame:
    """Contacts by category."""
    start = fn.lit(as_of - timedelta(days=WINDOW_DAYS)).cast("timestamp")
    recent = care.where((fn.col("opened_at") >= start) & (fn.col("opened_at") < fn.lit(as_of).cast("timestamp")))
    unique = recent.select(ID, "opened_at", "category").distinct()  # a contact may be in the extracts of two days
    sums = [fn.sum((fn.col("category") == name).cast("int")).alias(f"care_{name}_30d") for name in CARE_CATEGORIES]
    return unique.groupBy(ID).agg(*sums)


def features_of(frames: dict[str, DataFrame], as_of: date) -> DataFrame:
    """One row for each customer, in the contract's order; counts are 0 and silence is the window where nothing was."""
    events = events_of(frames["cdr"], as_of)
    parts = [usage_of(events, as_of), partners_of(events), cells_of(events)]
    parts += [billing_of(frames["billing"]), care_of(frames["care"], as_of)]
    joined = reduce(lambda left, right: left.join(right, ID, "left"), parts, customers_of(frames["history"], as_of))
    return joined.select(*(_finished(field) for field in CHURN_FEATURES.fields))


def _finished(field: Any) -> Column:
    value = fn.col(field.name)
    if field.kind in {"int32", "double"} and not field.nullable:
        value = fn.coalesce(value, fn.lit(WINDOW_DAYS if field.name == "days_since_last_activity" else 0))
    return value.cast(checks.spark_type(field)).alias(field.name)


def read_inputs(spark: SparkSession, options: argparse.Namespace) -> tuple[dict[str, DataFrame], dict[str, Any]]:
    """The curated rows that were known before the day, and the checksums of their partitions."""
    files, as_of = Files(spark), options.as_of
    below = f"{location(options.curated)}/{options.dataset}"
    tables = {name: Table(f"{below}/{name}", f"{below}/accounts/curate_{name}") for name in ("cdr", "billing", "care")}
    tables["history"] = Table(f"{below}/crm_history", f"{below}/accounts/crm_history")
    days = {"cdr": [as_of - timedelta(days=back) for back in range(WINDOW_DAYS, 0, -1)]}
    for name, back in (("billing", INVOICE_DAYS), ("care", WINDOW_DAYS)):
        first = as_of - timedelta(days=back)
        days[name] = [day for day in known_days(files, tables[name]) if first <= day < as_of]
    _check_freshness(files, below, as_of, options)
    histories = known_days(files, tables["history"])
    days["history"] = histories[-1:]
    missing = [name for name, found in days.items() if not found]
    if missing:
        raise DataError(f"{', '.join(missing)}: nothing is known before {as_of}; run curate_tables and crm_history")
    frames = {name: read_partitions(spark, tables[name], days[name]) for name in tables}
    inputs = {name: read_accounts(files, tables[name], days[name]) for name in tables}
    return frames, {name: {str(day): one["checksum"] for day, one in found.items()} for name, found in inputs.items()}


def _check_freshness(files: Files, below: str, as_of: date, options: argparse.Namespace) -> None:
    """End the job when an extract is older than its contract allows: features of old data look like any others."""
    problems = []
    for contract in (CRM, BILLING, CARE):
        table = Table(f"{below}/{contract.name}", f"{below}/accounts/curate_{contract.name}")
        before = [day for day in known_days(files, table) if day < as_of]
        if before and contract.name not in options.allow_stale:  # none at all is told when the rows are read
            problems.append(contract.silence(before[-1], as_of))
    if lines := [problem for problem in problems if problem]:
        raise DataError(
            "features would be made of old data:\n  " + "\n  ".join(lines) + "\nmend the feed and curate what it "
            "delivered, or allow it by --allow-stale"
        )


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Publish the features as of a day; gives their account's numbers."""
    features = f"{location(options.features)}/{cdr.features_prefix(options.dataset, 'churn').rstrip('/')}"
    target = Table(features, f"{location(options.features)}/{options.dataset}/accounts/{JOB}", "as_of")
    frames, inputs = read_inputs(spark, options)
    before = Files(spark).read_json(target.account(options.as_of)) or {}
    if before.get("inputs") == inputs and not options.everything:
        return {"as_of": str(options.as_of), "made": False, "rows": before["rows"]}
    out = features_of(frames, options.as_of).withColumn("as_of", fn.lit(options.as_of))
    pieces = out.repartition(max(1, options.files), ID).sortWithinPartitions(ID)
    account = publish(pieces, target, [options.as_of], {"inputs": inputs})[options.as_of]
    return {"as_of": str(options.as_of), "made": True, "rows": account["rows"]}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and the day; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--curated", required=True, help="root of the curated bucket: s3://bucket or a folder")
    parser.add_argument("--features", required=True, help="root of the features bucket")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="data from before this day counts")
    parser.add_argument("--everything", action="store_true", help="make the day anew, also if nothing is new")
    parser.add_argument("--allow-stale", nargs="*", default=[], help="of crm, billing, care: use them however old")
    parser.add_argument("--files", type=int, default=1, help="files of the partition; about 5 million rows fit one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_job(JOB, parse, run)
