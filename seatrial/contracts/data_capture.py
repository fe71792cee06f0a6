"""Data capture files as SageMaker endpoints write them: JSON Lines, one request with its answer a line."""

import base64
import binascii
import csv
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CaptureRecord:
    """One captured request: its rows of feature values as text, and one prediction a row.

    `inference_id` is the caller's own id, None when it sent none; `inference_time` is ISO 8601 UTC.
    """

    event_id: str
    inference_id: str | None
    inference_time: str
    rows: tuple[tuple[str, ...], ...]
    predictions: tuple[float, ...]

    @property
    def join_id(self) -> str:
        """The id by which ground truth is joined, as Model Monitor does: the caller's, else SageMaker's."""
        return self.inference_id or self.event_id


@dataclass(frozen=True)
class Capture:
    """What could be read of some capture files, and how many lines could not."""

    records: tuple[CaptureRecord, ...]
    rejected: int = 0


def parse_capture(lines: Iterable[str]) -> Capture:
    """Read the lines of capture files; a line that is truncated or of an unknown form counts as rejected.

    >>> line = '{"captureData": {"endpointInput": {"data": "69,a", "encoding": "CSV"}, "endpointOutput": '
    >>> line += '{"data": "0.5", "encoding": "CSV"}}, "eventMetadata": {"eventId": "e", "inferenceTime": "t"}}'
    >>> capture = parse_capture([line, line[:40]])
    >>> capture.records[0].rows, capture.records[0].predictions, capture.rejected
    ((('69', 'a'),), (0.5,), 1)
    """
    records, rejected = [], 0
    for line in lines:
        if not line.strip():
            continue
        try:
            records.append(_record(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError, csv.Error, binascii.Error):
            rejected += 1
    return Capture(tuple(records), rejected)


def _record(line: dict[str, Any]) -> CaptureRecord:
    captured, metadata = line["captureData"], line["eventMetadata"]
    rows = _table(captured["endpointInput"])
    output = _table(captured["endpointOutput"]) if captured.get("endpointOutput") else ()
    predictions = tuple(float(row[0]) for row in output)
    if len(predictions) != len(rows):
        raise ValueError(f"{len(rows)} rows got {len(predictions)} predictions")
    return CaptureRecord(
        metadata["eventId"], metadata.get("inferenceId"), metadata.get("inferenceTime", ""), rows, predictions
    )


def _table(part: dict[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Rows of text from a CSV, JSON or Base64 payload; Base64 holds either of the two."""
    data, encoding = part["data"], part.get("encoding", "CSV").upper()
    if encoding == "BASE64":
        data = base64.b64decode(data, validate=True).decode()
        encoding = "JSON" if data.lstrip().startswith(("{", "[")) else "CSV"
    if encoding == "JSON":
        return _json_table(json.loads(data))
    if encoding != "CSV":
        raise ValueError(f"encoding must be CSV, JSON or BASE64, got {encoding!r}")
    if "\0" in data:
        raise ValueError("binary data")
    return tuple(tuple(row) for row in csv.reader(data.splitlines()) if row)


def _json_table(document: Any) -> tuple[tuple[str, ...], ...]:
    """Rows from the JSON forms of SageMaker's containers: instances/features, predictions/score, or lists."""
    items = document
    if isinstance(document, dict):
        items = document.get("instances", document.get("predictions"))
    if not isinstance(items, list):
        raise ValueError("JSON payload must be a list, or an object with instances or predictions")
    return tuple(_json_row(item) for item in items)


def _json_row(item: Any) -> tuple[str, ...]:
    if isinstance(item, dict):
        item = item.get("features", item.get("score"))
    values = item if isinstance(item, list) else [item]
    return tuple("" if value is None else str(value) for value in values)
