"""Publishing of partitions: write aside, check, move in, and last the account that makes the partition valid.

A partition is what its account says it is: the files, how many rows, and a checksum that no order changes. A job
that dies leaves the old account, or none; whoever reads by `read_partitions` sees the old partition or an error,
and a rerun gives the same files. Nothing here needs a rename of a folder, which S3 has not.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pyspark.sql import DataFrame, GroupedData, SparkSession
from pyspark.sql import functions as fn

from seatrial.spark.errors import DataError
from seatrial.spark.files import File, Files, Footer, location

STAGING = "_staging"
LOW = 2**32 - 1
ROWS_A_FILE = 5_000_000


@dataclass(frozen=True)
class Table:
    """A partitioned table: `root` is its folder, `column` the partition's name, `accounts` a folder of JSON files."""

    root: str
    accounts: str
    column: str = "date"
    run: str = ""
    """Names the staging folder, so that a rerun finds and removes what a run that died left; else the days do."""

    def folder(self, day: date) -> str:
        """Folder of one partition."""
        return f"{location(self.root)}/{self.column}={day}"

    def account(self, day: date) -> str:
        """The file that says what the partition holds."""
        return f"{location(self.accounts)}/{self.column}={day}.json"

    def manifest(self, day: date) -> str:
        """The file that lists the partition's files for Redshift's COPY."""
        base, job = location(self.accounts).rsplit("/accounts/", 1)
        return f"{base}/manifests/{job}/{self.column}={day}.json"

    def staged(self, days: Sequence[date]) -> str:
        """Where files of these days wait; the underscore in front hides the folder from every reader."""
        parent, name = location(self.root).rsplit("/", 1)
        return f"{parent}/{STAGING}/{name}/{self.run or f'{min(days)}_{max(days)}'}"


@dataclass(frozen=True)
class Staged:
    """The files of one partition that wait to be moved in, and what was read back from them."""

    files: tuple[File, ...] = ()
    rows: int = 0
    checksum: str = "0" * 16
    groups: dict[tuple[Any, ...], dict[str, int]] = field(default_factory=dict)
    """`rows` and the sums that `stage` was asked for, by the values of the columns to group by."""


