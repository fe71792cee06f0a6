"""Compares what two engines made of the same events: Spark's features with the warehouse's, the stream's KPIs with
Spark's."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from seatrial.contracts import cdr
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.feature_store import EVENT_TIME, feature_record
from seatrial.contracts.network_kpi import COUNTS, SUMS, TIME_FORMAT
from seatrial.rehearsal.data_layer_aws import DataAws
from seatrial.rehearsal.data_layer_reconcile import Check
from seatrial.rehearsal.voyage import Voyage

STORED_RECORDS = 100
"""Subscribers whose features are read back from the feature store."""
KPIS = ("events", "voice_calls", "data_sessions", "data_mb")
"""What the consumer's windows and Spark's days both tell of a cell."""


def _number(base: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = base.execute(sql).fetchone()
    return int(row[0]) if row else 0


def compare_rows(subject: str, left: str, right: str, columns: Iterable[str], by: tuple[str, str]) -> Check:
    """Rows of two Parquet globs that have no equal on the other side; numbers must agree to the last bit."""
    names, (expected_by, found_by) = ", ".join(columns), by
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        base.execute(f"CREATE VIEW a AS SELECT {names} FROM read_parquet('{left}', hive_partitioning = false)")  # noqa: S608 - our own names
        base.execute(f"CREATE VIEW b AS SELECT {names} FROM read_parquet('{right}', hive_partitioning = false)")  # noqa: S608 - our own names
        one, other = (_number(base, f"SELECT COUNT(*) FROM {name}") for name in "ab")  # noqa: S608 - our own names
        missing = _number(base, "SELECT COUNT(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b)")
        extra = _number(base, "SELECT COUNT(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a)")
    return Check(
        subject=subject,
        expected=one,
        found=other,
        differing=max(missing, extra) - abs(one - other),
        expected_by=expected_by,
        found_by=found_by,
    )


def compare_features(voyage: Voyage) -> Check:
    """Spark's features of every subscriber against the training set that the warehouse unloaded."""
    layer = voyage.layer
    spark = download(voyage, cdr.features_prefix(layer.dataset, "churn", layer.as_of), "spark")
    unloaded = download(voyage, f"{layer.dataset}/training/as_of={layer.as_of}/", "redshift")
    names = [field.name for field in CHURN_FEATURES.fields]
    return compare_rows("features of subscribers", spark, unloaded, names, ("Spark", "Redshift's SQL"))


def compare_windows(voyage: Voyage) -> Check:
    """The consumer's windows in DynamoDB against the same windows counted from what curation made of the stream."""
    layer = voyage.layer
    curated = download(voyage, cdr.curated_prefix(layer.dataset), "curated", since=str(layer.last_day - cdr.REACH))
    minutes = voyage.engagement.streaming.window_minutes
    expected = windows_of(curated, minutes)
    found = {_key(item): _figures(item) for item in _kpi_items(voyage)}
    return _compared("KPIs of cells by window", expected, found, ("curated events", "the stream's consumer"))


def windows_of(curated: str, minutes: int) -> dict[tuple[str, str], tuple[float, ...]]:
    """KPIs of streamed events by cell and window, in the order of COUNTS and SUMS."""
    count = "COUNT(*) FILTER"
    figures = {
        "events": "COUNT(*)",
        "calls": f"{count} (kind = 'voice')",
        "dropped_calls": "COALESCE(SUM(dropped) FILTER (kind = 'voice'), 0)",
        "sms": f"{count} (kind = 'sms')",
        "data_sessions": f"{count} (kind = 'data')",
        "late_events": "SUM(late)",
        **{name: f"SUM(CAST(ROUND({name}, 6) AS DECIMAL(38, 6)))" for name in SUMS},
    }
    start = f"TIME_BUCKET(INTERVAL '{minutes} minutes', started_at)"
    chosen = ", ".join(figures[name] for name in (*COUNTS, *SUMS))
    sql = f"SELECT cell_id, {start}, {chosen} FROM read_parquet('{curated}') WHERE copies_stream > 0 GROUP BY ALL"  # noqa: S608 - our own names
    with duckdb.connect() as base:
        base.execute("SET TimeZone = 'UTC'")
        rows = base.execute(sql).fetchall()
    return {(row[0], f"{row[1]:{TIME_FORMAT}}"): tuple(round(float(value), 6) for value in row[2:]) for row in rows}


