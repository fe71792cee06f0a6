"""Evaluates alarms each minute of the cloud's time, and touches only those whose state can have changed."""

import json
import math
import threading
from collections.abc import Callable, Iterable

from moto.cloudwatch.models import Alarm, CloudWatchBackend, cloudwatch_backends

from seatrial.offline.alarms import actions, rules
from seatrial.offline.alarms.evaluation import Judgement, Plan, judge, read
from seatrial.offline.alarms.store import MetricKey, MetricStore
from seatrial.offline.context import CloudContext

MINUTE = 60.0
MANY_DATA = 200
"""Above this many data in an alarm's range it is evaluated each minute instead of when a datum changes its window."""


class Evaluator:
    """The alarms of one cloud."""

    def __init__(self, context: CloudContext, store: MetricStore) -> None:
        self.context = context
        self.store = store
        self.callbacks: list[Callable[[], None]] = []
        self._plans: dict[str, tuple[Alarm, Plan]] = {}
        self._due: dict[str, float] = {}
        self._lock = threading.RLock()

    @property
    def backend(self) -> CloudWatchBackend:
        """Moto's own record of alarms."""
        return cloudwatch_backends[self.context.account][self.context.region]

    def tick(self) -> None:
        """Evaluate what is due, at a full minute."""
        for callback in list(self.callbacks):
            callback()
        with self._lock:
            names = self._names_due(self._minute())
        self._evaluate(names)

    def changed(self, keys: Iterable[MetricKey], *, late: bool) -> None:
        """New data came: evaluate at the next minute, or now when the data are of minutes already past."""
        touched = set(keys)
        with self._lock:
            names = [name for name, plan in self._known_plans() if any(w.key in touched for w in plan.metrics)]
            for name in names:
                self._due[name] = -math.inf
        if late:
            self._evaluate(names)

    def replan(self, name: str) -> None:
        """An alarm was put: read it anew and evaluate it at the next minute."""
        with self._lock:
            self._plans.pop(name, None)
            self._due[name] = -math.inf

    def forget(self, names: Iterable[str]) -> None:
        """Alarms were deleted."""
        with self._lock:
            for name in names:
                self._plans.pop(name, None)
                self._due.pop(name, None)

    def set_state(self, alarm: Alarm, state: str, reason: str, data: str = "{}") -> None:
        """Change a state, act on it, and let composite alarms follow; the same state again changes nothing."""
        with self._lock:
            if alarm.state_value == state:
                return
            previous = actions.state_of(alarm)
            alarm.update_state(reason, data, state)
        actions.act(self.context, alarm, previous)
        self._follow(alarm.name)

    def _minute(self) -> float:
        return self.context.clock.now().timestamp() // MINUTE * MINUTE

    def _names_due(self, now: float) -> list[str]:
        return [name for name, due in self._due.items() if due <= now]

    def _evaluate(self, names: Iterable[str]) -> None:
        now = self._minute()
        for name in list(names):
            alarm = self.backend.alarms.get(name)
            if alarm is None:
                self._due.pop(name, None)
            elif alarm.rule:
                self._due[name] = math.inf
                self._evaluate_composite(alarm)
            else:
                self._evaluate_metric(alarm, now)

    def _evaluate_metric(self, alarm: Alarm, now: float) -> None:
        plan = self._plan(alarm)
        if plan is None:
            return
        try:
            judgement = judge(plan, self.store, now, alarm.state_value)
        except (ValueError, NotImplementedError) as error:
            self._refuse(alarm, error)
            return
        self._due[alarm.name] = self._next_due(plan, now)
        self.set_state(alarm, judgement.state, judgement.reason, _reason_data(plan, judgement))

    def _next_due(self, plan: Plan, now: float) -> float:
        # The verdict can only change when a datum moves from one window to the next or out of the range.
        begin = now - plan.range_seconds
        due = math.inf
        for metric in plan.metrics:
            data = self.store.between(metric.key, begin, math.inf)
            if len(data) > MANY_DATA:
                return now + MINUTE
            for datum in data:
                age = now - datum.time
                windows = math.floor(age / plan.period) + 1 if age > 0 else 0
                due = min(due, datum.time + windows * plan.period if windows else datum.time)
        return math.inf if due == math.inf else max(now + MINUTE, due)

    def _evaluate_composite(self, alarm: Alarm) -> None:
        try:
            rule, _ = rules.parse(str(alarm.rule))
        except rules.RuleError as error:
            self._refuse(alarm, error)
            return
        state = "ALARM" if rule(self._state_by_name) else "OK"
        self.set_state(alarm, state, f"the alarm rule is {'true' if state == 'ALARM' else 'false'}: {alarm.rule}")

    def _follow(self, name: str) -> None:
        for alarm in list(self.backend.alarms.values()):
            if alarm.rule and name in rules.parse(str(alarm.rule))[1]:
                self._evaluate_composite(alarm)

    def _state_by_name(self, name: str) -> str:
        alarm = self.backend.alarms.get(name)
        return alarm.state_value if alarm else "INSUFFICIENT_DATA"

    def _known_plans(self) -> list[tuple[str, Plan]]:
        plans = [(alarm.name, self._plan(alarm)) for alarm in list(self.backend.alarms.values()) if not alarm.rule]
        return [(name, plan) for name, plan in plans if plan is not None]

    def _plan(self, alarm: Alarm) -> Plan | None:
        known = self._plans.get(alarm.name)
        if known is None or known[0] is not alarm:
            try:
                known = (alarm, read(alarm))
            except (NotImplementedError, ValueError) as error:
                self._refuse(alarm, error)
                return None
            self._plans[alarm.name] = known
        return known[1]

    def _refuse(self, alarm: Alarm, error: Exception) -> None:
        self._due[alarm.name] = math.inf
        self.context.journal.record("alarm", name=alarm.name, status="not-emulated", error=str(error))


def _reason_data(plan: Plan, judgement: Judgement) -> str:
    recent = [value for value in judgement.values if value is not None][: plan.evaluation_periods]
    return json.dumps(
        {"version": "1.0", "period": plan.period, "recentDatapoints": recent, "threshold": plan.threshold}
    )
