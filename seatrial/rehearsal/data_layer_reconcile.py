"""The reconciliation of the data layer (pure): what was generated is landed, read and accounted for, row by row."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

UNREADABLE = "unreadable"


@dataclass(frozen=True, kw_only=True)
class Line:
    """Rows of one source and kind on their way: generated = landed = read = what became of them."""

    source: str
    kind: str
    generated: int
    landed: int
    read: int
    used: int
    late: int = 0
    """Used, although they came late."""
    duplicate: int = 0
    too_late: int = 0
    """Kept in quarantine, for they came too late to be used."""
    quarantined: Mapping[str, int] = field(default_factory=dict)
    """Refused rows by reason."""

    @property
    def accounted(self) -> int:
        """Rows of which it is known what became."""
        return self.used + self.late + self.duplicate + self.too_late + sum(self.quarantined.values())

    @property
    def difference(self) -> int:
        """Rows lost or counted twice on any part of the way, in all; 0 when every row is accounted for."""
        steps = (self.landed - self.generated, self.read - self.landed, self.accounted - self.read)
        return sum(abs(step) for step in steps)


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something counted twice, by two who do not know of each other."""

    subject: str
    expected: int
    found: int
    expected_by: str
    found_by: str
    differing: int = 0
    """Rows that are there on both sides and are not equal."""

    @property
    def difference(self) -> int:
        """0 when both agree."""
        return abs(self.expected - self.found) + self.differing


def problems(lines: Iterable[Line], checks: Iterable[Check]) -> list[str]:
    """A sentence for everything that does not agree; none means that every row is accounted for."""
    return [sentence for line in lines for sentence in _of_line(line)] + [
        _of_check(check) for check in checks if check.difference
    ]


def _of_line(line: Line) -> list[str]:
    name = f"{line.kind} by {line.source}"
    steps = (
        (line.generated, "generated", line.landed, "landed"),
        (line.landed, "landed", line.read, "read"),
        (line.read, "read", line.accounted, "accounted for"),
    )
    return [
        f"{name}: {expected:,} {before}, {found:,} {after}"
        for expected, before, found, after in steps
        if expected != found
    ]


def _of_check(check: Check) -> str:
    counts = f"{check.expected:,} by {check.expected_by}, {check.found:,} by {check.found_by}"
    return f"{check.subject}: {counts}" + (f", {check.differing:,} rows differ" if check.differing else "")


def event_line(source: str, generated: int, landed: int, accounts: Iterable[Mapping[str, Any]]) -> Line:
    """The events of one source from the accounts that curation wrote, one for each day."""
    parts = [account["sources"][source] for account in accounts]
    sums = {name: sum(part[name] for part in parts) for name in ("read", "used", "late_used", "duplicate")}
    return Line(
        source=source,
        kind="events",
        generated=generated,
        landed=landed,
        read=sums["read"],
        used=sums["used"],
        late=sums["late_used"],
        duplicate=sums["duplicate"],
        too_late=sum(part["late_dropped"] for part in parts),
        quarantined=_reasons(parts),
    )


def table_line(kind: str, generated: int, landed: int, accounts: Iterable[Mapping[str, Any]]) -> Line:
    """A table's extracts from the accounts that curation wrote."""
    parts = list(accounts)
    sums = {name: sum(part[name] for part in parts) for name in ("read", "used", "duplicate")}
    return Line(source="batch", kind=kind, generated=generated, landed=landed, quarantined=_reasons(parts), **sums)


def consumer_line(generated: int, counts: Mapping[str, int]) -> Line:
    """The events of the stream from the KPI consumer's counts; failed ones are missing from what it accounts for."""
    return Line(
        source="stream (KPI consumer)",
        kind="events",
        generated=generated,
        landed=generated,
        read=counts.get("EventsRead", 0),
        used=counts.get("EventsUsed", 0),
        late=counts.get("EventsLate", 0),
        duplicate=counts.get("EventsDuplicate", 0),
        quarantined={"set aside": counts.get("EventsQuarantined", 0)},
    )


def fault_checks(generated: Mapping[str, Any], accounts: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Curation's counts by kind, all sources together, against the faults that the generator says it made."""
    days, faults = list(accounts), generated["faults"]
    reasons = _reasons(days)
    expected = {
        "used on time": generated["usable"] - generated["usable_late"],
        "used although late": generated["usable_late"],
        "duplicates": faults.get("duplicates", 0),
        "too late": faults.get("too_late", 0),
    }
    found = {
        "used on time": sum(day["used"] for day in days),
        "used although late": sum(day["late_used"] for day in days),
        "duplicates": sum(day["duplicate"] for day in days),
        "too late": sum(day["late_dropped"] for day in days),
    }
    bad = {name.removeprefix("bad."): count for name, count in faults.items() if name.startswith("bad.")}
    for reason in sorted({*bad, *reasons}):
        expected[f"quarantined: {reason}"], found[f"quarantined: {reason}"] = bad.get(reason, 0), reasons.get(reason, 0)
    return [
        Check(
            subject=f"events {name}",
            expected=expected[name],
            found=found[name],
            expected_by="the generator",
            found_by="curation",
        )
        for name in found
    ]


def day_checks(generated: Mapping[str, int], accounts: Mapping[str, Mapping[str, Any]]) -> Check:
    """Usable events by day, generated and curated: days that differ are rows that differ."""
    curated = {day: account["used"] + account["late_used"] for day, account in accounts.items()}
    days = {*generated, *curated}
    return Check(
        subject="usable events, day by day",
        expected=sum(generated.values()),
        found=sum(curated.values()),
        differing=sum(generated.get(day, 0) != curated.get(day, 0) for day in days),
        expected_by="the generator",
        found_by="curation",
    )


def _reasons(parts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for reason, rows in part["quarantined"].items():
            found[reason] = found.get(reason, 0) + rows
    return dict(sorted(found.items()))
