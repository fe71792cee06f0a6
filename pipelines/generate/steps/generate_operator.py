"""Generation step: an operator's events and tables by Spark, the same rows as `seatrial data generate` writes.

Each task draws blocks of subscribers by the library's own code and hands them to Spark, whose committers write them,
so a task that is run again leaves nothing behind. Needs Python 3.11 with numpy and pyarrow on driver and executors.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from pyspark.accumulators import AccumulatorParam
from pyspark.sql import DataFrame, SparkSession

from seatrial.contracts.cdr import batch_prefix, table_prefix
from seatrial.spark.errors import DataError, main
from seatrial.spark.files import Files, location
from seatrial.spark.session import session

JOB = "generate_operator"
FAULTS = ("duplicates", "late", "too_late", "out_of_order", "bad")
MOST_BLOCKS_A_TASK = 8
LEAST_TASKS = 32
OPEN_FILES = 48
"""So many days may be written at once by a task, else Spark sorts its rows by day first."""
EVENTS = (
    "event_id string, subscriber_id string, started_at timestamp, received_at timestamp, kind string, "
    "duration_seconds double, data_mb double, partner_id string, cell_id string, dropped int"
)
TABLES = {
    "crm": "subscriber_id string, tenure_months int, plan_type string, contract string, region string, "
    "age_band string, device_tier string, autopay int",
    "billing": "subscriber_id string, invoice_month string, amount double, overdue_days int",
    "care": "subscriber_id string, opened_at timestamp, category string",
    "labels": "subscriber_id string, as_of date, churned int, known_at timestamp",
    "network_kpi": "cell_id string, day date, drop_rate double, throughput_mbps double, latency_ms double",
}

Batches = Iterable[Any]
Drawn = Iterator[tuple[date, Any]]
"""Tables with the day whose folder takes them."""


class ByTask(AccumulatorParam):
    """What each task wrote, by its first block: a task that ran twice counts once."""

    def zero(self, value: dict[int, Any]) -> dict[int, Any]:
        """Nothing yet."""
        return {}

    def addInPlace(self, value1: dict[int, Any], value2: dict[int, Any]) -> dict[int, Any]:  # noqa: N802 - Spark's name
        """Take over what other tasks wrote."""
        value1.update(value2)
        return value1


class Generation:
    """One run: the plan, the place, and the counts of everything written."""

    def __init__(self, spark: SparkSession, plan: Any, output: str, blocks_a_task: int) -> None:
        from seatrial.telecom.account import Account

        self.spark, self.plan, self.output = spark, plan, location(output)
        self.tasks = -(-plan.blocks // blocks_a_task)
        self.total = Account()

    def write(self, prefix: str, columns: str, draw: Callable[[Any, list[int], Any], Drawn], numbers: range) -> None:
        """Write what `draw` makes of the numbers (of blocks or months) below a prefix, a folder for each day."""
        accounts = self.spark.sparkContext.accumulator({}, ByTask())
        tasks = min(self.tasks, len(numbers))
        frame = self.spark.range(numbers.start, numbers.stop, 1, tasks)
        rows: DataFrame = frame.mapInArrow(_task(self.plan, draw, accounts), f"{columns}, date string")
        target = f"{self.output}/{prefix}"
        rows.write.partitionBy("date").option("compression", "snappy").mode("errorifexists").parquet(target)
        for account in accounts.value.values():
            self.total.add(account)

    def finish(self, files: Files) -> None:
        """Write the account, which says that the data is complete."""
        from seatrial.telecom.landing import SUMMARY

        self.total.files = len(files.find(self.output))
        files.write_json(f"{self.output}/{SUMMARY}", self.total.to_dict(self.plan))


def _task(plan: Any, draw: Callable[[Any, list[int], Any], Drawn], accounts: Any) -> Callable[[Batches], Batches]:
    """The function that runs in an executor: numbers in, rows out."""

    def run(batches: Batches) -> Iterator[Any]:
        import pyarrow as pa

        from seatrial.telecom.account import Account

        numbers = [number for batch in batches for number in batch.column(0).to_pylist()]
        account = Account()
        for day, table in draw(plan, numbers, account):
            dates = pa.array([day.isoformat()], pa.string()).dictionary_encode()
            column = dates.dictionary.take(pa.array([0] * table.num_rows, pa.int32()))
            yield from _plain(table).append_column("date", column).combine_chunks().to_batches(max_chunksize=65_536)
        if numbers:
            accounts.add({numbers[0]: account})

    return run


def _plain(table: Any) -> Any:
    """The table without dictionaries, which Spark does not take."""
    import pyarrow as pa

    fields = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def draw_events(plan: Any, blocks: list[int], account: Any) -> Drawn:
    """Events of some blocks, by day of arrival."""
    from seatrial.telecom import events
    from seatrial.telecom.lifecycle import live

    for block in blocks:
        for month in live(plan, block):
            drawn = events.draw_events(month)
            account.add_events(drawn)
            for day in drawn.days:
                yield day, drawn.day(day)


def draw_extracts(name: str) -> Callable[[Any, list[int], Any], Drawn]:
    """Extracts of one table for some blocks, by day of delivery."""

    def draw(plan: Any, blocks: list[int], account: Any) -> Drawn:
        from seatrial.telecom.extracts import extract
        from seatrial.telecom.lifecycle import live

        for block in blocks:
            for month in live(plan, block):
                if name == "labels":
                    account.add_labels(month)
                yield from _counted(extract(month, name).items(), name, account)

    return draw


def draw_network(plan: Any, months: list[int], account: Any) -> Drawn:
    """Measurements of the cells, by day."""
    from seatrial.telecom.extracts import network_extracts

    for month in months:
        yield from _counted(network_extracts(plan, month).items(), "network_kpi", account)


def _counted(tables: Iterable[tuple[date, Any]], name: str, account: Any) -> Drawn:
    for day, table in tables:
        account.rows[name] += table.num_rows
        yield day, table


def run(arguments: Sequence[str]) -> None:
    """Generate what the arguments ask for."""
    options = parse(arguments)
    plan = plan_of(options)
    spark = session(JOB)
    spark.conf.set("spark.sql.maxConcurrentOutputFileWriters", str(OPEN_FILES))
    files = Files(spark)
    if files.exists(location(options.output)) and (files.find(options.output) or files.folders(options.output)):
        raise DataError(f"{options.output} is not empty: give another place, or empty it")
    blocks_a_task = options.blocks_a_task or min(MOST_BLOCKS_A_TASK, max(1, plan.blocks // LEAST_TASKS))
    generation = Generation(spark, plan, options.output, blocks_a_task)
    generation.write(_below(batch_prefix("x")), EVENTS, draw_events, range(plan.blocks))
    if not options.events_only:
        for name in ("crm", "billing", "care", "labels"):
            generation.write(_below(table_prefix("x", name)), TABLES[name], draw_extracts(name), range(plan.blocks))
        network = _below(table_prefix("x", "network_kpi"))
        generation.write(network, TABLES["network_kpi"], draw_network, range(plan.months))
    generation.finish(files)
    rows = ", ".join(f"{name} {count:,}" for name, count in sorted(generation.total.rows.items()))
    sys.stdout.write(f"{options.output}: {rows} rows\n")


def _below(prefix: str) -> str:
    """The contract's path within the data set's folder."""
    return prefix.split("/", 1)[1].rstrip("/")


def plan_of(options: argparse.Namespace) -> Any:
    """The plan that the options describe; raises `DataError` on a mistake and on a Python that is too old."""
    if sys.version_info < (3, 11):  # noqa: UP036 - clusters run older ones by default
        version = ".".join(map(str, sys.version_info[:2]))
        raise DataError(f"needs Python 3.11 or newer with numpy and pyarrow, got {version}: set spark.pyspark.python")
    from seatrial.telecom.plan import Faults, Plan

    try:
        return Plan(
            subscribers=options.subscribers,
            days=options.days,
            seed=options.seed,
            start=options.start,
            churn_rate=options.churn_rate,
            crm_every=options.crm_every,
            faults=Faults(**{name: getattr(options, name) for name in FAULTS}),
        )
    except ValueError as error:
        raise DataError(str(error)) from None


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; the options are those of `seatrial data generate`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", required=True, help="s3://bucket/prefix of one data set; must be empty")
    parser.add_argument("--subscribers", type=int, required=True)
    parser.add_argument("--days", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2026, 6, 1))
    parser.add_argument("--churn-rate", type=float, default=0.02)
    parser.add_argument("--crm-every", type=int, default=1)
    parser.add_argument("--events-only", action="store_true")
    parser.add_argument("--blocks-a-task", type=int, default=0, help="0: by the number of blocks")
    for name in FAULTS:
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=0.0)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(run)
