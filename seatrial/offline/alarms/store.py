"""Metrics with their own timestamps: what was put, and any statistic of any stretch of time."""

import bisect
import math
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple


class MetricKey(NamedTuple):
    """What identifies a metric: dimensions are part of its name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> "MetricKey":
        """The key of a metric, whatever the order of its dimensions."""
        return cls(namespace, name, tuple(sorted(dimensions.items())))


class Datum(NamedTuple):
    """One value, counted `count` times; a statistic set has no single value and keeps its own extremes."""

    time: float
    value: float
    count: float
    minimum: float
    maximum: float
    unit: str

    @property
    def total(self) -> float:
        """Sum of what this datum stands for."""
        return self.value * self.count


def single(time: float, value: float, unit: str, count: float = 1.0) -> Datum:
    """A datum of one value."""
    return Datum(time, value, count, value, value, unit)


def from_statistics(time: float, statistics: Mapping[str, Any], unit: str) -> Datum:
    """A datum of a statistic set (StatisticValues of PutMetricData)."""
    count = float(statistics["SampleCount"])
    mean = float(statistics["Sum"]) / count if count else 0.0
    return Datum(time, mean, count, float(statistics["Minimum"]), float(statistics["Maximum"]), unit)


@dataclass
class Series:
    """All data of one metric, by time."""

    times: list[float] = field(default_factory=list)
    data: list[Datum] = field(default_factory=list)

    def add(self, datum: Datum) -> None:
        """Put a datum where its time belongs."""
        position = bisect.bisect_right(self.times, datum.time)
        self.times.insert(position, datum.time)
        self.data.insert(position, datum)

    def between(self, begin: float, end: float, unit: str | None = None) -> list[Datum]:
        """Data with begin <= time < end."""
        found = self.data[bisect.bisect_left(self.times, begin) : bisect.bisect_left(self.times, end)]
        return found if unit is None else [datum for datum in found if datum.unit == unit]


class MetricStore:
    """The metrics of one cloud."""

    def __init__(self) -> None:
        self._series: dict[MetricKey, Series] = {}
        self._lock = threading.Lock()

    def add(self, key: MetricKey, datum: Datum) -> bool:
        """Keep a datum; True when it is the first of its metric."""
        with self._lock:
            new = key not in self._series
            self._series.setdefault(key, Series()).add(datum)
        return new

    def between(self, key: MetricKey, begin: float, end: float, unit: str | None = None) -> list[Datum]:
        """Data of a metric with begin <= time < end."""
        with self._lock:
            series = self._series.get(key)
            return series.between(begin, end, unit) if series else []

    def newest(self, key: MetricKey) -> float:
        """Time of a metric's newest datum, minus infinity without any."""
        with self._lock:
            series = self._series.get(key)
            return series.times[-1] if series and series.times else -math.inf

    def value(self, key: MetricKey, begin: float, end: float, statistic: str, unit: str | None = None) -> float | None:
        """A statistic of a stretch of time, None when it has no data."""
        data = self.between(key, begin, end, unit)
        return statistic_of(data, statistic) if data else None


def statistic_of(data: Iterable[Datum], statistic: str) -> float:
    """A statistic as CloudWatch names it: Sum, Average, Minimum, Maximum, SampleCount, or a percentile like p99."""
    data = list(data)
    if statistic in _SIMPLE:
        return _SIMPLE[statistic](data)
    match = re.fullmatch(r"p(\d{1,2}(?:\.\d+)?|100)", statistic)
    if not match:
        known = ", ".join(_SIMPLE)
        raise NotImplementedError(f"the statistic {statistic!r} of CloudWatch; there are {known} and percentiles")
    return _percentile(data, float(match.group(1)))


def _percentile(data: list[Datum], percent: float) -> float:
    ordered = sorted(data, key=lambda datum: datum.value)
    wanted = percent / 100 * sum(datum.count for datum in ordered)
    reached = 0.0
    for datum in ordered:
        reached += datum.count
        if reached >= wanted:
            return datum.value
    return ordered[-1].value


def _sum(data: list[Datum]) -> float:
    return math.fsum(datum.total for datum in data)


def _count(data: list[Datum]) -> float:
    return math.fsum(datum.count for datum in data)


def _average(data: list[Datum]) -> float:
    count = _count(data)
    return _sum(data) / count if count else 0.0


_SIMPLE = {
    "Sum": _sum,
    "Average": _average,
    "Minimum": lambda data: min(datum.minimum for datum in data),
    "Maximum": lambda data: max(datum.maximum for datum in data),
    "SampleCount": _count,
}


def seconds(time: datetime) -> float:
    """Seconds since the epoch; a time without a zone is UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
