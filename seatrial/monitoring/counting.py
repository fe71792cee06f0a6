"""Counts the rows of a window into the cells of its baseline, by the same code as the monitor's larger forms."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

from seatrial.columnar.window import WindowPart, part_of_batch, part_of_rows
from seatrial.contracts.data_capture import CaptureRecord, text_of
from seatrial.monitoring.capture_reader import TIME_FORMAT, CaptureReader
from seatrial.monitoring.window_data import Rejected, WindowData, hour_number
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.monitor import Labelled
from seatrial.statistics.row_sample import SAMPLE_ROWS, RowSample
from seatrial.statistics.window import WindowSummary

BLOCK_ROWS = 50_000
ANY_HOUR = "1970-01-01T00:00:00Z"
"""Window of requests whose times are not asked for: only those of the ten minutes before it would be left out."""
MOST_REJECTED = 1000
SCORES = "\0scores"
"""Name of the column of predictions beside the inputs: none that an input could have."""


@dataclass(frozen=True)
class Counting:
    """A baseline, and whether predictions and labels count as well: Model Monitor's baselines know none."""

    baseline: Baseline
    outcomes: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The model's inputs in order."""
        return self.baseline.schema.names

    def summary(self, rows: Sequence[Sequence[str]], scores: Sequence[float]) -> WindowSummary:
        """Rows of texts counted."""
        return self.part(self.baseline, rows, scores, ()).summary()

    def table_summary(self, table: pa.Table, scores: np.ndarray | None) -> WindowSummary:
        """Columns counted by their names; rows of a table without one of the inputs are only counted by their width.

        Raises `ColumnError` for a column of a type that holds neither numbers nor texts.
        """
        present = [name for name in self.names if name in table.column_names]
        if len(present) < len(self.names):
            return replace(self.summary([], []), widths=((len(present), table.num_rows),))
        inputs = table.select(present)
        places = np.arange(0, table.num_rows, max(1, table.num_rows // SAMPLE_ROWS))
        sampled = inputs.take(pa.array(places))
        texts = [[text_of(value) for value in column.to_pylist()] for column in sampled.columns]
        judged = inputs if scores is None else inputs.append_column(SCORES, pa.array(scores, pa.float64()))
        part = part_of_batch(self.baseline, judged, None if scores is None else SCORES)
        return replace(part.summary(), sample=RowSample.of(zip(*texts, strict=True)))

    def at(self, start: datetime | None, window: WindowData | None, length: timedelta) -> WindowData:
        """What was counted, of the window that begins then; an empty one for nothing."""
        counted = window or WindowData(start=start, summary=self.summary([], []))
        labelled = replace(counted.labelled, hour=hour_number(start))
        return replace(counted, start=start, length=length, labelled=labelled)

    def reader(self, hour: datetime | None, labels: dict[str, tuple[int, ...]]) -> "RequestCounter":
        """A counter of the captured requests of one hour, or of any time."""
        window = hour.strftime(TIME_FORMAT) if hour else ANY_HOUR
        known = labels if self.outcomes else {}
        counter = CaptureReader(window, self.baseline, labels=known, count=self.part, block_rows=BLOCK_ROWS)
        return RequestCounter(counter, hour)

    def part(
        self, baseline: Baseline, rows: Sequence[Sequence[str]], scores: Sequence[float], ids: Sequence[str]
    ) -> WindowPart:
        """Rows of texts as a part of the window, which other parts are added to."""
        return part_of_rows(baseline, rows, scores if self.outcomes else [], ids)


class RequestCounter:
    """The monitor's reader of captured requests, which also remembers where the lines lie that it could not use."""

    def __init__(self, reader: CaptureReader, hour: datetime | None) -> None:
        self._reader, self._hour = reader, hour
        self._rejected: list[Rejected] = []
        self._reasons: Counter[str] = Counter()
        self._files = 0

    def read(self, file: str, lines: Iterable[str], *, next_hour: bool = False) -> None:
        """Read one file; those of the next hour's folder hold few requests of this one."""
        self._files += not next_hour
        for number, line in enumerate(lines, 1):
            self._reader.read((line,), next_hour=next_hour)
            if self._reader.reasons.total() > self._reasons.total():
                self._reject(file, number)

    def take(self, file: str, records: Iterable[CaptureRecord], reasons: dict[str, int]) -> None:
        """Count requests that were read elsewhere, and the lines that were not."""
        self._files += 1
        self._reader.reasons.update(reasons)
        self._rejected += [Rejected(file, 0, reason) for reason in reasons]
        for record in records:
            if self._reader.first(record):
                self._reader.take(record)

    def _reject(self, file: str, line: int) -> None:
        new = self._reader.reasons - self._reasons
        self._reasons = Counter(self._reader.reasons)
        if len(self._rejected) < MOST_REJECTED:
            self._rejected += [Rejected(file, line, reason) for reason in new]

    def window(self) -> WindowData:
        """Everything counted."""
        reader = self._reader
        part: WindowPart = reader.finish()
        matched = reader.matched
        return WindowData(
            start=self._hour,
            summary=replace(part.summary(), **reader.facts),
            labelled=Labelled(matched.predictions, matched.labels, matched.rows, hour_number(self._hour)),
            unmatched=len(reader.labels) - matched.joined,
            files=self._files,
            reasons=dict(reader.reasons),
            rejected=tuple(self._rejected),
        )
