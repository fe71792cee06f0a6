"""Requests of batch transform out of the bytes of its files: manifests, inputs beside outputs, CSV or JSON Lines.

Layout after the SageMaker developer guide, "Capture data from batch transform job": manifests are JSON lists of
`{"prefix": uri}` and file names. With GenerateInferenceId two columns are appended to the output: the inference id and
the time.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Sequence

from seatrial.contracts.data_capture import CaptureError, CaptureRecord, payload_table
from seatrial.monitoring.capture_reader import CaptureReader

Read = tuple[list[CaptureRecord], dict[str, int]]
"""Requests of a file, and its lines that cannot be used, by reason."""
INPUT, OUTPUT, OUT_SUFFIX = "input", "output", ".out"
INFERENCE_ID, INFERENCE_TIME = "SageMakerInferenceId", "SageMakerInferenceTime"
UNKNOWN_FORM = "a transform file is neither CSV nor JSON Lines"
UNEVEN = "input and output of a transform file are not equally long"
Table = list[tuple[str, ...]]


class TransformFileError(ValueError):
    """A file of batch transform is of another form; the text says what was expected, `of_output` which of a pair."""

    of_output = False


def named_by(manifest: bytes) -> list[str]:
    """The addresses that a manifest names; raises `TransformFileError` for what is none.

    >>> named_by(b'[{"prefix": "s3://ship/in/"}, "a.csv", "b.csv"]')
    ['s3://ship/in/a.csv', 's3://ship/in/b.csv']
    """
    try:
        head, *rest = json.loads(manifest)
        prefix = head["prefix"]
        return [prefix + name for name in rest]
    except (ValueError, TypeError, KeyError):
        raise TransformFileError(
            'is no manifest of batch transform; expected a JSON list that begins with {"prefix": "s3://..."}'
        ) from None


def answered_by(asked: Sequence[str], answers: Sequence[str]) -> list[tuple[str, str | None]]:
    """Each input's address beside that of its output, which has its name and the suffix .out; None without one.

    >>> answered_by(["s3://ship/in/a.csv", "s3://ship/in/b.csv"], ["s3://ship/out/a.csv.out"])
    [('s3://ship/in/a.csv', 's3://ship/out/a.csv.out'), ('s3://ship/in/b.csv', None)]
    """
    known = {_stem(uri): uri for uri in answers}
    return [(uri, known.get(_stem(uri))) for uri in asked]


def _stem(uri: str) -> str:
    return uri.rpartition("/")[2].removesuffix(OUT_SUFFIX)


def paired(name: str, asked: bytes, answered: bytes | None, names: Sequence[str]) -> Read:
    """Rows of an input file beside the lines of its output, in order; a file without output gives rows alone.

    `name` is the input's address, by which its requests are known. Raises `TransformFileError` for files that are
    neither CSV nor JSON Lines.
    """
    rows = file_table(asked, names)
    lines = _answers(answered) if answered is not None else [("",)] * len(rows)
    if len(rows) != len(lines):
        return [], {UNEVEN: 1}
    return records_of(zip(rows, lines, strict=True), name)


def _answers(body: bytes) -> Table:
    try:
        return file_table(body, ())
    except TransformFileError as error:
        error.of_output = True
        raise


def take_pair(reader: CaptureReader, name: str, asked: bytes, answered: bytes | None) -> None:
    """Have the requests of a pair of files counted; files of another form count as one line that cannot be read."""
    try:
        records, reasons = paired(name, asked, answered, reader.baseline.schema.names)
    except TransformFileError:
        records, reasons = [], {UNKNOWN_FORM: 1}
    reader.reasons.update(reasons)
    for record in records:
        if reader.first(record):
            reader.take(record)


def records_of(pairs: Iterable[tuple[Sequence[str], Sequence[str]]], file: str) -> Read:
    """Requests of rows beside the lines of their output; the place in the file makes up for an id."""
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


def file_table(body: bytes, names: Sequence[str]) -> Table:
    """Rows of a CSV or JSON Lines file, also compressed by gzip; raises `TransformFileError`."""
    try:
        text = uncompressed(body).decode("utf-8-sig")
        first = text.lstrip()[:1]
        encoding = "JSON" if first in ("{", "[") else "CSV"
        return list(payload_table({"data": text, "encoding": encoding}, names or _output_names(text, encoding)))
    except (UnicodeDecodeError, CaptureError, csv.Error) as error:
        raise TransformFileError(f"is neither CSV nor JSON Lines ({error}); other types are not monitored") from None


def _output_names(text: str, encoding: str) -> Sequence[str]:
    """With GenerateInferenceId a line of JSON is an object with the output, the id and the time."""
    return ("output", INFERENCE_ID, INFERENCE_TIME) if encoding == "JSON" and INFERENCE_ID in text else ()


def uncompressed(body: bytes) -> bytes:
    """The bytes, or what gzip made them from."""
    try:
        return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
    except (OSError, EOFError, zlib.error):
        return body
