"""Curation step: raw call records of batch and stream to checked events, once each, with every row accounted for.

A row belongs to exactly one day (see `with_home`), so the accounts of all days together are the raw files' rows.
It leaves the Iceberg commit of what it published to commit_iceberg.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.spark.errors import DataError, main
from seatrial.spark.files import Files, location
from seatrial.spark.publish import Staged, Table, move_in, remove_others, stage
from seatrial.spark.raw_events import (
    DAY,
    TOO_LATE,
    Checked,
    Input,
    check_files,
    list_inputs,
    micros,
    read_rows,
    refuse_bad_files,
    window,
)
from seatrial.spark.session import session

JOB = "curate_cdr"
DAYS_AT_ONCE = 31


def keep_first(rows: DataFrame) -> DataFrame:
    """One row for each event id of a day: the copy received first; `_copies_*` count the copies by source.

    The aggregation has a map side, so an id that comes a million times is no skewed key.
    """
    content = ("received_at", "source", *(name for name in cdr.CDR.names if name not in {"event_id", "received_at"}))
    copies = [fn.sum((fn.col("source") == one).cast("int")).alias(f"_copies_{one}") for one in cdr.SOURCES]
    essence = fn.xxhash64(*(name for name in content if name not in {"received_at", "source"}))
    differ = (fn.min(essence) != fn.max(essence)).alias("_differ")
    grouped = rows.groupBy(DAY, "event_id").agg(fn.min(fn.struct(*content)).alias("_first"), *copies, differ)
    lateness = fn.unix_micros("received_at") - fn.unix_micros("started_at")
    flat = grouped.select(DAY, "event_id", "_first.*", "_differ", *(f"_copies_{one}" for one in cdr.SOURCES))
    return flat.withColumn("late", (lateness > micros(cdr.LATE_AFTER)).cast("int"))


# ------------------------------------------------------------------------------------------------------- counting


class Tally:
    """Counts by day and source of the rows that pass a point of a job, without a pass of their own."""

    def __init__(self, name: str, days: Sequence[date], counts: dict[str, dict[str, Column]]) -> None:
        self._observation = Observation(name)
        self._keys = [(day, source, key) for day in days for source in cdr.SOURCES for key in counts]
        self._counts = counts

    def watch(self, frame: DataFrame) -> DataFrame:
        """Count while the rows go by."""
        columns = [
            fn.coalesce(fn.sum(fn.when(fn.col(DAY) == fn.lit(day), self._counts[key][source].cast("long"))), fn.lit(0))
            for day, source, key in self._keys
        ]
        named = [column.alias(f"n{index}") for index, column in enumerate(columns)]
        return frame.observe(self._observation, fn.count(fn.lit(1)).alias("rows"), *named)

    def get(self) -> tuple[int, dict[tuple[date, str, str], int]]:
        """All rows, and the counts by day, source and name."""
        found = self._observation.get
        return found["rows"], {key: found[f"n{index}"] for index, key in enumerate(self._keys)}


def tally_read(days: Sequence[date]) -> Tally:
    """Rows read and rows that keep the contract."""
    is_source = {source: fn.col("source") == source for source in cdr.SOURCES}
    good = {source: one & fn.col("_reason").isNull() for source, one in is_source.items()}
    return Tally("read", days, {"read": is_source, "valid": good})


def tally_kept(days: Sequence[date]) -> Tally:
    """What became of the rows that keep the contract."""
    first = {source: fn.col("source") == source for source in cdr.SOURCES}
    return Tally(
        "kept",
        days,
        {
            "used": {source: one & (fn.col("late") == 0) for source, one in first.items()},
            "late_used": {source: one & (fn.col("late") == 1) for source, one in first.items()},
            "duplicate": {source: fn.col(f"_copies_{source}") - one.cast("int") for source, one in first.items()},
            "conflicting": {source: one & fn.col("_differ") for source, one in first.items()},
        },
    )


def account_of(day: date, read: Any, kept: Any, refused: Staged) -> dict[str, Any]:
    """What became of the day's rows, by source and in all; raises `DataError` when the numbers do not add up."""
    sources = {}
    for source in cdr.SOURCES:
        reasons = {reason: rows for (of, reason), rows in sorted(refused.groups.items()) if of == source}
        late_dropped = reasons.pop(TOO_LATE, 0)
        names = ("used", "late_used", "duplicate", "conflicting")
        sources[source] = {
            "read": read[day, source, "read"],
            **{name: kept.get((day, source, name), 0) for name in names},
            "late_dropped": late_dropped,
            "quarantined": reasons,
        }
        add_up(f"{day} {source}", sources[source])
    totals: dict[str, Any] = {
        name: sum(one[name] for one in sources.values()) for name in sources["batch"] if name != "quarantined"
    }
    reasons = sorted({reason for one in sources.values() for reason in one["quarantined"]})
    quarantined = {name: sum(one["quarantined"].get(name, 0) for one in sources.values()) for name in reasons}
    return {DAY: str(day), **totals, "quarantined": quarantined, "sources": sources}


