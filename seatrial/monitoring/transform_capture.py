"""Windows of batch transform: the manifests of its data capture, and outputs that hold their inputs.

Layout after the SageMaker developer guide, "Capture data from batch transform job": below the destination lie
input/yyyy/mm/dd/hh and output/yyyy/mm/dd/hh with manifests, JSON lists of `{"prefix": uri}` and file names. With
GenerateInferenceId two columns are appended to the output: the inference id and the time.
"""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from seatrial.contracts.data_capture import CaptureError, CaptureRecord, payload_table, text_of
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.endpoint_capture import HourLabels, hour_files
from seatrial.monitoring.places import InputError, Place, place_of
from seatrial.monitoring.window_data import Period, WindowData

Read = tuple[list[CaptureRecord], dict[str, int]]
"""Requests of a file, and its lines that cannot be used, by reason."""
INPUT, OUTPUT, OUT_SUFFIX = "input", "output", ".out"
INFERENCE_ID, INFERENCE_TIME = "SageMakerInferenceId", "SageMakerInferenceTime"


def is_transform_capture(place: Place) -> bool:
    """Whether the place is the destination of a transform job's data capture."""
    return {INPUT, OUTPUT} <= set(place.folders())


def transform_windows(
    place: Place, period: Period, counting: Counting, labels: HourLabels, clients: Callable[[], Any]
) -> Iterator[WindowData]:
    """One window for every hour in which a transform job captured something; raises `InputError`."""
    inputs, outputs = (hour_files(place.child(part), period) for part in (INPUT, OUTPUT))
    for hour in sorted({*inputs, *outputs}):
        counter = counting.reader(hour, labels.get(hour, {}))
        answers = {_stem(uri): uri for uri in _listed(place.child(OUTPUT), outputs.get(hour, []))}
        for uri in _listed(place.child(INPUT), inputs.get(hour, [])):
            answer = answers.get(_stem(uri))
            answered = place_of(answer, clients) if answer else None
            counter.take(uri, *_pair(place_of(uri, clients), answered, counting.names))
        yield counter.window()


def joined_windows(place: Place, counting: Counting) -> WindowData:
    """The window of transform outputs (*.out) whose job joined input and output (JoinSource Input)."""
    files = [""] if place.is_file() else [name for name in place.files() if name.endswith(OUT_SUFFIX)]
    counter = counting.reader(None, {})
    for file in files:
        counter.take(file or place.name, *_joined(place, file, counting.names))
    return counter.window()


def _listed(folder: Place, manifests: Sequence[str]) -> list[str]:
    """The addresses that manifests name; raises `InputError` for what is none."""
    found: list[str] = []
    for manifest in manifests:
        try:
            head, *rest = json.loads(folder.read(manifest))
            prefix = head["prefix"]
            found += [prefix + name for name in rest]
        except (ValueError, TypeError, KeyError):
            raise InputError(
                f"{folder.name}/{manifest}: is no manifest of batch transform; expected a JSON list that begins with "
                '{"prefix": "s3://..."}'
            ) from None
    return found


def _stem(uri: str) -> str:
    return uri.rpartition("/")[2].removesuffix(OUT_SUFFIX)


def _pair(asked: Place, answered: Place | None, names: Sequence[str]) -> Read:
    """Rows of an input file beside the lines of its output, in order; a file without output gives rows alone."""
    rows = _table(asked, names)
    lines = _table(answered, ()) if answered else [("",)] * len(rows)
    if len(rows) != len(lines):
        return [], {"input and output of a transform file are not equally long": 1}
    return _records(zip(rows, lines, strict=True), asked.name)


def _records(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], file: str) -> Read:
    records: list[CaptureRecord] = []
    reasons: dict[str, int] = {}
    for number, (row, line) in enumerate(pairs):
        try:
            records.append(_record(row, line, f"{file}#{number}"))
        except CaptureError as error:
            reasons[str(error)] = reasons.get(str(error), 0) + 1
    return records, reasons


def _record(row: Sequence[str], line: Sequence[str], place: str) -> CaptureRecord:
    """`line` is the prediction, with GenerateInferenceId followed by the id and the time."""
    inference_id, time = (line[-2].strip(), line[-1].strip()) if len(line) > 2 else (None, "")
    if not line[0].strip():
        return CaptureRecord(place, inference_id, time, (tuple(row),), ())
    try:
        return CaptureRecord(place, inference_id, time, (tuple(row),), (float(line[0]),))
    except ValueError:
        raise CaptureError("prediction is no number") from None


def _table(place: Place, names: Sequence[str]) -> list[tuple[str, ...]]:
    """Rows of a CSV or JSON Lines file, also compressed by gzip."""
    try:
        text = uncompressed(place.read()).decode("utf-8-sig")
        first = text.lstrip()[:1]
        encoding = "JSON" if first in ("{", "[") else "CSV"
        return list(payload_table({"data": text, "encoding": encoding}, names or _output_names(text, encoding)))
    except (UnicodeDecodeError, CaptureError, csv.Error) as error:
        raise InputError(
            f"{place.name}: is neither CSV nor JSON Lines ({error}); other types are not monitored"
        ) from None


def _output_names(text: str, encoding: str) -> Sequence[str]:
    """With GenerateInferenceId a line of JSON is an object with the output, the id and the time."""
    return ("output", INFERENCE_ID, INFERENCE_TIME) if encoding == "JSON" and INFERENCE_ID in text else ()


def uncompressed(body: bytes) -> bytes:
    """The bytes, or what gzip made them from."""
    try:
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except (OSError, EOFError, zlib.error):
        return body


def _joined(place: Place, file: str, names: Sequence[str]) -> Read:
    text = uncompressed(place.read(file)).decode("utf-8", errors="replace")
    if text.lstrip().startswith("{"):
        return _joined_objects(text, names, file or place.name)
    table = [tuple(row) for row in csv.reader(io.StringIO(text)) if row]
    if table and not any(len(row) > len(names) for row in table):
        raise InputError(
            f"{place.name}: its lines have {len(table[0])} values, expected {len(names)} inputs and the output; run "
            "the transform job with JoinSource Input, or name its data capture"
        )
    return _records(((row[: len(names)], row[len(names) :] or ("",)) for row in table), file or place.name)


def _joined_objects(text: str, names: Sequence[str], file: str) -> Read:
    pairs, bad = [], 0
    for line in text.splitlines():
        try:
            pairs += [_joined_object(json.loads(line), names)] if line.strip() else []
        except (ValueError, AttributeError, IndexError):
            bad += 1
    records, reasons = _records(pairs, file)
    return records, {**reasons, "line is no joined JSON": bad} if bad else reasons


def _joined_object(item: dict[str, Any], names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """A joined line of JSON: the input's values, or SageMakerInput, beside SageMakerOutput."""
    output = payload_table({"data": json.dumps(item.get("SageMakerOutput")), "encoding": "JSON"})
    source = item.get("SageMakerInput", {name: item.get(name) for name in names})
    row = source if isinstance(source, list) else [source.get(name) for name in names]
    ids = [item[key] for key in (INFERENCE_ID, INFERENCE_TIME) if key in item]
    return tuple(text_of(value) for value in row), (*output[0], *(text_of(value) for value in ids))
