"""Schedules on the cloud's clock: each fires at its own time, and what it started ends before the clock moves on."""

import threading
from collections.abc import Callable, Hashable
from datetime import datetime

from seatrial.offline import functions
from seatrial.offline.context import CloudContext
from seatrial.offline.events.expressions import NextTime

SETTLE_SECONDS = 600.0
"""Real seconds that the functions started by one schedule may take, all of what they set off included."""


class Planner:
    """Timers by schedule; planning a schedule anew replaces its timer."""

    def __init__(self, context: CloudContext) -> None:
        self._context = context
        self._generations: dict[Hashable, int] = {}
        self._lock = threading.Lock()

    def plan(self, key: Hashable, next_time: NextTime, fire: Callable[[datetime], None]) -> None:
        """Call `fire` with its due time whenever the schedule is due, from now on."""
        with self._lock:
            generation = self._generations.get(key, 0) + 1
            self._generations[key] = generation
        self._set_timer(key, generation, next_time, fire, self._context.clock.now())

    def cancel(self, key: Hashable) -> None:
        """Forget a schedule."""
        with self._lock:
            if key in self._generations:
                self._generations[key] += 1

    def _set_timer(
        self, key: Hashable, generation: int, next_time: NextTime, fire: Callable[[datetime], None], after: datetime
    ) -> None:
        due = next_time(after)
        if due is None:
            return

        def run() -> None:
            if self._generations[key] != generation:
                return
            fire(due)
            functions.settle(SETTLE_SECONDS)
            self._set_timer(key, generation, next_time, fire, due)

        self._context.clock.at(due, run)


_planners: list[Planner] = []


def start(context: CloudContext) -> None:
    """Begin without schedules, for a cloud that starts."""
    _planners[:] = [Planner(context)]


def current() -> Planner:
    """The planner of the running cloud."""
    return _planners[-1]
