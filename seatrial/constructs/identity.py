"""A role for exactly one AWS service: confused-deputy condition, one managed policy, no unexplained wildcard."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
import aws_cdk.aws_iam as iam
import aws_cdk.aws_kms as kms
import aws_cdk.aws_s3 as s3
import jsii
from constructs import Construct, IConstruct

from seatrial.constructs.arns import place_of
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.justification import MINIMUM_REASON_CHARACTERS
from seatrial.constructs.unscoped import UNSCOPED_ACTIONS
from seatrial.constructs.workload import WorkloadNetwork

KEY_USE_ACTIONS = ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
OBJECTS_REASON = "The objects' keys carry dates and job names that are made at run time; bucket and prefix are exact."


class ServiceRole(Construct):
    """A role that one AWS service may assume, for resources of this account only.

    `for_instances` leaves the condition on the account out: EC2 assumes an instance's role without telling one, and
    hands it to instances of the role's own account anyway.

    Its rights live in one customer managed policy. Actions never carry a wildcard; a resource with one needs the
    sentence that says why; "*" alone is kept for the actions of `unscoped.UNSCOPED_ACTIONS`. The statements are
    plain data that CDK asks for when it synthesizes: a call across to Node for each would double the cost of synth.
    `same_service` are further principals of a service that acts under several names, such as Redshift.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        service: str,
        description: str,
        same_service: Sequence[str] = (),
        for_instances: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        self.statements: list[dict[str, Any]] = []
        self.policy = iam.CfnManagedPolicy(
            self, "Policy", description=description, policy_document=cdk.Lazy.any(_Document(self.statements))
        )
        self.cfn_role = iam.CfnRole(
            self,
            "Role",
            assume_role_policy_document=_trust(
                [service, *same_service], None if for_instances else place_of(self).account
            ),
            description=description,
            managed_policy_arns=[self.policy.ref],
        )
        self.role_arn: str = self.cfn_role.attr_arn
        self.role_name: str = self.cfn_role.ref
        self.wildcards: list[tuple[IConstruct, str, str]] = []
        """Policy, resource and reason of each wildcard, for `JustifiedWildcards`."""

    @property
    def role(self) -> iam.IRole:
        """The role for constructs of other libraries; what they try to add to it is not added, see `allow`."""
        existing = self.node.try_find_child("Given")
        return existing or iam.Role.from_role_arn(self, "Given", self.role_arn, mutable=False)  # type: ignore[return-value]

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
        self._state("Allow", actions, on, conditions)

    def allow_unscoped(self, *actions: str, conditions: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Allow actions that take no resource; refuses every other action."""
        for action in actions:
            if action not in UNSCOPED_ACTIONS:
                raise ConstructError(f"{self.node.path}: {action} takes a resource, so it cannot be allowed on '*'")
        self._note_wildcard("*", f"These actions take no resource (service authorization reference): {len(actions)}.")
        self._state("Allow", actions, ["*"], conditions)

    def deny(self, *actions: str, conditions: Mapping[str, Mapping[str, Any]]) -> None:
        """Deny the actions on everything when the conditions hold."""
        self._state("Deny", actions, ["*"], conditions)
        self._note_wildcard("*", "A denial is meant to cover every resource, whatever its name may be.")

    def allow_passing(self, role_arn: str, *, to: str) -> None:
        """Allow handing this one role to this one service."""
        self.allow("iam:PassRole", on=[role_arn], conditions={"StringEquals": {"iam:PassedToService": to}})

    def allow_reading(self, bucket: s3.IBucket, *prefixes: str) -> None:
        """Read objects below the prefixes ("" is the whole bucket) and list the bucket."""
        self.allow("s3:GetObject", on=_objects(bucket, prefixes), because=OBJECTS_REASON)
        self.allow("s3:GetBucketLocation", "s3:ListBucket", on=[bucket.bucket_arn])

    def allow_writing(self, bucket: s3.IBucket, *prefixes: str, multipart: bool = False) -> None:
        """Write objects below the prefixes ("" is the whole bucket); `multipart` for more than 5 GiB or streams."""
        abort = ("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts") if multipart else ()
        self.allow("s3:PutObject", *abort, on=_objects(bucket, prefixes), because=OBJECTS_REASON)

    def allow_deleting(self, bucket: s3.IBucket, *prefixes: str) -> None:
        """Delete objects below the prefixes ("" is the whole bucket), as jobs do that replace a partition."""
        self.allow("s3:DeleteObject", on=_objects(bucket, prefixes), because=OBJECTS_REASON)

    def allow_key(self, key: kms.IKey, *, volumes: bool = False) -> None:
        """Use the key for data; with `volumes`, also let AWS services take grants for encrypted volumes."""
        self.allow(*KEY_USE_ACTIONS, on=[key.key_arn])
        if volumes:
            aws_only = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
            self.allow("kms:CreateGrant", on=[key.key_arn], conditions=aws_only)

    def allow_network_interfaces(self, network: WorkloadNetwork, *, permission: bool = False) -> None:
        """Attach to these subnets with these security groups; `permission` is what SageMaker needs in addition."""
        place = place_of(self)
        interface = place.arn("ec2", "network-interface", "*")
        because = "Network interfaces get their ids when the service makes them; subnets and groups are exact."
        places = [place.arn("ec2", "subnet", name) for name in network.subnet_ids]
        places += [place.arn("ec2", "security-group", name) for name in network.security_group_ids]
        self.allow("ec2:CreateNetworkInterface", on=[interface, *places], because=because)
        extra = ("ec2:CreateNetworkInterfacePermission", "ec2:DeleteNetworkInterfacePermission") if permission else ()
        addresses = () if permission else ("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses")
        self.allow("ec2:DeleteNetworkInterface", *extra, *addresses, on=[interface], because=because)
        looks = ("ec2:DescribeDhcpOptions", "ec2:DescribeSecurityGroups", "ec2:DescribeVpcs") if permission else ()
        self.allow_unscoped("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", *looks)

    def _state(
        self, effect: str, actions: Sequence[str], on: Sequence[str], conditions: Mapping[str, Any] | None
    ) -> None:
        statement: dict[str, Any] = {"Action": _few(sorted(actions)), "Effect": effect, "Resource": _few(on)}
        if conditions:
            statement["Condition"] = dict(conditions)
        if statement not in self.statements:
            self.statements.append(statement)

    def _note_wildcard(self, resource: str, because: str | None) -> None:
        if "*" not in resource:
            return
        if because is None or len(because) < MINIMUM_REASON_CHARACTERS:
            raise ConstructError(f"{self.node.path}: {resource!r} holds a wildcard, say in a sentence why it is right")
        self.wildcards.append((self.policy, resource, because))


@jsii.implements(cdk.IStableAnyProducer)
class _Document:
    """The policy document, put together when CDK asks for it."""

    def __init__(self, statements: list[dict[str, Any]]) -> None:
        self._statements = statements

    def produce(self) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": self._statements}


def _trust(services: Sequence[str], account: str | None) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": _few(services)},
    }
    if account is not None:
        statement["Condition"] = {"StringEquals": {"aws:SourceAccount": account}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _few(values: Sequence[str]) -> str | list[str]:
    """A single value alone, as CloudFormation writes policies."""
    return values[0] if len(values) == 1 else [*values]


def _objects(bucket: s3.IBucket, prefixes: Sequence[str]) -> list[str]:
    return [bucket.arn_for_objects(f"{prefix}*") for prefix in (prefixes or ("",))]


def _refuse_action_wildcards(actions: Sequence[str]) -> None:
    for action in actions:
        if "*" in action:
            raise ConstructError(f"action {action!r} holds a wildcard, list the actions one by one")
