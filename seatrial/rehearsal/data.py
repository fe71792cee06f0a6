"""The data of one rehearsal: labelled history, live stretches with and without drift, fresh data to retrain on.

Telecom data is generated; a customer's table is divided. Either way no row is in two of history, live and fresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import md5
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seatrial.contracts.dataset import DatasetSpec
from seatrial.contracts.given_dataset import GivenDataset, dataset_spec
from seatrial.rehearsal import scenarios
from seatrial.rehearsal.customer import DataError, load_customer_table
from seatrial.rehearsal.frames import labels_of, row_groups
from seatrial.telecom import Scenario, TelecomSpec, generate, write

__all__ = ["DataError", "RehearsalData", "TelecomOptions", "load_customer_table", "prepare", "split", "write_snapshots"]

Tables = dict[str, pa.Table]
STRETCHES: tuple[tuple[str, Scenario], ...] = (
    ("quiet", "none"),
    ("covariate", "covariate"),
    ("prior", "prior"),
    ("broken_feed", "broken_feed"),
    ("concept", "concept"),
)
TABLE = "table"
HISTORY_SHARE, LIVE_SHARE = 0.5, 0.3


@dataclass(frozen=True, kw_only=True)
class TelecomOptions:
    """How much telecom data to generate: subscribers of each snapshot, and days of records of each."""

    subscribers: int = 4000
    quiet_subscribers: int = 3000
    live_subscribers: int = 1500
    fresh_subscribers: int = 4000
    days: int = 30


@dataclass(frozen=True, kw_only=True)
class RehearsalData:
    """Snapshots as raw tables; each holds its labels, which the deployed system sees only when they are delivered."""

    spec: DatasetSpec
    history: Tables
    live: dict[str, Tables]
    """By stretch: quiet, covariate, prior, broken_feed, concept."""
    fresh: Tables
    """Labelled data of the world after the concept shift, to retrain on."""
    customer_table: pa.Table | None = field(default=None, repr=False)
    """The whole table of a customer, for cross-validation; None for generated data."""

    def labelled_rows(self, snapshot: Tables) -> int:
        """Rows of a snapshot whose label is known."""
        column = (
            snapshot["labels"].column("churned") if "labels" in snapshot else snapshot[TABLE].column(self.spec.label)
        )
        return len(column) - column.null_count


def prepare(dataset: GivenDataset, path: Path | None, seed: int) -> RehearsalData:
    """Generate or read the data that an engagement's dataset asks for; raises `DataError` on what cannot be used."""
    spec = dataset_spec(dataset)
    if dataset.kind == "lake" and path is None:
        raise DataError(
            f"training.dataset {spec.name!r} is made by the lake's jobs: rehearse them and the training on what they "
            "make by --with data, or give one of their training sets with --data FILE"
        )
    if spec.kind == "telecom":
        if path is not None:
            raise DataError(
                f"{path}: the engagement's dataset is generated telecom data; set training.dataset.kind to table"
            )
        return split(TelecomOptions(), spec, seed)
    if path is None:
        raise DataError(f"training.dataset {spec.name!r} is a table of your own; give its file with --data FILE")
    return split(load_customer_table(path, spec), spec, seed)


def split(source: pa.Table | TelecomOptions, spec: DatasetSpec, seed: int) -> RehearsalData:
    """Make history, live stretches and fresh data of a customer's table, or of generated telecom data."""
    return _split_table(source, spec, seed) if isinstance(source, pa.Table) else _generate(source, spec, seed)


def write_snapshots(snapshots: Mapping[str, Tables], folder: Path) -> None:
    """Write the raw layout: `<folder>/snapshot=<name>/<table>/part-00000.parquet`."""
    for name, tables in snapshots.items():
        write(tables, folder / f"snapshot={name}")


