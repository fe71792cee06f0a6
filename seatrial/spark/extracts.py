"""Curation of a table that comes as daily extracts: checked against its contract, one row a key, accounted for.

The partition is the extract's day, on which the rows became known; refused rows lie in quarantine with their reason.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.contracts.table import TableContract
from seatrial.spark import checks
from seatrial.spark.errors import DataError
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Staged, Table, gather, move_in, pieces_of, remove_others, stage, write_account
from seatrial.spark.raw_events import Input, check_files, finished_files, refuse_bad_files

DAY, COPIES, TYPED = "date", "copies", "__typed"


def curated_table(curated: str, dataset: str, name: str) -> Table:
    """Where the curated extracts of a table lie, and the accounts of their days."""
    below = f"{location(curated)}/{dataset}"
    return Table(f"{below}/{name}", f"{below}/accounts/curate_{name}")


def list_extracts(files: Files, root: str, name: str, options: argparse.Namespace) -> dict[date, list[Input]]:
    """Files of the table by extract day, within the days asked for."""
    found = {}
    for folder in files.folders(root):
        if folder.startswith("date="):
            day = date.fromisoformat(folder[len("date=") :])
            if (options.first or day) <= day <= (options.last or day):
                found[day] = [Input(name, day, one) for one in finished_files(files, f"{root}/{folder}")]
    return found


def read_files(spark: SparkSession, group: Sequence[Input], contract: TableContract) -> DataFrame:
    """Raw columns of files with equal columns, their day, and the contract's columns as `<name>__typed`."""
    raw = spark.read.parquet(*(one.file.uri for one in group))
    day = fn.substring(fn.substring_index("_metadata.file_path", f"/{contract.name}/{DAY}=", -1), 1, 10)
    typed = {one.name + TYPED: checks.typed(one) for one in contract.fields}
    return raw.withColumns({"__day": fn.to_date(day), **typed})


def good_rows(frame: DataFrame, contract: TableContract) -> DataFrame:
    """Typed columns and day of the rows that keep the contract."""
    typed = [fn.col(f"`{one.name}{TYPED}`").alias(one.name) for one in contract.fields]
    return frame.where(keeps(contract)).select(fn.col("__day").alias(DAY), *typed)


def keeps(contract: TableContract) -> Column:
    """Whether a row keeps the contract, its age included; never null."""
    good = checks.keeps(contract, TYPED)
    return good if contract.dated_by is None else good & checks.staleness(contract, "__day", TYPED).isNull()


def bad_rows(frame: DataFrame, contract: TableContract) -> DataFrame:
    """Day, reason and payload (the row as it came) of the others; only these are made into text."""
    own = [f"`{name}`" for name in frame.columns if not name.endswith(TYPED) and name != "__day"]
    reasons = [checks.refusal(contract, TYPED)]
    reasons += [checks.staleness(contract, "__day", TYPED)] if contract.dated_by else []
    reason, payload = fn.coalesce(*reasons).alias("reason"), fn.to_json(fn.struct(*own)).alias("payload")
    return frame.where(~keeps(contract)).select(fn.col("__day").alias(DAY), reason, payload)


def one_a_key(rows: DataFrame, contract: TableContract, days: int, pieces: int) -> DataFrame:
    """The smallest row of each day and key, so that no order of files matters, and how many there were."""
    rest = [name for name in contract.names if name not in contract.key]
    first = fn.min(fn.struct(*rest)) if rest else fn.struct(fn.lit(0).alias("_none"))
    groups = gather(rows, DAY, contract.key, days, pieces)
    grouped = groups.agg(first.alias("_first"), fn.count(fn.lit(1)).cast("int").alias(COPIES))
    facts = [fn.col(f"_first.{name}").alias(name) for name in rest]
    columns = {name: fn.col(name) for name in contract.key} | dict(zip(rest, facts))  # noqa: B905 - Python 3.9
    return grouped.select(*(columns[name] for name in contract.names), fn.col(DAY).alias("known_on"), COPIES, DAY)


