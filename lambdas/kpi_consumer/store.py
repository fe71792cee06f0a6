"""Windows in DynamoDB: each change is one conditional write on the revision that it was computed from."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from adapters import Aws
from botocore.exceptions import ClientError
from parse import Configuration

from seatrial.contracts.network_kpi import COUNTS, SUMS, Totals, Window
from seatrial.decisions.network_kpi import Change, fold

ATTEMPTS = 8
FIELDS = ("revision", "seen", *COUNTS, *SUMS)


class ConflictError(Exception):
    """Other invocations kept changing the window."""


class WindowStore:
    """The table of windows."""

    def __init__(self, aws: Aws, configuration: Configuration) -> None:
        self._aws, self._table = aws, configuration.table
        self._kept = timedelta(days=configuration.settings.retention_days)

    def add(self, window: Window, events: list[dict[str, Any]]) -> tuple[Change, Totals]:
        """Add events to their window; returns what was new and the totals that stand afterwards.

        Raises `ConflictError`, `FullWindowError`, and `ClientError` for what DynamoDB refuses.
        """
        for _ in range(ATTEMPTS):
            item = self._read(window)
            change = fold(events, item["seen"]["BS"] if "seen" in item else ())
            totals = _totals(item)
            if not change.fingerprints:
                return change, totals
            if self._write(window, change, item.get("revision", {"N": "0"})["N"]):
                return change, {name: totals.get(name, Decimal()) + change.totals.get(name, Decimal()) for name in
                                (*COUNTS, *SUMS)}  # fmt: skip
        raise ConflictError(f"{window.partition_key} {window.sort_key}: gave up after {ATTEMPTS} attempts")

    def _read(self, window: Window) -> dict[str, Any]:
        names = {f"#{name}": name for name in FIELDS}
        answer = self._aws.dynamodb.get_item(
            TableName=self._table,
            Key=_key(window),
            ConsistentRead=True,
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
        )
        return answer.get("Item", {})

    def _write(self, window: Window, change: Change, revision: str) -> bool:
        added = ", ".join(f"#{name} :{name}" for name in change.totals)
        names = {f"#{name}": name for name in change.totals} | {"#revision": "revision", "#expires_at": "expires_at"}
        values = {f":{name}": {"N": f"{value:f}"} for name, value in change.totals.items()}
        values |= {
            ":seen": {"BS": [*change.fingerprints]},
            ":revision": {"N": revision},
            ":next": {"N": str(int(revision) + 1)},
            ":expires_at": {"N": str(int((window.start + self._kept).timestamp()))},
        }
        try:
            self._aws.dynamodb.update_item(
                TableName=self._table,
                Key=_key(window),
                UpdateExpression=f"SET #revision = :next, #expires_at = :expires_at ADD #seen :seen, {added}",
                ConditionExpression="#revision = :revision" if revision != "0" else "attribute_not_exists(#revision)",
                ExpressionAttributeNames=names | {"#seen": "seen"},
                ExpressionAttributeValues=values if revision != "0" else _without(values, ":revision"),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _key(window: Window) -> dict[str, Any]:
    return {"pk": {"S": window.partition_key}, "sk": {"S": window.sort_key}}


def _totals(item: dict[str, Any]) -> Totals:
    return {name: Decimal(item[name]["N"]) for name in (*COUNTS, *SUMS) if name in item}


def _without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
