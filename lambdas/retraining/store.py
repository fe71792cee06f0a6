"""Memory and ledger in DynamoDB: the memory changes by compare and swap, the ledger only ever grows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters import Aws
from botocore.exceptions import ClientError
from parse import Configuration

from seatrial.decisions.retraining import RetrainingState, Trigger

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEMBERED_DAYS = 31
REMEMBERED_ALARMS = 100


class ConflictError(Exception):
    """Another invocation has changed the memory since it was read."""


@dataclass(frozen=True)
class Run:
    """A run that is reserved (`execution_arn` is None) or started."""

    key: str
    time: datetime
    data_uri: str
    data_as_of: datetime
    reason: str
    by_hand: bool = False
    by_alarm: bool = True
    """Runs that neither a person nor the schedule asked for count towards the breaker."""
    data_digest: str | None = None
    execution_arn: str | None = None


@dataclass(frozen=True)
class Memory:
    """What is remembered about retraining; `revision` is that of the item it was read from."""

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
        counts = int(self.run is not None and self.run.by_alarm)
        return replace(self, run=None, runs_without_gain=0 if gained else self.runs_without_gain + counts)

    def released(self) -> Memory:
        """As if the reserved run, which never started, had not been."""
        starts = self.starts[:-1] if self.run and self.starts and self.starts[-1] == self.run.time else self.starts
        return replace(self, run=None, starts=starts, last_data_as_of=self.previous_data_as_of)

    def evidence(self) -> dict[str, Any]:
        """JSON-ready form for the ledger."""
        return json.loads(json.dumps(asdict(self), default=datetime.isoformat))


class Store:
    """The memory's item in the state table."""

    def __init__(self, aws: Aws, configuration: Configuration) -> None:
        self._aws, self._table = aws, configuration.state_table
        self._key = {"pk": {"S": configuration.partition}, "sk": {"S": "state"}}

    def load(self) -> Memory:
        """Read it; empty before the first decision."""
        item = self._aws.dynamodb.get_item(TableName=self._table, Key=self._key, ConsistentRead=True).get("Item")
        return _memory(json.loads(item["memory"]["S"]), int(item["revision"]["N"])) if item else Memory()

    def save(self, memory: Memory) -> Memory:
        """Write it if nobody else has since it was read; raises `ConflictError`."""
        revision = memory.revision + 1
        item = {**self._key, "revision": {"N": str(revision)}, "memory": {"S": json.dumps(memory.evidence())}}
        try:
            self._aws.dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR revision = :revision",
                ExpressionAttributeValues={":revision": {"N": str(memory.revision)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise ConflictError("the memory has been changed by another invocation") from error
            raise
        return replace(memory, revision=revision)


class Ledger:
    """Entries `decision#<time>#<key>` and `outcome#<execution>`, each written once."""

    def __init__(self, aws: Aws, configuration: Configuration) -> None:
        self._aws, self._table, self._partition = aws, configuration.ledger_table, configuration.partition

    def find(self, trigger: Trigger) -> dict[str, Any] | None:
        """The decision already taken on this trigger."""
        return self._read(_decision_key(trigger))

    def write(self, trigger: Trigger, entry: Mapping[str, Any], evidence: Mapping[str, Any]) -> dict[str, Any]:
        """Enter a decision; returns the entry that stands, which is the earlier one if there is one."""
        facts = {"trigger": trigger.kind, "time": trigger.time.isoformat(), "trigger_reason": trigger.reason}
        return self._write(_decision_key(trigger), {**facts, **entry}, evidence)

    def write_outcome(self, arn: str, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Enter how a run ended."""
        return self._write(f"outcome#{arn}", entry, {})

    def _write(self, sort_key: str, entry: Mapping[str, Any], evidence: Mapping[str, Any]) -> dict[str, Any]:
        item = {
            "pk": {"S": self._partition},
            "sk": {"S": sort_key},
            "entry": {"S": json.dumps(dict(entry), sort_keys=True)},
            "evidence": {"S": json.dumps(dict(evidence), sort_keys=True)},
            **{name: {"S": str(value)} for name, value in entry.items() if isinstance(value, str) and value},
        }
        try:
            self._aws.dynamodb.put_item(
                TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return self._read(sort_key) or dict(entry)
        return dict(entry)

    def _read(self, sort_key: str) -> dict[str, Any] | None:
        key = {"pk": {"S": self._partition}, "sk": {"S": sort_key}}
        item = self._aws.dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return json.loads(item["entry"]["S"]) if item else None


def _decision_key(trigger: Trigger) -> str:
    return f"decision#{trigger.time:%Y-%m-%dT%H:%M:%SZ}#{trigger.key}"


def _memory(data: Mapping[str, Any], revision: int) -> Memory:
    run = data["run"]
    return Memory(
        revision,
        tuple(datetime.fromisoformat(start) for start in data["starts"]),
        data["runs_without_gain"],
        _time(data["last_data_as_of"]),
        _run(run) if run else None,
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
