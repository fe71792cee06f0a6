"""Training set: the features of past days with the labels about the days after them, as far as they are known.

A day's features know nothing from that day on (usage_features.py); its labels are about the days that begin with it,
and are taken only once those are over: who leaves is known sooner than who stays, so half of a period would be a
biased sample. Each version is a folder of its own that is never changed; the pointer to the newest one comes last.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.contracts.churn_features import CHURN_FEATURES
from seatrial.contracts.layout import latest_training_data_key, training_data_prefix
from seatrial.contracts.snapshot import snapshot_digest
from seatrial.contracts.telecom import HORIZON_DAYS, LABELS
from seatrial.spark.errors import DataError
from seatrial.spark.extracts import curate, curated_table
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Table, known_days, pieces_of, publish, read_accounts, read_partitions
from seatrial.spark.session import run_job

JOB, SOURCE = "training_set", "churn_features"
ID, AS_OF, LABEL, SNAPSHOT = "subscriber_id", "as_of", "churned", "snapshot"


@dataclass(frozen=True)
class Snapshots(Table):
    """A version in the layout that the features step of the pipeline reads: `snapshot=YYYY-MM-DD/table/`."""

    def folder(self, day: date) -> str:
        """Folder of one day's rows."""
        return f"{super().folder(day)}/table"


@dataclass(frozen=True)
class Place:
    """Where the features of a data set lie, and the training sets that are made of them."""

    root: str
    dataset: str

    @property
    def features(self) -> Table:
        """What usage_features published."""
        prefix = cdr.features_prefix(self.dataset, "churn").rstrip("/")
        return Table(f"{self.root}/{prefix}", f"{self.root}/{self.dataset}/accounts/{SOURCE}", AS_OF)

    @property
    def pointer(self) -> str:
        """What the retraining policy reads."""
        return f"{self.root}/{latest_training_data_key(self.dataset)}"

    def version(self, name: str) -> Snapshots:
        """The folder of a version, and the accounts of its days."""
        prefix = training_data_prefix(self.dataset, name).rstrip("/")
        return Snapshots(f"{self.root}/{prefix}", f"{self.root}/{self.dataset}/accounts/{JOB}/{name}", SNAPSHOT)

    def account(self, name: str) -> str:
        """What is in a version, and what it was made of."""
        return f"{self.root}/{self.dataset}/accounts/{JOB}/{name}.json"


@dataclass(frozen=True)
class Known:
    """Labels whose period is over: one row for each subscriber and day, the days, and the extracts they came in."""

    rows: DataFrame
    days: tuple[date, ...]
    early: int
    """Labels that claim to have been known before they could be: they are not believed."""
    deliveries: dict[str, str]
    """Checksum by day of delivery."""

    @property
    def newest(self) -> date:
        """The day of the newest extract."""
        return date.fromisoformat(max(self.deliveries))


def known_labels(spark: SparkSession, files: Files, options: argparse.Namespace) -> Known | None:
    """What had been delivered before `--known-by`; None when nothing had."""
    table, oldest = curated_table(options.curated, options.dataset, LABELS.name), _oldest(options)
    days = [day for day in known_days(files, table) if oldest < day < options.known_by]
    accounts = {day: one for day, one in read_accounts(files, table, days).items() if one["rows"]}
    if not accounts:
        return None
    over = fn.lit(options.known_by - timedelta(days=HORIZON_DAYS))
    rows = read_partitions(spark, table, list(accounts)).where(fn.col(AS_OF).between(fn.lit(oldest), over))
    good = in_time()
    told = rows.where(good).groupBy(ID, AS_OF).agg(fn.max(fn.struct("known_on", "known_at", LABEL)).alias("_newest"))
    counts = rows.groupBy(AS_OF).agg(fn.sum((~good).cast("int")).alias("early"), fn.sum(good.cast("int")).alias("good"))
    found = counts.collect()
    return Known(
        rows=told.select(ID, AS_OF, fn.col(f"_newest.{LABEL}").alias(LABEL)),
        days=tuple(sorted(row[AS_OF] for row in found if row["good"])),
        early=sum(row["early"] for row in found),
        deliveries={str(day): one["checksum"] for day, one in accounts.items()},
    )


def in_time() -> Column:
    """Who leaves can be known once the period has begun, who stays not before its end."""
    begin, end = fn.col(AS_OF).cast("timestamp"), fn.date_add(AS_OF, HORIZON_DAYS).cast("timestamp")
    return (fn.col("known_at") > begin) & ((fn.col(LABEL) == 1) | (fn.col("known_at") >= end))


def _oldest(options: argparse.Namespace) -> date:
    return options.known_by - timedelta(days=options.history_days)


def labelled(features: DataFrame, labels: DataFrame) -> DataFrame:
    """Every customer of the days; the label is null of those about whom nothing is known."""
    joined = features.join(labels, [ID, AS_OF], "left")
    return joined.select(*CHURN_FEATURES.names, LABEL, fn.col(AS_OF).alias(SNAPSHOT))


