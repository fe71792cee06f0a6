"""What retraining remembers between decisions: the runs of the last weeks, the one under way, verdicts heard lately."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from seatrial.decisions.retraining import RetrainingState, Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEMBERED_DAYS = 31
REMEMBERED_ALARMS = 100


@dataclass(frozen=True)
class Run:
    """A run that is reserved (`execution_arn` is None) or started."""

    key: str
    time: datetime
    data_uri: str
    data_as_of: datetime
    reason: str
    by_hand: bool = False
    kind: str = ""
    trigger_reason: str = ""
    data_digest: str | None = None
    execution_arn: str | None = None

    @property
    def trigger(self) -> Trigger:
        """What asked for the run."""
        return Trigger(self.kind, self.key, self.time, self.trigger_reason)


@dataclass(frozen=True)
class Memory:
    """What is remembered about retraining; `revision` is that of the item it was read from.

    >>> memory = Memory(runs_without_gain=2)
    >>> Memory.from_json(memory.to_json(), 7) == replace(memory, revision=7)
    True
    """

    revision: int = 0
    starts: tuple[datetime, ...] = ()
    runs_without_gain: int = 0
    last_data_as_of: datetime | None = None
    run: Run | None = None
    previous_data_as_of: datetime | None = None
    """What `last_data_as_of` was before the run in flight."""
    alarms: tuple[tuple[str, datetime], ...] = ()

    @property
    def state(self) -> RetrainingState:
        """The memory as the policy sees it."""
        name = (self.run.execution_arn or self.run.key) if self.run else None
        return RetrainingState(self.starts, name, self.last_data_as_of, self.runs_without_gain, self.alarms)

    def noticed(self, trigger: Trigger) -> Memory:
        """With a verdict heard; the same, and therefore not worth writing, when it was heard before."""
        alarms = set(self.alarms) | {(trigger.kind, trigger.time)}
        newest = sorted(alarms, key=lambda alarm: alarm[1])[-REMEMBERED_ALARMS:]
        return self if len(alarms) == len(self.alarms) else replace(self, alarms=tuple(newest))

    def reserved(self, run: Run) -> Memory:
        """With this run in flight; unless a person asked for it, it counts in cooldown and budgets."""
        kept = tuple(start for start in self.starts if start > run.time - timedelta(days=REMEMBERED_DAYS))
        return replace(
            self,
            starts=kept if run.by_hand else (*kept, run.time),
            run=run,
            last_data_as_of=run.data_as_of,
            previous_data_as_of=self.last_data_as_of,
        )

    def started(self, arn: str) -> Memory:
        """With the run's execution known."""
        return replace(self, run=replace(self.run, execution_arn=arn)) if self.run else self

    def ended(self, gained: bool) -> Memory:
        """Without a run in flight; any gain closes the breaker, only runs after an alarm count towards it."""
        counts = int(self.run is not None and not self.run.trigger.asked)
        return replace(self, run=None, runs_without_gain=0 if gained else self.runs_without_gain + counts)

    def released(self) -> Memory:
        """As if the reserved run, which never started, had not been."""
        starts = self.starts[:-1] if self.run and self.starts and self.starts[-1] == self.run.time else self.starts
        return replace(self, run=None, starts=starts, last_data_as_of=self.previous_data_as_of)

    def evidence(self) -> dict[str, Any]:
        """JSON-ready form for the ledger."""
        return json.loads(self.to_json())

    def to_json(self) -> str:
        """Text for the state table."""
        return json.dumps(asdict(self), default=datetime.isoformat)

    @classmethod
    def from_json(cls, text: str, revision: int) -> Memory:
        """Read what `to_json` wrote, of this or an earlier release."""
        data = json.loads(text)
        return cls(
            revision,
            tuple(datetime.fromisoformat(start) for start in data["starts"]),
            data["runs_without_gain"],
            _time(data["last_data_as_of"]),
            _run(data["run"]) if data["run"] else None,
            _time(data["previous_data_as_of"]),
            tuple((kind, datetime.fromisoformat(time)) for kind, time in data.get("alarms", ())),
        )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _run(data: Mapping[str, Any]) -> Run:
    fields = dict(data)
    for name in ("time", "data_as_of"):
        fields[name] = datetime.fromisoformat(fields[name])
    return Run(**fields)
