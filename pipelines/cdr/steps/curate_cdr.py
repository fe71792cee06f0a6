"""Curation step: raw call records of batch and stream to checked events, once each, with every row accounted for.

A row belongs to exactly one day (see `with_home`), so the accounts of all days together are the raw files' rows.
With a catalog the published days are committed to an Iceberg table as well, from the account, so a rerun catches up.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.spark import iceberg
from seatrial.spark.errors import DataError
from seatrial.spark.feeds import days_before, silent_feeds, takes_nothing_back
from seatrial.spark.files import Files, location
from seatrial.spark.publish import (
    Staged,
    Table,
    gather,
    known_days,
    move_in,
    pieces_of,
    read_accounts,
    remove_others,
    stage,
    write_account,
)
from seatrial.spark.raw_events import Checked, Input, check_files, list_inputs, refuse_bad_files, window
from seatrial.spark.raw_rows import DAY, TOO_LATE, days_of_files, good_rows, micros, refused_rows
from seatrial.spark.session import run_job

JOB = "curate_cdr"
DAYS_AT_ONCE = 31
COUNTS = ("read", "used", "late_used", "duplicate", "late_dropped")


def keep_first(rows: DataFrame, days: int, pieces: int) -> DataFrame:
    """One row for each event id of a day: the copy received first, and how many copies came by each source.

    Each of so many pieces of a day's ids becomes a file.
    """
    facts = [name for name in cdr.CDR.names if name not in {"event_id", "received_at"}]
    copies = [fn.sum((fn.col("source") == one).cast("int")).cast("int").alias(f"copies_{one}") for one in cdr.SOURCES]
    grouped = gather(rows, DAY, ["event_id"], days, pieces).agg(
        fn.min(fn.struct("received_at", "source", *facts)).alias("_first"),
        *copies,
    )
    flat = grouped.select(DAY, "event_id", "_first.*", *(f"copies_{one}" for one in cdr.SOURCES))
    lateness = fn.unix_micros("received_at") - fn.unix_micros("started_at")
    return flat.withColumn("late", (lateness > micros(cdr.LATE_AFTER)).cast("int"))


# ------------------------------------------------------------------------------------------------------- counting


def account_of(day: date, kept: Staged, refused: Staged) -> dict[str, Any]:
    """What became of the day's rows, by source and in all, from the files that were written.

    read = used + late_used + duplicate + late_dropped + quarantined holds in every part of it.
    """
    sources = {source: _account_of_source(source, kept, refused) for source in cdr.SOURCES}
    totals = {name: sum(one[name] for one in sources.values()) for name in COUNTS}
    reasons = sorted({reason for one in sources.values() for reason in one["quarantined"]})
    quarantined = {name: sum(one["quarantined"].get(name, 0) for one in sources.values()) for name in reasons}
    return {DAY: str(day), **totals, "quarantined": quarantined, "sources": sources}


def _account_of_source(source: str, kept: Staged, refused: Staged) -> dict[str, Any]:
    reasons = {reason: group["rows"] for (of, reason), group in sorted(refused.groups.items()) if of == source}
    used, late = (kept.groups.get((source, flag), {}).get("rows", 0) for flag in (0, 1))
    copies = sum(group[f"copies_{source}"] for group in kept.groups.values())
    late_dropped = reasons.pop(TOO_LATE, 0)
    return {
        "read": copies + late_dropped + sum(reasons.values()),
        "used": used,
        "late_used": late,
        "duplicate": copies - used - late,
        "late_dropped": late_dropped,
        "quarantined": reasons,
    }


def reconcile(seen: dict[str, int], staged: dict[str, dict[date, Staged]], checked: Checked) -> None:
    """Hold what the passes saw against the files' own counts and against what was written.

    Raises `DataError` when a row is missing or counted twice: then the raw files changed while they were read.
    """
    groups = [group for one in staged["curated"].values() for group in one.groups.values()]
    copies = sum(group[f"copies_{source}"] for group in groups for source in cdr.SOURCES)
    if seen["rows"] != checked.rows or seen["good"] != copies:
        raise DataError(
            f"the rows do not add up: {checked.rows} in the raw files, {seen['rows']} seen; {seen['good']} good ones "
            f"belong to these days, {copies} accounted for; did the raw files change meanwhile? run again"
        )


# ------------------------------------------------------------------------------------------------------- the work


def curate(spark: SparkSession, tables: dict[str, Table], inputs: list[Input], days: list[date], options: Any) -> Any:
    """Make these days anew and publish them; gives their accounts, and a sentence for each source that was silent."""
    files = Files(spark)
    needed = sorted({one for day in days for one in window(inputs, day)}, key=lambda one: one.file.uri)
    checked = check_files(files, needed)
    if options.bad_files == "fail":
        refuse_bad_files(files, checked)
    staged = stage_days(spark, checked, tables, days)
    accounts = {day: account_of(day, staged["curated"][day], staged["quarantine"][day]) for day in days}
    for day, account in accounts.items():
        account["unreadable_files"] = sorted(one.file.uri for one, _ in checked.unreadable if one.day == day)
        account["unexpected_columns"] = checked.unexpected
    silent = silences(files, tables["curated"], accounts, options)
    gate(accounts, tables, silent, options)
    for day in days:
        commit(files, tables, {name: staged[name][day] for name in tables}, accounts[day], options)
        remember(files, tables["curated"], day, inputs)
    files.delete([table.staged(days) for table in tables.values()])
    return accounts, silent


def stage_days(spark: SparkSession, checked: Checked, tables: dict[str, Table], days: list[date]) -> Any:
    """Write both tables aside in two passes over the raw files; gives the staged files of each day by table."""
    staged = {name: {day: Staged() for day in days} for name in tables}
    if not checked.rows:
        return staged
    refused, watches = refused_rows(spark, checked, days)
    staged["quarantine"] = stage(refused, tables["quarantine"], days, group_by=("source", "reason"))
    seen = {name: sum(one.get[name] for one in watches) for name in ("rows", "good")}
    if seen["good"]:
        good = good_rows(spark, checked).where(fn.col(DAY).isin(*days))
        # In order of subscriber and time, so that readers can skip and pack.
        first = keep_first(good, len(days), pieces_of(seen["good"], len(days))).sortWithinPartitions(
            DAY, "subscriber_id", "started_at", "event_id"
        )
        copies = [f"copies_{source}" for source in cdr.SOURCES]
        columns = first.select(*cdr.CURATED.names, DAY)
        staged["curated"] = stage(columns, tables["curated"], days, group_by=("source", "late"), sums=copies)
    reconcile(seen, staged, checked)
    return staged


def silences(files: Files, table: Table, accounts: dict[date, dict[str, Any]], options: Any) -> list[str]:
    """A sentence for each day and source of far fewer rows than usual; a day that only grows is left alone."""
    read: dict[date, Any] = {}

    def published(day: date) -> Any:
        if day not in read:
            read[day] = files.read_json(table.account(day))
        return read[day]

    found = []
    for day, account in accounts.items():
        if takes_nothing_back(account, published(day)):
            continue
        week = [accounts.get(one) or published(one) for one in days_before(day)]
        silent = silent_feeds(account, [one for one in week if one], options.minimum_share_of_usual)
        found += [f"{day}: {rows} rows from {name}, usually {usual}" for name, (rows, usual) in silent.items()]
    return found


def gate(accounts: dict[date, dict[str, Any]], tables: dict[str, Table], silent: list[str], options: Any) -> None:
    """Refuse to publish when too many rows of a day are in quarantine or a source was silent."""
    problems = [*silent] if options.silent_feeds == "stop" else []
    for day, account in accounts.items():
        refused = sum(account["quarantined"].values())
        if refused > options.maximum_quarantined_share * account["read"]:
            problems.append(f"{day}: {refused} of {account['read']} rows are refused: {account['quarantined']}")
        absent = [one for one in options.require_sources if not account["sources"][one]["read"]]
        if absent:
            problems.append(f"{day}: no rows from {', '.join(absent)}")
    if problems:
        raise DataError(
            "nothing was published:\n  " + "\n  ".join(problems) + f"\nthe refused rows lie in "
            f"{tables['quarantine'].staged(list(accounts))}; mend the source, or allow it by "
            "--maximum-quarantined-share, --require-sources or --silent-feeds publish"
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
        write_account(files, tables["curated"], day, account)
    remove_others(files, tables["quarantine"], day, moved["quarantine_files"])
    # An Iceberg table reads what was replaced just now until the commit, and its snapshots longer, however old it is.
    replaced = before.get("files", []) if options.keep_replaced_days else []
    remove_others(files, tables["curated"], day, [*moved["files"], *replaced], options.keep_replaced_days)


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
    undecided = [one for one, days in fresh.items() if days - make]  # of the others every day is made anyhow
    for one, home in homes(spark, sorted(undecided, key=lambda one: one.file.uri)):
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
        by_file = {one.place: one for one in fresh}
        found += [(by_file[row["file"]], row[DAY]) for row in days_of_files(spark, checked).collect()]
    return found


def commit_to_catalog(spark: SparkSession, table: Table, days: list[date], options: Any) -> list[str]:
    """Bring the Iceberg table to what the accounts of these days say; nothing without `--table`."""
    if not options.table:
        return []
    files = Files(spark)
    known = set(known_days(files, table))
    accounts = read_accounts(files, table, [day for day in days if day in known])
    catalog = iceberg.open_catalog(iceberg.parse_properties(options.catalog))
    place = f"{location(options.curated)}/{options.dataset}/iceberg/cdr"
    made = iceberg.make_table(catalog, options.table, cdr.CURATED, "started_at", place)
    return [str(day) for day in iceberg.commit_accounts(made, accounts, "started_at")]


def tables_of(options: argparse.Namespace, span: list[date]) -> dict[str, Table]:
    """The two tables that the job writes; their days share one account."""
    root, dataset = location(options.curated), options.dataset
    accounts = f"{root}/{dataset}/accounts/{JOB}"
    places = {"curated": cdr.curated_prefix(dataset), "quarantine": cdr.quarantine_prefix(dataset)}
    run_name = f"{span[0]}_{span[-1]}" if span else ""
    return {name: Table(f"{root}/{prefix.rstrip('/')}", accounts, run=run_name) for name, prefix in places.items()}


def run(spark: SparkSession, options: argparse.Namespace) -> dict[str, Any]:
    """Curate what is new; gives the days made and the sums of their accounts."""
    inputs = list_inputs(Files(spark), options.raw, options.dataset)
    tables = tables_of(options, asked(inputs, options))
    days = days_to_make(spark, tables["curated"], inputs, options)
    accounts: dict[date, Any] = {}
    silent: list[str] = []
    for start in range(0, len(days), DAYS_AT_ONCE):
        made, fewer = curate(spark, tables, inputs, days[start : start + DAYS_AT_ONCE], options)
        accounts, silent = accounts | made, silent + fewer
    sums = {name: sum(one[name] for one in accounts.values()) for name in COUNTS}
    quarantined = sum(sum(one["quarantined"].values()) for one in accounts.values())
    committed = commit_to_catalog(spark, tables["curated"], asked(inputs, options), options)
    told = {"quarantined": quarantined, "silent": silent, "committed": committed}
    return {"days": [str(day) for day in days], **sums, **told}


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
    help_ = "of the median of the week before; 0: a source may be as silent as it likes"
    parser.add_argument("--minimum-share-of-usual", type=float, default=0.5, help=help_)
    parser.add_argument("--silent-feeds", choices=("stop", "publish"), default="stop", help="what fewer rows lead to")
    help_ = "keep replaced files that long, at least as long as Iceberg keeps snapshots; 0 without --table, else 5"
    parser.add_argument("--keep-replaced-days", type=int, help=help_)
    parser.add_argument("--table", help="Iceberg table to commit to: database.table")
    parser.add_argument("--catalog", nargs="+", default=["type=glue"], help="properties of pyiceberg, name=value")
    options = parser.parse_args(arguments)
    if options.keep_replaced_days is None:
        options.keep_replaced_days = 5 if options.table else 0
    if options.table and options.keep_replaced_days < 1:
        parser.error("--keep-replaced-days must be at least 1 with --table: the table still reads replaced files")
    return options


def _sources(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split(",") if name)
    if unknown := sorted(set(names) - set(cdr.SOURCES)):
        raise argparse.ArgumentTypeError(f"must be of {', '.join(cdr.SOURCES)}, got {unknown}")
    return names


if __name__ == "__main__":
    run_job(JOB, parse, run)
