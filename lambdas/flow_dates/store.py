"""Claims on dates in DynamoDB: an execution owns a date until it has ended, which the state machine finds out."""

import time
from collections.abc import Iterable
from datetime import date
from typing import Any

from adapters import Aws
from botocore.exceptions import ClientError

KEPT_SECONDS = 8 * 24 * 3600
"""Longer than an execution may take; what is left behind goes away by itself."""
FREE = "attribute_not_exists(pk) OR execution = :execution OR execution = :ended"


class Claims:
    """The claims of one flow."""

    def __init__(self, aws: Aws, table: str, flow: str) -> None:
        self._aws, self._table, self._flow = aws, table, flow

    def claim(self, days: Iterable[date], execution: str, ended: str) -> tuple[str, str]:
        """Claim every date in ascending order, over claims of `ended`; gives the first of another, and its name.

        Both are empty when the execution owns them all. As everybody goes in this order, of two flows that want a date
        at the same time one gets all its dates. Claims made before a refusal need no undoing: whoever is refused ends.
        """
        for day in days:
            while not self._put(day, execution, ended):
                if owner := self._owner(day):
                    return day.isoformat(), owner
        return "", ""

    def _put(self, day: date, execution: str, ended: str) -> bool:
        now = int(time.time())
        item = {"execution": {"S": execution}, "claimed_at": {"N": str(now)}}
        try:
            self._aws.dynamodb.put_item(
                TableName=self._table,
                Item={**self._key(day), **item, "expires_at": {"N": str(now + KEPT_SECONDS)}},
                ConditionExpression=FREE,
                ExpressionAttributeValues={":execution": {"S": execution}, ":ended": {"S": ended}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _owner(self, day: date) -> str:
        """Empty when the claim went away in between."""
        found = self._aws.dynamodb.get_item(TableName=self._table, Key=self._key(day), ConsistentRead=True)
        return found.get("Item", {}).get("execution", {}).get("S", "")

    def _key(self, day: date) -> dict[str, Any]:
        return {"pk": {"S": f"flow#{self._flow}"}, "sk": {"S": f"date#{day}"}}
