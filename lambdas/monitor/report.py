"""A window's judgement and the files that tell it."""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from functools import reduce
from typing import Any

from adapters import Aws
from memory import Memory
from parse import Configuration, parse_time
from window_data import HourLabels, WindowData

from seatrial.contracts import layout, model_monitor
from seatrial.contracts.monitor_results import result_files
from seatrial.statistics.quality_check import LossSums


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The one result of a window; `detail` is the verdict event's, `evidence` only goes into the verdict file."""

    window: str
    detail: dict[str, Any]
    metrics: Mapping[str, float]
    published: bool = False
    statistics: Mapping[str, Any] = field(default_factory=dict)
    violations: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)
    inputs: WindowData | None = None
    before: Memory | None = None
    """The memory with which the window was judged, for judging it again."""
    digest: str = ""
    """Checksum of the summary that was judged: other data give a window another result, equal data do not."""

    @property
    def revision(self) -> int:
        """1 for the first result of the window."""
        return self.detail.get("revision", 1)


def report_prefix(configuration: Configuration, window: str) -> str:
    """Where the window's files lie in the artifacts bucket."""
    return layout.window_report_prefix(configuration.endpoint_name, parse_time(window))


def write_report(judgement: Judgement, configuration: Configuration, aws: Aws) -> None:
    """Write all files, the verdict last: where a verdict lies, the others do too."""
    inputs = judgement.inputs
    if inputs is not None and judgement.before is not None:
        write_inputs(judgement.window, inputs, judgement.before, configuration, aws)
        _write_quarantine(judgement.window, inputs, configuration, aws)
        for hour, labels in inputs.labels.items():
            _write_labels(hour, judgement.window, labels, configuration, aws)
    files = {
        model_monitor.STATISTICS_FILE: judgement.statistics,
        model_monitor.VIOLATIONS_FILE: judgement.violations,
        layout.VERDICT_FILE: {**judgement.detail, **judgement.evidence},
    }
    for name, document in files.items():
        _put(judgement.window, name, document, configuration, aws)
    for key, body in result_files(judgement.detail, judgement.evidence, judgement.statistics).items():
        aws.put_bytes(configuration.artifacts_bucket, key, body)


def write_inputs(window: str, inputs: WindowData, before: Memory, configuration: Configuration, aws: Aws) -> None:
    """Keep what a window was judged by."""
    _put(window, layout.INPUTS_FILE, {**inputs.to_json(), "before": before.pack()}, configuration, aws)


def read_inputs(window: str, configuration: Configuration, aws: Aws) -> tuple[WindowData, Memory] | None:
    """What a window was judged by, and the memory before it; None when it was never judged."""
    text = aws.read(configuration.artifacts_bucket, report_prefix(configuration, window) + layout.INPUTS_FILE)
    if text is None:
        return None
    document = json.loads(text)
    return WindowData.from_json(document), Memory.unpack(document["before"])


def _write_quarantine(window: str, inputs: WindowData, configuration: Configuration, aws: Aws) -> None:
    if inputs.quarantine:
        key = report_prefix(configuration, window) + layout.QUARANTINE_FILE
        aws.put(configuration.artifacts_bucket, key, "\n".join(inputs.quarantine))


def _write_labels(hour: str, window: str, labels: HourLabels, configuration: Configuration, aws: Aws) -> None:
    """Add what came with a window to what labels say of an hour; the same window again replaces its own part."""
    key = report_prefix(configuration, hour) + layout.LABELS_FILE
    known = json.loads(aws.read(configuration.artifacts_bucket, key) or "{}").get("parts", {})
    parts = {**known, window: list(astuple(LossSums.of(labels.predictions, labels.labels)))}
    total = reduce(LossSums.merge, (LossSums(*part) for part in parts.values()))
    document = {
        "window_start": hour,
        "revision": len(parts),
        "requests": labels.requests,
        "label_coverage": total.rows / labels.requests if labels.requests else None,
        "labelled_rows": total.rows,
        "brier": total.brier / total.rows if total.rows else None,
        "auc": 1 - total.misordered / total.pairs if total.pairs else None,
        "parts": parts,
    }
    aws.put(configuration.artifacts_bucket, key, json.dumps(document, sort_keys=True, indent=1))


def _put(window: str, name: str, document: Mapping[str, Any], configuration: Configuration, aws: Aws) -> None:
    text = json.dumps(document, sort_keys=True, indent=None if name == layout.INPUTS_FILE else 1)
    aws.put(configuration.artifacts_bucket, report_prefix(configuration, window) + name, text)
