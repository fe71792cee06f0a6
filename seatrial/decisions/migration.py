"""Which migrations to apply next, or why none may be: from what the warehouse has and what the code brings."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from seatrial.contracts.migrations import Migration


@dataclass(frozen=True)
class Applied:
    """One row of the warehouse's table of migrations."""

    version: int
    name: str
    checksum: str


@dataclass(frozen=True)
class MigrationPlan:
    """What to do, in order, and the sentence for log and operator."""

    action: Literal["apply", "done", "refuse"]
    pending: tuple[Migration, ...]
    reason: str


def plan(applied: Sequence[Applied], available: Sequence[Migration], features: Collection[str] = ()) -> MigrationPlan:
    """Compare; anything applied that the code does not bring unchanged is refused, never repaired.

    >>> first = Migration(version=1, name="schemas", script="", checksum="c1")
    >>> second = Migration(version=2, name="tables", script="", checksum="c2")
    >>> plan([Applied(1, "schemas", "c1")], [first, second]).reason
    '0002_tables is to be applied after 0001'
    >>> plan([Applied(1, "schemas", "other")], [first, second]).action
    'refuse'
    """
    objection = _objection(applied, {migration.version: migration for migration in available})
    if objection:
        return MigrationPlan("refuse", (), objection)
    known, last = {row.version for row in applied}, max((row.version for row in applied), default=0)
    pending = [m for m in available if m.version not in known and (m.requires is None or m.requires in features)]
    # A migration whose feature was switched on later comes after its successors; any other gap is a mistake.
    overtaken = [migration for migration in pending if migration.version < last and migration.requires is None]
    if overtaken:
        late = f"{overtaken[0].label} is not applied although {last:04d} is: give it a number after the last one"
        return MigrationPlan("refuse", (), late)
    if not pending:
        return MigrationPlan("done", (), f"the warehouse is at {last:04d}; nothing is to be applied")
    labels = ", ".join(migration.label for migration in pending)
    are = "is" if len(pending) == 1 else "are"
    return MigrationPlan("apply", tuple(pending), f"{labels} {are} to be applied after {last:04d}")


def _objection(applied: Sequence[Applied], available: dict[int, Migration]) -> str | None:
    seen: set[int] = set()
    for row in applied:
        label, migration = f"{row.version:04d}_{row.name}", available.get(row.version)
        if row.version in seen:
            return f"{label} is recorded twice: somebody wrote into the table of migrations, have a look"
        seen.add(row.version)
        if migration is None:
            return f"{label} is applied but this code does not have it: it is older than the warehouse"
        if (migration.name, migration.checksum) != (row.name, row.checksum):
            return (
                f"{migration.label} was changed after it had been applied as {label}: undo the change, add a new file"
            )
    return None
