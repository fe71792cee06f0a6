"""Moto's CloudWatch, made to measure: each function that is replaced here says what moto does instead."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.exceptions import InvalidParameterValue, ValidationError
from moto.cloudwatch.models import Alarm, CloudWatchBackend, Statistics
from moto.cloudwatch.responses import CloudWatchResponse

from seatrial.offline import patches
from seatrial.offline.alarms import rules
from seatrial.offline.alarms.evaluation import read
from seatrial.offline.alarms.evaluator import MINUTE, Evaluator
from seatrial.offline.alarms.mathematics import Values, evaluate
from seatrial.offline.alarms.store import Datum, MetricKey, from_statistics, seconds, single, statistic_of

_evaluators: list[Evaluator] = []


def replace_all(evaluator: Evaluator) -> None:
    """Replace what moto lacks, and keep metrics where `evaluator` looks."""
    _evaluators[:] = [evaluator]
    patches.replace(CloudWatchBackend, "put_metric_data", _put_metric_data)
    patches.replace(CloudWatchBackend, "get_metric_statistics", _get_metric_statistics)
    patches.replace(CloudWatchBackend, "get_metric_data", _get_metric_data)
    patches.replace(CloudWatchBackend, "put_metric_alarm", _put_metric_alarm)
    patches.replace(CloudWatchBackend, "delete_alarms", _delete_alarms)
    patches.replace(CloudWatchBackend, "set_alarm_state", _set_alarm_state)
    patches.replace(CloudWatchResponse, "put_composite_alarm", _put_composite_alarm)


def current() -> Evaluator:
    """The evaluator of the running cloud."""
    return _evaluators[-1]


def add(data: list[tuple[MetricKey, Datum]]) -> None:
    """Keep data, list their metrics in moto too, and evaluate the alarms that look at minutes already past."""
    evaluator = current()
    now = evaluator.context.clock.now().timestamp() // MINUTE * MINUTE
    for key, datum in data:
        if evaluator.store.add(key, datum):
            _list_metric(evaluator.backend, key, datum)
    late = any(datum.time < now for _, datum in data)
    evaluator.changed([key for key, _ in data], late=late)


def _list_metric(backend: CloudWatchBackend, key: MetricKey, datum: Datum) -> None:
    dimensions = [{"Name": name, "Value": value} for name, value in key.dimensions]
    member = {"MetricName": key.name, "Dimensions": dimensions, "Value": datum.value, "Unit": datum.unit}
    patches.original(CloudWatchBackend, "put_metric_data")(backend, key.namespace, [member])


def _put_metric_data(self: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
    """Moto keeps every value in one list and searches all of it for every question."""
    for position, member in enumerate(metric_data, start=1):
        self._validate_parameters_put_metric_data(member, position)
    now = current().context.clock.now()
    found: list[tuple[MetricKey, Datum]] = []
    for member in metric_data:
        dimensions = {each["Name"]: each["Value"] for each in member.get("Dimensions") or ()}
        key = MetricKey.of(namespace, member["MetricName"], dimensions)
        found += [(key, datum) for datum in _data(member, member.get("Timestamp") or now)]
    add(found)


def _data(member: dict[str, Any], time: datetime) -> list[Datum]:
    stamp, unit = seconds(time), member.get("Unit") or "None"
    if member.get("StatisticValues"):
        return [from_statistics(stamp, member["StatisticValues"], unit)]
    if member.get("Values"):
        counts = member.get("Counts") or [1.0] * len(member["Values"])
        pairs = zip(member["Values"], counts, strict=True)
        return [single(stamp, float(value), unit, float(count)) for value, count in pairs]
    return [single(stamp, float(member.get("Value", 0)), unit)]


def _get_metric_statistics(  # noqa: PLR0917 - moto calls it so
    self: CloudWatchBackend,
    namespace: str,
    metric_name: str,
    start_time: datetime,
    end_time: datetime,
    period: int,
    stats: list[str],
    dimensions: list[dict[str, str]],
    unit: str | None = None,
) -> list[Statistics]:
    """Moto starts periods at the first datum, adds up metrics whose dimensions merely contain those asked for."""
    if start_time >= end_time:
        raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
    key = MetricKey.of(namespace, metric_name, {each["Name"]: each["Value"] for each in dimensions or ()})
    answer: list[Statistics] = []
    for begin in _periods(start_time, end_time, period):
        data = current().store.between(key, begin, begin + period, unit)
        if data:
            answer.append(_Statistics(stats, begin, data))
    return answer


class _Statistics(Statistics):
    """Moto's answer for one period, worked out by us."""

    def __init__(self, stats: list[str], begin: float, data: list[Datum]) -> None:
        super().__init__(stats, datetime.fromtimestamp(begin, UTC).replace(tzinfo=None), data[-1].unit)
        self._values = {name: statistic_of(data, name) for name in stats}

    def get_statistics_for_type(self, stat: str) -> float | None:
        return self._values.get(stat)

    sample_count: Any = property(lambda self: self._values.get("SampleCount"))
    sum: Any = property(lambda self: self._values.get("Sum"))
    minimum: Any = property(lambda self: self._values.get("Minimum"))
    maximum: Any = property(lambda self: self._values.get("Maximum"))
    average: Any = property(lambda self: self._values.get("Average"))


