"""IoT Core: topic rules, device policies, things and what is attached to them."""

import json
from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made


class TopicRule(Handler):
    """AWS::IoT::TopicRule."""

    def create(self, call: Call) -> Made:
        """CreateTopicRule."""
        # Names of rules take no dashes: CloudFormation makes them with underscores.
        name = call.get("RuleName") or call.name(128).replace("-", "_")
        tags = "&".join(f"{key}={value}" for key, value in call.tags().items())
        source = {"RuleName": name, "TopicRulePayload": call.get("TopicRulePayload"), "Tags": tags or None}
        call.client("iot").create_topic_rule(**call.request("iot", "CreateTopicRule", source))
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """ReplaceTopicRule."""
        del old
        call.get("Tags")  # moto keeps no tags of rules; the stack does
        if "TopicRulePayload" in call.changed:
            source = {"RuleName": physical_id, "TopicRulePayload": call.get("TopicRulePayload")}
            call.client("iot").replace_topic_rule(**call.request("iot", "ReplaceTopicRule", source))
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteTopicRule."""
        call.client("iot").delete_topic_rule(ruleName=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("iot", f"rule/{name}")})


class Policy(Handler):
    """AWS::IoT::Policy."""

    def create(self, call: Call) -> Made:
        """CreatePolicy."""
        name, document = call.chosen_name("PolicyName", 128), _document(call)
        call.get("Tags")
        call.client("iot").create_policy(policyName=name, policyDocument=document)
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """CreatePolicyVersion as the default; the versions before are removed, as AWS keeps five at most."""
        del old
        call.get("Tags")
        if "PolicyDocument" in call.changed:
            iot = call.client("iot")
            iot.create_policy_version(policyName=physical_id, policyDocument=_document(call), setAsDefault=True)
            self._remove_old_versions(call, physical_id)
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeletePolicy with all its versions."""
        self._remove_old_versions(call, physical_id)
        call.client("iot").delete_policy(policyName=physical_id)

    def _remove_old_versions(self, call: Call, name: str) -> None:
        iot = call.client("iot")
        for version in iot.list_policy_versions(policyName=name)["policyVersions"]:
            if not version["isDefaultVersion"]:
                iot.delete_policy_version(policyName=name, policyVersionId=version["versionId"])

    def _made(self, call: Call, name: str) -> Made:
        return Made(name, {"Arn": call.arn("iot", f"policy/{name}"), "Id": name})


class Thing(Handler):
    """AWS::IoT::Thing."""

    def create(self, call: Call) -> Made:
        """CreateThing."""
        name = call.chosen_name("ThingName", 128)
        source = {"ThingName": name, "AttributePayload": call.get("AttributePayload")}
        made = call.client("iot").create_thing(**call.request("iot", "CreateThing", source))
        return Made(name, {"Arn": made["thingArn"], "Id": made.get("thingId", name)})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """UpdateThing."""
        del old
        iot = call.client("iot")
        attributes = (call.get("AttributePayload") or {}).get("Attributes") or {}
        iot.update_thing(thingName=physical_id, attributePayload={"attributes": attributes, "merge": False})
        found = iot.describe_thing(thingName=physical_id)
        return Made(physical_id, {"Arn": found["thingArn"], "Id": found.get("thingId", physical_id)})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteThing."""
        call.client("iot").delete_thing(thingName=physical_id)


class ThingPrincipal(Handler):
    """AWS::IoT::ThingPrincipalAttachment."""

    def create(self, call: Call) -> Made:
        """AttachThingPrincipal."""
        thing, principal = call.get("ThingName"), call.get("Principal")
        call.get("ThingPrincipalType")
        call.client("iot").attach_thing_principal(thingName=thing, principal=principal)
        return Made(f"{thing}|{principal}")

    def delete(self, call: Call, physical_id: str) -> None:
        """DetachThingPrincipal."""
        thing, _, principal = physical_id.partition("|")
        call.client("iot").detach_thing_principal(thingName=thing, principal=principal)


class PolicyPrincipal(Handler):
    """AWS::IoT::PolicyPrincipalAttachment."""

    def create(self, call: Call) -> Made:
        """AttachPolicy."""
        policy, principal = call.get("PolicyName"), call.get("Principal")
        call.client("iot").attach_policy(policyName=policy, target=principal)
        return Made(f"{policy}|{principal}")

    def delete(self, call: Call, physical_id: str) -> None:
        """DetachPolicy."""
        policy, _, principal = physical_id.partition("|")
        call.client("iot").detach_policy(policyName=policy, target=principal)


def _document(call: Call) -> str:
    document = call.get("PolicyDocument")
    return document if isinstance(document, str) else json.dumps(document)


HANDLERS: dict[str, Handler] = {
    "AWS::IoT::TopicRule": TopicRule(),
    "AWS::IoT::Policy": Policy(),
    "AWS::IoT::Thing": Thing(),
    "AWS::IoT::ThingPrincipalAttachment": ThingPrincipal(),
    "AWS::IoT::PolicyPrincipalAttachment": PolicyPrincipal(),
}
