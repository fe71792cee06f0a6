"""The event contract of call detail records (CDRs): columns, ranges, key, lateness, JSON form and places on S3."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from seatrial.contracts.table import Field, TableContract

KINDS = ("voice", "sms", "data")
SOURCES = ("batch", "stream")
LATE_AFTER = timedelta(hours=24)
"""An event is late when `received_at - started_at` is longer than this; it is used all the same, and counted apart."""
REACH = timedelta(days=3)
"""Events later than this no longer change a curated day: they are kept in quarantine as `too_late`."""
CLOCK_SKEW = timedelta(minutes=5)
"""An event may claim to start this much after it was received; more is a broken clock (`future`)."""

CDR = TableContract(
    name="cdr",
    key=("event_id",),
    fields=(
        Field(name="event_id", kind="string"),
        Field(name="subscriber_id", kind="string"),
        Field(name="started_at", kind="timestamp"),
        Field(name="received_at", kind="timestamp"),
        Field(name="kind", kind="string", choices=KINDS),
        Field(name="duration_seconds", kind="double", minimum=0, maximum=86_400),
        Field(name="data_mb", kind="double", minimum=0, maximum=1_000_000),
        Field(name="partner_id", kind="string", nullable=True),
        Field(name="cell_id", kind="string"),
        Field(name="dropped", kind="int32", minimum=0, maximum=1),
    ),
)
"""One event a row. Timestamps are UTC with microseconds; an id is never used for two events.

>>> event = CDR.from_json(
...     '{"event_id":"e1","subscriber_id":"s1","started_at":"2026-06-01T12:00:00Z",'
...     '"received_at":"2026-06-01T12:00:02Z","kind":"voice","duration_seconds":61.5,"data_mb":0,'
...     '"partner_id":"s2","cell_id":"north-001","dropped":0}'
... )
>>> event["started_at"].hour, is_late(event["started_at"], event["received_at"])
(12, False)
"""

CURATED = TableContract(
    name="curated_cdr",
    key=CDR.key,
    fields=(
        *CDR.fields,
        Field(name="source", kind="string", choices=SOURCES),
        Field(name="late", kind="int32", minimum=0, maximum=1),
        *(Field(name=f"copies_{source}", kind="int32", minimum=0) for source in SOURCES),
    ),
)
"""What curation writes, partitioned by the day of `started_at`: the copy that was received first, and its source.

`copies_*` say how often the event came by each source, so the rows that were read can be counted from the result.
"""


def is_late(started_at: datetime, received_at: datetime) -> bool:
    """True when the event came later than `LATE_AFTER` (it may still be used, see `REACH`)."""
    return received_at - started_at > LATE_AFTER


def from_the_future(started_at: datetime, received_at: datetime) -> bool:
    """True when the event claims to start after it was received, by more than `CLOCK_SKEW`."""
    return started_at - received_at > CLOCK_SKEW


# ------------------------------------------------------------------------------- places below the buckets' roots


def batch_prefix(dataset: str, day: date | None = None) -> str:
    """Raw bucket: files delivered as a batch; the date is the day of arrival (UTC): late events lie in later ones."""
    return f"{dataset}/events/cdr/{_partition(day)}"


def stream_prefix(dataset: str, hour: datetime | date | None = None) -> str:
    """Raw bucket: Parquet files that Firehose wrote; date and hour are those of arrival (UTC).

    >>> stream_prefix("telecom", datetime(2026, 6, 1, 7))
    'telecom/stream/cdr/date=2026-06-01/hour=07/'
    """
    folder = f"{dataset}/stream/cdr/{_partition(hour)}"
    return f"{folder}hour={hour:%H}/" if isinstance(hour, datetime) else folder


def stream_errors_prefix(dataset: str) -> str:
    """Raw bucket: records that Firehose could not convert, with its error document around them."""
    return f"{dataset}/stream-errors/cdr/"


def stream_backup_prefix(dataset: str) -> str:
    """Raw bucket: the source records as they came, before conversion."""
    return f"{dataset}/stream-backup/cdr/"


def table_prefix(dataset: str, table: str, day: date | None = None) -> str:
    """Raw bucket: extracts of crm, billing, care and network_kpi; the date is the day on which they were known."""
    return f"{dataset}/tables/{table}/{_partition(day)}"


def curated_prefix(dataset: str, day: date | None = None) -> str:
    """Curated bucket: checked events, once each; the date is the day on which the event started (UTC)."""
    return f"{dataset}/cdr/{_partition(day)}"


def quarantine_prefix(dataset: str, day: date | None = None) -> str:
    """Curated bucket: rows that were refused, as they came, with the reason."""
    return f"{dataset}/quarantine/cdr/{_partition(day)}"


def consumer_quarantine_prefix(dataset: str, day: date | None = None) -> str:
    """Curated bucket: records that the KPI consumer set aside, by day of arrival; apart from what curation replaces."""
    return f"{dataset}/quarantine/kpi/{_partition(day)}"


def account_key(dataset: str, job: str, day: date) -> str:
    """Curated bucket: what became of every row that belongs to the day; the job writes it last.

    JSON: `{"date", "read", "used", "late_used", "duplicate", "late_dropped", "quarantined": {reason: rows},
    "sources": {source: the same counts}, "files": [...], "rows", "checksum", ...}` with
    read = used + late_used + duplicate + late_dropped + sum(quarantined).
    """
    return f"{dataset}/accounts/{job}/{_partition(day).rstrip('/')}.json"


def features_prefix(dataset: str, group: str, day: date | None = None) -> str:
    """Features bucket: `churn/as_of=YYYY-MM-DD/` of subscribers, `network_kpi/date=YYYY-MM-DD/` of cells.

    >>> features_prefix("telecom", "churn", date(2026, 7, 1))
    'telecom/churn/as_of=2026-07-01/'
    """
    return f"{dataset}/{group}/{_partition(day, 'as_of' if group == 'churn' else 'date')}"


def _partition(day: date | None, column: str = "date") -> str:
    return f"{column}={day:%Y-%m-%d}/" if day else ""
