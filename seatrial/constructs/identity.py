"""A role for exactly one AWS service: confused-deputy condition, one managed policy, no unexplained wildcard."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import jsii
from constructs import Construct

from seatrial.constructs import principals
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.justification import MINIMUM_REASON_CHARACTERS
from seatrial.constructs.unscoped import UNSCOPED_ACTIONS

KEY_USE_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
OBJECTS_REASON = "The objects' keys carry dates and job names that are made at run time; bucket and prefix are exact."


@jsii.implements(iam.IGrantable)
class ServiceRole(Construct):
    """A role that one AWS service may assume, for resources of this account only.

    Its rights live in one customer managed policy. Actions never carry a wildcard; a resource with one needs the
    sentence that says why; "*" alone is kept for the actions of `unscoped.UNSCOPED_ACTIONS`.
    """

    def __init__(self, scope: Construct, construct_id: str, *, service: str, description: str) -> None:
        super().__init__(scope, construct_id)
        account = {"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}}
        self.policy = iam.ManagedPolicy(self, "Policy", description=description)
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=principals.service(service, account),
            description=description,
            managed_policies=[self.policy],
        )
        self.fixed_role = self.role.without_policy_updates()
        self.wildcards: list[tuple[iam.ManagedPolicy, str, str]] = []
        """Policy, resource and reason of each wildcard, for `JustifiedWildcards`."""

    @property
    def grant_principal(self) -> iam.IPrincipal:
        """The role, for grants of other libraries."""
        return self.role

    @property
    def role_arn(self) -> str:
        """ARN of the role."""
        return self.role.role_arn

    def allow(
        self,
        *actions: str,
        on: Sequence[str],
        because: str | None = None,
        conditions: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Allow the actions on exactly these ARNs; `because` is needed when one of them holds a wildcard."""
        _refuse_action_wildcards(actions)
        for resource in on:
            self._note_wildcard(resource, because)
        self.policy.add_statements(
            iam.PolicyStatement(actions=[*actions], resources=[*on], conditions=dict(conditions or {}))
        )

    def allow_unscoped(self, *actions: str, conditions: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Allow actions that take no resource; refuses every other action."""
        for action in actions:
            if action not in UNSCOPED_ACTIONS:
                raise ConstructError(f"{self.node.path}: {action} takes a resource, so it cannot be allowed on '*'")
        self._note_wildcard("*", f"These actions take no resource (service authorization reference): {len(actions)}.")
        self.policy.add_statements(
            iam.PolicyStatement(actions=[*actions], resources=["*"], conditions=dict(conditions or {}))
        )

    def deny(self, *actions: str, conditions: Mapping[str, Mapping[str, Any]]) -> None:
        """Deny the actions on everything when the conditions hold."""
        self.policy.add_statements(
            iam.PolicyStatement(
                effect=iam.Effect.DENY, actions=[*actions], resources=["*"], conditions=dict(conditions)
            )
        )
        self._note_wildcard("*", "A denial is meant to cover every resource, whatever its name may be.")

    def allow_passing(self, role: iam.IRole, *, to: str) -> None:
        """Allow handing this one role to this one service."""
        self.allow("iam:PassRole", on=[role.role_arn], conditions={"StringEquals": {"iam:PassedToService": to}})

    def allow_reading(self, bucket: s3.IBucket, *prefixes: str) -> None:
        """Read objects below the prefixes ("" is the whole bucket) and list the bucket."""
        self.allow("s3:GetObject", on=_objects(bucket, prefixes), because=OBJECTS_REASON)
        self.allow("s3:GetBucketLocation", "s3:ListBucket", on=[bucket.bucket_arn])

    def allow_writing(self, bucket: s3.IBucket, *prefixes: str, multipart: bool = False) -> None:
        """Write objects below the prefixes ("" is the whole bucket); `multipart` for more than 5 GiB or streams."""
        abort = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts") if multipart else ()
        self.allow("s3:PutObject", *abort, on=_objects(bucket, prefixes), because=OBJECTS_REASON)

    def allow_key(self, key: kms.IKey, *, volumes: bool = False) -> None:
        """Use the key for data; with `volumes`, also let AWS services take grants for encrypted volumes."""
        self.allow(*KEY_USE_ACTIONS, on=[key.key_arn])
        if volumes:
            aws_only = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
            self.allow("kms:CreateGrant", on=[key.key_arn], conditions=aws_only)

    def allow_network_interfaces(
        self, subnets: Sequence[ec2.ISubnet], security_groups: Sequence[ec2.ISecurityGroup], *, permission: bool = False
    ) -> None:
        """Attach to these subnets with these security groups; `permission` is what SageMaker needs in addition."""
        stack = cdk.Stack.of(self)
        interface = stack.format_arn(service="ec2", resource="network-interface", resource_name="*")
        because = "Network interfaces get their ids when the service makes them; subnets and groups are exact."
        ids = [("subnet", subnet.subnet_id) for subnet in subnets]
        ids += [("security-group", group.security_group_id) for group in security_groups]
        places = [stack.format_arn(service="ec2", resource=kind, resource_name=name) for kind, name in ids]
        self.allow("ec2:CreateNetworkInterface", on=[interface, *places], because=because)
        extra = ("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission") if permission else ()
        addresses = () if permission else ("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
        self.allow("ec2:DeleteNetworkInterface", *extra, *addresses, on=[interface], because=because)
        looks = ("ec2:DescribeDhcpOptions", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs") if permission else ()
        self.allow_unscoped("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", *looks)

    def _note_wildcard(self, resource: str, because: str | None) -> None:
        if "*" not in resource:
            return
        if because is None or len(because) < MINIMUM_REASON_CHARACTERS:
            raise ConstructError(f"{self.node.path}: {resource!r} holds a wildcard, say in a sentence why it is right")
        self.wildcards.append((self.policy, resource, because))


def _objects(bucket: s3.IBucket, prefixes: Sequence[str]) -> list[str]:
    return [bucket.arn_for_objects(f"{prefix}*") for prefix in (prefixes or ("",))]


def _refuse_action_wildcards(actions: Sequence[str]) -> None:
    for action in actions:
        if "*" in action:
            raise ConstructError(f"action {action!r} holds a wildcard, list the actions one by one")
