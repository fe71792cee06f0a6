"""The state table: one result a window, written in one transaction with the memory that follows from it."""

import json
from typing import Any

from adapters import Aws
from botocore.exceptions import ClientError
from memory import Memory
from parse import Configuration, parse_time
from report import Judgement

KEEP_SECONDS = 90 * 24 * 3600


class AlreadyJudgedError(Exception):
    """Another invocation has committed first."""


class Store:
    """Items below `monitor#<endpoint>#<variant>`: `state`, `window#<start>` for every window judged, `explanations`."""

    def __init__(self, aws: Aws, configuration: Configuration) -> None:
        self._aws = aws
        self._table = configuration.state_table
        self._partition = f"monitor#{configuration.endpoint_name}#{configuration.variant_name}"

    def load(self) -> tuple[Memory | None, int]:
        """The memory and its revision; none and 0 before the first window."""
        item = self._get("state")
        return (Memory.unpack(item["memory"]["S"]), int(item["revision"]["N"])) if item else (None, 0)

    def judgement(self, window: str) -> Judgement | None:
        """The result of a window that has been judged, without its files."""
        item = self._get(f"window#{window}")
        if item is None:
            return None
        detail, metrics = json.loads(item["detail"]["S"]), json.loads(item["metrics"]["S"])
        digest = item.get("inputs_digest", {}).get("S", "")
        return Judgement(
            window=window, detail=detail, metrics=metrics, published=item["published"]["BOOL"], digest=digest
        )

    def commit(self, judgement: Judgement, memory: Memory, revision: int) -> None:
        """Record the result and the memory together or not at all; raises `AlreadyJudgedError`.

        A first result is written only where there is none, a revised one only over the result before it.
        """
        before = judgement.revision - 1
        result = {
            **self._key(f"window#{judgement.window}"),
            "detail": {"S": json.dumps(judgement.detail, sort_keys=True)},
            "metrics": {"S": json.dumps(dict(judgement.metrics), sort_keys=True)},
            "published": {"BOOL": False},
            "result_revision": {"N": str(judgement.revision)},
            "inputs_digest": {"S": judgement.digest},
            "expires_at": {"N": str(int(parse_time(judgement.window).timestamp()) + KEEP_SECONDS)},
        }
        condition = "result_revision = :before" if before else "attribute_not_exists(pk)"
        values = {":before": {"N": str(before)}} if before else None
        self._transact(self._put(result, condition, values), self._state(memory, revision))

    def remember(self, memory: Memory, revision: int) -> None:
        """Write the memory alone; raises `AlreadyJudgedError`."""
        self._transact(self._state(memory, revision))

    def mark_published(self, judgement: Judgement) -> None:
        """Note that event and metrics of the window are out."""
        self._aws.dynamodb.update_item(
            TableName=self._table,
            Key=self._key(f"window#{judgement.window}"),
            UpdateExpression="SET published = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def open_explanations(self) -> list[str]:
        """Jobs that explain, of whose end nothing has been told."""
        item = self._get("explanations")
        return sorted(item["jobs"]["SS"]) if item and "jobs" in item else []

    def open_explanation(self, job: str) -> None:
        """Note a job before it starts."""
        self._change_explanations("ADD", job)

    def close_explanation(self, job: str) -> None:
        """Forget a job that has been told of."""
        self._change_explanations("DELETE", job)

    def _change_explanations(self, change: str, job: str) -> None:
        # A set's member comes and goes by itself: two runs at once need no revision, and the windows' is not touched.
        self._aws.dynamodb.update_item(
            TableName=self._table,
            Key=self._key("explanations"),
            UpdateExpression=f"{change} jobs :jobs",
            ExpressionAttributeValues={":jobs": {"SS": [job]}},
        )

    def _state(self, memory: Memory, revision: int) -> dict[str, Any]:
        state = {
            **self._key("state"),
            "memory": {"S": memory.pack()},
            "revision": {"N": str(revision + 1)},
            "package_arn": {"S": memory.package_arn},
            "last_window": {"S": memory.last_window or ""},
        }
        condition = "attribute_not_exists(pk) OR revision = :revision"
        return self._put(state, condition, {":revision": {"N": str(revision)}})

    def _get(self, sort_key: str) -> dict[str, Any] | None:
        answer = self._aws.dynamodb.get_item(TableName=self._table, Key=self._key(sort_key), ConsistentRead=True)
        return answer.get("Item")

    def _key(self, sort_key: str) -> dict[str, Any]:
        return {"pk": {"S": self._partition}, "sk": {"S": sort_key}}

    def _put(self, item: dict[str, Any], condition: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
        put = {"TableName": self._table, "Item": item, "ConditionExpression": condition}
        return {"Put": {**put, "ExpressionAttributeValues": values} if values else put}

    def _transact(self, *items: dict[str, Any]) -> None:
        try:
            self._aws.dynamodb.transact_write_items(TransactItems=list(items))
        except ClientError as error:
            if error.response["Error"]["Code"] == "TransactionCanceledException":
                raise AlreadyJudgedError from error
            raise
