"""Renders a rehearsal's record as one self-contained HTML page and as report.json; measures and judges nothing."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from markupsafe import Markup

from seatrial.pages import wording
from seatrial.pages.page import render_page, write_whole
from seatrial.rehearsal import charts
from seatrial.rehearsal.record import Metric, RunRecord, TimePart, to_json_ready

_ABSENT = Markup('<span class="absent">not measured</span>')
PAGE, DATA = "report.html", "report.json"
OVERHEAD_TARGET = 0.35
HOW_TITLES = {
    "aws-code": "Ran as AWS's own code",
    "real": "Ran as it would in AWS",
    "version": "Ran in another version",
    "emulated": "Emulated",
    "not-proven": "Not proven",
}


def render(record: RunRecord, folder: Path) -> Path:
    """Write report.html and report.json into `folder` and return the path of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / DATA, json.dumps(to_json_ready(record), indent=1, allow_nan=False) + "\n")
    write_whole(folder / PAGE, page(record))
    return folder / PAGE


def page(record: RunRecord) -> str:
    """The page's HTML: no script, no link to anything outside of itself."""
    words = (wording.duration, wording.figure, wording.count, wording.moment, wording.clock, wording.percent)
    filters = (*map(_visibly_missing, words), wording.plain)
    return render_page("seatrial.rehearsal", filters, record=record, charts=charts, **_summaries(record))


def _visibly_missing(word: Callable[..., str]) -> Callable[..., str]:
    """The same wording, with "not measured" set apart from figures."""

    @wraps(word)
    def worded(*values: Any) -> str:
        text = word(*values)
        return _ABSENT if text == wording.NOT_MEASURED else text

    return worded


def _summaries(record: RunRecord) -> dict[str, Any]:
    quiet = [window for window in record.windows if window.stretch == "quiet"]
    return {
        "metric_groups": metric_groups(record.metrics),
        "fidelity_groups": [
            (title, [entry for entry in record.fidelity if entry.how == how])
            for how, title in HOW_TITLES.items()
            if any(entry.how == how for entry in record.fidelity)
        ],
        "detected": sum(sighting.as_expected for sighting in record.sightings),
        "false_alarms": false_alarms(record),
        "quiet_windows": len(quiet),
        "overhead": overhead_share(record.time_parts),
        "overhead_target": OVERHEAD_TARGET,
    }


def false_alarms(record: RunRecord) -> int | None:
    """Alarming quiet windows before the first scenario was injected; None when no quiet window was monitored."""
    injected = min((sighting.injected for sighting in record.sightings), default=None)
    before = [w for w in record.windows if w.stretch == "quiet" and (injected is None or w.start < injected)]
    return sum(window.severity != "none" for window in before) if before else None


def overhead_share(parts: tuple[TimePart, ...]) -> float | None:
    """Share of the real time outside of the steps' own processes; None when nothing was measured."""
    total = sum(part.seconds for part in parts)
    return sum(part.seconds for part in parts if not part.own_process) / total if total > 0 else None


def metric_groups(metrics: tuple[Metric, ...]) -> dict[str, list[Metric]]:
    """Metrics by name, in order of first appearance."""
    groups: dict[str, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(metric.name, []).append(metric)
    return groups
