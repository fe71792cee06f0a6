"""IAM roles, instance profiles, inline policies and managed policies."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map


class Role(Handler):
    """AWS::IAM::Role."""

    def create(self, call: Call) -> Made:
        """CreateRole, then its policies."""
        iam, name = call.client("iam"), call.chosen_name("RoleName")
        arguments = {
            "Path": call.get("Path"),
            "Description": call.get("Description"),
            "MaxSessionDuration": int(call.get("MaxSessionDuration", 3600)),
            "PermissionsBoundary": call.get("PermissionsBoundary"),
            "Tags": tag_list(call.tags()),
        }
        iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_text(call.get("AssumeRolePolicyDocument")),
            **{key: value for key, value in arguments.items() if value},
        )
        call.begin(name)
        self._set_policies(call, name, {})
        return self._made(call, name)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Trust, policies, description, boundary, tags."""
        iam = call.client("iam")
        document = _text(call.get("AssumeRolePolicyDocument"))
        iam.update_assume_role_policy(RoleName=physical_id, PolicyDocument=document)
        iam.update_role(
            RoleName=physical_id,
            Description=call.get("Description", ""),
            MaxSessionDuration=int(call.get("MaxSessionDuration", 3600)),
        )
        self._set_boundary(call, physical_id, old)
        self._set_policies(call, physical_id, old)
        self._set_tags(call, physical_id, old)
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteRole, after what CloudFormation itself attached."""
        iam = call.client("iam")
        for policy in call.get("Policies") or ():
            iam.delete_role_policy(RoleName=physical_id, PolicyName=policy["PolicyName"])
        for arn in call.get("ManagedPolicyArns") or ():
            iam.detach_role_policy(RoleName=physical_id, PolicyArn=arn)
        iam.delete_role(RoleName=physical_id)

    def _made(self, call: Call, name: str) -> Made:
        role = call.client("iam").get_role(RoleName=name)["Role"]
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def _set_policies(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        iam = call.client("iam")
        policies = call.get("Policies") or []
        kept = {policy["PolicyName"] for policy in policies}
        for policy in old.get("Policies") or ():
            if policy["PolicyName"] not in kept:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["PolicyName"])
        for policy in policies:
            document = _text(policy["PolicyDocument"])
            iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
        before, after = set(old.get("ManagedPolicyArns") or ()), set(call.get("ManagedPolicyArns") or ())
        for arn in sorted(before - after):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        for arn in sorted(after - before):
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    def _set_boundary(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        boundary = call.get("PermissionsBoundary")
        if boundary == old.get("PermissionsBoundary"):
            return
        iam = call.client("iam")
        if boundary:
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        else:
            iam.delete_role_permissions_boundary(RoleName=name)

    def _set_tags(self, call: Call, name: str, old: Mapping[str, Any]) -> None:
        gone = sorted(set(tag_map(old.get("Tags") or {})) - set(call.tags()))
        if gone:
            call.client("iam").untag_role(RoleName=name, TagKeys=gone)
        if call.tags():
            call.client("iam").tag_role(RoleName=name, Tags=tag_list(call.tags()))


class Policy(Handler):
    """AWS::IAM::Policy: the same inline policy in roles, users and groups."""

    def create(self, call: Call) -> Made:
        """Put the policy into each principal."""
        name = call.get("PolicyName")
        call.begin(name)
        self._put(call, _principals(call.properties))
        call.used |= {"Roles", "Users", "Groups", "PolicyDocument"}
        return Made(name, {"Id": name})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Put it into those that are wanted and out of those that are not."""
        now = _principals(call.properties)
        renamed = old["PolicyName"] != call.get("PolicyName")
        self._remove(call, old["PolicyName"], [item for item in _principals(old) if renamed or item not in now])
        self._put(call, now)
        del physical_id
        return Made(call.get("PolicyName"), {"Id": call.get("PolicyName")})

    def delete(self, call: Call, physical_id: str) -> None:
        """Take it out of each principal."""
        del physical_id
        self._remove(call, call.get("PolicyName"), _principals(call.properties))

    def _put(self, call: Call, principals: Iterable[tuple[str, str]]) -> None:
        document = _text(call.get("PolicyDocument"))
        for kind, principal in principals:
            put = getattr(call.client("iam"), f"put_{kind}_policy")
            put(**{f"{kind.title()}Name": principal}, PolicyName=call.get("PolicyName"), PolicyDocument=document)

    def _remove(self, call: Call, name: str, principals: Iterable[tuple[str, str]]) -> None:
        for kind, principal in principals:
            remove = getattr(call.client("iam"), f"delete_{kind}_policy")
            remove(**{f"{kind.title()}Name": principal}, PolicyName=name)


