"""Memory and ledger in DynamoDB: the memory changes by compare and swap, the ledger only ever grows."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters import Aws
from botocore.exceptions import ClientError
from parse import Configuration

from seatrial.decisions.memory import Memory, Run
from seatrial.decisions.retraining import Trigger

__all__ = ["ConflictError", "Ledger", "Memory", "Run", "Store"]


class ConflictError(Exception):
    """Another invocation has changed the memory since it was read."""


class Store:
    """The memory's item in the state table."""

    def __init__(self, aws: Aws, configuration: Configuration) -> None:
        self._aws, self._table = aws, configuration.state_table
        self._key = {"pk": {"S": configuration.partition}, "sk": {"S": "state"}}

    def load(self) -> Memory:
        """Read it; empty before the first decision."""
        item = self._aws.dynamodb.get_item(TableName=self._table, Key=self._key, ConsistentRead=True).get("Item")
        return Memory.from_json(item["memory"]["S"], int(item["revision"]["N"])) if item else Memory()

    def save(self, memory: Memory) -> Memory:
        """Write it if nobody else has since it was read; raises `ConflictError`."""
        revision = memory.revision + 1
        item = {**self._key, "revision": {"N": str(revision)}, "memory": {"S": memory.to_json()}}
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
