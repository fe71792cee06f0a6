"""Collects what one window is judged by: its capture, and the labels that have arrived since the last window."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters import Aws
from memory import Memory
from parse import HOUR, Configuration, format_time, parse_time

from seatrial.contracts import layout
from seatrial.contracts.data_capture import Capture, parse_capture
from seatrial.contracts.ground_truth import join_labels, parse_ground_truth
from seatrial.statistics.monitor import Labelled


@dataclass(frozen=True)
class WindowData:
    """`capture_files` is 0 when nothing was captured; `unmatched` counts labels without a captured prediction.

    `idle` tells that nothing could be captured, because no request came.
    """

    capture_files: int
    capture: Capture
    labelled: Labelled
    used_labels: Mapping[str, list[str]]
    unmatched: int = 0
    idle: bool = False

    @property
    def rows(self) -> list[tuple[str, ...]]:
        """All captured rows of the window."""
        return [row for record in self.capture.records for row in record.rows]

    @property
    def predictions(self) -> list[float]:
        """All captured predictions of the window."""
        return [score for record in self.capture.records for score in record.predictions]


def read_window(window: str, memory: Memory, configuration: Configuration, aws: Aws) -> WindowData:
    """Read the window's capture and every label that is new."""
    files, capture = _read_capture(window, configuration, aws)
    captures = {window: capture}
    found = _label_keys(window, configuration, aws)
    predictions: list[float] = []
    labels: list[int] = []
    unmatched = 0
    for hour, keys in found.items():
        new = _new_labels(keys, memory.used_labels.get(hour, []), configuration, aws)
        if not new or hour < memory.since or hour in memory.faulty_hours:
            continue
        if hour not in captures:
            captures[hour] = _read_capture(hour, configuration, aws)[1]
        joined = join_labels(captures[hour], new)
        unmatched += len(new) - joined.requests
        predictions += joined.predictions
        labels += joined.labels
    idle = not files and not _invocations(window, configuration, aws)
    return WindowData(files, capture, Labelled(predictions, labels), found, unmatched, idle)


def _invocations(window: str, configuration: Configuration, aws: Aws) -> float:
    start = parse_time(window)
    return aws.invocations(configuration.endpoint_name, configuration.variant_name, start, start + HOUR)


def _read_capture(hour: str, configuration: Configuration, aws: Aws) -> tuple[int, Capture]:
    prefix = layout.capture_hour_prefix(configuration.endpoint_name, configuration.variant_name, parse_time(hour))
    keys = aws.keys(configuration.capture_bucket, prefix)
    return len(keys), parse_capture(aws.lines(configuration.capture_bucket, keys))


def _label_keys(window: str, configuration: Configuration, aws: Aws) -> dict[str, list[str]]:
    """Ground truth objects of the hours within the look-back, by hour, up to the window's own."""
    settings, newest = configuration.settings, parse_time(window)
    oldest = newest - HOUR * (settings.label_delay_hours + settings.label_lookback_hours)
    prefix = layout.ground_truth_prefix(configuration.endpoint_name)
    start = layout.ground_truth_hour_prefix(configuration.endpoint_name, oldest)
    found: dict[str, list[str]] = {}
    for key in aws.keys(configuration.capture_bucket, prefix, start):
        hour = layout.hour_of_key(key)
        if hour is not None and oldest <= hour <= newest:
            found.setdefault(format_time(hour), []).append(key)
    return found


def _new_labels(keys: list[str], used: list[str], configuration: Configuration, aws: Aws) -> dict[str, tuple[int, ...]]:
    """Labels of objects not used before, without ids that an earlier object has already labelled."""
    fresh = [key for key in keys if key not in used]
    if not fresh:
        return {}
    labels = parse_ground_truth(aws.lines(configuration.capture_bucket, fresh)).labels
    known = parse_ground_truth(aws.lines(configuration.capture_bucket, used)).labels if used else {}
    return {join_id: values for join_id, values in labels.items() if join_id not in known}