class ManagedPolicy(Handler):
    """AWS::IAM::ManagedPolicy."""

    def create(self, call: Call) -> Made:
        """CreatePolicy and attach it."""
        arguments = {"Path": call.get("Path"), "Description": call.get("Description")}
        arn = call.client("iam").create_policy(
            PolicyName=call.chosen_name("ManagedPolicyName", 128),
            PolicyDocument=_text(call.get("PolicyDocument")),
            **{key: value for key, value in arguments.items() if value},
        )["Policy"]["Arn"]
        call.begin(arn)
        self._attach(call, arn, _principals(call.properties))
        call.used |= {"Roles", "Users", "Groups", "PolicyDocument"}
        return Made(arn, {"PolicyArn": arn})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """A new default version; attachments as wanted."""
        iam = call.client("iam")
        if "PolicyDocument" in call.changed:
            before = iam.get_policy(PolicyArn=physical_id)["Policy"]["DefaultVersionId"]
            document = _text(call.get("PolicyDocument"))
            iam.create_policy_version(PolicyArn=physical_id, PolicyDocument=document, SetAsDefault=True)
            iam.delete_policy_version(PolicyArn=physical_id, VersionId=before)
        before_principals, now = _principals(old), _principals(call.properties)
        self._detach(call, physical_id, [item for item in before_principals if item not in now])
        self._attach(call, physical_id, [item for item in now if item not in before_principals])
        return Made(physical_id, {"PolicyArn": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeletePolicy, after detaching it."""
        self._detach(call, physical_id, _principals(call.properties))
        call.client("iam").delete_policy(PolicyArn=physical_id)

    def _attach(self, call: Call, arn: str, principals: Iterable[tuple[str, str]]) -> None:
        for kind, principal in principals:
            attach = getattr(call.client("iam"), f"attach_{kind}_policy")
            attach(**{f"{kind.title()}Name": principal}, PolicyArn=arn)

    def _detach(self, call: Call, arn: str, principals: Iterable[tuple[str, str]]) -> None:
        for kind, principal in principals:
            detach = getattr(call.client("iam"), f"detach_{kind}_policy")
            detach(**{f"{kind.title()}Name": principal}, PolicyArn=arn)


class InstanceProfile(Handler):
    """AWS::IAM::InstanceProfile."""

    def create(self, call: Call) -> Made:
        """CreateInstanceProfile and AddRoleToInstanceProfile."""
        iam, name = call.client("iam"), call.chosen_name("InstanceProfileName")
        profile = iam.create_instance_profile(InstanceProfileName=name, Path=call.get("Path", "/"))["InstanceProfile"]
        call.begin(name)
        for role in call.get("Roles"):
            iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=role)
        return Made(name, {"Arn": profile["Arn"]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Another role in the place of the old one."""
        iam = call.client("iam")
        for role in set(old.get("Roles") or ()) - set(call.get("Roles")):
            iam.remove_role_from_instance_profile(InstanceProfileName=physical_id, RoleName=role)
        for role in set(call.get("Roles")) - set(old.get("Roles") or ()):
            iam.add_role_to_instance_profile(InstanceProfileName=physical_id, RoleName=role)
        call.get("Path")
        profile = iam.get_instance_profile(InstanceProfileName=physical_id)["InstanceProfile"]
        return Made(physical_id, {"Arn": profile["Arn"]})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteInstanceProfile, after its role has left it."""
        iam = call.client("iam")
        for role in call.get("Roles"):
            iam.remove_role_from_instance_profile(InstanceProfileName=physical_id, RoleName=role)
        iam.delete_instance_profile(InstanceProfileName=physical_id)


def _principals(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    kinds = (("role", "Roles"), ("user", "Users"), ("group", "Groups"))
    return [(kind, name) for kind, plural in kinds for name in properties.get(plural) or ()]


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


HANDLERS: dict[str, Handler] = {
    "AWS::IAM::InstanceProfile": InstanceProfile(),
    "AWS::IAM::Role": Role(),
    "AWS::IAM::Policy": Policy(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
}
