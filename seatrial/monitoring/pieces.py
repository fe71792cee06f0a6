"""What one partition of a distributed job finds in its lines of data capture, as Arrow batches for the job to join."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce
from typing import Any

import pyarrow as pa

from seatrial.columnar.window import WindowPart, part_of_rows
from seatrial.contracts.data_capture import CaptureRecord
from seatrial.monitoring.capture_reader import CaptureReader, Labels
from seatrial.monitoring.volume import BLOCK_ROWS
from seatrial.statistics.baseline import Baseline
from seatrial.statistics.columns.hashing import hash_texts

PLACE = ("file", "start", "row")
"""Where a line lies: number of its file in the order of the keys, beginning of its split, number within Spark."""


class Piece:
    """The readers of one partition, one for each hour."""

    def __init__(self, window: str, baseline: Baseline, labels: Mapping[str, Labels]) -> None:
        self._readers = {
            hour: CaptureReader(
                hour,
                baseline,
                count=part_of_rows if hour == window else None,
                block_rows=BLOCK_ROWS,
            )
            for hour in labels
        }
        self._window, self._labels = window, labels

    def read(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Count the lines of a batch; tells the requests in it."""
        columns = [batch.column(name).to_pylist() for name in ("value", "hour", "following", *PLACE)]
        rows = []
        for line, hour, following, *place in zip(*columns, strict=True):
            reader = self._readers[hour]
            for record in reader.records([line.rstrip("\r")], next_hour=following):
                first = reader.first(record)
                event, call = hash_texts([record.event_id, record.inference_id or ""]).view("int64").tolist()
                rows.append(
                    _row(hour, "request" if first else "repeated", event, call if record.inference_id else None)
                )
                if first:
                    reader.take(record)
                if first and record.join_id in self._labels[hour]:
                    rows.append(_row(hour, "labelled", place=place, body=_labelled(record)))
        yield _batch(rows)

    def finish(self) -> pa.RecordBatch:
        """The parts and the facts."""
        reader = self._readers[self._window]
        part: WindowPart | None = reader.finish()
        facts = {"reasons": dict(reader.reasons), "newest": reader.newest, "quarantine": reader.quarantine}
        rows = [_row(self._window, "part", body=part.to_bytes())] if part else []
        return _batch([*rows, _row(self._window, "facts", body=json.dumps(facts).encode())])


def _labelled(record: CaptureRecord) -> bytes:
    rows, predictions = [list(row) for row in record.rows], list(record.predictions)
    return json.dumps({"id": record.join_id, "rows": rows, "predictions": predictions}).encode()


def _row(hour: str, kind: str, event: int | None = None, call: int | None = None, **rest: Any) -> dict[str, Any]:
    return {"hour": hour, "kind": kind, "event": event, "call": call, "place": None, "body": None, **rest}


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    types = {"hour": pa.string(), "kind": pa.string(), "event": pa.int64(), "call": pa.int64()}
    schema = pa.schema({**types, "place": pa.list_(pa.int64()), "body": pa.binary()})
    return pa.RecordBatch.from_pylist(rows, schema)


def merge_bodies(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """One part of all parts, the bytes of which are the only column."""
    bodies = [WindowPart.from_bytes(body) for batch in batches for body in batch.column(0).to_pylist()]
    if bodies:
        whole = reduce(WindowPart.merge, bodies).to_bytes()
        yield pa.RecordBatch.from_pydict({"body": [whole]}, pa.schema({"body": pa.binary()}))
