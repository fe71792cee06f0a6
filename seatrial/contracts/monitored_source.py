"""A source that the account's monitor judges beside the endpoint: captures of batch transform, or a table of the lake.

The stack writes it into the payload of the source's schedule; the function and its jobs read it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PAYLOAD_KEY = "monitored_source"
"""In the event of a source's schedule."""
BATCH_TRANSFORM, TABLE = "batch_transform", "table"
LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
TABLE_SUFFIXES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class TableColumns:
    """Columns of a table that are no inputs; None for one that is looked for under its usual name, or is not there."""

    prediction: str | None = None
    label: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class BaselineFile:
    """What a source is judged by: a baseline.json of ours, or Model Monitor's statistics.json, and its SHA-256.

    `constraints_sha256` is that of the constraints.json beside Model Monitor's statistics, None where there is none.
    `ignore` are columns of Model Monitor's baseline that are no inputs.
    """

    bucket: str
    key: str
    sha256: str
    constraints_sha256: str | None = None
    ignore: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """Its address."""
        return f"s3://{self.bucket}/{self.key}"


@dataclass(frozen=True, kw_only=True)
class MonitoredSource:
    """Where a source lies, and how it is looked at.

    `kind` is `batch_transform` (`prefix` is the destination of the jobs' data capture) or `table` (`prefix` is the
    table's folder). `partition` is the path below it of a window's files as `strftime` writes it, such as
    `date=%Y-%m-%d/`; empty for rows that only the time column tells apart. A source that is `required` has something
    in every window; one without is told.
    """

    name: str
    kind: str
    bucket: str
    prefix: str
    baseline: BaselineFile
    window: str = "day"
    allowed_lateness_minutes: int = 60
    partition: str = ""
    columns: TableColumns = field(default_factory=TableColumns)
    required: bool = False

    @property
    def length(self) -> timedelta:
        """Of a window."""
        return LENGTHS[self.window]

    @property
    def late_files(self) -> bool:
        """Whether files that come late are known to be a window's: not where several windows share a folder."""
        named = "%H" in self.partition if self.window == "hour" else bool(self.partition)
        return self.kind == BATCH_TRANSFORM or named

    def folder(self, start: datetime) -> str:
        """Prefix of the files of a table's window."""
        return self.prefix + start.strftime(self.partition)

    def floor(self, moment: datetime) -> datetime:
        """Beginning of the window in which a moment lies.

        >>> source = MonitoredSource.from_json(EXAMPLE)
        >>> source.floor(datetime(2026, 11, 1, 7, 30)), source.folder(datetime(2026, 11, 1))
        (datetime.datetime(2026, 11, 1, 0, 0), 'scored/date=2026-11-01/')
        """
        hour = moment.replace(minute=0, second=0, microsecond=0)
        return hour if self.window == "hour" else hour.replace(hour=0)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready form."""
        document = asdict(self)
        document["baseline"]["ignore"] = [*self.baseline.ignore]
        return document

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MonitoredSource:
        """Read what `to_json` wrote; raises `ValueError` for anything else."""
        unknown = sorted({*data} - {item.name for item in fields(cls)})
        try:
            named: dict[str, Any] = {**data["baseline"], "ignore": tuple(data["baseline"].get("ignore", ()))}
            file = BaselineFile(**named)
            columns = TableColumns(**data.get("columns", {}))
            given: dict[str, Any] = {**data, "baseline": file, "columns": columns}
            source = cls(**given)
        except (TypeError, KeyError) as error:
            told = f"unknown {', '.join(unknown)}" if unknown else str(error)
            raise ValueError(f"{PAYLOAD_KEY}: is no source ({told}); deploy function and schedule together") from None
        if source.window not in LENGTHS or source.kind not in {BATCH_TRANSFORM, TABLE}:
            raise ValueError(f"{PAYLOAD_KEY}: unknown kind or window: {source.kind!r}, {source.window!r}")
        return source


EXAMPLE = {
    "name": "scored",
    "kind": "table",
    "bucket": "lake",
    "prefix": "scored/",
    "partition": "date=%Y-%m-%d/",
    "baseline": {"bucket": "artifacts", "key": "baseline.json", "sha256": "0" * 64},
}
"""The least that a table needs."""


def is_table_file(path: str) -> bool:
    """Whether a path below a table's folder names rows: of a known form, and not hidden, as what Spark still writes.

    >>> is_table_file("date=2026-11-01/part-0.parquet"), is_table_file("_temporary/0/part-0.parquet")
    (True, False)
    """
    return path.endswith(TABLE_SUFFIXES) and not any(part.startswith(("_", ".")) for part in path.split("/"))
