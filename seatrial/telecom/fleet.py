"""Generates an operator at scale: splits the plan into tasks, runs them in processes, adds up what they did.

The files depend on the plan alone, not on the number of processes, and no process holds more than one block's month of
events and the state of the blocks of one file.
"""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from seatrial.contracts.cdr import batch_prefix, table_prefix
from seatrial.telecom.account import Account
from seatrial.telecom.events import ENCODED, draw_events
from seatrial.telecom.extracts import EXTRACTS, extract, network_extracts
from seatrial.telecom.landing import SUMMARY, Landing, LandingError, ParquetFile
from seatrial.telecom.lifecycle import live
from seatrial.telecom.plan import Plan

MOST_BLOCKS_A_FILE = 32
FILES_A_DAY = 32
"""Files of events for each day of arrival, about, of an operator large enough."""
_DATASET = "x"
"""Stands for the data set's name in the contract's paths; a landing place is the folder of one data set."""


@dataclass(frozen=True)
class Task:
    """Blocks whose events, or whose extracts, go into the same files; or the network's months."""

    kind: Literal["events", "extracts", "network"]
    number: int
    blocks: range


def tasks(plan: Plan, *, events_only: bool = False) -> list[Task]:
    """Everything that is to be written, independent of who writes it."""
    size = min(MOST_BLOCKS_A_FILE, max(1, plan.blocks // FILES_A_DAY))
    found = [Task("events", number, blocks) for number, blocks in enumerate(_groups(plan.blocks, size))]
    if events_only:
        return found
    groups = enumerate(_groups(plan.blocks, MOST_BLOCKS_A_FILE))
    return [*found, *(Task("extracts", number, blocks) for number, blocks in groups), Task("network", 0, range(0))]


def generate_files(
    plan: Plan,
    place: str,
    *,
    workers: int = 1,
    events_only: bool = False,
    progress: Callable[[Account, int, int], None] = lambda account, done, of: None,
) -> Account:
    """Write an operator's data to a folder or s3:// prefix, and its account to `_generated.json`.

    `progress` is called after each task with what is done so far, tasks done and tasks in all. Raises `LandingError`
    when the place is not empty or cannot be used.
    """
    landing, todo = Landing(place), tasks(plan, events_only=events_only)
    landing.require_empty()
    total = Account()
    try:
        for done, account in enumerate(_run(plan, place, todo, workers), start=1):
            total.add(account)
            progress(total, done, len(todo))
        landing.write_json(SUMMARY, total.to_dict(plan))
    except OSError as error:
        raise LandingError(f"--out: writing to {place} failed, what lies there is incomplete: {error}") from None
    except BrokenExecutor:
        raise LandingError("--workers: a process was ended from outside (want of memory?): take fewer") from None
    return total


def _run(plan: Plan, place: str, todo: list[Task], workers: int) -> Iterator[Account]:
    if workers == 1:
        yield from (run_task(plan, place, task) for task in todo)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy pyarrow's threads halfway
    with ProcessPoolExecutor(min(workers, len(todo)), mp_context=context, initializer=_one_thread) as pool:
        yield from _completed(pool, plan, place, todo)


def _completed(pool: Executor, plan: Plan, place: str, todo: list[Task]) -> Iterator[Account]:
    waiting = [pool.submit(run_task, plan, place, task) for task in todo]
    try:
        for future in as_completed(waiting):
            yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    pa.set_cpu_count(1)


def run_task(plan: Plan, place: str, task: Task) -> Account:
    """Write the files of one task."""
    landing, account = Landing(place), Account()
    work = {"events": _write_events, "extracts": _write_extracts, "network": _write_network}[task.kind]
    work(plan, landing, task, account)
    return account


def _write_events(plan: Plan, landing: Landing, task: Task, account: Account) -> None:
    lives = [live(plan, block) for block in task.blocks]
    for month in range(plan.months):
        with _Days(landing, f"part-{task.number:05d}-{month:03d}.parquet", account) as files:
            for life in lives:
                drawn = draw_events(next(life))
                for day in drawn.days:
                    files.write(batch_prefix(_DATASET, day), drawn.day(day), ENCODED)
                account.add_events(drawn)


def _write_extracts(plan: Plan, landing: Landing, task: Task, account: Account) -> None:
    lives = [live(plan, block) for block in task.blocks]
    for number in range(plan.months):
        with _Days(landing, f"part-{task.number:05d}-{number:03d}.parquet", account) as files:
            for life in lives:
                month = next(life)
                for name in EXTRACTS:
                    for day, table in extract(month, name).items():
                        files.write(table_prefix(_DATASET, name, day), table, _texts(table.schema))
                        account.rows[name] += table.num_rows
                account.add_labels(month)


def _write_network(plan: Plan, landing: Landing, task: Task, account: Account) -> None:
    for month in range(plan.months):
        with _Days(landing, f"part-{task.number:05d}-{month:03d}.parquet", account) as files:
            for day, table in network_extracts(plan, month).items():
                files.write(table_prefix(_DATASET, "network_kpi", day), table, _texts(table.schema))
                account.rows["network_kpi"] += table.num_rows


def _texts(schema: pa.Schema) -> tuple[str, ...]:
    kinds = {name: schema.field(name).type for name in schema.names}
    return tuple(name for name, kind in kinds.items() if kind == pa.string() or pa.types.is_dictionary(kind))


class _Days:
    """The files of one month of one task, one for each day of arrival, opened when the first rows come."""

    def __init__(self, landing: Landing, name: str, account: Account) -> None:
        self.landing, self.name, self.account = landing, name, account
        self.open: dict[str, ParquetFile] = {}
        self.stack = ExitStack()

    def write(self, prefix: str, table: pa.Table, encoded: tuple[str, ...]) -> None:
        path = prefix.removeprefix(f"{_DATASET}/") + self.name
        if path not in self.open:
            self.open[path] = self.stack.enter_context(self.landing.parquet(path, table.schema, encoded))
            self.account.files += 1
        self.open[path].write(table)

    def __enter__(self) -> "_Days":
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()


def _groups(blocks: int, size: int) -> Iterator[range]:
    for first in range(0, blocks, size):
        yield range(first, min(first + size, blocks))
