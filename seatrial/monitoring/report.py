"""Writes what the monitor found: one self-contained page, the same as JSON, and Model Monitor's files."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from seatrial.contracts import model_monitor
from seatrial.monitoring import charts
from seatrial.monitoring.record import MonitorReport, WindowRecord
from seatrial.monitoring.window_data import Rejected
from seatrial.pages import wording
from seatrial.pages.page import render_page, write_whole

PAGE, DATA, QUARANTINE = "report.html", "report.json", "quarantined.jsonl"
MOST_FEATURES, MOST_PANELS, MOST_WINDOWS = 100, 30, 100
LARGEST_BYTES = 300_000
SENTENCE_CHARACTERS = 300


def write_report(
    report: MonitorReport, statistics: dict[str, Any], rejected: Iterable[Rejected], folder: Path
) -> list[Path]:
    """Write all files into `folder`, which is made, and return their paths, the page first."""
    folder.mkdir(parents=True, exist_ok=True)
    findings = [finding for window in report.windows for finding in window.findings]
    latest = {(finding.kind, finding.feature, finding.statistic): finding for finding in findings}
    texts = {
        PAGE: page(report),
        DATA: to_json(report),
        model_monitor.STATISTICS_FILE: json.dumps(statistics, indent=1) + "\n",
        model_monitor.VIOLATIONS_FILE: json.dumps(model_monitor.violations_document(latest.values()), indent=1) + "\n",
        QUARANTINE: "".join(json.dumps(asdict(item)) + "\n" for item in rejected),
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
    return [folder / name for name in texts]


def to_json(report: MonitorReport) -> str:
    """The whole record; times are ISO 8601."""
    document = {"version": "1.0", "alarmed": report.alarmed, **asdict(report)}
    return json.dumps(document, indent=1, default=_time) + "\n"


def _time(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot be written as JSON: {value!r}")


def page(report: MonitorReport) -> str:
    """The page's HTML: no script, no link to anything outside of itself, under 300 KB however long the period."""
    return render_page(
        "seatrial.monitoring",
        (wording.figure, wording.count, wording.moment, wording.percent, wording.plain),
        styles=[("seatrial.monitoring", "templates/report.css")],
        report=report,
        charts=charts,
        tone="unjudged" if not report.alarmed and not report.coverage.judged_windows else report.severity,
        drifted=sum(item.drifted for item in report.features),
        shown=shown_windows(report.windows),
        most=MOST_FEATURES,
        panels=MOST_PANELS,
    )


def shown_windows(windows: Sequence[WindowRecord]) -> list[WindowRecord]:
    """All windows or, of more than the page can hold, those that begin or end an incident, and the last."""
    if len(windows) <= MOST_WINDOWS:
        return list(windows)
    turning = [window for window in windows if window.incident_state in ("opened", "cleared")]
    chosen = {window.name for window in [*turning[: MOST_WINDOWS // 2], *windows[-MOST_WINDOWS // 2 :]]}
    return [window for window in windows if window.name in chosen]
