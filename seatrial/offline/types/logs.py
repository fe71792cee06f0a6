"""CloudWatch log groups and the streams in them."""

import contextlib
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_map


class LogGroup(Handler):
    """AWS::Logs::LogGroup."""

    def create(self, call: Call) -> Made:
        """CreateLogGroup, then its retention."""
        name, tags, key = call.chosen_name("LogGroupName", 512), call.tags(), call.get("KmsKeyId")
        arguments: dict[str, Any] = {"tags": tags} if tags else {}
        if key:
            arguments["kmsKeyId"] = key
        call.client("logs").create_log_group(logGroupName=name, **arguments)
        self._set_retention(call, call.begin(name))
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Retention, key, tags."""
        logs, key = call.client("logs"), call.get("KmsKeyId")
        self._set_retention(call, physical_id)
        if "KmsKeyId" in call.changed and key:
            logs.associate_kms_key(logGroupName=physical_id, kmsKeyId=key)
        elif "KmsKeyId" in call.changed:
            logs.disassociate_kms_key(logGroupName=physical_id)
        arn = call.arn("logs", f"log-group:{physical_id}")
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            logs.untag_resource(resourceArn=arn, tagKeys=gone)
        if call.tags():
            logs.tag_resource(resourceArn=arn, tags=call.tags())
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteLogGroup."""
        call.client("logs").delete_log_group(logGroupName=physical_id)

    def _set_retention(self, call: Call, name: str) -> None:
        logs, days = call.client("logs"), call.get("RetentionInDays")
        if days:
            logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
        elif "RetentionInDays" in call.changed:
            logs.delete_retention_policy(logGroupName=name)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("logs", f"log-group:{name}:*")})


class LogStream(Handler):
    """AWS::Logs::LogStream."""

    def create(self, call: Call) -> Made:
        """CreateLogStream; nothing of it can be changed."""
        name = call.chosen_name("LogStreamName", 512)
        call.client("logs").create_log_stream(logGroupName=call.get("LogGroupName"), logStreamName=name)
        return Made(call.begin(name), {})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteLogStream; one whose group is gone is gone with it."""
        logs = call.client("logs")
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_stream(logGroupName=call.get("LogGroupName"), logStreamName=physical_id)


HANDLERS: dict[str, Handler] = {"AWS::Logs::LogGroup": LogGroup(), "AWS::Logs::LogStream": LogStream()}
