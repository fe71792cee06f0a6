"""Rows of raw call records as Spark frames: the good ones, the refused ones with a reason, each with its one day.

Every row is asked a short question, whether it is good; all that is known of a refused row is computed of it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as fn

from seatrial.contracts import cdr
from seatrial.spark import checks
from seatrial.spark.raw_events import Checked, Input

REACH_DAYS = cdr.REACH.days
TYPED, PATH = "__typed", "__path"
SCHEMA, TOO_LATE, FUTURE = "schema", "too_late", "future"
DAY = "date"


def good_rows(spark: SparkSession, checked: Checked) -> DataFrame:
    """Rows that keep the contract and came in time: typed columns, source, and as the day the one they began on.

    There must be files with the contract's columns.
    """
    typed = [fn.col(f"`{one.name}{TYPED}`").alias(one.name) for one in cdr.CDR.fields]
    frames = [
        one.frame(spark).where(one.good()).select(*typed, one.source.alias("source"), _event_day().alias(DAY))
        for one in _groups(checked)
        if not one.retyped
    ]
    return reduce(DataFrame.unionByName, frames)


def refused_rows(spark: SparkSession, checked: Checked, days: Sequence[date]) -> tuple[DataFrame, list[Observation]]:
    """All other rows that belong to these days: id, source, reason, file, payload (the row as it came) and day.

    Once they are written the observations, one for each group of files, tell `rows`, all that were read, and `good`,
    those of `good_rows` that belong to the days.
    """
    groups = _groups(checked)
    seen = [Observation() for _ in groups]
    frames = [one.refused(spark, watch, days) for one, watch in zip(groups, seen)]  # noqa: B905 - Python 3.9
    return reduce(DataFrame.unionByName, frames), seen


def days_of_files(spark: SparkSession, checked: Checked) -> DataFrame:
    """Column `file` (see `Input.place`) and each day to which rows of it belong."""
    frames = [one.frame(spark).select(one.file(), one.home().alias(DAY)) for one in _groups(checked)]
    return reduce(DataFrame.unionByName, frames).distinct()


@dataclass(frozen=True)
class _Group:
    """Files of one source with equal columns; `retyped` ones lack a column or have it in a type that loses values."""

    inputs: list[Input]
    retyped: bool

    @property
    def source(self) -> Column:
        return fn.lit(self.inputs[0].source)

    def frame(self, spark: SparkSession) -> DataFrame:
        """Raw columns, the file's path, and the contract's columns as `<name>__typed`."""
        raw = spark.read.parquet(*(one.file.uri for one in self.inputs))
        columns = [fn.col(f"`{name}`") for name in raw.columns]
        return self._with_types(raw.select(*columns, fn.col("_metadata.file_path").alias(PATH)))

    def _with_types(self, frame: DataFrame) -> DataFrame:
        if self.retyped:
            nothing = {one.name + TYPED: fn.lit(None).cast(checks.spark_type(one)) for one in cdr.CDR.fields}
            return frame.withColumns(nothing)
        return frame.withColumns({one.name + TYPED: checks.typed(one) for one in cdr.CDR.fields})

    def refused(self, spark: SparkSession, seen: Observation, days: Sequence[date]) -> DataFrame:
        """Rows of these days that are not good; what is counted of all rows goes to `seen`."""
        frame = self.frame(spark)
        flags = {"_good": self.good(), "_wanted": _event_day().isin(*days)}
        # The raw columns alone pass the counting: the typed ones would be written and read for each row.
        raw = [fn.col(f"`{name}`") for name in frame.columns if not name.endswith(TYPED)]
        counted = [fn.count(fn.lit(1)).alias("rows"), fn.count(fn.when(fn.col("_good") & fn.col("_wanted"), 1))]
        marked = frame.select(*raw, *(one.alias(name) for name, one in flags.items()))
        rest = self._with_types(marked.observe(seen, counted[0], counted[1].alias("good")).where("not _good"))
        return rest.where(self.home().isin(*days)).select(
            fn.col(f"event_id{TYPED}").alias("event_id"),
            self.source.alias("source"),
            self.reason().alias("reason"),
            self.file(),
            fn.to_json(fn.struct(*raw[:-1])).alias("payload"),
            self.home().alias(DAY),
        )

    def good(self) -> Column:
        """True when `reason` gives none; never null."""
        if self.retyped:
            return fn.lit(False)
        in_time = _lateness().between(-micros(cdr.CLOCK_SKEW), micros(cdr.REACH)) & self._near()
        return checks.keeps(cdr.CDR, TYPED) & in_time

    def reason(self) -> Column:
        """The first thing that is wrong with the row, null when it is good."""
        if self.retyped:
            return fn.lit(SCHEMA)
        future = (_lateness() < -micros(cdr.CLOCK_SKEW)) | (self._days_before() > 1)
        too_late = (_lateness() > micros(cdr.REACH)) | (self._days_before() < -REACH_DAYS)
        timing = fn.when(future, fn.lit(FUTURE)).when(too_late, fn.lit(TOO_LATE))
        return fn.coalesce(checks.refusal(cdr.CDR, TYPED), timing)

    def home(self) -> Column:
        """The row's one day: the event's where the file may hold it, else the file's own."""
        skewed = fn.coalesce(_lateness() < -micros(cdr.CLOCK_SKEW), fn.lit(False))
        return fn.when(self._near() & ~skewed, _event_day()).otherwise(self._arrival())

    def file(self) -> Column:
        """The file's path below the dataset's folder, as `Input.place` spells it."""
        return fn.concat(fn.lit(self._top), fn.substring_index(PATH, f"/{self._top}", -1)).alias("file")

    @property
    def _top(self) -> str:
        return self.inputs[0].top

    def _arrival(self) -> Column:
        return fn.to_date(fn.substring(fn.substring_index(PATH, f"/{self._top}date=", -1), 1, 10))

    def _days_before(self) -> Column:
        return fn.datediff(_event_day(), self._arrival())

    def _near(self) -> Column:
        # Of a list the left side is computed once, of a range of values twice.
        return self._days_before().isin(*range(-REACH_DAYS, 2))


def _groups(checked: Checked) -> list[_Group]:
    return [*(_Group(one, False) for one in checked.good), *(_Group(one, True) for one in checked.retyped)]


def _event_day() -> Column:
    return fn.to_date(fn.col(f"started_at{TYPED}"))


def _lateness() -> Column:
    return fn.unix_micros(fn.col(f"received_at{TYPED}")) - fn.unix_micros(fn.col(f"started_at{TYPED}"))


def micros(length: timedelta) -> int:
    """A duration in microseconds."""
    return length // timedelta(microseconds=1)
