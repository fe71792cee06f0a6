"""Windows of batch transform: the manifests of its data capture, and outputs that hold their inputs.

Below the destination of a job's capture lie input/yyyy/mm/dd/hh and output/yyyy/mm/dd/hh with manifests; what these and
the files that they name hold is `transform_records`' to say.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from seatrial.contracts.data_capture import payload_table, text_of
from seatrial.monitoring.counting import Counting
from seatrial.monitoring.endpoint_capture import HourLabels, hour_files
from seatrial.monitoring.places import InputError, Place, place_of
from seatrial.monitoring.transform_records import (
    INFERENCE_ID,
    INFERENCE_TIME,
    INPUT,
    OUT_SUFFIX,
    OUTPUT,
    Read,
    TransformFileError,
    answered_by,
    named_by,
    paired,
    records_of,
    uncompressed,
)
from seatrial.monitoring.window_data import Period, WindowData


def is_transform_capture(place: Place) -> bool:
    """Whether the place is the destination of a transform job's data capture."""
    return {INPUT, OUTPUT} <= set(place.folders())


def transform_windows(
    place: Place, period: Period, counting: Counting, labels: HourLabels, clients: Callable[[], Any]
) -> Iterator[WindowData]:
    """One window for every hour (or day) in which a transform job captured something; raises `InputError`."""
    inputs, outputs = (_by_window(hour_files(place.child(part), period), period) for part in (INPUT, OUTPUT))
    known = {period.floor(hour): {} for hour in labels}
    for hour, found in labels.items():
        known[period.floor(hour)] |= found
    for hour in sorted({*inputs, *outputs}):
        counter = counting.reader(hour, known.get(hour, {}))
        answers = _listed(place.child(OUTPUT), outputs.get(hour, []))
        for uri, answer in answered_by(_listed(place.child(INPUT), inputs.get(hour, [])), answers):
            answered = place_of(answer, clients) if answer else None
            counter.take(uri, *_pair(place_of(uri, clients), answered, counting.names))
        yield replace(counter.window(), length=period.length)


def _by_window(files: Mapping[datetime, list[str]], period: Period) -> dict[datetime, list[str]]:
    """Manifests by the window in which their hour lies."""
    found: dict[datetime, list[str]] = {}
    for hour, names in files.items():
        found.setdefault(period.floor(hour), []).extend(names)
    return found


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
            found += named_by(folder.read(manifest))
        except TransformFileError as error:
            raise InputError(f"{folder.name}/{manifest}: {error}") from None
    return found


def _pair(asked: Place, answered: Place | None, names: Sequence[str]) -> Read:
    try:
        return paired(asked.name, asked.read(), answered.read() if answered else None, names)
    except TransformFileError as error:
        which = answered.name if answered and error.of_output else asked.name
        raise InputError(f"{which}: {error}") from None


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
    return records_of(((row[: len(names)], row[len(names) :] or ("",)) for row in table), file or place.name)


def _joined_objects(text: str, names: Sequence[str], file: str) -> Read:
    pairs, bad = [], 0
    for line in text.splitlines():
        try:
            pairs += [_joined_object(json.loads(line), names)] if line.strip() else []
        except (ValueError, AttributeError, IndexError):
            bad += 1
    records, reasons = records_of(pairs, file)
    return records, {**reasons, "line is no joined JSON": bad} if bad else reasons


def _joined_object(item: dict[str, Any], names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """A joined line of JSON: the input's values, or SageMakerInput, beside SageMakerOutput."""
    output = payload_table({"data": json.dumps(item.get("SageMakerOutput")), "encoding": "JSON"})
    source = item.get("SageMakerInput", {name: item.get(name) for name in names})
    row = source if isinstance(source, list) else [source.get(name) for name in names]
    ids = [item[key] for key in (INFERENCE_ID, INFERENCE_TIME) if key in item]
    return tuple(text_of(value) for value in row), (*output[0], *(text_of(value) for value in ids))
