"""Operational metrics with labelled anomalies (NAB's form), watched by the monitor hour by hour as one input."""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from _streams import Stream  # pyrefly: ignore[missing-import]

from seatrial.contracts.schema import Feature, FeatureSchema
from seatrial.monitoring.watch import Watch
from seatrial.monitoring.window_data import WindowData, hour_number
from seatrial.statistics.baseline import Baseline, build_baseline
from seatrial.statistics.monitor import MonitorLimits
from seatrial.statistics.window import summarise_window

HOUR = timedelta(hours=1)
PROBATION = 0.15
"""Share of a series that is taken as normal, as in NAB (Lavin and Ahmad, 2015)."""
SCHEMA = FeatureSchema((Feature("value", "numeric"),))
SIGMAS = 3.0
MEMORY = 24
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Series:
    """Values by time, and the spans in which anomalies lie."""

    name: str
    times: list[datetime]
    values: list[float]
    anomalies: list[Span]

    @property
    def probation(self) -> int:
        """Number of values before watching begins."""
        return int(len(self.values) * PROBATION)

    def hours(self) -> Iterator[tuple[datetime, list[str]]]:
        """Hours after probation, also empty ones, with their values as text."""
        found: dict[datetime, list[str]] = {}
        for time, value in zip(self.times[self.probation :], self.values[self.probation :], strict=True):
            found.setdefault(time.replace(minute=0, second=0), []).append(repr(value))
        hour, last = min(found), max(found)
        while hour <= last:
            yield hour, found.get(hour, [])
            hour += HOUR


@dataclass(frozen=True)
class Score:
    """What a watcher told of one series; `delays` are in hours from the beginning of each span that was told."""

    series: str
    spans: int
    delays: list[float]
    false_alarms: int
    days: float


def read_series(folder: Path) -> list[Series]:
    """All series of a folder with combined_windows.json.gz."""
    text = gzip.decompress((folder / "combined_windows.json.gz").read_bytes())
    spans = {name.rpartition("/")[2]: found for name, found in json.loads(text).items()}
    return [_series(path, spans[path.name.removesuffix(".gz")]) for path in sorted(folder.glob("*.csv.gz"))]


def _series(path: Path, spans: list[list[str]]) -> Series:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    times = [_time(row["timestamp"]) for row in rows]
    anomalies = [(_time(start), _time(end)) for start, end in spans]
    return Series(path.name.split(".")[0], times, [float(row["value"]) for row in rows], anomalies)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def forecast(series: Series) -> Stream:
    """A question that a model can be asked of the series: will the next value be above the mean of the last 24.

    Inputs are the last four values, that mean, the deviation of the last 24, the hour and the day of the week.
    """
    values = np.array(series.values)
    windows = np.lib.stride_tricks.sliding_window_view(values[:-1], MEMORY)
    means, deviations = windows.mean(axis=1), windows.std(axis=1)
    clock = [(time.hour, time.weekday()) for time in series.times[MEMORY - 1 : -1]]
    matrix = np.column_stack([windows[:, -4:], means, deviations, np.array(clock, float)])
    names = ("value", "value_1", "value_2", "value_3", "mean", "deviation", "hour", "weekday")
    texts = [tuple(map(repr, row)) for row in matrix.tolist()]
    features = FeatureSchema(tuple(Feature(name, "numeric") for name in names))
    labels = (values[MEMORY:] > means).astype(int)
    return Stream(f"{series.name} (forecast)", features, texts, matrix, labels, "above the last 24's mean")


def watched(series: Series) -> list[datetime]:
    """When incidents of drift opened, by the monitor with the settings of an engagement that sets nothing."""
    watch = Watch(_baseline(series), MonitorLimits())
    alarms = []
    for hour, texts in series.hours():
        open_before = {incident.id for incident in watch.incidents}
        summary = summarise_window(watch.baseline, [(text,) for text in texts], [])
        watch.judge(WindowData(start=hour, summary=summary, files=1))
        if any(item.condition == "drift" and item.id not in open_before for item in watch.incidents):
            alarms.append(hour)
    return alarms


def _baseline(series: Series) -> Baseline:
    """Of the values before watching; nothing is predicted, so predictions and labels are constants."""
    count = series.probation
    rows = [(repr(value),) for value in series.values[:count]]
    hours = [hour_number(time) or 0 for time in series.times[:count]]
    return build_baseline(SCHEMA, rows, [0.5] * count, [0] * count, hours=hours)


def beyond(series: Series) -> list[datetime]:
    """What dashboards have: hours with a value more than three deviations off; an hour right after another is none."""
    normal = np.array(series.values[: series.probation])
    center, deviation = normal.mean(), normal.std()
    alarms: list[datetime] = []
    last: datetime | None = None
    for hour, texts in series.hours():
        if any(abs(float(text) - center) > SIGMAS * deviation for text in texts):
            if last is None or hour - last > HOUR:
                alarms.append(hour)
            last = hour
    return alarms


def score(series: Series, alarms: Sequence[datetime]) -> Score:
    """An alarm within a span tells it, the first one counts for the delay; one outside of all is false."""
    firsts = [next((alarm for alarm in alarms if start - HOUR < alarm <= end), None) for start, end in series.anomalies]
    delays = [
        max(0.0, (alarm - start) / HOUR) for alarm, (start, _) in zip(firsts, series.anomalies, strict=True) if alarm
    ]
    false = sum(not any(start - HOUR < alarm <= end for start, end in series.anomalies) for alarm in alarms)
    span = series.times[-1] - series.times[series.probation]
    return Score(series.name, len(series.anomalies), delays, false, span / timedelta(days=1))
