"""A thread that works whenever it is woken, by new messages or by the cloud's clock, and tells whether it is busy."""

import threading
from collections.abc import Callable

from seatrial.offline.functions.service import Functions


class Line:
    """Calls `work` after each `wake`, one call at a time; wakes during a call lead to one more call."""

    def __init__(self, functions: Functions, work: Callable[[], None], name: str) -> None:
        self._functions = functions
        self._work = work
        self._name = name
        self._changed = threading.Condition()
        self._woken = False
        self._working = False
        self._stopped = False
        self._thread: threading.Thread | None = None

    @property
    def is_busy(self) -> bool:
        """Whether there is work at hand."""
        return self._woken or self._working

    @property
    def stopped(self) -> bool:
        """Whether the line has been stopped for good."""
        return self._stopped

    def wake(self) -> None:
        """Let the line work."""
        with self._changed:
            if self._stopped:
                return
            self._woken = True
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wake_after(self, seconds: float) -> None:
        """Let the line work when so much of the cloud's time has passed, and before it passes on."""

        def wake_and_settle() -> None:
            self.wake()
            self._functions.settle()

        self._functions.context.clock.after(seconds, wake_and_settle)

    def stop(self) -> None:
        """Work no more."""
        with self._changed:
            self._stopped = True
            self._woken = False
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._woken or self._stopped)
                if self._stopped:
                    return
                self._working, self._woken = True, False
            try:
                self._work()
            except Exception as error:
                self._functions.context.journal.record("function", name=self._name, status="lost", error=repr(error))
            finally:
                with self._changed:
                    self._working = False