def counts_of(frame: DataFrame) -> dict[str, dict[str, int]]:
    """Rows, labelled ones and churners by day."""
    numbers = (fn.count(fn.lit(1)).alias("rows"), fn.count(LABEL).alias("labelled"), fn.sum(LABEL).alias("churners"))
    found = sorted(frame.groupBy(SNAPSHOT).agg(*numbers).collect(), key=lambda row: row[SNAPSHOT])
    return {
        str(row[SNAPSHOT]): {name: int(row[name] or 0) for name in ("rows", "labelled", "churners")} for row in found
    }


def digest_of(spark: SparkSession, files: Sequence[str], table: Table) -> str:
    """What pins the version; Spark's workers read the files (up to 2 GiB each), not the driver."""
    content = fn.sha2(fn.col("content"), 256).alias("digest")
    rows = spark.read.format("binaryFile").load(list(files)).select("path", content).collect()
    below = f"/{table.root.rsplit('/', 1)[-1]}/"
    return snapshot_digest({row["path"].split(below, 1)[1]: row["digest"] for row in rows})


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Curate what was delivered of labels, write the version, point to it; gives the version's account."""
    files, place = Files(spark), Place(location(options.features), options.dataset)
    curated = curate(spark, LABELS, options)
    labels, made = known_labels(spark, files, options), set(known_days(files, place.features))
    days = [day for day in labels.days if day in made] if labels else []
    if labels is None or not days:
        return {"made": False, "why": _nothing(labels, options.known_by), "labels": curated}
    sources = read_accounts(files, place.features, days)
    inputs = {"features": {str(day): one["checksum"] for day, one in sources.items()}, "labels": labels.deliveries}
    before = last_version(files, place)
    if before.get("inputs") == inputs:
        return {**before, "made": False, "why": "nothing is new"}
    version = f"{options.known_by}-{_short(inputs)}"
    frame = labelled(read_partitions(spark, place.features, days), labels.rows)
    pieces = pieces_of(sum(one["rows"] for one in sources.values()), len(days))
    account = {
        "version": version,
        "known_by": str(options.known_by),
        "inputs": inputs,
        "early_labels": labels.early,
        "days_without_features": sorted(str(day) for day in set(labels.days) - made),
        **write_version(frame, place.version(version), days, pieces),
    }
    files.write_json(place.account(version), account)
    pointed = point(files, place, account, before, labels.newest)
    return {**account, "made": True, "pointed": pointed, "labels": curated}


def _nothing(labels: Known | None, known_by: date) -> str:
    days = ", ".join(map(str, labels.days)) if labels else ""
    return f"there are no features of {days}" if days else f"no label's period was over and told by {known_by}"


def write_version(frame: DataFrame, table: Snapshots, days: list[date], pieces: int) -> dict[str, Any]:
    """Publish the rows of the days; gives what is known of them."""
    piece = fn.pmod(fn.xxhash64(ID), fn.lit(pieces))
    spread = frame.repartition(len(days) * pieces, SNAPSHOT, piece).sortWithinPartitions(SNAPSHOT, ID)
    files = [uri for one in publish(spread, table, days, {}).values() for uri in one["files"]]
    counts = counts_of(read_partitions(frame.sparkSession, table, days))
    return {"snapshots": counts, "digest": digest_of(frame.sparkSession, files, table)}


def last_version(files: Files, place: Place) -> dict[str, Any]:
    """The account of the version that the pointer names; empty before the first."""
    uri = (files.read_json(place.pointer) or {}).get("uri", "")
    return files.read_json(place.account(uri.rstrip("/").rsplit("/", 1)[-1])) or {} if uri else {}


def point(files: Files, place: Place, account: dict[str, Any], before: dict[str, Any], newest: date) -> bool:
    """Let the retraining policy see the version, unless it points to one that knows more."""
    known = {day: one["labelled"] for day, one in before.get("snapshots", {}).items()}
    rows = {day: one["labelled"] for day, one in account["snapshots"].items()}
    new = {
        "uri": place.version(account["version"]).root,
        "labelled_rows": sum(rows.values()),
        "fresh_rows": sum(max(0, count - known.get(day, 0)) for day, count in rows.items()),
        "as_of": f"{newest + timedelta(days=1)}T00:00:00Z",
        "digest": account["digest"],
    }
    pointer = files.read_json(place.pointer) or {}
    if new["labelled_rows"] == 0 or pointer.get("as_of", "") > new["as_of"]:
        return False
    files.replace_json(place.pointer, new)
    return True


def _short(inputs: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and the day; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--raw", required=True, help="root of the raw bucket: s3://bucket or a folder")
    parser.add_argument("--curated", required=True, help="root of the curated bucket")
    parser.add_argument("--features", required=True, help="root of the features bucket")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--known-by", type=date.fromisoformat, required=True, help="labels delivered before it count")
    parser.add_argument("--history-days", type=int, default=180, help="so far back lies the oldest day")
    parser.add_argument("--maximum-quarantined-share", type=float, default=0.05, help="of the labels of an extract")
    options = parser.parse_args(arguments)
    if options.history_days <= HORIZON_DAYS:
        raise DataError(
            f"--history-days: must be more than {HORIZON_DAYS}, the days of a label, got {options.history_days}"
        )
    options.first, options.last, options.everything = None, options.known_by - timedelta(days=1), False
    return options


if __name__ == "__main__":
    run_job(JOB, parse, run)
