"""History step: extracts of the CRM to a slowly changing dimension of type 2, one version for each change.

The history of a day is made from the newest earlier history and the extracts since; a rerun gives the same rows.
A version holds from `valid_from` until before `valid_to` (null: still). Absence from an extract ends it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as fn

from seatrial.contracts.telecom import CRM, CRM_ATTRIBUTES
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Table, known_days, publish, read_accounts, read_partitions
from seatrial.spark.session import run_job

ID = "subscriber_id"
JOB = "crm_history"
COLUMNS = (ID, "valid_from", "valid_to", "tenure_months", *CRM_ATTRIBUTES)


def versions(seen: DataFrame, days: Sequence[date]) -> DataFrame:
    """Versions from observations with columns `_index` (into days), `valid_from`, tenure and the attributes.

    A version begins where an attribute changes or where the subscriber was absent from the extract before.
    """
    by_time = Window.partitionBy(ID).orderBy("_index")
    same = fn.lit(True)
    for name in CRM_ATTRIBUTES:
        same = same & fn.col(name).eqNullSafe(fn.lag(name).over(by_time))
    begins = ~fn.coalesce(same & (fn.lag("_index").over(by_time) == fn.col("_index") - 1), fn.lit(False))
    marked = seen.withColumn("_begins", begins.cast("int"))
    numbered = marked.withColumn("_version", fn.sum("_begins").over(by_time))
    first = fn.min_by(fn.struct("valid_from", "tenure_months", *CRM_ATTRIBUTES), "_index").alias("_first")
    grouped = numbered.groupBy(ID, "_version").agg(first, fn.max("_index").alias("_last"))
    ends = fn.array(*(fn.lit(day) for day in days[1:]), fn.lit(None).cast("date"))
    return grouped.select(ID, "_first.*", ends[fn.col("_last")].alias("valid_to")).select(*COLUMNS)


def observations(extracts: DataFrame, days: Sequence[date], before: DataFrame | None) -> DataFrame:
    """The open versions of the history so far as observations of its day, and the rows of every extract since."""
    numbers = ", ".join(f"date'{day}'" for day in days)
    index = fn.expr(f"cast(array_position(array({numbers}), date) - 1 as int)").alias("_index")
    columns = [ID, "tenure_months", *CRM_ATTRIBUTES]
    seen = extracts.select(index, fn.col("date").alias("valid_from"), *columns)
    if before is None:
        return seen
    open_ones = before.where("valid_to is null").select(fn.lit(0).alias("_index"), "valid_from", *columns)
    return seen.unionByName(open_ones)


def tables_of(options: argparse.Namespace) -> tuple[Table, Table]:
    """The curated extracts and the history."""
    below = f"{location(options.curated)}/{options.dataset}"
    crm = Table(f"{below}/{CRM.name}", f"{below}/accounts/curate_{CRM.name}")
    return crm, Table(f"{below}/{JOB}", f"{below}/accounts/{JOB}")


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Publish the history as of the newest extract not after `--date`; gives its account's numbers."""
    files, (crm, history) = Files(spark), tables_of(options)
    extracts = [day for day in known_days(files, crm) if day <= options.date]
    if not extracts:
        raise DataError(f"{crm.root}: no extract until {options.date}; run curate_tables first")
    newest = extracts[-1]
    earlier = [day for day in known_days(files, history) if day < newest and not options.everything]
    base = usable(files, history, crm, earlier, extracts)
    days = [day for day in extracts if base is None or day > base]
    inputs = {str(day): one["checksum"] for day, one in read_accounts(files, crm, extracts).items()}
    if (files.read_json(history.account(newest)) or {}).get("inputs") == inputs and not options.everything:
        return {"date": str(newest), "made": False}
    frame = read_partitions(spark, crm, days)
    if base is None:
        made = versions(observations(frame, days, None), days)
    else:
        before = read_partitions(spark, history, [base]).drop("date")
        closed = before.where("valid_to is not null").select(*COLUMNS)
        seen = observations(frame, [base, *days], before)
        made = versions(seen, [base, *days]).unionByName(closed)
    pieces = max(1, options.files)
    out = made.withColumn("date", fn.lit(newest)).repartition(pieces, ID).sortWithinPartitions(ID, "valid_from")
    account = publish(out, history, [newest], {"inputs": inputs})[newest]
    return {"date": str(newest), "made": True, "rows": account["rows"]}


def usable(files: Files, history: Table, crm: Table, earlier: Sequence[date], extracts: Sequence[date]) -> date | None:
    """The newest earlier history whose extracts have not changed since."""
    current = {str(day): one["checksum"] for day, one in read_accounts(files, crm, extracts).items()}
    for day in reversed(earlier):
        inputs = (files.read_json(history.account(day)) or {}).get("inputs", {})
        if inputs == {key: value for key, value in current.items() if key <= str(day)}:
            return day
    return None


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and the day; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--curated", required=True, help="root of the curated bucket: s3://bucket or a folder")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--date", type=date.fromisoformat, required=True, help="YYYY-MM-DD")
    parser.add_argument("--everything", action="store_true", help="from the first extract on, also if nothing is new")
    parser.add_argument("--files", type=int, default=1, help="files of the partition; about 5 million rows fit one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run_job(JOB, parse, run)
