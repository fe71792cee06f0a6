"""The churn features in Polars: `python _features_polars.py CURATED OUT AS_OF`, in an environment that has polars only.

The same sums as pipelines/churn/steps/usage_features.py, written as its user would; the benchmark compares the rows.
"""

import sys
from datetime import UTC, date, datetime, timedelta

import polars as pl  # pyrefly: ignore[missing-import]

ID, MILLION = "subscriber_id", 1_000_000
SUMMED = ("voice_calls", "milliseconds", "sms", "data_sessions", "kilobytes", "connections", "drops")
ATTRIBUTES = ("plan_type", "contract", "region", "age_band", "device_tier", "autopay")
CARE = ("billing", "coverage", "device", "other")


def whole(column: str, factor: int) -> pl.Expr:
    return (pl.col(column) * factor).round(mode="half_away_from_zero").cast(pl.Int64)


def ratio(part: pl.Expr, of: pl.Expr) -> pl.Expr:
    return pl.when(of > 0).then(part.cast(pl.Float64) / of.cast(pl.Float64))


def events_of(curated: str, as_of: date) -> pl.LazyFrame:
    day, kind = pl.col("started_at").dt.date(), pl.col("kind")
    frame = pl.scan_parquet(f"{curated}/cdr/*/*.parquet", hive_partitioning=False)
    window = frame.filter((day >= as_of - timedelta(days=30)) & (day < as_of))
    voice, data, connection = kind == "voice", kind == "data", (kind != "sms").cast(pl.Int64)
    return window.select(
        *(ID, "cell_id", "partner_id", "kind", "started_at", day.alias("date")),
        (day >= as_of - timedelta(days=7)).cast(pl.Int64).alias("recent"),
        voice.cast(pl.Int64).alias("voice_calls"),
        (whole("duration_seconds", 1000) * voice).alias("milliseconds"),
        (kind == "sms").cast(pl.Int64).alias("sms"),
        data.cast(pl.Int64).alias("data_sessions"),
        (whole("data_mb", 1000) * data).alias("kilobytes"),
        connection.alias("connections"),
        (connection * pl.col("dropped")).alias("drops"),
        (pl.col("started_at").dt.hour() < 6).cast(pl.Int64).alias("night"),
    )


def usage_of(events: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    daily = events.group_by(ID, "date", "recent").agg(
        *(pl.col(name).sum() for name in (*SUMMED, "night")),
        pl.len().cast(pl.Int64).alias("events"),
        pl.col("started_at").max().alias("last"),
    )
    totals = daily.group_by(ID).agg(
        *(pl.col(name).sum().alias(f"{name}_30d") for name in SUMMED),
        *((pl.col(name) * pl.col("recent")).sum().alias(f"{name}_7d") for name in SUMMED),
        pl.col("night").sum(),
        pl.col("events").sum(),
        pl.len().alias("active_days_30d"),
        pl.col("recent").sum().alias("active_days_7d"),
        pl.col("last").max(),
    )
    midnight = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC)
    silence = int(midnight.timestamp()) * MILLION - pl.col("last").dt.epoch("us")
    figures = [
        (silence.cast(pl.Float64) / 86_400_000_000.0).alias("days_since_last_activity"),
        ratio(pl.col("data_sessions_30d"), pl.col("events")).alias("data_share_30d"),
        ratio(pl.col("night"), pl.col("events")).alias("night_share_30d"),
    ]
    for name, part in (("voice_trend", "voice_calls"), ("data_trend", "kilobytes")):
        figures.append(ratio(pl.col(f"{part}_7d") * 30, pl.col(f"{part}_30d") * 7).alias(name))
    for days in ("7d", "30d"):
        figures.append((pl.col(f"milliseconds_{days}").cast(pl.Float64) / 60_000.0).alias(f"voice_minutes_{days}"))
        figures.append((pl.col(f"kilobytes_{days}").cast(pl.Float64) / 1000.0).alias(f"data_mb_{days}"))
        figures.append(ratio(pl.col(f"drops_{days}"), pl.col(f"connections_{days}")).alias(f"drop_rate_{days}"))
    return totals.with_columns(figures)


def partners_of(events: pl.LazyFrame) -> pl.LazyFrame:
    contacts = events.filter((pl.col("kind") != "data") & pl.col("partner_id").is_not_null())
    pairs = contacts.group_by(ID, "partner_id").agg(pl.col("recent").max(), pl.len().cast(pl.Int64).alias("contacts"))
    ported = pl.col("partner_id").str.starts_with("ported-").cast(pl.Int64)
    totals = pairs.group_by(ID).agg(
        pl.len().alias("partners_30d"),
        pl.col("recent").sum().alias("partners_7d"),
        pl.col("contacts").sum(),
        (pl.col("contacts") * ported).sum().alias("ported"),
    )
    return totals.select(
        ID, "partners_30d", "partners_7d", ratio(pl.col("ported"), pl.col("contacts")).alias("ported_share_30d")
    )


