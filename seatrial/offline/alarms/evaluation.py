"""The state of one metric alarm at one moment: windows, missing data, M out of N; nothing is changed here.

Rules: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass

from moto.cloudwatch.models import Alarm, MetricDataQuery

from seatrial.offline.alarms.mathematics import Values, evaluate, names_in
from seatrial.offline.alarms.store import MetricKey, MetricStore

EXTRA_PERIODS = 2
"""Periods that CloudWatch looks back beyond those it evaluates (its documentation shows 5 for 3)."""

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Watched:
    """One metric that an alarm looks at."""

    id: str
    key: MetricKey
    statistic: str
    unit: str | None


@dataclass(frozen=True)
class Plan:
    """A metric alarm, read once: what it measures and how it judges."""

    metrics: tuple[Watched, ...]
    expressions: tuple[tuple[str, str], ...]
    result: str
    period: int
    evaluation_periods: int
    datapoints_to_alarm: int
    threshold: float
    breaches: Callable[[float, float], bool]
    missing: str

    @property
    def range_seconds(self) -> int:
        """How far back the alarm looks."""
        return (self.evaluation_periods + EXTRA_PERIODS) * self.period


@dataclass(frozen=True)
class Judgement:
    """State, the sentence that explains it, and the values looked at (newest first)."""

    state: str
    reason: str
    values: tuple[float | None, ...]


def read(alarm: Alarm) -> Plan:
    """Read moto's record of an alarm; raises `NotImplementedError` for what is not emulated."""
    if alarm.comparison_operator not in _COMPARISONS:
        raise NotImplementedError(f"alarm {alarm.name}: comparison operator {alarm.comparison_operator!r}")
    metrics, expressions, result, period = _measured(alarm)
    periods = int(alarm.evaluation_periods)
    return Plan(
        metrics=metrics,
        expressions=expressions,
        result=result,
        period=period,
        evaluation_periods=periods,
        datapoints_to_alarm=int(alarm.datapoints_to_alarm or periods),
        threshold=float(alarm.threshold),
        breaches=_COMPARISONS[alarm.comparison_operator],
        missing=alarm.treat_missing_data or "missing",
    )


def judge(plan: Plan, store: MetricStore, now: float, state: str) -> Judgement:
    """The state at `now` (seconds) of an alarm that was in `state`."""
    values = tuple(reversed(measure(plan, store, now)))
    real = [value for value in values if value is not None]
    considered = real[: plan.evaluation_periods]
    breaching = sum(plan.breaches(value, plan.threshold) for value in considered)
    absent = plan.evaluation_periods - len(considered)
    if absent == 0:
        new = "ALARM" if breaching >= plan.datapoints_to_alarm else "OK"
        return Judgement(new, _reason(plan, considered, breaching, 0), values)
    return _judge_missing(plan, values, considered, state)


def measure(plan: Plan, store: MetricStore, now: float) -> Values:
    """Value of what is alarmed on in each period of the evaluation range that ends at `now`, oldest first."""
    length = plan.evaluation_periods + EXTRA_PERIODS
    begins = [now - plan.period * (length - index) for index in range(length)]
    known: dict[str, Values] = {
        metric.id: [
            store.value(metric.key, begin, begin + plan.period, metric.statistic, metric.unit) for begin in begins
        ]
        for metric in plan.metrics
    }
    for identifier, expression in plan.expressions:
        known[identifier] = evaluate(expression, known, length, plan.period)
    return known[plan.result]


def _judge_missing(plan: Plan, values: tuple[float | None, ...], real: list[float], state: str) -> Judgement:
    breaching = sum(plan.breaches(value, plan.threshold) for value in real)
    absent = plan.evaluation_periods - len(real)
    if plan.missing == "breaching":
        new = "ALARM" if breaching + absent >= plan.datapoints_to_alarm else "OK"
    elif plan.missing == "notBreaching":
        new = "ALARM" if breaching >= plan.datapoints_to_alarm else "OK"
    elif not real:
        new = state if plan.missing == "ignore" else "INSUFFICIENT_DATA"
    elif breaching >= plan.datapoints_to_alarm:
        new = "ALARM"
    elif breaching == len(real) and plan.missing == "ignore":
        new = state
    else:
        new = "ALARM" if _is_premature(plan, values) and plan.missing == "missing" else "OK"
    return Judgement(new, _reason(plan, real, breaching, absent), values)


def _is_premature(plan: Plan, values: tuple[float | None, ...]) -> bool:
    # The documentation's "avoiding premature transitions to alarm state": every datapoint there is breaches, and
    # the oldest is at least as old as the datapoints to alarm.
    real = [(age, value) for age, value in enumerate(values) if value is not None]
    return (
        all(plan.breaches(value, plan.threshold) for _, value in real) and real[-1][0] >= plan.datapoints_to_alarm - 1
    )


def _reason(plan: Plan, values: list[float], breaching: int, absent: int) -> str:
    shown = ", ".join(f"{value:g}" for value in values)
    missing = f", {absent} missing (treated as {plan.missing})" if absent else ""
    if not values:
        return f"{absent} of the last {plan.evaluation_periods} datapoints are missing (treated as {plan.missing})"
    return (
        f"{breaching} of the last {len(values)} datapoints [{shown}] breach the threshold {plan.threshold:g}{missing}"
    )


def _measured(alarm: Alarm) -> tuple[tuple[Watched, ...], tuple[tuple[str, str], ...], str, int]:
    if not alarm.metric_data_queries:
        dimensions = {str(each.name): str(each.value) for each in alarm.dimensions}
        key = MetricKey.of(alarm.namespace, alarm.metric_name, dimensions)
        statistic = alarm.statistic or alarm.extended_statistic or "Average"
        return (Watched("m", key, statistic, alarm.unit or None),), (), "m", int(alarm.period)
    queries = alarm.metric_data_queries
    metrics = tuple(_watched(query) for query in queries if query.metric_stat is not None)
    expressions = _in_order([(query.id, str(query.expression)) for query in queries if query.metric_stat is None])
    shown = [query for query in queries if query.return_data is None or str(query.return_data).lower() == "true"]
    if len(shown) != 1:
        raise NotImplementedError(f"alarm {alarm.name}: exactly one of its metrics must return data, got {len(shown)}")
    periods = [int(query.metric_stat.period) for query in queries if query.metric_stat is not None]
    periods += [int(query.period) for query in queries if query.metric_stat is None and query.period]
    return metrics, expressions, shown[0].id, max(periods, default=60)


def _watched(query: MetricDataQuery) -> Watched:
    stat = query.metric_stat
    if stat is None:
        raise ValueError(f"metric {query.id!r} has no MetricStat")
    dimensions = {str(each.name): str(each.value) for each in stat.metric.dimensions}
    key = MetricKey.of(stat.metric.namespace, stat.metric.metric_name, dimensions)
    return Watched(query.id, key, stat.stat, stat.unit or None)


def _in_order(expressions: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    waiting = dict(expressions)
    ordered: list[tuple[str, str]] = []
    while waiting:
        ready = [name for name, text in waiting.items() if not names_in(text) & (waiting.keys() - {name})]
        if not ready:
            raise NotImplementedError(f"metric math expressions refer to each other in a circle: {sorted(waiting)}")
        ordered += [(name, waiting.pop(name)) for name in ready]
    return tuple(ordered)
