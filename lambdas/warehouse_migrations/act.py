"""Brings the warehouse to the newest migration, one transaction each; safe to cut off and start again anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters import StatementError, Warehouse
from parse import Configuration

from seatrial.contracts.migrations import STATE_SCHEMA, STATE_TABLE, STATEMENT_PREFIX, Migration
from seatrial.contracts.sql_scripts import fill, split_statements
from seatrial.decisions.migration import Applied, MigrationPlan, plan

PREPARE = (
    f"CREATE SCHEMA IF NOT EXISTS {STATE_SCHEMA}",
    f"""CREATE TABLE IF NOT EXISTS {STATE_TABLE} (
        version INTEGER NOT NULL, name VARCHAR(200) NOT NULL, checksum CHAR(64) NOT NULL, applied_at TIMESTAMP NOT NULL
    ) DISTSTYLE ALL SORTKEY (version)""",
)
READ = f"SELECT version, name, checksum FROM {STATE_TABLE} ORDER BY version"  # noqa: S608 - a constant


@dataclass
class Progress:
    """What this invocation has applied so far."""

    applied: list[str] = field(default_factory=list)
    at: str = "the preparation"


def migrate(
    warehouse: Warehouse, migrations: tuple[Migration, ...], configuration: Configuration, progress: Progress
) -> MigrationPlan:
    """Apply what is missing; returns the plan that stands in the end, "done" or "refuse".

    Raises what `Warehouse.run` raises; what was applied before that is in `progress`, and in the warehouse.
    """
    # A predecessor that ran out of time has left its transaction running: its end decides what is missing.
    for statement in warehouse.under_way(STATEMENT_PREFIX):
        _settle(warehouse, statement)
    warehouse.run(PREPARE, "seatrial-prepare")
    decision = plan(_applied(warehouse), migrations, configuration.features)
    for migration in decision.pending:
        progress.at = migration.label
        warehouse.run(transaction(migration, configuration.values), migration.statement_name)
        if not migration.transactional:
            # Its single statement can be repeated, so a cut-off before this record does no harm.
            warehouse.run([*_guarded(migration), record(migration)], f"{migration.statement_name}-record")
        progress.applied.append(migration.label)
    return decision if decision.action != "apply" else plan(_applied(warehouse), migrations, configuration.features)


def transaction(migration: Migration, values: Mapping[str, str]) -> list[str]:
    """Statements of one migration: locked, refused if already recorded, and recorded with its own effects."""
    statements = [*split_statements(fill(migration.script, values))]
    return [*_guarded(migration), *statements, record(migration)] if migration.transactional else statements


def record(migration: Migration) -> str:
    """The statement that remembers a migration; name and checksum hold no quotes by their format."""
    values = f"{migration.version}, '{migration.name}', '{migration.checksum}', GETDATE()"
    return f"INSERT INTO {STATE_TABLE} (version, name, checksum, applied_at) VALUES ({values})"  # noqa: S608


def _guarded(migration: Migration) -> list[str]:
    """Redshift enforces no key, so two runs at once are told apart by a lock and a cast that fails for the second.

    The lock comes first: the snapshot that the transaction sees is taken by its first query.
    """
    said = f"{migration.label} has been applied meanwhile"
    count = f"SELECT CAST(CASE WHEN COUNT(*) = 0 THEN '0' ELSE '{said}' END AS INTEGER) AS applied"
    return [f"LOCK TABLE {STATE_TABLE}", f"{count} FROM {STATE_TABLE} WHERE version = {migration.version}"]


def _applied(warehouse: Warehouse) -> list[Applied]:
    rows = warehouse.query(READ, "seatrial-read-state")
    return [Applied(int(version), str(name).strip(), str(checksum).strip()) for version, name, checksum in rows]


def _settle(warehouse: Warehouse, statement: str) -> None:
    try:
        warehouse.wait(statement)
    except StatementError:
        return  # it left nothing behind, and is tried again with its reason told
