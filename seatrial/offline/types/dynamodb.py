"""DynamoDB tables."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, truth

_OWN = (
    "Tags",
    "TimeToLiveSpecification",
    "PointInTimeRecoverySpecification",
    "StreamSpecification",
    "SSESpecification",
    "ImportSourceSpecification",
)


class Table(Handler):
    """AWS::DynamoDB::Table."""

    def create(self, call: Call) -> Made:
        """CreateTable, then what has an API of its own."""
        name = call.chosen_name("TableName", 255)
        source: dict[str, Any] = {**call.rest(*_OWN), "TableName": name, **_streams(call), **_encryption(call)}
        if call.tags():
            source["Tags"] = tag_list(call.tags())
        call.client("dynamodb").create_table(**call.request("dynamodb", "CreateTable", source))
        call.begin(name)
        self._set_recovery(call, name)
        self._set_expiry(call, name, {})
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateTable for what differs."""
        source: dict[str, Any] = {"TableName": physical_id}
        for name in ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass"):
            if name in call.changed:
                source[name] = call.get(name)
        if "StreamSpecification" in call.changed:
            source |= _streams(call) or {"StreamSpecification": {"StreamEnabled": False}}
        if "SSESpecification" in call.changed:
            source |= _encryption(call)
        self._refuse_indexes(call)
        if len(source) > 1:
            call.client("dynamodb").update_table(**call.request("dynamodb", "UpdateTable", source))
        self._set_recovery(call, physical_id)
        self._set_expiry(call, physical_id, old)
        if "Tags" in call.changed and call.tags():
            arn = call.arn("dynamodb", f"table/{physical_id}")
            call.client("dynamodb").tag_resource(ResourceArn=arn, Tags=tag_list(call.tags()))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteTable."""
        call.client("dynamodb").delete_table(TableName=physical_id)

    def _refuse_indexes(self, call: Call) -> None:
        lost = {"GlobalSecondaryIndexes", "AttributeDefinitions"} & set(call.changed)
        if lost:
            from seatrial.offline.engine.errors import ResourceError

            raise ResourceError(f"changes of {', '.join(sorted(lost))} are not emulated by the offline cloud")

    def _set_recovery(self, call: Call, name: str) -> None:
        value = call.get("PointInTimeRecoverySpecification")
        if value is not None:
            enabled = truth(value.get("PointInTimeRecoveryEnabled"))
            call.client("dynamodb").update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
            )

    def _set_expiry(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        value, before = call.get("TimeToLiveSpecification"), old.get("TimeToLiveSpecification")
        if value == before:
            return
        value = value or {**(before or {}), "Enabled": False}
        call.client("dynamodb").update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": truth(value["Enabled"]), "AttributeName": value["AttributeName"]},
        )

    def _made(self, call: Call, name: str) -> Made:
        table = call.client("dynamodb").describe_table(TableName=name)["Table"]
        return Made(name, {"Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn", "")})


def _streams(call: Call) -> dict[str, Any]:
    value = call.get("StreamSpecification")
    if value is None:
        return {}
    return {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": value["StreamViewType"]}}


def _encryption(call: Call) -> dict[str, Any]:
    value = call.get("SSESpecification")
    if value is None:
        return {}
    fields = {name: value[name] for name in ("SSEType", "KMSMasterKeyId") if name in value}
    return {"SSESpecification": {"Enabled": truth(value["SSEEnabled"]), **fields}}


HANDLERS: dict[str, Handler] = {"AWS::DynamoDB::Table": Table()}
