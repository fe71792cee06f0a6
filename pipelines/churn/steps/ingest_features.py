"""Feature store step: the churn features as of a day into a feature group, its history and its newest values.

A day is told apart by its event time, midnight UTC of `as_of`: what is computed anew is one more write of the same
event time, which point-in-time joins know how to choose from (seatrial/contracts/point_in_time.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any

from pyspark.sql import SparkSession

from seatrial.contracts import cdr
from seatrial.spark import feature_store
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files, location
from seatrial.spark.iceberg import open_catalog, parse_properties
from seatrial.spark.publish import Table, known_days, read_accounts, read_partitions
from seatrial.spark.session import run_job

JOB, SOURCE = "ingest_features", "churn_features"
UTC = timezone.utc  # noqa: UP017 - datetime.UTC is new in Python 3.11


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Ingest what was published as of the day; gives the account, which is written last."""
    files, day = Files(spark), options.as_of
    root, accounts = location(options.features), f"{location(options.features)}/{options.dataset}/accounts"
    prefix = cdr.features_prefix(options.dataset, "churn").rstrip("/")
    source = Table(f"{root}/{prefix}", f"{accounts}/{SOURCE}", "as_of")
    checksum = read_accounts(files, source, [day])[day]["checksum"]
    own = f"{accounts}/{JOB}/as_of={day}.json"
    identity = {"as_of": str(day), "group": options.group, "checksum": checksum}
    before = files.read_json(own) or {}
    if identity.items() <= before.items():
        return {**before, "made": False}
    newest = day == known_days(files, source)[-1]
    account = {**identity, **ingest(spark, options, source, checksum, newest)}
    files.write_json(own, account)
    return {**account, "made": True}


def ingest(
    spark: SparkSession, options: argparse.Namespace, source: Table, checksum: str, newest: bool
) -> dict[str, int]:
    """Rows read, and those that each store took; only the newest day is put online, as no older one would be kept."""
    group = feature_store.describe(options.group, options.region)
    moment = datetime(options.as_of.year, options.as_of.month, options.as_of.day, tzinfo=UTC)
    rows = feature_store.rows_for(read_partitions(spark, source, [options.as_of]), group, moment).cache()
    counts = {"rows": rows.count(), "offline": 0, "online": 0}
    by_commit = bool(options.catalog) and group.table is not None
    if by_commit:
        catalog = open_catalog(parse_properties(options.catalog))
        feature_store.append(rows, group, catalog, f"{options.as_of}-{checksum}")
        counts["offline"] = counts["rows"]
    left = [name for name in group.stores if not by_commit or name == "OnlineStore"]
    stores = [name for name in left if newest or name == "OfflineStore"]
    put = feature_store.put_records(rows, group, stores, options.region) if stores else 0
    rows.unpersist()
    if put not in {0, counts["rows"]}:
        raise DataError(f"feature group {group.name}: {counts['rows']} rows, but {put} were put; run the job again")
    taken = {"OfflineStore": "offline", "OnlineStore": "online"}
    return counts | {taken[name]: put for name in stores}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places, the day and the group; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--features", required=True, help="root of the features bucket: s3://bucket or a folder")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--as-of", type=date.fromisoformat, required=True, help="the partition of the churn features")
    parser.add_argument("--group", required=True, help="name of the feature group")
    parser.add_argument("--region", help="the group's region, when the environment does not say it")
    parser.add_argument("--catalog", nargs="*", default=[], help="pyiceberg's; without, history is put as records too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_job(JOB, parse, run)