def cells_of(events: pl.LazyFrame) -> pl.LazyFrame:
    pairs = events.group_by(ID, "cell_id").agg(pl.col("connections").sum(), pl.col("drops").sum())
    cells = pairs.group_by("cell_id").agg(pl.col("connections").sum().alias("c"), pl.col("drops").sum().alias("d"))
    rate = pl.when(pl.col("c") > 0).then(pl.col("d") * MILLION // pl.col("c")).otherwise(0).alias("rate")
    totals = (
        pairs.join(cells.select("cell_id", rate), on="cell_id")
        .group_by(ID)
        .agg(
            pl.len().alias("cells_30d"),
            pl.col("connections").sum(),
            (pl.col("connections") * pl.col("rate")).sum().alias("weighted"),
        )
    )
    weighted = ratio(pl.col("weighted"), pl.col("connections") * MILLION).alias("cell_drop_rate_30d")
    return totals.select(ID, "cells_30d", weighted)


def customers_of(curated: str, as_of: date) -> pl.LazyFrame:
    known = as_of - timedelta(days=1)
    past = (
        pl.scan_parquet(f"{curated}/crm_history/*/*.parquet", hive_partitioning=False)
        .filter(pl.col("valid_from") <= known)
        .sort(ID, "valid_from")
        .with_columns(
            (pl.col(name) != pl.col(name).shift(1).over(ID))
            .fill_null(value=False)
            .cast(pl.Int64)
            .alias(f"{short}_changed")
            for short, name in (("plan", "plan_type"), ("region", "region"))
        )
    )
    fresh = (pl.col("valid_from") >= as_of - timedelta(days=90)).cast(pl.Int64)
    changes = past.group_by(ID).agg(
        (pl.col(f"{name}_changed") * fresh).sum().alias(f"{name}_changes_90d") for name in ("plan", "region")
    )
    months = pl.col("tenure_months") + (pl.lit(known) - pl.col("valid_from")).dt.total_days() // 30
    holds = pl.col("valid_to").is_null() | (pl.col("valid_to") > known)
    current = past.filter(holds).select(ID, months.alias("tenure_months"), *ATTRIBUTES)
    return current.join(changes, on=ID)


def billing_of(curated: str, as_of: date) -> pl.LazyFrame:
    known = pl.col("known_on")
    frame = pl.scan_parquet(f"{curated}/billing/*/*.parquet", hive_partitioning=False)
    period = frame.filter((known >= as_of - timedelta(days=90)) & (known < as_of))
    months = (
        period.with_columns(whole("amount", 100).alias("cents"))
        .sort("known_on")
        .group_by(ID, "invoice_month", maintain_order=True)
        .last()
    )
    newest = months.sort("invoice_month").group_by(ID, maintain_order=True)
    totals = newest.agg(
        pl.col("cents").last().alias("last_cents"),
        pl.col("cents").sum(),
        pl.len().cast(pl.Int64).alias("invoices"),
        pl.col("overdue_days").last(),
        pl.col("overdue_days").max().alias("overdue_days_max"),
    )
    return totals.select(
        ID,
        (pl.col("last_cents").cast(pl.Float64) / 100.0).alias("invoice_amount"),
        ratio(pl.col("cents"), pl.col("invoices") * 100).alias("invoice_amount_mean"),
        "overdue_days",
        "overdue_days_max",
    )


def care_of(curated: str, as_of: date) -> pl.LazyFrame:
    opened, known = pl.col("opened_at").dt.date(), pl.col("known_on")
    frame = pl.scan_parquet(f"{curated}/care/*/*.parquet", hive_partitioning=False)
    first = as_of - timedelta(days=30)
    recent = frame.filter((opened >= first) & (opened < as_of) & (known >= first) & (known < as_of))
    unique = recent.select(ID, "opened_at", "category").unique()
    return unique.group_by(ID).agg(
        (pl.col("category") == name).cast(pl.Int64).sum().alias(f"care_{name}_30d") for name in CARE
    )


COUNTS = ("voice_calls", "sms", "data_sessions", "active_days", "partners", "voice_minutes", "data_mb")
ZERO = [f"{name}_{days}" for name in COUNTS for days in ("7d", "30d")]
ZERO += ["cells_30d", *(f"care_{name}_30d" for name in CARE)]


def main(curated: str, out: str, day: str) -> None:
    as_of = date.fromisoformat(day)
    events = events_of(curated, as_of)
    parts = [usage_of(events, as_of), partners_of(events), cells_of(events)]
    parts += [billing_of(curated, as_of), care_of(curated, as_of)]
    joined = customers_of(curated, as_of)
    for part in parts:
        joined = joined.join(part, on=ID, how="left")
    filled = joined.with_columns(pl.col(ZERO).fill_null(0), pl.col("days_since_last_activity").fill_null(30.0))
    filled.collect(engine="streaming").write_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
