"""The cloud's clock: it runs with real time, and the caller can move it so that hours pass in seconds."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

TICK_SECONDS = 0.1


class Clock:
    """UTC time that flows, can be advanced, and fires timers in order.

    Timers run one at a time, in order of their due time, on the thread that advances the clock or on the
    ticker thread; a timer that must do lengthy work starts a thread of its own.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._base = start or datetime.now(UTC)
        self._monotonic = time.monotonic()
        self._offset = timedelta()
        self._timers: list[tuple[datetime, int, Callable[[], None]]] = []
        self._sequence = itertools.count()
        self._changed = threading.Condition()
        self._firing = threading.RLock()
        self._stopped = threading.Event()
        self._ticker: threading.Thread | None = None

    def now(self) -> datetime:
        """The cloud's time, timezone-aware UTC."""
        return self._base + self._offset + timedelta(seconds=time.monotonic() - self._monotonic)

    def start(self) -> None:
        """Start firing timers as time flows."""
        self._ticker = threading.Thread(target=self._tick, name="clock", daemon=True)
        self._ticker.start()

    def stop(self) -> None:
        """Stop firing timers and wake every sleeper."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        if self._ticker is not None:
            self._ticker.join(timeout=5)

    def at(self, when: datetime, action: Callable[[], None]) -> None:
        """Run `action` once when the clock reaches `when`."""
        with self._changed:
            heapq.heappush(self._timers, (when, next(self._sequence), action))

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` once, `seconds` from now."""
        self.at(self.now() + timedelta(seconds=seconds), action)

    def every(self, seconds: float, action: Callable[[], None]) -> None:
        """Run `action` at each full multiple of `seconds` (on the minute for 60, on the hour for 3600)."""

        def fire_and_renew() -> None:
            try:
                action()
            finally:
                if not self._stopped.is_set():
                    self.at(self._next_multiple(seconds), fire_and_renew)

        self.at(self._next_multiple(seconds), fire_and_renew)

    def advance(self, seconds: float) -> None:
        """Move time forward, firing each timer that falls due on the way, in order, at its own time."""
        target = self.now() + timedelta(seconds=seconds)
        with self._firing:
            while (when := self._next_due(target)) is not None:
                self._jump_to(when)
                self._fire_due()
            self._jump_to(target)

    def sleep_until(self, when: datetime) -> bool:
        """Block until the clock reaches `when`; False when the clock was stopped first."""
        with self._changed:
            while self.now() < when and not self._stopped.is_set():
                remaining = (when - self.now()).total_seconds()
                self._changed.wait(timeout=max(0.0, min(remaining, 1.0)))
        return not self._stopped.is_set()

    def sleep(self, seconds: float) -> bool:
        """Block for `seconds` of the cloud's time; False when the clock was stopped first."""
        return self.sleep_until(self.now() + timedelta(seconds=seconds))

    def _next_multiple(self, seconds: float) -> datetime:
        stamp = self.now().timestamp()
        return datetime.fromtimestamp((stamp // seconds + 1) * seconds, UTC)

    def _next_due(self, limit: datetime) -> datetime | None:
        with self._changed:
            return self._timers[0][0] if self._timers and self._timers[0][0] <= limit else None

    def _jump_to(self, when: datetime) -> None:
        with self._changed:
            gap = when - self.now()
            if gap > timedelta():
                self._offset += gap
            self._changed.notify_all()

    def _fire_due(self) -> None:
        while True:
            with self._changed:
                if not self._timers or self._timers[0][0] > self.now():
                    return
                _, _, action = heapq.heappop(self._timers)
            action()

    def _tick(self) -> None:
        while not self._stopped.wait(TICK_SECONDS):
            with self._firing:
                self._fire_due()
