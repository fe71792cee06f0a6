"""Retraining, whatever is delivered how often and in which order, and wherever the process is killed."""

import contextlib
import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.lambdas.desks import MemoryDesk, verdict
from tests.lambdas.fakes import Killed

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
KINDS = st.sampled_from(["quality_loss", "quality_loss", "drift", "schedule", "manual", "ok"])
KILLS = st.none() | st.integers(0, 4)
PACE = {"cooldown_hours": 6, "daily_budget": 2, "monthly_budget": 5, "breaker_after": 2}


class Fleet(MemoryDesk):
    """A kill may strike at writes and at the start itself."""

    def __init__(self) -> None:
        super().__init__()
        self.set(confirm_windows=1, **PACE)
        starting = self.aws.sagemaker.start_pipeline_execution
        self.aws.sagemaker.start_pipeline_execution = lambda **request: self._start(starting, request)

    def _start(self, starting, request: dict) -> dict:
        self.tables.count(before=True)
        answer = starting(**request)
        self.tables.count(before=False)
        return answer


def stamp(hour: int) -> str:
    return f"{BEGIN + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ}"


class AtLeastOnce(RuleBasedStateMachine):
    """Events are kept, and delivered never, once or often; processes die; data lands; runs end, told or untold."""

    def __init__(self) -> None:
        super().__init__()
        self.desk, self.hour, self.sent, self.events = Fleet(), 0, {}, []
        self.desk.land("v0", stamp(0))

    @rule(kind=KINDS, lost=st.booleans(), kill=KILLS, before=st.booleans())
    def happen(self, kind: str, lost: bool, kill: int | None, before: bool) -> None:
        self.hour += 1
        asked = {"trigger": kind, "time": stamp(self.hour)}
        event = asked if kind in {"schedule", "manual"} else verdict(kind, stamp(self.hour - 1), stamp(self.hour))
        self.events.append(event)
        if not lost:
            self._deliver(event, kill, before)

    @rule(place=st.integers(0, 99), kill=KILLS, before=st.booleans())
    def deliver_again(self, place: int, kill: int | None, before: bool) -> None:
        if self.events:
            self._deliver(self.events[place % len(self.events)], kill, before)

    def _deliver(self, event: dict, kill: int | None, before: bool) -> None:
        self.desk.tables.calls_left, self.desk.tables.before_effect = kill, before
        with contextlib.suppress(Killed), contextlib.redirect_stdout(io.StringIO()):
            self.sent[json.dumps(event)] = self.desk.deliver(event)["action"]
        self.desk.tables.calls_left = None

    @rule(status=st.sampled_from(["Succeeded", "Failed"]), told=st.booleans())
    def end(self, status: str, told: bool) -> None:
        running = [execution for execution in self.desk.executions if execution["status"] == "Executing"]
        for execution in running:
            execution["status"] = status
            if told:
                detail = {"pipelineExecutionArn": execution["arn"], "currentPipelineExecutionStatus": status}
                with contextlib.redirect_stdout(io.StringIO()):
                    self.desk.deliver({"source": "aws.sagemaker", "time": stamp(self.hour), "detail": detail})

    @rule(hours=st.integers(1, 40), lands=st.booleans())
    def pass_time(self, hours: int, lands: bool) -> None:
        self.hour += hours
        if lands:
            self.desk.land(f"v{self.hour}", stamp(self.hour))

    @invariant()
    def one_run_at_a_time(self) -> None:
        assert sum(execution["status"] == "Executing" for execution in self.desk.executions) <= 1

    @invariant()
    def every_answer_is_in_the_ledger_once_with_a_reason(self) -> None:
        entries = [entry for entry in self.desk.ledger() if entry["action"] != "outcome"]
        keys = Counter((entry["trigger"], entry["time"]) for entry in entries)
        assert all(count == 1 for count in keys.values())
        assert all(entry["reason"] for entry in entries)
        assert sum(action in {"start", "refuse"} for action in self.sent.values()) <= len(entries)

    @invariant()
    def every_start_in_the_ledger_is_an_execution_of_its_own(self) -> None:
        starts = [entry["execution_arn"] for entry in self.desk.ledger() if entry["action"] == "start"]
        assert len(starts) == len(set(starts))
        assert set(starts) <= {execution["arn"] for execution in self.desk.executions}

    @invariant()
    def cooldown_and_budgets_hold(self) -> None:
        entries = [entry for entry in self.desk.ledger() if entry["action"] == "start" and entry["trigger"] != "manual"]
        times = sorted(datetime.fromisoformat(entry["time"]) for entry in entries)
        for time in times:
            day = [other for other in times if timedelta() <= time - other < timedelta(hours=24)]
            month = [other for other in times if timedelta() <= time - other < timedelta(days=30)]
            pause = [other for other in times if timedelta() <= time - other < timedelta(hours=PACE["cooldown_hours"])]
            assert len(day) <= PACE["daily_budget"]
            assert len(month) <= PACE["monthly_budget"]
            assert len(pause) == 1


TestAtLeastOnce = AtLeastOnce.TestCase
TestAtLeastOnce.settings = settings(max_examples=150, stateful_step_count=30, deadline=None, derandomize=True)
