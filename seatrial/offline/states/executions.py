"""Executions that run, which of them wait for time to pass, and waits that last as long as the cloud's clock says."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from seatrial.offline import functions
from seatrial.offline.context import CloudContext

POLL_SECONDS = 0.05
SETTLE_SECONDS = 120.0
"""Real seconds that executions may work on when a wait of one ends, before the clock may move on."""


class Executions:
    """The executions of one cloud, by ARN."""

    def __init__(self, context: CloudContext) -> None:
        self.context = context
        self._waiting: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def begin(self, arn: str) -> None:
        """An execution starts."""
        with self._lock:
            self._waiting[arn] = 0

    def end(self, arn: str) -> None:
        """An execution has ended."""
        with self._lock:
            self._waiting.pop(arn, None)

    def is_busy(self) -> bool:
        """Whether an execution is at work instead of waiting for time to pass or for a task token."""
        with self._lock:
            return any(waits == 0 for waits in self._waiting.values())

    def stop(self) -> None:
        """Wake every wait."""
        self._stopped.set()

    def wait(self, arn: str, seconds: float, goes_on: Callable[[], bool]) -> None:
        """Wait for `seconds` of the cloud's time, or until `goes_on` is false; then work before time moves on."""
        due = threading.Event()
        clock = self.context.clock
        deadline = clock.now() + timedelta(seconds=max(0.0, seconds))

        def wake() -> None:
            self._shift(arn, -1)
            due.set()
            functions.settle(SETTLE_SECONDS)

        self._shift(arn, +1)
        clock.at(deadline, wake)
        while not due.wait(POLL_SECONDS):
            if not goes_on() or self._stopped.is_set():
                self._shift(arn, -1)
                return

    @contextlib.contextmanager
    def paused(self, arn: str) -> Iterator[None]:
        """Count an execution as waiting while the block runs (for a task token, for a job)."""
        self._shift(arn, +1)
        try:
            yield
        finally:
            self._shift(arn, -1)

    def _shift(self, arn: str, by: int) -> None:
        with self._lock:
            if arn in self._waiting:
                self._waiting[arn] += by


_current: list[Executions] = []


def start(context: CloudContext) -> Executions:
    """Begin without executions, for a cloud that starts."""
    executions = Executions(context)
    _current[:] = [executions]
    context.stopping.append(executions.stop)
    return executions


def current() -> Executions:
    """The executions of the running cloud."""
    return _current[-1]


def arn_of(env: Any) -> str:
    """ARN of the execution that an evaluation environment of moto's interpreter belongs to."""
    return env.states.context_object.context_object_data["Execution"]["Id"]