def account_of(day: date, kept: Staged, refused: Staged, rows: int) -> dict[str, Any]:
    """Read = used + duplicate + quarantined, held against the rows that the files' footers tell."""
    copies = sum(group[COPIES] for group in kept.groups.values())
    quarantined = {reason: group["rows"] for (reason,), group in sorted(refused.groups.items())}
    if copies + sum(quarantined.values()) != rows:
        raise DataError(
            f"{day}: {rows} rows in the files, {copies + sum(quarantined.values())} accounted for: run again"
        )
    return {DAY: str(day), "read": rows, "used": kept.rows, "duplicate": copies - kept.rows, "quarantined": quarantined}


def curate(spark: SparkSession, contract: TableContract, options: argparse.Namespace) -> dict[str, int]:
    """Make the days of one table anew whose files changed; gives how many rows were read and kept.

    `options`: raw, curated, dataset, first and last (days or None), everything, maximum_quarantined_share.
    """
    files, root, name = Files(spark), location(options.raw), contract.name
    place = f"{root}/{cdr.table_prefix(options.dataset, name).rstrip('/')}"
    kept = curated_table(options.curated, options.dataset, name)
    refused = Table(f"{location(options.curated)}/{options.dataset}/quarantine/{name}", kept.accounts)
    extracts = list_extracts(files, place, name, options)
    fingerprints = {day: sorted(one.fingerprint for one in inputs) for day, inputs in extracts.items()}
    old = {day: files.read_json(kept.account(day)) or {} for day in extracts}
    days = [day for day in extracts if options.everything or old[day].get("inputs") != fingerprints[day]]
    if not days:
        return {"days": 0, "read": 0, "used": 0}
    inputs = [one for day in days for one in extracts[day]]
    checked = check_files(files, inputs, contract)
    refuse_bad_files(files, checked, contract)
    frames = [read_files(spark, group, contract) for group in checked.good]
    good, bad = ([make(one, contract) for one in frames] for make in (good_rows, bad_rows))
    unique = one_a_key(reduce(DataFrame.unionByName, good), contract, len(days), pieces_of(checked.rows, len(days)))
    staged = {
        kept: stage(unique, kept, days, sums=[COPIES]),
        refused: stage(reduce(DataFrame.unionByName, bad), refused, days, group_by=["reason"]),
    }
    by_day = _rows_by_day(files, inputs)
    accounts = {day: account_of(day, staged[kept][day], staged[refused][day], by_day[day]) for day in days}
    _gate(name, accounts, options)
    for day in days:
        current = {kept: old[day].get("files", []), refused: old[day].get("quarantine_files", [])}
        moved = {table: move_in(files, table, day, staged[table][day], current[table]) for table in (kept, refused)}
        one = staged[kept][day]
        facts = {"rows": one.rows, "checksum": one.checksum, "files": moved[kept], "inputs": fingerprints[day]}
        account = {**accounts[day], **facts, "quarantine_files": moved[refused]}
        write_account(files, kept, day, {**account, "unexpected_columns": checked.unexpected.get(name, [])})
        for table in (kept, refused):
            remove_others(files, table, day, moved[table])
    files.delete([kept.staged(days), refused.staged(days)])
    return {"days": len(days), **{key: sum(one[key] for one in accounts.values()) for key in ("read", "used")}}


def _rows_by_day(files: Files, inputs: Sequence[Input]) -> dict[date, int]:
    rows: dict[date, int] = {}
    for one, footer in zip(inputs, files.footers([one.file.uri for one in inputs])):  # noqa: B905 - Python 3.9
        rows[one.day] = rows.get(one.day, 0) + getattr(footer, "rows", 0)
    return rows


def _gate(name: str, accounts: dict[date, dict[str, Any]], options: argparse.Namespace) -> None:
    limit = options.maximum_quarantined_share
    bad = {day: one for day, one in accounts.items() if sum(one["quarantined"].values()) > limit * one["read"]}
    lines = [f"{name} {day}: {one['quarantined']} of {one['read']} rows are refused" for day, one in bad.items()]
    if lines:
        raise DataError(
            "nothing was published:\n  " + "\n  ".join(lines) + "\nmend the source, or allow it by "
            "--maximum-quarantined-share"
        )
