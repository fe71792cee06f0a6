"""Step Functions state machines."""

import json
import re
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map

_SUBSTITUTION = re.compile(r"\$\{([^}]+)\}")


class StateMachine(Handler):
    """AWS::StepFunctions::StateMachine."""

    def create(self, call: Call) -> Made:
        """CreateStateMachine."""
        source = {**self._fields(call), "name": call.chosen_name("StateMachineName", 80)}
        if call.get("StateMachineType"):
            source["type"] = call.get("StateMachineType")
        if call.tags():
            source["tags"] = tag_list(call.tags(), "key", "value")
        arguments = call.request("stepfunctions", "CreateStateMachine", source)
        made = call.client("stepfunctions").create_state_machine(**arguments)
        return self._made(made["stateMachineArn"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateStateMachine and tags."""
        client = call.client("stepfunctions")
        source = {**self._fields(call), "stateMachineArn": physical_id}
        client.update_state_machine(**call.request("stepfunctions", "UpdateStateMachine", source))
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            client.untag_resource(resourceArn=physical_id, tagKeys=gone)
        if "Tags" in call.changed and call.tags():
            client.tag_resource(resourceArn=physical_id, tags=tag_list(call.tags(), "key", "value"))
        return self._made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteStateMachine."""
        call.client("stepfunctions").delete_state_machine(stateMachineArn=physical_id)

    def _fields(self, call: Call) -> dict[str, Any]:
        names = ("RoleArn", "LoggingConfiguration", "TracingConfiguration", "EncryptionConfiguration")
        fields = {name: call.get(name) for name in names}
        return {**fields, "Definition": self._definition(call)}

    def _definition(self, call: Call) -> str:
        text, location, document = (
            call.get("DefinitionString"),
            call.get("DefinitionS3Location"),
            call.get("Definition"),
        )
        if location is not None:
            body = call.client("s3").get_object(Bucket=location["Bucket"], Key=location["Key"])["Body"]
            text = body.read().decode("utf-8")
        elif document is not None:
            text = json.dumps(document)
        values = call.get("DefinitionSubstitutions") or {}
        return _SUBSTITUTION.sub(lambda match: str(values.get(match[1], match[0])), text) if values else text

    def _made(self, arn: str) -> Made:
        return Made(arn, {"Arn": arn, "Name": arn.rpartition(":")[2], "StateMachineRevisionId": "INITIAL"})


HANDLERS: dict[str, Handler] = {"AWS::StepFunctions::StateMachine": StateMachine()}