def add_up(name: str, account: dict[str, Any]) -> None:
    """Raise `DataError` unless each row read is used, used late, a duplicate, dropped late or in quarantine."""
    parts = sum(account[key] for key in ("used", "late_used", "duplicate", "late_dropped"))
    parts += sum(account["quarantined"].values())
    if parts != account["read"]:
        raise DataError(
            f"{name}: {account['read']} rows read, {parts} accounted for; "
            "the raw files changed while they were read: run again"
        )


# ------------------------------------------------------------------------------------------------------- the work


def curate(spark: SparkSession, tables: dict[str, Table], inputs: list[Input], days: list[date], options: Any) -> Any:
    """Make these days anew and publish them; gives their accounts."""
    files = Files(spark)
    needed = sorted({one for day in days for one in window(inputs, day)}, key=lambda one: one.file.uri)
    checked = check_files(files, needed)
    if options.bad_files == "fail":
        refuse_bad_files(files, checked)
    accounts, staged = {}, None
    if checked.rows:
        accounts, staged = stage_days(read_rows(spark, checked), tables, days, checked)
    for day in days:
        empty = account_of(day, _Zeros(), {}, Staged())
        account = accounts.get(day, empty)
        account["unreadable_files"] = sorted(one.file.uri for one, _ in checked.unreadable if one.day == day)
        account["unexpected_columns"] = checked.unexpected
        accounts[day] = account
    gate(accounts, options)
    for day in days:
        one = {name: staged[name][day] for name in tables} if staged else {name: Staged() for name in tables}
        commit(files, tables, one, accounts[day], options)
        remember(files, tables["curated"], day, inputs)
    files.delete([f"{table.staging}/{min(days)}_{max(days)}" for table in tables.values()])
    return accounts


class _Zeros(dict):
    """Counts of a day for which no row came."""

    def __missing__(self, key: Any) -> int:
        return 0


def stage_days(rows: DataFrame, tables: dict[str, Table], days: list[date], checked: Checked) -> Any:
    """Write both tables aside in two passes over the raw files; gives the accounts and the staged files."""
    reading, keeping = tally_read(days), tally_kept(days)
    wanted = fn.col(DAY).isin(*[fn.lit(day) for day in days])
    refused = reading.watch(rows).where(wanted & fn.col("_reason").isNotNull())
    columns = ["event_id", "source", fn.col("_reason").alias("reason"), fn.col("_file").alias("file")]
    columns.append(fn.col("_payload").alias("payload"))
    staged = {"quarantine": stage(refused.select(*columns, DAY), tables["quarantine"], days, ("source", "reason"))}
    total, read = reading.get()
    if total != checked.rows:
        raise DataError(f"the raw files' footers say {checked.rows} rows, {total} were read: run again")
    kept = {}
    if any(read[day, source, "valid"] for day in days for source in cdr.SOURCES):
        first = keeping.watch(keep_first(rows.where(wanted & fn.col("_reason").isNull())))
        staged["curated"] = stage(spread(first, read), tables["curated"], days, ("source", "late"))
        kept = keeping.get()[1]
    else:
        staged["curated"] = {day: Staged() for day in days}
    accounts = {day: account_of(day, read, kept, staged["quarantine"][day]) for day in days}
    for day, account in accounts.items():
        if staged["curated"][day].rows != account["used"] + account["late_used"]:
            raise DataError(
                f"{day}: {account['used'] + account['late_used']} rows to keep, "
                f"{staged['curated'][day].rows} written: run again"
            )
    return accounts, staged


