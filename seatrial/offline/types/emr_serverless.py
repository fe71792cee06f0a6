"""EMR Serverless applications."""

import uuid
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_map


class Application(Handler):
    """AWS::EMRServerless::Application."""

    def create(self, call: Call) -> Made:
        """CreateApplication."""
        source = {**_spelled(call.rest("Tags")), "clientToken": uuid.uuid4().hex, "tags": call.tags() or None}
        arguments = call.request("emr-serverless", "CreateApplication", source)
        made = call.client("emr-serverless").create_application(**arguments)
        return self._made(made["applicationId"], made["arn"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateApplication and tags; a started application refuses, as on AWS."""
        client = call.client("emr-serverless")
        fields = _spelled(call.rest("Tags", "Name", "Type"))
        if set(call.changed) - {"Tags"}:
            source = {**fields, "applicationId": physical_id, "clientToken": uuid.uuid4().hex}
            client.update_application(**call.request("emr-serverless", "UpdateApplication", source))
        arn = call.arn("emr-serverless", f"/applications/{physical_id}")
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            client.untag_resource(resourceArn=arn, tagKeys=gone)
        if call.tags():
            client.tag_resource(resourceArn=arn, tags=call.tags())
        return self._made(physical_id, arn)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteApplication; CloudFormation does not stop it first, so one that is started refuses, as on AWS."""
        call.client("emr-serverless").delete_application(applicationId=physical_id)

    def _made(self, application_id: str, arn: str) -> Made:
        return Made(application_id, {"ApplicationId": application_id, "Arn": arn})


def _spelled(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Pairs of log types are a list here and a map in the API."""
    fields = dict(properties)
    watch = (fields.get("MonitoringConfiguration") or {}).get("CloudWatchLoggingConfiguration") or {}
    if isinstance(watch.get("LogTypeMap"), list):
        kinds = {pair["Key"]: pair["Value"] for pair in watch["LogTypeMap"]}
        changed = {**watch, "LogTypeMap": kinds}
        fields["MonitoringConfiguration"] = {
            **fields["MonitoringConfiguration"],
            "CloudWatchLoggingConfiguration": changed,
        }
    return fields


HANDLERS: dict[str, Handler] = {"AWS::EMRServerless::Application": Application()}
