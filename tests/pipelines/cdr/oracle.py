"""Curation once more, row by row in plain Python, straight from the contract: the yardstick for the Spark job."""

from collections import Counter, defaultdict
from datetime import timedelta

from seatrial.contracts import cdr


def place(row, arrival):
    """The day to which a raw row belongs and the reason why it is refused (None when it is good)."""
    reason = cdr.CDR.problem(row)
    started, received = (
        None if (reason or "").startswith(name) else row[name] for name in ("started_at", "received_at")
    )
    if not row["started_at"]:
        return arrival, reason
    event_day, reach = row["started_at"].date(), cdr.REACH.days
    ahead = event_day > arrival + timedelta(days=1)
    future = ahead or bool(row["received_at"] and cdr.from_the_future(row["started_at"], row["received_at"]))
    behind = event_day < arrival - timedelta(days=reach)
    home = arrival if future or behind else event_day
    if reason or started is None or received is None:
        return home, reason
    if future:
        return home, "future"
    return home, "too_late" if behind or received - started > cdr.REACH else None


def curate(landed):
    """Accounts by (day, source) and the kept rows; `landed` are (row, day of arrival, source)."""
    accounts, copies = defaultdict(Counter), defaultdict(list)
    for row, arrival, source in landed:
        day, reason = place(row, arrival)
        accounts[str(day), source].update({"read": 1, **({reason: 1} if reason else {})})
        if not reason:
            copies[day, row["event_id"]].append((row["received_at"], source, row))
    kept = []
    for (day, _), group in copies.items():
        _, first, row = min(group, key=lambda one: (one[0], one[1], _order(one[2])))
        late = cdr.is_late(row["started_at"], row["received_at"])
        copies_by = {f"copies_{source}": sum(one[1] == source for one in group) for source in cdr.SOURCES}
        kept.append({**row, "source": first, "late": int(late), **copies_by, "date": str(day)})
        accounts[str(day), first]["late_used" if late else "used"] += 1
        for source in cdr.SOURCES:
            same = sum(one[1] == source for one in group) - (source == first)
            accounts[str(day), source]["duplicate"] += same
    return {key: +counts for key, counts in accounts.items() if +counts}, kept


def _order(row):
    return [(row[name] is not None, row[name] or 0) if name != "partner_id" else str(row[name] or "") for name in row]


def flat(accounts):
    """The job's accounts in the oracle's form."""
    found = {}
    for day, account in accounts.items():
        for source, counts in account["sources"].items():
            numbers = {name: counts[name] for name in ("read", "used", "late_used", "duplicate")}
            numbers |= {"too_late": counts["late_dropped"], **counts["quarantined"]}
            found[day, source] = +Counter(numbers)
    return {key: counts for key, counts in found.items() if counts}
