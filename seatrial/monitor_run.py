"""`seatrial monitor run`: judges any window against a baseline now, tells what it means and writes the report."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy takes a while to import: the other commands do without
    from seatrial.monitoring.record import MonitorReport, WindowRecord
    from seatrial.monitoring.sources import Source
    from seatrial.monitoring.window_data import Period, Rejected
    from seatrial.statistics.monitor import MonitorLimits

ALARMED = 1
MOST_ALARMS = 365
LONGEST = timedelta(days=400)
MOST_LINES = 10
WINDOW_HELP = (
    "folder or s3:// prefix of data capture (.../yyyy/mm/dd/hh/*.jsonl), a capture file, the destination or joined "
    "outputs of batch transform, or a table (.csv, .jsonl, .parquet)"
)
BASELINE_HELP = (
    "baseline.json or Model Monitor's statistics.json, the folder or s3:// prefix with it, or a model package's ARN"
)

IGNORE_HELP = "column of Model Monitor's baseline that is no input, such as the label (may be given again)"


def add_run(parser: ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--baseline", required=True, metavar="B", help=BASELINE_HELP)
    add_window(parser)
    parser.add_argument("--ignore", action="append", default=[], metavar="NAME", help=IGNORE_HELP)
    parser.add_argument("--engagement", type=Path, metavar="FILE", help="whose monitoring settings are used")
    parser.add_argument("--alarm-budget", type=float, metavar="N", help="false alarms a year (default: 1)")
    parser.add_argument("--minimum-rows", type=int, metavar="N", help="to judge a window (default: 50)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write report.html and the files beside it here")
    parser.add_argument("--json", action="store_true", help="print the whole record as JSON")


def add_window(parser: ArgumentParser) -> None:
    """The options that say what is to be judged."""
    parser.add_argument("--window", required=True, metavar="W", help=WINDOW_HELP)
    parser.add_argument("--from", dest="start", metavar="TIME", help="first hour, ISO 8601 UTC (default: the first)")
    parser.add_argument("--to", dest="end", metavar="TIME", help="before this hour, ISO 8601 UTC (default: the last)")
    parser.add_argument("--labels", metavar="L", help="folder or s3:// prefix of ground truth (.../yyyy/mm/dd/hh/*)")
    parser.add_argument("--prediction-column", metavar="NAME", help="of a table (default: prediction, if there is one)")
    parser.add_argument("--label-column", metavar="NAME", help="of a table (default: label, if there is one)")
    parser.add_argument("--time-column", metavar="NAME", help="of a table, to judge it hour by hour")
    parser.add_argument("--partition", metavar="PATH", help="of a table's files, by window, such as date=%%Y-%%m-%%d/")
    parser.add_argument("--each", choices=("hour", "day"), default="hour", help="length of a window (default: hour)")


def run_monitor(options: Namespace, settings: Mapping[str, Any]) -> int:
    """Judge, print, write; 0 without an alarm, 1 with one. Raises `ValueError` with a sentence for bad input.

    `settings` are an engagement's of monitoring; options given by the user go before them.
    """
    from seatrial.monitoring.places import make_clients
    from seatrial.monitoring.report import to_json, write_report

    result = evaluate(options, settings, cache(make_clients))
    lines = _lines(result.report)
    if options.out is not None:
        page, *_ = write_report(result.report, result.statistics, result.rejected, options.out)
        lines += ["", f"report: {page}"]
    sys.stdout.write(to_json(result.report) if options.json else "\n".join(lines) + "\n")
    return ALARMED if result.report.alarmed else 0


@dataclass(frozen=True)
class Result:
    """What one run found: the record, the windows together as statistics.json, and lines that could not be read."""

    report: "MonitorReport"
    statistics: dict[str, Any]
    rejected: "list[Rejected]"


def evaluate(options: Namespace, settings: Mapping[str, Any], clients: Any) -> Result:
    """Judge what the options name."""
    from seatrial.monitoring.build import Asked, build_report, merged_statistics
    from seatrial.monitoring.counting import Counting
    from seatrial.monitoring.known_baseline import find_baseline
    from seatrial.monitoring.places import InputError
    from seatrial.monitoring.sources import find_windows
    from seatrial.monitoring.watch import Watch

    limits = _limits(options, settings)
    source = source_of(options)
    known = find_baseline(options.baseline, clients).without(options.ignore)
    found = find_windows(source, Counting(known.baseline, known.judges_outcomes), clients)
    judged = list(Watch(known.baseline, limits).judge_all(found.windows))
    if not any(item.data.files for item in judged):
        raise InputError(f"{options.window}: holds nothing in the period; check --from and --to, or the place")
    asked = Asked(window=options.window, kind=found.kind, limits=limits, made_at=datetime.now(UTC))
    rejected = [line for item in judged for line in item.data.rejected]
    return Result(build_report(known, asked, judged), merged_statistics(known.baseline, judged), rejected)


def source_of(options: Namespace) -> "Source":
    """What `add_window`'s options name; raises `InputError` for a period without sense."""
    from seatrial.monitoring.sources import Source
    from seatrial.monitoring.table import Columns

    columns = Columns(prediction=options.prediction_column, label=options.label_column, time=options.time_column)
    place = {"place": options.window, "labels": options.labels, "partition": options.partition}
    return Source(**place, period=_period(options), columns=columns)


