"""Asynchronous invocations: queued by function, tried again after 1 and 2 minutes, then sent where failures go."""

import json
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.awslambda.models import LambdaFunction

from seatrial.offline.context import CloudContext
from seatrial.offline.functions import destinations
from seatrial.offline.functions.service import Functions, Invocation, ThrottledError

RETRY_SECONDS = (60.0, 120.0)
"""Waits before the second and third try (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html)."""
THROTTLE_SECONDS = (1.0, 300.0)
"""First and longest wait of a throttled event."""
MAXIMUM_AGE_SECONDS = 21_600


@dataclass
class Pending:
    """One event on its way to a function."""

    function: str
    event: str
    trigger: str
    accepted: datetime
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    failures: int = 0
    throttles: int = 0


class AsynchronousQueue:
    """One line of events for each function, worked off in order by one thread each."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._context: CloudContext = functions.context
        self._lines: dict[str, deque[Pending]] = defaultdict(deque)
        self._threads: dict[str, threading.Thread] = {}
        self._changed = threading.Condition()
        self._working = 0
        self._duplicates: dict[str, int] = {}
        self._pollers: list[Callable[[], bool]] = []
        self._stopped = False

    def submit(self, function: str, event: str, trigger: str) -> None:
        """Accept one event (and its duplicates, when they were asked for)."""
        times = 1 + self._duplicates.pop(function, 0)
        for _ in range(times):
            self._enqueue(Pending(function, event, trigger, self._context.clock.now()))

    def duplicate_next(self, function: str, times: int) -> None:
        """Let the next event for `function` arrive `times` more."""
        self._duplicates[function] = times

    def count_busy(self, poller: Callable[[], bool]) -> None:
        """Let `settle` wait for `poller` too: it says whether it is at work."""
        self._pollers.append(poller)

    def settle(self, timeout_seconds: float) -> bool:
        """Wait, in real time, until nothing is queued or running; False when that took too long."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline and not self._stopped:
            with self._changed:
                if self._changed.wait_for(lambda: self._working == 0 or self._stopped, timeout=1.0) and not any(
                    busy() for busy in self._pollers
                ):
                    return True
            time.sleep(0.005)
        return False

    def stop(self) -> None:
        """Forget what is queued."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _enqueue(self, pending: Pending) -> None:
        with self._changed:
            if self._stopped:
                return
            self._lines[pending.function].append(pending)
            self._working += 1
            if pending.function not in self._threads:
                thread = threading.Thread(target=self._work, args=(pending.function,), daemon=True)
                self._threads[pending.function] = thread
                thread.start()
            self._changed.notify_all()

    def _work(self, function: str) -> None:
        line = self._lines[function]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: line or self._stopped)
                if self._stopped:
                    return
                pending = line.popleft()
            try:
                self._attempt(pending)
            except Exception as error:
                self._context.journal.record("function", name=function, status="lost", error=repr(error))
            finally:
                with self._changed:
                    self._working -= 1
                    self._changed.notify_all()

    def _attempt(self, pending: Pending) -> None:
        try:
            function = self._functions.find(pending.function)
        except Exception:
            self._context.journal.record("function", name=pending.function, status="lost", error="no such function")
            return
        rules = destinations.event_invoke_config(function)
        try:
            invocation = self._functions.run(function, pending.event, trigger=pending.trigger)
        except ThrottledError:
            self._wait_for_concurrency(pending, function, rules)
            return
        if invocation.error is None:
            destinations.send_success(self._context, function, rules, pending.event, invocation)
        else:
            self._after_failure(pending, function, rules, invocation)

    def _after_failure(
        self, pending: Pending, function: LambdaFunction, rules: dict[str, Any], invocation: Invocation
    ) -> None:
        pending.failures += 1
        tries = int(rules.get("MaximumRetryAttempts", 2))
        if pending.failures > tries:
            self._give_up(pending, function, rules, "RetriesExhausted", invocation)
            return
        self._again(pending, function, rules, RETRY_SECONDS[min(pending.failures, 2) - 1], invocation)

    def _wait_for_concurrency(self, pending: Pending, function: LambdaFunction, rules: dict[str, Any]) -> None:
        first, longest = THROTTLE_SECONDS
        pending.throttles += 1
        self._again(pending, function, rules, min(longest, first * 2 ** (pending.throttles - 1)), None)

    def _again(
        self,
        pending: Pending,
        function: LambdaFunction,
        rules: dict[str, Any],
        seconds: float,
        invocation: Invocation | None,
    ) -> None:
        oldest = timedelta(seconds=int(rules.get("MaximumEventAgeInSeconds", MAXIMUM_AGE_SECONDS)))
        when = self._context.clock.now() + timedelta(seconds=seconds)
        if when - pending.accepted > oldest:
            self._give_up(pending, function, rules, "EventAgeExceeded", invocation)
            return

        def try_again() -> None:
            self._enqueue(pending)
            self._functions.settle()

        self._context.clock.at(when, try_again)

    def _give_up(
        self,
        pending: Pending,
        function: LambdaFunction,
        rules: dict[str, Any],
        condition: str,
        invocation: Invocation | None,
    ) -> None:
        tries = pending.failures
        self._context.journal.record(
            "function",
            name=pending.function,
            trigger=pending.trigger,
            status="gave-up",
            condition=condition,
            tries=tries,
        )
        error = json.loads(invocation.payload) if invocation else None
        destinations.send_failure(
            self._context, function, rules, pending.event, condition=condition, tries=tries, error=error
        )