def _get_metric_data(
    self: CloudWatchBackend,
    queries: list[dict[str, Any]],
    start_time: datetime,
    end_time: datetime,
    scan_by: str = "TimestampAscending",
) -> list[dict[str, Any]]:
    """Moto's metric math knows a metric's id alone, and its periods start where the question starts."""
    if start_time >= end_time:
        raise ValidationError("The parameter EndTime must be greater than StartTime.")
    period = _common_period(queries)
    begins = _periods(start_time, end_time, period)
    known: dict[str, Values] = {}
    for query in sorted(queries, key=lambda each: "Expression" in each):
        known[query["Id"]] = _answer(query, known, begins, period)
    shown = [query for query in queries if query.get("ReturnData", True)]
    return [_result(query, known[query["Id"]], begins, descending=scan_by == "TimestampDescending") for query in shown]


def _common_period(queries: list[dict[str, Any]]) -> int:
    periods = {int(query["MetricStat"]["Period"]) for query in queries if "MetricStat" in query}
    periods |= {int(query["Period"]) for query in queries if query.get("Period")}
    return max(periods, default=60)


def _answer(query: dict[str, Any], known: dict[str, Values], begins: list[float], period: int) -> Values:
    if "Expression" in query:
        if query["Expression"].lstrip().upper().startswith("SELECT"):
            raise NotImplementedError("Metrics Insights queries (SELECT ...) in GetMetricData")
        return evaluate(query["Expression"], known, len(begins), period)
    stat = query["MetricStat"]
    dimensions = {each["Name"]: each["Value"] for each in stat["Metric"].get("Dimensions") or ()}
    key = MetricKey.of(stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], dimensions)
    store = current().store
    return [store.value(key, begin, begin + period, stat["Stat"], stat.get("Unit")) for begin in begins]


def _result(query: dict[str, Any], values: Values, begins: list[float], *, descending: bool) -> dict[str, Any]:
    pairs = [(begin, value) for begin, value in zip(begins, values, strict=True) if value is not None]
    if descending:
        pairs.reverse()
    label = query.get("Label") or query.get("MetricStat", {}).get("Metric", {}).get("MetricName") or query["Id"]
    return {
        "id": query["Id"],
        "label": label,
        "values": [value for _, value in pairs],
        "timestamps": [datetime.fromtimestamp(begin, UTC).replace(tzinfo=None) for begin, _ in pairs],
        "status_code": "Complete",
    }


def _periods(start: datetime, end: datetime, period: int) -> list[float]:
    first = math.floor(seconds(start) / period) * period
    count = math.ceil((seconds(end) - first) / period)
    return [first + index * period for index in range(count)]


def _put_metric_alarm(self: CloudWatchBackend, name: str, *arguments: Any, **properties: Any) -> Alarm:
    """Moto never evaluates; a new alarm is "OK", and putting it again forgets its state."""
    before = self.alarms.get(name)
    original: Callable[..., Alarm] = patches.original(CloudWatchBackend, "put_metric_alarm")
    alarm = original(self, name, *arguments, **properties)
    _refuse_what_is_wrong(self, alarm, before)
    alarm.state_value = before.state_value if before else "INSUFFICIENT_DATA"
    if before:
        alarm.history, alarm.state_reason = before.history, before.state_reason
        alarm.state_updated_timestamp = before.state_updated_timestamp
    current().replan(name)
    return alarm


def _put_composite_alarm(self: CloudWatchResponse) -> Any:
    """Moto has no PutCompositeAlarm, but keeps a rule that PutMetricAlarm is given."""
    return self.put_metric_alarm()


def _refuse_what_is_wrong(backend: CloudWatchBackend, alarm: Alarm, before: Alarm | None) -> None:
    try:
        _ = rules.parse(alarm.rule) if alarm.rule else read(alarm)
    except ValueError as error:
        backend.alarms.pop(alarm.name)
        if before:
            backend.alarms[alarm.name] = before
        raise ValidationError(str(error)) from error


def _delete_alarms(self: CloudWatchBackend, alarm_names: list[str]) -> None:
    """What watched a deleted alarm's metrics stops."""
    patches.original(CloudWatchBackend, "delete_alarms")(self, alarm_names)
    current().forget(alarm_names)


def _set_alarm_state(self: CloudWatchBackend, alarm_name: str, reason: str, reason_data: str, state_value: str) -> None:
    """Moto sets the state and does nothing about it."""
    alarm = self.alarms.get(alarm_name)
    previous = alarm.state_value if alarm else ""
    patches.original(CloudWatchBackend, "set_alarm_state")(self, alarm_name, reason, reason_data, state_value)
    if alarm is not None and previous != state_value:
        alarm.history.pop()
        alarm.state_value = previous
        current().set_state(alarm, state_value, reason, reason_data or "{}")
        current().replan(alarm_name)