def _limits(options: Namespace, settings: Mapping[str, Any]) -> "MonitorLimits":
    from seatrial.monitoring.places import InputError
    from seatrial.statistics.alarm_budget import WINDOWS_PER_YEAR
    from seatrial.statistics.monitor import MonitorLimits

    if options.alarm_budget is not None and not 0 < options.alarm_budget <= MOST_ALARMS:
        raise InputError(f"--alarm-budget: must be above 0 and at most {MOST_ALARMS}, got {options.alarm_budget:g}")
    if options.minimum_rows is not None and options.minimum_rows < 1:
        raise InputError(f"--minimum-rows: must be at least 1, got {options.minimum_rows}")
    asked = {"alarm_budget_per_year": options.alarm_budget, "minimum_rows": options.minimum_rows}
    asked["windows_per_year"] = WINDOWS_PER_YEAR // 24 if options.each == "day" else None
    known = {item.name for item in fields(MonitorLimits)}
    given = {name: value for name, value in settings.items() if name in known}
    return MonitorLimits(**{**given, **{name: value for name, value in asked.items() if value is not None}})


def _period(options: Namespace) -> "Period":
    from seatrial.monitoring.endpoint_capture import parse_hour
    from seatrial.monitoring.places import InputError
    from seatrial.monitoring.window_data import Period, window_length

    length = window_length(options.each)
    start = parse_hour(options.start, "--from") if options.start else None
    end = parse_hour(options.end, "--to") if options.end else None
    for option, moment in (("--from", start), ("--to", end)):
        if moment is not None and Period(length=length).floor(moment) != moment:
            raise InputError(f"{option}: windows are full days, got {moment:%Y-%m-%dT%H:%M}Z; give midnight UTC")
    if start and end and start >= end:
        raise InputError(f"--to: must be after --from, got {options.end} after {options.start}")
    if start and end and end - start > LONGEST:
        raise InputError(
            f"--to: at most {LONGEST.days} days are judged at once, got {(end - start).days}; ask for less"
        )
    return Period(start, end, length)


def _lines(report: "MonitorReport") -> list[str]:
    """The report as text: the headline, what was told, what it means, the strongest features."""
    coverage = report.coverage
    lines = [report.headline, ""]
    span = f", {report.start} to {report.end}" if report.start else ""
    windows = f"{coverage.windows} window{'' if coverage.windows == 1 else 's'}"
    lines += [f"{report.kind}: {coverage.rows:,} rows in {windows}{span}"]
    lines += [_window_line(window) for window in _told(report)]
    lines += ["", *report.meaning]
    if report.features:
        lines += ["", f"{'feature':<28}{'evidence':>10}{'distance':>10}  what changed"]
    for item in report.features[:MOST_LINES]:
        mark = "drift" if item.drifted else ""
        lines.append(f"{item.name[:27]:<28}{item.evidence:>9.2f}x{item.effect:>10.3f}  {item.sentence} {mark}".rstrip())
    hidden = len(report.features) - MOST_LINES
    return [*lines, f"and {hidden} more"] if hidden > 0 else lines


def _told(report: "MonitorReport") -> "list[WindowRecord]":
    """Windows in which something began or ended; without any the last."""
    turning = [window for window in report.windows if window.incident_state in ("opened", "cleared")]
    return turning[:MOST_LINES] or list(report.windows[-1:])


def _window_line(window: "WindowRecord") -> str:
    state = "" if window.incident_state == "none" else f" ({window.incident_state})"
    return f"  {window.name}  {window.severity:<7}{window.sentence}{state}"
