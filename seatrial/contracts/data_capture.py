"""Data capture files as SageMaker endpoints write them: JSON Lines, one request with its answer a line.

Form after the SageMaker developer guide, "Capture data from real-time endpoint". A payload is CSV, JSON (also JSON
Lines) or BASE64 of either; input and output may differ, and both may change from line to line.
"""

import base64
import binascii
import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seatrial.contracts.serving import PROBE_PREFIX

MOST_REJECTIONS = 1000
"""Rejected lines whose number is kept; beyond that they are only counted."""

ENCODINGS = ("CSV", "JSON", "BASE64")
Table = tuple[tuple[str, ...], ...]


class CaptureError(ValueError):
    """A line of a capture file cannot be used; the text is a reason without personal data, fit for counting."""


@dataclass(frozen=True)
class CaptureRecord:
    """One captured request: its rows of feature values as text, and one prediction a row.

    `inference_id` is the caller's own id, None when it sent none; `inference_time` is ISO 8601 UTC. There are no
    predictions when the endpoint captures its input only.
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

    @property
    def is_probe(self) -> bool:
        """Whether the promotion asked, and nobody else."""
        return self.inference_id is not None and self.inference_id.startswith(PROBE_PREFIX)


@dataclass(frozen=True)
class Capture:
    """What could be read of some capture files, and how many lines could not.

    `reasons` counts the rejected lines by reason; `rejections` are the first of them: (number of the line, reason).
    """

    records: tuple[CaptureRecord, ...]
    rejected: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    rejections: tuple[tuple[int, str], ...] = ()


def parse_capture(lines: Iterable[str], names: Sequence[str] = ()) -> Capture:
    """Read the lines of capture files; a line that is truncated or of an unknown form counts as rejected.

    `names` are the model's inputs in order: with them, JSON payloads that name their values are read too.

    >>> line = '{"captureData": {"endpointInput": {"data": "69,a", "encoding": "CSV"}, "endpointOutput": '
    >>> line += '{"data": "0.5", "encoding": "CSV"}}, "eventMetadata": {"eventId": "e", "inferenceTime": "t"}}'
    >>> capture = parse_capture([line, line[:40]])
    >>> capture.records[0].rows, capture.records[0].predictions, capture.reasons
    ((('69', 'a'),), (0.5,), {'line is no JSON': 1})
    """
    records: list[CaptureRecord] = []
    rejections: list[tuple[int, str]] = []
    reasons: Counter[str] = Counter()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            records.append(read_record(line, names))
        except CaptureError as error:
            reasons[str(error)] += 1
            if len(rejections) < MOST_REJECTIONS:
                rejections.append((number, str(error)))
    return Capture(tuple(records), reasons.total(), dict(reasons), tuple(rejections))


def read_record(line: str, names: Sequence[str] = ()) -> CaptureRecord:
    """Read one line; raises `CaptureError`."""
    try:
        document = json.loads(line)
    except ValueError:
        raise CaptureError("line is no JSON") from None
    try:
        return _record(document, names)
    except CaptureError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise CaptureError(f"line has another form than data capture: {type(error).__name__}") from None


def _record(line: dict[str, Any], names: Sequence[str]) -> CaptureRecord:
    captured, metadata = line["captureData"], line["eventMetadata"]
    if not all(isinstance(metadata.get(name, ""), str) for name in ("eventId", "inferenceTime")):
        raise CaptureError("event id or time is no text")
    rows = payload_table(captured["endpointInput"], names)
    output = captured.get("endpointOutput")
    predictions = _predictions(payload_table(output), len(rows)) if output else ()
    call = metadata.get("inferenceId")
    return CaptureRecord(
        metadata["eventId"], None if call is None else str(call), metadata.get("inferenceTime", ""), rows, predictions
    )


def _predictions(output: Table, rows: int) -> tuple[float, ...]:
    """The first value of each line of output, or all values of the only line, as the XGBoost container answers."""
    if len(output) == 1 and len(output[0]) == rows > 1:
        output = tuple((value,) for value in output[0])
    if len(output) != rows:
        raise CaptureError("rows and predictions are not equally many")
    try:
        return tuple(float(row[0]) for row in output)
    except (ValueError, IndexError):
        raise CaptureError("prediction is no number") from None


def payload_table(part: Mapping[str, Any], names: Sequence[str] = ()) -> Table:
    """Rows of text of one captured payload; raises `CaptureError` for an unknown encoding and for binary data.

    >>> payload_table({"data": '{"age": 3}', "encoding": "JSON"}, ["age", "plan"])
    (('3', ''),)
    """
    data, encoding = part["data"], part.get("encoding", "CSV").upper()
    if encoding not in ENCODINGS:
        raise CaptureError(f"unknown encoding {encoding[:20]!r}")
    if encoding == "BASE64":
        data = _decoded(data, part.get("observedContentType") or "")
        encoding = "JSON" if _is_json(data, part.get("observedContentType") or "") else "CSV"
    if encoding == "JSON":
        return tuple(_json_row(item, names) for item in _json_items(data, names))
    if "\0" in data:
        raise CaptureError("binary data")
    return tuple(tuple(row) for row in csv.reader(data.splitlines()) if row)


def _decoded(data: str, content_type: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except binascii.Error:
        raise CaptureError("payload is no BASE64") from None
    except UnicodeDecodeError:
        raise CaptureError(f"binary data of type {content_type[:40]!r}") from None


def _is_json(data: str, content_type: str) -> bool:
    """By the content type; where that tells neither, by the text."""
    told = content_type.lower()
    return "json" in told or ("csv" not in told and data.lstrip().startswith(("{", "[")))


def _json_items(data: str, names: Sequence[str]) -> list[Any]:
    """The rows of the JSON forms of SageMaker's containers: instances, predictions, lists, or a row a line."""
    try:
        document = json.loads(data)
    except ValueError:
        try:
            return [json.loads(line) for line in data.splitlines() if line.strip()]
        except ValueError:
            raise CaptureError("payload is no JSON") from None
    if isinstance(document, dict):
        return document.get("instances", document.get("predictions", [document]))
    if not isinstance(document, list):
        return [document]
    one_row = len(document) == len(names) > 0 and not any(isinstance(item, list | dict) for item in document)
    return [document] if one_row else document


def _json_row(item: Any, names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(item, dict):
        item = _of_object(item, names)
    values = item if isinstance(item, list) else [item]
    return tuple(text_of(value) for value in values)


def _of_object(item: dict[str, Any], names: Sequence[str]) -> Any:
    for key in ("features", "score", "prediction", "output"):
        if key in item and key not in names:
            return _of_object(item[key], names) if isinstance(item[key], dict) else item[key]
    if not names:
        raise CaptureError("JSON payload names its values, which needs the model's column names")
    if not any(name in item for name in names):
        raise CaptureError("JSON payload names none of the model's columns")
    others = [value for key, value in item.items() if key not in names]
    return [*(item.get(name) for name in names), *others]


def text_of(value: Any) -> str:
    """A JSON value as the text that a CSV file would hold; None is an empty text.

    >>> text_of(None), text_of(3), text_of(True), text_of("a")
    ('', '3', 'True', 'a')
    """
    return "" if value is None else str(value)
