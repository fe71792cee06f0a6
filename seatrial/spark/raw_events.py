"""Raw call records of batch and stream: which files there are, and which of them can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from seatrial.contracts import cdr
from seatrial.contracts.table import TableContract
from seatrial.spark import checks
from seatrial.spark.errors import DataError
from seatrial.spark.files import File, Files, Footer, UnreadableFile, location

REACH_DAYS = cdr.REACH.days
TOPS = {"batch": "events/cdr/", "stream": "stream/cdr/"}


@dataclass(frozen=True)
class Input:
    """One raw file: `day` is that of its folder, the day of arrival."""

    source: str
    day: date
    file: File

    @property
    def fingerprint(self) -> str:
        """Changes when the file is replaced."""
        one = self.file
        return hashlib.sha256(f"{one.uri}\0{one.size}\0{one.modified}".encode()).hexdigest()[:16]

    @property
    def top(self) -> str:
        """Where files of its source lie in the dataset's folder."""
        return TOPS[self.source]

    @property
    def place(self) -> str:
        """The file's path below the dataset's folder."""
        return self.top + self.file.uri.split(f"/{self.top}", 1)[1]


@dataclass(frozen=True)
class Checked:
    """Raw files by whether they can be read: `good` are lists of files with the same columns."""

    good: list[list[Input]]
    retyped: list[list[Input]]
    unreadable: list[tuple[Input, str]]
    unexpected: dict[str, list[str]]
    rows: int


# --------------------------------------------------------------------------------------------------------- inputs


def list_inputs(files: Files, raw: str, dataset: str) -> list[Input]:
    """All raw files of both sources; a folder that a writer has not finished ends the job."""
    places = {"batch": cdr.batch_prefix(dataset), "stream": cdr.stream_prefix(dataset)}
    found = []
    for source, prefix in places.items():
        root = f"{location(raw)}/{prefix.rstrip('/')}"
        for name in files.folders(root):
            if not name.startswith("date="):
                continue
            day = date.fromisoformat(name[len("date=") :])
            found += [Input(source, day, one) for one in finished_files(files, f"{root}/{name}")]
    return found


def finished_files(files: Files, folder: str) -> list[File]:
    """Data files of one delivered folder; raises `DataError` when its writer has not finished."""
    if "_temporary" in files.folders(folder):
        raise DataError(
            f"{folder}: is being written, or its writer died: it holds _temporary; wait, or write the folder again"
        )
    return files.find(folder)


def window(inputs: Iterable[Input], day: date) -> list[Input]:
    """The files that may hold events of the day: from the day before (clock skew) until as late as events count."""
    first, last = day - timedelta(days=1), day + timedelta(days=REACH_DAYS)
    return [one for one in inputs if first <= one.day <= last]


def check_files(files: Files, inputs: Sequence[Input], contract: TableContract = cdr.CDR) -> Checked:
    """Read the footers and sort the files by their columns, which the contract names."""
    good: dict[Any, list[Input]] = {}
    retyped: dict[Any, list[Input]] = {}
    unreadable, extra, rows = [], {}, 0
    for one, footer in zip(inputs, files.footers([one.file.uri for one in inputs])):  # noqa: B905 - Python 3.9
        if isinstance(footer, UnreadableFile):
            unreadable.append((one, footer.reason))
            continue
        problems = checks.schema_problems(contract, footer.types)
        kind = retyped if problems else good
        kind.setdefault((one.source, tuple(sorted(footer.types.items())), tuple(problems)), []).append(one)
        if names := checks.unexpected(contract, footer.types):
            extra[one.source] = sorted({*extra.get(one.source, []), *names})
        rows += footer.rows
    return Checked(list(good.values()), list(retyped.values()), unreadable, extra, rows)


def refuse_bad_files(files: Files, checked: Checked, contract: TableContract = cdr.CDR) -> None:
    """End the job when a file cannot be read or has other columns than the contract."""
    lines = [f"{one.file.uri}: {reason}" for one, reason in checked.unreadable]
    for group in checked.retyped:
        footer = files.footers([group[0].file.uri])[0]
        problems = checks.schema_problems(contract, footer.types) if isinstance(footer, Footer) else []
        lines.append(f"{group[0].file.uri} (and {len(group) - 1} more files): {'; '.join(problems)}")
    if lines:
        raise DataError(
            "raw files break the contract; nothing was changed:\n  " + "\n  ".join(lines) + "\n"
            "mend the source, or set these files aside with --bad-files quarantine"
        )
