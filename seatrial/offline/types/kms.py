"""KMS keys and aliases."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list


class Key(Handler):
    """AWS::KMS::Key."""

    def create(self, call: Call) -> Made:
        """CreateKey, then rotation and state."""
        kms = call.client("kms")
        arguments = {
            "Policy": _text(call.get("KeyPolicy")),
            "Description": call.get("Description"),
            "KeySpec": call.get("KeySpec"),
            "KeyUsage": call.get("KeyUsage"),
            "Origin": call.get("Origin"),
            "MultiRegion": call.flag("MultiRegion"),
            "Tags": tag_list(call.tags(), "TagKey", "TagValue"),
        }
        made = kms.create_key(**{name: value for name, value in arguments.items() if value})["KeyMetadata"]
        call.begin(made["KeyId"])
        self._set_state(call, made["KeyId"])
        call.get("PendingWindowInDays")
        return Made(made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Policy, description, rotation, state, tags."""
        del old
        kms = call.client("kms")
        if "KeyPolicy" in call.changed:
            kms.put_key_policy(KeyId=physical_id, PolicyName="default", Policy=_text(call.get("KeyPolicy")))
        if "Description" in call.changed:
            kms.update_key_description(KeyId=physical_id, Description=call.get("Description", ""))
        if "Tags" in call.changed and call.tags():
            kms.tag_resource(KeyId=physical_id, Tags=tag_list(call.tags(), "TagKey", "TagValue"))
        self._set_state(call, physical_id)
        return Made(physical_id, {"Arn": call.arn("kms", f"key/{physical_id}"), "KeyId": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """ScheduleKeyDeletion."""
        days = int(call.get("PendingWindowInDays", 30))
        call.client("kms").schedule_key_deletion(KeyId=physical_id, PendingWindowInDays=days)

    def _set_state(self, call: Call, key: str) -> None:
        kms = call.client("kms")
        rotates = call.flag("EnableKeyRotation")
        (kms.enable_key_rotation if rotates else kms.disable_key_rotation)(KeyId=key)
        if not call.flag("Enabled", True):
            kms.disable_key(KeyId=key)


class Alias(Handler):
    """AWS::KMS::Alias."""

    def create(self, call: Call) -> Made:
        """CreateAlias."""
        name = call.get("AliasName")
        call.client("kms").create_alias(AliasName=name, TargetKeyId=call.get("TargetKeyId"))
        return Made(name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateAlias."""
        del old
        call.client("kms").update_alias(AliasName=physical_id, TargetKeyId=call.get("TargetKeyId"))
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteAlias."""
        call.client("kms").delete_alias(AliasName=physical_id)


def _text(policy: Any) -> str | None:
    return policy if policy is None or isinstance(policy, str) else json.dumps(policy)


HANDLERS: dict[str, Handler] = {"AWS::KMS::Key": Key(), "AWS::KMS::Alias": Alias()}