def _generate(options: TelecomOptions, spec: DatasetSpec, seed: int) -> RehearsalData:
    first = TelecomSpec(subscribers=options.subscribers, days=options.days, seed=seed)

    def snapshot(name: str, scenario: Scenario, size: int, periods: int) -> Tables:
        start = first.start + timedelta(days=options.days * periods)
        return generate(
            TelecomSpec(subscribers=size, days=options.days, seed=seed, snapshot=name, scenario=scenario, start=start)
        )

    sizes = {"quiet": options.quiet_subscribers}
    live = {
        name: snapshot(name, scenario, sizes.get(name, options.live_subscribers), 1) for name, scenario in STRETCHES
    }
    return RehearsalData(
        spec=spec,
        history=generate(first),
        live=live,
        fresh=snapshot("fresh", "concept", options.fresh_subscribers, 2),
    )


def _split_table(table: pa.Table, spec: DatasetSpec, seed: int) -> RehearsalData:
    table = _without_rhythm(table, spec, seed)
    part = _parts(row_groups(table, spec), labels_of(table, spec), seed)
    history, pool, fresh = (table.take(pa.array(_shuffled(np.flatnonzero(part == i), seed))) for i in range(3))
    _check_classes({"history": history, "live": pool, "fresh": fresh, **_hash_splits(history, spec)}, spec)
    live = {
        "quiet": pool,
        "covariate": scenarios.covariate(pool, spec, seed),
        "prior": scenarios.prior(pool, spec, seed),
        "broken_feed": scenarios.broken_feed(pool, spec),
        "concept": scenarios.concept(pool, spec, history),
    }
    return RehearsalData(
        spec=spec,
        history={TABLE: history},
        live={name: {TABLE: rows} for name, rows in live.items()},
        fresh={TABLE: scenarios.concept(fresh, spec, history)},
        customer_table=table,
    )


def _check_classes(parts: Mapping[str, pa.Table], spec: DatasetSpec) -> None:
    for name, rows in parts.items():
        churners = int(labels_of(rows, spec).sum())
        if churners in (0, rows.num_rows):
            got = f"got {churners:,} churners among {rows.num_rows:,} rows"
            raise DataError(f"the table cannot be divided: part {name!r} needs both classes, {got}; give more rows")


def _hash_splits(history: pa.Table, spec: DatasetSpec) -> dict[str, pa.Table]:
    """The parts into which the features step will divide the history, by the same hash of the subscriber's id."""
    if not spec.id:
        return {}
    digests = (md5(name.encode(), usedforsecurity=False) for name in history.column(spec.id).to_pylist())
    buckets = np.array([int(digest.hexdigest()[:8], 16) % 100 for digest in digests], dtype=np.int64)
    part = np.digitize(buckets, [60, 80])
    return {name: history.filter(pa.array(part == i)) for i, name in enumerate(("train", "validation", "test"))}


def _parts(groups: NDArray[np.int64], churned: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """0 history, 1 live, 2 fresh for each row: shuffled, whole groups, the same churn rate in each."""
    rng = np.random.default_rng([seed, 4])
    first = np.unique(groups, return_index=True)[1]
    part_of_group = np.zeros(len(first), dtype=np.int64)
    for label in (0, 1):
        members = rng.permutation(np.flatnonzero(churned[first] == label))
        share = (np.arange(len(members)) + 0.5) / len(members)
        part_of_group[members] = np.digitize(share, [HISTORY_SHARE, HISTORY_SHARE + LIVE_SHARE])
    return part_of_group[groups]


def _without_rhythm(table: pa.Table, spec: DatasetSpec, seed: int) -> pa.Table:
    """The rehearsal's requests are drawn from all hours, so the rows' times are dealt anew: no hour differs."""
    if spec.time_column is None:
        return table
    times = table.column(spec.time_column).take(pa.array(np.random.default_rng([seed, 6]).permutation(table.num_rows)))
    return table.set_column(table.schema.get_field_index(spec.time_column), spec.time_column, times)


def _shuffled(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, 5]).permutation(rows)
