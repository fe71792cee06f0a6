"""One warm process of a function: start, invoke, time out, kill; what its code prints is kept apart from answers."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.offline.clock import Clock
from seatrial.offline.functions import bootstrap

INIT_SECONDS = 60
"""Real seconds that importing the handler may take; Lambda's own limit is 10, on a machine of its own."""
DRAIN_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Launch:
    """All that is needed to start a process of a function; two equal launches can share warm processes."""

    code: Path
    paths: tuple[Path, ...]
    environment: tuple[tuple[str, str], ...]
    scratch: Path


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back from the process; `payload` is JSON text."""

    ok: bool
    payload: str
    seconds: float
    memory_kib: int = 0
    init_seconds: float = 0.0
    lines: tuple[str, ...] = field(default=())
    dead: bool = False


class Worker:
    """A process that runs one event at a time."""

    def __init__(self, launch: Launch, clock: Clock) -> None:
        self.launch = launch
        self._clock = clock
        self.used = False
        launch.scratch.mkdir(parents=True, exist_ok=True)
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        now = clock.now().timestamp()
        command = [sys.executable, "-S", bootstrap.__file__, requests, answers, now, launch.code, *launch.paths]
        self._process = subprocess.Popen(
            [str(part) for part in command],
            cwd=launch.code,
            env=dict(launch.environment),
            pass_fds=(requests, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        os.close(requests)
        os.close(answers)
        self._lines: list[str] = []
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read_output, name="function-output", daemon=True)
        self._reader.start()

    def invoke(self, event: str, *, request_id: str, arn: str, timeout_seconds: float) -> Answer:
        """Run one event; a process that times out or exits is dead afterwards."""
        ready: dict[str, Any] | None = (
            {"init_seconds": 0.0} if self.used else self._read_answer(time.monotonic() + INIT_SECONDS)
        )
        self.used = True
        if ready is None:
            return self._bury(request_id, INIT_SECONDS)
        self._ended.clear()
        started = time.monotonic()
        request = {"event": event, "request_id": request_id, "arn": arn, "timeout_seconds": timeout_seconds}
        request["now"] = self._clock.now().timestamp()
        answer = self._exchange(json.dumps(request), started + timeout_seconds)
        if answer is None:
            return self._bury(request_id, timeout_seconds, time.monotonic() - started)
        self._ended.wait(DRAIN_SECONDS)
        return Answer(init_seconds=ready["init_seconds"], lines=self._take_lines(), **answer)

    @property
    def alive(self) -> bool:
        """Whether the process can take another event."""
        return self._requests >= 0 and self._process.poll() is None

    def kill(self) -> None:
        """End the process and everything it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._reader.join(timeout=DRAIN_SECONDS)
        for descriptor in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._requests = self._answers = -1

    def _exchange(self, request: str, deadline: float) -> dict[str, Any] | None:
        try:
            _write_all(self._requests, request.encode() + b"\n")
        except OSError:
            return None
        return self._read_answer(deadline)

    def _read_answer(self, deadline: float) -> dict[str, Any] | None:
        pieces: list[bytes] = []
        while (remaining := deadline - time.monotonic()) > 0:
            readable, _, _ = select.select([self._answers], [], [], remaining)
            piece = os.read(self._answers, 1 << 16) if readable else b""
            if not piece:
                return None
            pieces.append(piece)
            if piece.endswith(b"\n"):
                return json.loads(b"".join(pieces))
        return None

    def _bury(self, request_id: str, limit: float, seconds: float | None = None) -> Answer:
        timed_out = self._process.poll() is None and (seconds is None or seconds >= limit)
        if timed_out:
            kind, text = "Sandbox.Timedout", f"Task timed out after {limit:.2f} seconds"
        else:
            kind, text = "Runtime.ExitError", f"Runtime exited with error: {self._exit_status()}"
        self.kill()
        message = f"RequestId: {request_id} Error: {text}"
        payload = json.dumps({"errorType": kind, "errorMessage": message})
        lines = (*self._take_lines(), message)
        return Answer(ok=False, payload=payload, seconds=seconds or 0.0, lines=lines, dead=True)

    def _exit_status(self) -> str:
        try:
            code = self._process.wait(timeout=DRAIN_SECONDS)
        except subprocess.TimeoutExpired:
            return "closed its answers"
        return f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    def _read_output(self) -> None:
        stream: Sequence[Any] | Any = self._process.stdout
        for raw in stream:
            line = raw.decode("utf-8", errors="replace").rstrip("\n")
            head, marker, _ = line.partition(bootstrap.END)
            if head:
                self._lines.append(head)
            if marker:
                self._ended.set()
        self._ended.set()

    def _take_lines(self) -> tuple[str, ...]:
        lines, self._lines = self._lines, []
        return tuple(lines)


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
