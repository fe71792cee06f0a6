"""Raw call records of batch and stream: which files there are, and their rows with one day and one reason each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.contracts.table import TableContract
from seatrial.spark import checks
from seatrial.spark.errors import DataError
from seatrial.spark.files import File, Files, Footer, UnreadableFile, location

REACH_DAYS = cdr.REACH.days
TYPED = "__typed"
SCHEMA, TOO_LATE, FUTURE = "schema", "too_late", "future"
DAY = "date"
TOPS = {"batch": "events/cdr/", "stream": "stream/cdr/"}
"""Where a source's files lie in the dataset's folder."""


@dataclass(frozen=True)
class Input:
    """One raw file: `day` is that of its folder, the day of arrival."""

    source: str
    day: date
    file: File

    @property
    def fingerprint(self) -> str:
        """Changes when the file is replaced."""
        one = self.file
        return hashlib.sha256(f"{one.uri}\0{one.size}\0{one.modified}".encode()).hexdigest()[:16]

    @property
    def place(self) -> str:
        """The file's path below the dataset's folder, as the column `_file` spells it."""
        top = TOPS[self.source]
        return top + self.file.uri.split(f"/{top}", 1)[1]


@dataclass(frozen=True)
class Checked:
    """Raw files by whether they can be read: `good` are lists of files with the same columns."""

    good: list[list[Input]]
    retyped: list[list[Input]]
    unreadable: list[tuple[Input, str]]
    unexpected: dict[str, list[str]]
    rows: int


# --------------------------------------------------------------------------------------------------------- inputs


def list_inputs(files: Files, raw: str, dataset: str) -> list[Input]:
    """All raw files of both sources; a folder that a writer has not finished ends the job."""
    places = {"batch": cdr.batch_prefix(dataset), "stream": cdr.stream_prefix(dataset)}
    found = []
    for source, prefix in places.items():
        root = f"{location(raw)}/{prefix.rstrip('/')}"
        for name in files.folders(root):
            if not name.startswith("date="):
                continue
            day = date.fromisoformat(name[len("date=") :])
            found += [Input(source, day, one) for one in finished_files(files, f"{root}/{name}")]
    return found


def finished_files(files: Files, folder: str) -> list[File]:
    """Data files of one delivered folder; raises `DataError` when its writer has not finished."""
    if "_temporary" in files.folders(folder):
        raise DataError(
            f"{folder}: is being written, or its writer died: it holds _temporary; wait, or write the folder again"
        )
    return files.find(folder)


def window(inputs: Iterable[Input], day: date) -> list[Input]:
    """The files that may hold events of the day: from the day before (clock skew) until as late as events count."""
    first, last = day - timedelta(days=1), day + timedelta(days=REACH_DAYS)
    return [one for one in inputs if first <= one.day <= last]


def check_files(files: Files, inputs: Sequence[Input], contract: TableContract = cdr.CDR) -> Checked:
    """Read the footers and sort the files by their columns, which the contract names."""
    good: dict[Any, list[Input]] = {}
    retyped: dict[Any, list[Input]] = {}
    unreadable, extra, rows = [], {}, 0
    for one, footer in zip(inputs, files.footers([one.file.uri for one in inputs])):  # noqa: B905 - Python 3.9
        if isinstance(footer, UnreadableFile):
            unreadable.append((one, footer.reason))
            continue
        problems = checks.schema_problems(contract, footer.types)
        kind = retyped if problems else good
        kind.setdefault((one.source, tuple(sorted(footer.types.items())), tuple(problems)), []).append(one)
        if names := checks.unexpected(contract, footer.types):
            extra[one.source] = sorted({*extra.get(one.source, []), *names})
        rows += footer.rows
    return Checked(list(good.values()), list(retyped.values()), unreadable, extra, rows)


def refuse_bad_files(files: Files, checked: Checked, contract: TableContract = cdr.CDR) -> None:
    """End the job when a file cannot be read or has other columns than the contract."""
    lines = [f"{one.file.uri}: {reason}" for one, reason in checked.unreadable]
    for group in checked.retyped:
        footer = files.footers([group[0].file.uri])[0]
        problems = checks.schema_problems(contract, footer.types) if isinstance(footer, Footer) else []
        lines.append(f"{group[0].file.uri} (and {len(group) - 1} more files): {'; '.join(problems)}")
    if lines:
        raise DataError(
            "raw files break the contract; nothing was changed:\n  " + "\n  ".join(lines) + "\n"
            "mend the source, or set these files aside with --bad-files quarantine"
        )


# ----------------------------------------------------------------------------------------------------------- rows


def read_rows(spark: SparkSession, checked: Checked) -> DataFrame:
    """Every row of every readable file: typed columns, source, day; of refused ones reason and payload too."""
    frames = [_read_group(spark, group, retyped=False) for group in checked.good]
    frames += [_read_group(spark, group, retyped=True) for group in checked.retyped]
    return reduce(DataFrame.unionByName, frames)


def _read_group(spark: SparkSession, group: list[Input], *, retyped: bool) -> DataFrame:
    """Rows of files with equal columns."""
    raw = spark.read.parquet(*(one.file.uri for one in group))
    columns = [fn.col(f"`{name}`") for name in raw.columns]
    top = TOPS[group[0].source]
    frame = raw.withColumn("_file", fn.concat(fn.lit(top), fn.substring_index("_metadata.file_path", f"/{top}", -1)))
    if retyped:
        typed = {one.name + TYPED: fn.lit(None).cast(checks.spark_type(one)) for one in cdr.CDR.fields}
        frame = frame.withColumns({**typed, "_refusal": fn.lit(SCHEMA)})
    else:
        frame = frame.withColumns({one.name + TYPED: checks.typed(one) for one in cdr.CDR.fields})
        frame = frame.withColumn("_refusal", checks.refusal(cdr.CDR, TYPED))
    # Only of refused rows: as JSON a row costs more than all that is done with a good one.
    payload = fn.when(fn.col("_reason").isNotNull(), fn.to_json(fn.struct(*columns)))
    return with_home(frame).select(
        *(fn.col(f"`{one.name}{TYPED}`").alias(one.name) for one in cdr.CDR.fields),
        fn.lit(group[0].source).alias("source"),
        *("_file", payload.alias("_payload"), "_reason", DAY),
    )


def with_home(frame: DataFrame) -> DataFrame:
    """Give each row its one day and its reason: the event's day where the file may hold it, else the file's own."""
    started, received = fn.col(f"started_at{TYPED}"), fn.col(f"received_at{TYPED}")
    arrival = fn.to_date(fn.substring(fn.substring_index("_file", "date=", -1), 1, 10))
    event_day = fn.to_date(started)
    near = (event_day >= fn.date_sub(arrival, REACH_DAYS)) & (event_day <= fn.date_add(arrival, 1))
    lateness = fn.unix_micros(received) - fn.unix_micros(started)
    future = (lateness < -micros(cdr.CLOCK_SKEW)) | (event_day > fn.date_add(arrival, 1))
    too_late = (lateness > micros(cdr.REACH)) | (event_day < fn.date_sub(arrival, REACH_DAYS))
    timing = fn.when(future, fn.lit(FUTURE)).when(too_late, fn.lit(TOO_LATE))
    home = fn.when(near & ~fn.coalesce(future, fn.lit(False)), event_day).otherwise(arrival)
    return frame.withColumns({DAY: home, "_reason": fn.coalesce(fn.col("_refusal"), timing)})


def micros(length: timedelta) -> int:
    """A duration in microseconds."""
    return length // timedelta(microseconds=1)