def compare_day(voyage: Voyage) -> Check:
    """The consumer's windows, summed over the last day, against Spark's KPIs of the streamed cells."""
    layer = voyage.layer
    place = download(voyage, cdr.features_prefix(layer.dataset, "network_kpi", layer.last_day), "kpis")
    with duckdb.connect() as base:
        sql = f"SELECT cell_id, {', '.join(KPIS)} FROM read_parquet('{place}') WHERE events > 0"  # noqa: S608 - our own names
        rows = [row for row in base.execute(sql).fetchall() if row[0] in layer.cells]
    expected = {row[0]: tuple(round(float(value), 3) for value in row[1:]) for row in rows}
    found: dict[str, list[float]] = {}
    for item in _kpi_items(voyage):
        if _key(item)[1].startswith(str(layer.last_day)):
            sums = found.setdefault(_key(item)[0], [0.0] * len(KPIS))
            for number, name in enumerate(("events", "calls", "data_sessions", "data_mb")):
                sums[number] += item.get(name, 0)
    rounded = {cell: tuple(round(value, 3) for value in sums) for cell, sums in found.items()}
    return _compared("KPIs of cells by day", expected, rounded, ("Spark", "the stream's consumer"))


def store_features(voyage: Voyage) -> str | None:
    """Read back what the flow put into the feature store, of some subscribers, and the cells' newest KPIs."""
    if "Features" not in voyage.stacks:
        return None
    layer, groups = voyage.layer, voyage.stacks["Features"]
    aws = DataAws(voyage.cloud.context.client)
    place = download(voyage, cdr.features_prefix(layer.dataset, "churn", layer.as_of), "spark")
    moment = datetime(layer.as_of.year, layer.as_of.month, layer.as_of.day, tzinfo=UTC)
    records = {row["subscriber_id"]: feature_record(row, moment) for row in first_rows(place)}
    same = sum(
        aws.features(groups["ChurnFeatureGroupName"], name)
        == {one["FeatureName"]: one["ValueAsString"] for one in record}
        for name, record in records.items()
    )
    layer.checks.append(_stored("features in the online store", len(records), same, "Spark's features"))
    fresh = _online_cells(voyage, aws, groups["NetworkKpiFeatureGroupName"])
    return f"{same} subscribers' features and the newest KPIs of {fresh} cells read back as they were put"


def _online_cells(voyage: Voyage, aws: DataAws, group: str) -> int:
    """Compare each cell's newest window in the online store with the consumer's table; returns how many agree."""
    newest: dict[str, dict[str, Any]] = {}
    for item in sorted(_kpi_items(voyage), key=_key):
        newest[_key(item)[0]] = item
    same = 0
    for cell, item in newest.items():
        found = aws.features(group, cell)
        wanted = {EVENT_TIME: _key(item)[1], **{name: item.get(name, 0.0) for name in COUNTS}}
        same += wanted == {
            name: found.get(name) if name == EVENT_TIME else float(found.get(name, -1)) for name in wanted
        }
    voyage.layer.checks.append(_stored("cells in the online store", len(newest), same, "the consumer's table"))
    return same


def _stored(subject: str, expected: int, found: int, by: str) -> Check:
    return Check(subject=subject, expected=expected, found=found, expected_by=by, found_by="GetRecord, equal ones")


def first_rows(place: str) -> list[dict[str, Any]]:
    """The features of the first subscribers by name."""
    with duckdb.connect() as base:
        names = ", ".join(field.name for field in CHURN_FEATURES.fields)
        sql = f"SELECT {names} FROM read_parquet('{place}') ORDER BY subscriber_id LIMIT {STORED_RECORDS}"  # noqa: S608 - our own names
        answer = base.execute(sql)
        columns = [one[0] for one in answer.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]


def _compared(subject: str, expected: dict[Any, Any], found: dict[Any, Any], by: tuple[str, str]) -> Check:
    differing = sum(expected[key] != found[key] for key in expected.keys() & found.keys())
    differing += len(expected.keys() - found.keys()) if len(expected) == len(found) else 0
    return Check(
        subject=subject,
        expected=len(expected),
        found=len(found),
        differing=differing,
        expected_by=by[0],
        found_by=by[1],
    )


def _kpi_items(voyage: Voyage) -> list[dict[str, Any]]:
    items = voyage.aws.items(voyage.stacks["Streaming"]["KpiTableName"])
    return [item for item in items if str(item["sk"]).startswith("window#")]


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return str(item["pk"]).removeprefix("cell#"), str(item["sk"]).removeprefix("window#")


def _figures(item: dict[str, Any]) -> tuple[float, ...]:
    return tuple(round(float(item.get(name, 0)), 6) for name in (*COUNTS, *SUMS))


def download(voyage: Voyage, prefix: str, name: str, since: str = "") -> str:
    """Bring the Parquet files below a prefix here, once; returns a glob that names them all."""
    bucket = voyage.outputs["CuratedBucketName" if name == "curated" else "FeaturesBucketName"]
    folder: Path = voyage.folder / "compared" / name
    if not folder.exists():
        folder.mkdir(parents=True)
        for number, key in enumerate(voyage.aws.keys(bucket, prefix)):
            if key.endswith(".parquet") and (not since or key.partition("date=")[2][:10] >= since):
                (folder / f"{number:05d}.parquet").write_bytes(voyage.aws.read(f"s3://{bucket}/{key}"))
    return f"{folder}/*.parquet"
