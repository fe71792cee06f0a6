"""Says what the rehearsal does: live on a terminal, as plain lines elsewhere, as JSON Lines on request."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

Status = Literal["passed", "failed", "skipped"]
_MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "skipped": ("-", "yellow")}


def cpu_seconds() -> float:
    """Processor time of this process and of every process below it that has ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@dataclass
class StageLine:
    """One stage as shown: its title, what it does now, and how it ended."""

    name: str
    title: str
    started: float
    now: str = ""
    detail: str = ""
    status: Status | None = None
    seconds: float = 0.0
    cpu_began: float = 0.0
    cpu_seconds: float = 0.0


class Progress:
    """Base: plain lines, one when a stage starts to do something new and one when it ends."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self.out = out
        self.began = time.monotonic()
        self.stages: list[StageLine] = []

    @property
    def elapsed(self) -> float:
        """Real seconds since the start."""
        return time.monotonic() - self.began

    def start(self, name: str, title: str) -> None:
        """A stage begins."""
        self.stages.append(StageLine(name, title, time.monotonic(), cpu_began=cpu_seconds()))
        self._say("start", f"{title} ...")

    def doing(self, what: str) -> None:
        """The current stage does something new."""
        if self.stages and self.stages[-1].now != what:
            self.stages[-1].now = what
            self._say("doing", what)

    def end(self, status: Status, detail: str) -> None:
        """The current stage ended."""
        stage = self.stages[-1]
        stage.status, stage.detail, stage.seconds = status, detail, time.monotonic() - stage.started
        stage.cpu_seconds = cpu_seconds() - stage.cpu_began
        self._say("end", f"{_MARKS[status][0]} {stage.title}: {detail} ({stage.seconds:.1f} s)")

    def close(self, verdict: str) -> None:
        """The rehearsal is over."""
        self._say("verdict", verdict)

    def stop(self) -> None:
        """Leave the terminal in order; what comes after is not shown live."""

    def _say(self, kind: str, text: str) -> None:
        indent = "    " if kind == "doing" else ""
        print(f"[{self.elapsed:6.1f} s] {indent}{text}", file=self.out, flush=True)


class JsonProgress(Progress):
    """One JSON object a line: kind, stage, text, elapsed; machine-readable."""

    def _say(self, kind: str, text: str) -> None:
        entry: dict[str, Any] = {"kind": kind, "elapsed": round(self.elapsed, 3), "text": text}
        if self.stages and kind != "verdict":
            stage = self.stages[-1]
            entry |= {"stage": stage.name, "status": stage.status}
        print(json.dumps(entry), file=self.out, flush=True)


class LiveProgress(Progress):
    """A terminal: finished stages stand still, the last line moves."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        super().__init__(out)
        self._console = Console(file=out, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=8, get_renderable=self._current)
        self._live.start()

    def stop(self) -> None:
        """Stop redrawing."""
        self._live.stop()

    def close(self, verdict: str) -> None:
        """Stop redrawing and print the verdict."""
        self.stop()
        self._console.print(Text(verdict, style="bold"))

    def _say(self, kind: str, text: str) -> None:
        if kind == "end":
            stage = self.stages[-1]
            mark, colour = _MARKS[stage.status or "skipped"]
            line = Text.assemble(
                (f"{mark} ", colour), f"{stage.title:<28}", (f"{stage.seconds:6.1f} s  ", "dim"), stage.detail
            )
            self._console.print(line)

    def _current(self) -> Text:
        if not self.stages or self.stages[-1].status is not None:
            return Text("")
        stage = self.stages[-1]
        elapsed = time.monotonic() - stage.started
        return Text.assemble(
            ("» ", "cyan"), f"{stage.title:<28}", (f"{elapsed:6.1f} s  ", "dim"), (stage.now, "italic")
        )


def make_progress(*, as_json: bool, out: TextIO = sys.stdout) -> Progress:
    """The progress that suits where the output goes."""
    if as_json:
        return JsonProgress(out)
    return LiveProgress(out) if out.isatty() else Progress(out)


@contextmanager
def closing(progress: Progress) -> Iterator[Progress]:
    """Leave the terminal in order whatever happens."""
    try:
        yield progress
    finally:
        progress.stop()
