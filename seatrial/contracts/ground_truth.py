"""Ground truth files: the labels that became known later, as JSON Lines in Model Monitor's format."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.contracts.data_capture import Capture

POSITIVE_TEXTS = frozenset({"1", "1.0", "true"})
NEGATIVE_TEXTS = frozenset({"0", "0.0", "false"})


@dataclass(frozen=True)
class GroundTruth:
    """Labels by join id, one for each row of the request, and how many lines could not be read.

    Of several labels for one id the first is kept, so that a prediction is never judged twice.
    """

    labels: dict[str, tuple[int, ...]]
    rejected: int = 0


@dataclass(frozen=True)
class Joined:
    """Predictions beside their labels; `requests` counts the labelled requests that were found in the capture.

    `rows` are their inputs, one each; empty where a request's inputs were not captured.
    """

    requests: int
    predictions: list[float]
    labels: list[int]
    rows: list[tuple[str, ...]] = field(default_factory=list)


def parse_ground_truth(lines: Iterable[str]) -> GroundTruth:
    """Read the lines of ground truth files, in the order in which the files came.

    >>> parse_ground_truth(['{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "e"}}'])
    GroundTruth(labels={'e': (1,)}, rejected=0)
    """
    labels: dict[str, tuple[int, ...]] = {}
    rejected = 0
    for line in lines:
        if not line.strip():
            continue
        try:
            join_id, values = _labels(json.loads(line))
            labels.setdefault(join_id, values)
        except (ValueError, KeyError, TypeError, AttributeError):
            rejected += 1
    return GroundTruth(labels, rejected)


def join_labels(capture: Capture, labels: Mapping[str, tuple[int, ...]]) -> Joined:
    """Join labels with the captured predictions of their requests, each once.

    A request whose predictions are not as many as its labels is not joined.
    """
    unseen, requests = dict(labels), 0
    predictions: list[float] = []
    values: list[int] = []
    rows: list[tuple[str, ...]] = []
    for record in capture.records:
        known = unseen.pop(record.join_id, ())
        if known and len(known) == len(record.predictions):
            requests += 1
            predictions += record.predictions
            values += known
            rows += record.rows
    return Joined(requests, predictions, values, rows if len(rows) == len(values) else [])


def ground_truth_line(join_id: str, labels: Iterable[int]) -> str:
    r"""One line of a ground truth file, for those who deliver labels.

    >>> parse_ground_truth([ground_truth_line("subscriber-7", [0, 1])]).labels
    {'subscriber-7': (0, 1)}
    """
    data = "\n".join(str(label) for label in labels)
    document = {
        "groundTruthData": {"data": data, "encoding": "CSV"},
        "eventMetadata": {"eventId": join_id},
        "eventVersion": "0",
    }
    return json.dumps(document)


def _labels(line: dict[str, Any]) -> tuple[str, tuple[int, ...]]:
    metadata = line["eventMetadata"]
    values = tuple(label_of(text) for text in line["groundTruthData"]["data"].split())
    if not values:
        raise ValueError("no label")
    return metadata.get("inferenceId") or metadata["eventId"], values


def label_of(text: str) -> int:
    """The label that a text stands for; raises `ValueError`.

    >>> label_of("True"), label_of("0.0")
    (1, 0)
    """
    lowered = text.strip().lower()
    if lowered in POSITIVE_TEXTS:
        return 1
    if lowered in NEGATIVE_TEXTS:
        return 0
    raise ValueError(f"label must be 0 or 1, got {text!r}")