def pieces_of(rows: int, days: int) -> int:
    """Into how many files each of the days goes, so that one has about `ROWS_A_FILE` rows.

    >>> pieces_of(30_000_000, 2), pieces_of(10, 30)
    (3, 1)
    """
    return max(1, -(-rows // days // ROWS_A_FILE))


def gather(rows: DataFrame, column: str, key: Sequence[str], days: int, pieces: int = 1) -> GroupedData:
    """Group by the partition's column and a key, so that a day's groups lie in `pieces` partitions of Spark.

    One shuffle brings rows both to their group and to their file. The groups are sorted by the hash of the key, a
    number: text would be compared letter by letter, once for every step of the sort.
    """
    hashed = rows.withColumn("_hash", fn.xxhash64(*key))
    marked = hashed.withColumn("_piece", fn.pmod("_hash", fn.lit(pieces)).cast("int"))
    return marked.repartition(days * pieces, column, "_piece").groupBy("_hash", column, "_piece", *key)


def stage(
    frame: DataFrame, table: Table, days: Sequence[date], *, group_by: Sequence[str] = (), sums: Sequence[str] = ()
) -> dict[date, Staged]:
    """Write a frame with the partition's column aside and read it back: files, rows and checksum by day.

    Days without rows are in the answer, empty. What an earlier run left in the same place is removed first.
    """
    spark, files = frame.sparkSession, Files(frame.sparkSession)
    folder = table.staged(days)
    files.delete([folder])
    frame.write.partitionBy(table.column).mode("append").parquet(folder)
    found: dict[date, list[File]] = {day: [] for day in days}
    for one in files.find(folder):
        found[date.fromisoformat(one.uri.split(f"/{table.column}=")[-1].split("/")[0])].append(one)
    if not any(found.values()):
        return {day: Staged() for day in days}
    facts = _read_back(spark.read.schema(frame.schema).parquet(folder), table.column, group_by, sums)
    return {day: Staged(tuple(group), *facts.get(day, ())) for day, group in found.items()}


def _read_back(frame: DataFrame, column: str, group_by: Sequence[str], sums: Sequence[str]) -> dict[date, Any]:
    """Rows, checksum and groups of each day, from the files themselves."""
    # The checksum is the hashes' sum, so neither the order of the rows nor their spread over files changes it. It is
    # summed in halves, as a sum of 64-bit numbers overflows, and one of decimals costs more than reading the row.
    content = fn.xxhash64(*sorted(name for name in frame.columns if name != column))
    halves = [fn.sum(fn.shiftright(content, 32)).alias("_high"), fn.sum(content.bitwiseAND(LOW)).alias("_low")]
    totals = [fn.sum(fn.col(name).cast("long")).alias(f"_{name}") for name in sums]
    counts = [fn.count(fn.lit(1)).alias("_rows"), *halves, *totals]
    facts: dict[date, Any] = {}
    for row in frame.groupBy(fn.col(column).cast("string").alias("_day"), *group_by).agg(*counts).collect():
        day = date.fromisoformat(row["_day"])
        rows, total, groups = facts.get(day, (0, 0, {}))
        groups[tuple(row[name] for name in group_by)] = {name: row[f"_{name}"] for name in ("rows", *sums)}
        facts[day] = (rows + row["_rows"], total + (row["_high"] << 32) + row["_low"], groups)
    return {day: (rows, f"{total % 2**64:016x}", groups) for day, (rows, total, groups) in facts.items()}


def move_in(files: Files, table: Table, day: date, staged: Staged, current: Sequence[str]) -> list[str]:
    """Move the staged files into the partition and give their URIs; the same content stays where it is.

    Names come from the content, so new files never overwrite ones that somebody reads.
    """
    names = [f"part-{index:05d}-{staged.checksum}.parquet" for index in range(len(staged.files))]
    targets = [f"{table.folder(day)}/{name}" for name in names]
    if sorted(current) == sorted(targets) and all(files.exists(uri) for uri in current):
        return list(current)
    files.move([(one.uri, target) for one, target in zip(staged.files, targets)])  # noqa: B905 - Python 3.9
    return targets


def remove_others(files: Files, table: Table, day: date, valid: Iterable[str], keep_days: int = 0) -> list[str]:
    """Delete what lies in the partition beside its valid files: replaced ones and those of runs that died.

    Files younger than `keep_days` stay: old snapshots of an Iceberg table still read them.
    """
    newest = (time.time() - keep_days * 86_400) * 1000 if keep_days else float("inf")
    there = files.find(table.folder(day))
    others = [one.uri for one in there if one.uri not in set(valid) and one.modified < newest]
    files.delete(others)
    return others


def publish(
    frame: DataFrame, table: Table, days: Sequence[date], facts: dict[str, Any], *, keep_days: int = 0
) -> dict[date, dict[str, Any]]:
    """Stage, move in and account for the partitions of a frame; gives the accounts, each with `facts` in it."""
    files, staged = Files(frame.sparkSession), stage(frame, table, days)
    accounts = {}
    for day in days:
        before = files.read_json(table.account(day)) or {}
        uris = move_in(files, table, day, staged[day], before.get("files", []))
        partition = {"rows": staged[day].rows, "checksum": staged[day].checksum, "files": uris}
        accounts[day] = {table.column: str(day), **facts, **partition}
        write_account(files, table, day, accounts[day])
        remove_others(files, table, day, uris, keep_days)
    files.delete([table.staged(days)])
    return accounts


def write_account(files: Files, table: Table, day: date, account: dict[str, Any]) -> None:
    """Write the account, which makes the partition valid, and before it the manifest of its files.

    Replaced files may stay beside the valid ones for as long as Iceberg's snapshots read them, so who loads the folder
    would count rows twice. COPY asks for the size of each columnar file (Redshift, "Using a manifest").
    """
    sizes = {one.uri: one.size for one in files.find(table.folder(day))}
    entries = [
        {"url": uri, "mandatory": True, "meta": {"content_length": sizes[uri]}} for uri in sorted(account["files"])
    ]
    files.write_json(table.manifest(day), {"entries": entries})
    files.write_json(table.account(day), account)


def known_days(files: Files, table: Table) -> list[date]:
    """Days of a table that have an account, in order."""
    prefix = f"{table.column}="
    names = [one.name for one in files.find(table.accounts)]
    return sorted(date.fromisoformat(name[len(prefix) : -len(".json")]) for name in names if name.startswith(prefix))


def read_accounts(files: Files, table: Table, days: Sequence[date]) -> dict[date, dict[str, Any]]:
    """The accounts of these days; raises `DataError` naming each day that has none."""
    accounts = {day: files.read_json(table.account(day)) for day in days}
    missing = [str(day) for day, account in accounts.items() if account is None]
    if missing:
        raise DataError(
            f"{table.root}: no account for {table.column} {', '.join(missing)}: never made, or its job died; "
            "run the job that makes it again"
        )
    return {day: account for day, account in accounts.items() if account is not None}


def read_partitions(spark: SparkSession, table: Table, days: Sequence[date]) -> DataFrame:
    """The valid rows of these days, with the partition's column as a date; checks the files against the accounts.

    Raises `DataError` when a partition has no account, or its files are not the ones that the account names.
    """
    files = Files(spark)
    accounts = read_accounts(files, table, days)
    uris = [uri for account in accounts.values() for uri in account["files"]]
    _check_rows(files, table, accounts)
    if not uris:
        raise DataError(f"{table.root}: no rows from {min(days)} to {max(days)}")
    frame = spark.read.parquet(*uris)
    day = fn.regexp_extract(fn.col("_metadata.file_path"), f"/{table.column}=([0-9-]+)/", 1)
    return frame.withColumn(table.column, day.cast("date"))


def _check_rows(files: Files, table: Table, accounts: dict[date, dict[str, Any]]) -> None:
    footers = iter(files.footers([uri for account in accounts.values() for uri in account["files"]]))
    for day, account in accounts.items():
        found = [next(footers) for _ in account["files"]]
        broken = [one for one in found if not isinstance(one, Footer)]
        rows = sum(one.rows for one in found if isinstance(one, Footer))
        if broken or rows != account["rows"]:
            detail = f"{broken[0].uri}: {broken[0].reason}" if broken else f"{rows} rows in the files"
            raise DataError(
                f"{table.root}: {table.column}={day} is not what its account says ({account['rows']} rows): {detail}; "
                "make the partition again"
            )