ROWS_A_FILE = 5_000_000


def spread(frame: DataFrame, read: dict[tuple[date, str, str], int]) -> DataFrame:
    """Files of about `ROWS_A_FILE` rows, in order of subscriber and time so that readers can skip and pack."""
    by_day: dict[date, int] = {}
    for (day, _, key), rows in read.items():
        by_day[day] = by_day.get(day, 0) + (rows if key == "valid" else 0)
    pieces = max(1, -(-max(by_day.values()) // ROWS_A_FILE))
    piece = fn.pmod(fn.xxhash64("subscriber_id"), fn.lit(pieces))
    together = frame.select(*cdr.CURATED.names, DAY).repartition(len(by_day) * pieces, DAY, piece)
    return together.sortWithinPartitions(DAY, "subscriber_id", "started_at", "event_id")


def gate(accounts: dict[date, dict[str, Any]], options: Any) -> None:
    """Refuse to publish when too many rows of a day are in quarantine or nothing came from a source."""
    problems = []
    for day, account in accounts.items():
        refused = sum(account["quarantined"].values())
        if refused > options.maximum_quarantined_share * account["read"]:
            problems.append(f"{day}: {refused} of {account['read']} rows are refused: {account['quarantined']}")
        silent = [one for one in options.require_sources if not account["sources"][one]["read"]]
        if silent:
            problems.append(f"{day}: no rows from {', '.join(silent)}")
    if problems:
        raise DataError(
            "nothing was published:\n  " + "\n  ".join(problems) + "\nmend the source, or allow it by "
            "--maximum-quarantined-share or --require-sources"
        )


def commit(files: Files, tables: dict[str, Table], staged: Any, account: Any, options: Any) -> None:
    """Move the day's files in; the account, written last, makes them valid; then replaced files go."""
    day = date.fromisoformat(account[DAY])
    before = files.read_json(tables["curated"].account(day)) or {}
    moved = {}
    for name, key in (("quarantine", "quarantine_files"), ("curated", "files")):
        moved[key] = move_in(files, tables[name], day, staged[name], before.get(key, []))
    facts = {"rows": staged["curated"].rows, "checksum": staged["curated"].checksum, "contract": cdr.CDR.version}
    account.update(facts, **moved)
    if account != before:
        files.write_json(tables["curated"].account(day), account)
    remove_others(files, tables["quarantine"], day, moved["quarantine_files"])
    if not options.keep_replaced:
        remove_others(files, tables["curated"], day, moved["files"])


# -------------------------------------------------------------------------------------------------- what is new


def memory(table: Table, day: date) -> str:
    """The file that says which raw files a day was made of; its underscore hides it from readers of accounts."""
    return f"{location(table.accounts)}/_seen/{DAY}={day}.json"


def remember(files: Files, table: Table, day: date, inputs: list[Input]) -> None:
    """Note the files that the day was made of, written after its account: a job that dies between works again."""
    files.write_json(memory(table, day), sorted(one.fingerprint for one in window(inputs, day)))


def days_to_make(spark: SparkSession, table: Table, inputs: list[Input], options: Any) -> list[date]:
    """Days in which rows of new or replaced files belong; with `--everything`, all days asked for."""
    files, span = Files(spark), asked(inputs, options)
    if options.everything:
        return span
    fresh: dict[Input, set[date]] = {}
    make = {day for day in span if options.first and not files.exists(table.account(day))}
    for day in span:
        seen = set(files.read_json(memory(table, day)) or ())
        here = window(inputs, day)
        if seen - {one.fingerprint for one in here}:
            make.add(day)  # a file is gone or replaced, and its rows with it
        for one in here:
            if one.fingerprint not in seen:
                fresh.setdefault(one, set()).add(day)
    for one, home in homes(spark, sorted(fresh, key=lambda one: one.file.uri)):
        make |= {home} & fresh[one]
    untouched = {day for days in fresh.values() for day in days} - make
    for day in untouched:
        if files.exists(memory(table, day)):
            remember(files, table, day, inputs)
    return sorted(make)


def asked(inputs: list[Input], options: Any) -> list[date]:
    """Days from `--from` to `--to`; without them every day in which a raw row may belong."""
    if not inputs and not (options.first and options.last):
        return []
    first = options.first or min(one.day for one in inputs) - cdr.REACH
    last = options.last or max(one.day for one in inputs) + timedelta(days=1)
    return [first + timedelta(days=index) for index in range((last - first).days + 1)]


def homes(spark: SparkSession, fresh: list[Input]) -> list[tuple[Input, date]]:
    """The days in which the rows of new files belong; a file that cannot be read belongs to its folder's day."""
    if not fresh:
        return []
    checked = check_files(Files(spark), fresh)
    found = [(one, one.day) for one, _ in checked.unreadable]
    if checked.rows:
        days = read_rows(spark, checked).select("_file", DAY).distinct().collect()
        by_file = {one.place: one for one in fresh}
        found += [(by_file[row["_file"]], row[DAY]) for row in days]
    return found


def tables_of(options: argparse.Namespace) -> dict[str, Table]:
    """The two tables that the job writes; their days share one account."""
    root, dataset = location(options.curated), options.dataset
    accounts = f"{root}/{dataset}/accounts/{JOB}"
    places = {"curated": cdr.curated_prefix(dataset), "quarantine": cdr.quarantine_prefix(dataset)}
    return {name: Table(f"{root}/{prefix.rstrip('/')}", accounts) for name, prefix in places.items()}


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Curate what is new; gives the days made and the sums of their accounts."""
    inputs, tables = list_inputs(Files(spark), options.raw, options.dataset), tables_of(options)
    days = days_to_make(spark, tables["curated"], inputs, options)
    accounts: dict[date, Any] = {}
    for start in range(0, len(days), DAYS_AT_ONCE):
        accounts |= curate(spark, tables, inputs, days[start : start + DAYS_AT_ONCE], options)
    names = ("read", "used", "late_used", "duplicate", "late_dropped")
    sums = {name: sum(one[name] for one in accounts.values()) for name in names}
    quarantined = sum(sum(one["quarantined"].values()) for one in accounts.values())
    return {"days": [str(day) for day in days], **sums, "quarantined": quarantined}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Places and limits; an unknown argument ends the job."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--raw", required=True, help="root of the raw bucket: s3://bucket or a folder")
    parser.add_argument("--curated", required=True, help="root of the curated bucket")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day of events, YYYY-MM-DD")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day of events")
    parser.add_argument("--everything", action="store_true", help="make every day anew, also where nothing is new")
    parser.add_argument("--bad-files", choices=("fail", "quarantine"), default="fail")
    parser.add_argument("--maximum-quarantined-share", type=float, default=0.05)
    parser.add_argument("--require-sources", type=_sources, default=(), help="for example batch,stream")
    parser.add_argument("--keep-replaced", action="store_true", help="leave replaced files to Iceberg's expiry")
    return parser.parse_args(arguments)


def _sources(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := sorted(set(names) - set(cdr.SOURCES)):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(cdr.SOURCES)}, got {unknown}")
    return names


def start(arguments: Sequence[str]) -> None:
    """Run as a job: the summary goes to standard output as JSON."""
    options = parse(arguments)
    sys.stdout.write(json.dumps(run(session(JOB), options)) + "\n")


if __name__ == "__main__":
    main(start)
