"""Where workloads are attached: the VPC, subnets and security groups that jobs, endpoints and functions share."""

from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
from constructs import Construct

from seatrial.constructs.errors import ConstructError

_NO_ROUTES = "@aws-cdk/aws-ec2:noSubnetRouteTableId"


@dataclass(frozen=True, kw_only=True)
class WorkloadNetwork:
    """Where jobs, endpoints and functions are attached; the ids belong to the subnets and groups, in their order."""

    vpc: ec2.IVpc
    subnets: tuple[ec2.ISubnet, ...]
    security_groups: tuple[ec2.ISecurityGroup, ...]
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]

    @classmethod
    def existing(
        cls,
        scope: Construct,
        construct_id: str,
        *,
        vpc_id: str,
        subnet_ids: Sequence[str],
        availability_zones: Sequence[str],
        security_group_id: str,
    ) -> "WorkloadNetwork":
        """A VPC that is already there, given by ids: nothing is looked up."""
        if len(subnet_ids) < 2 or len(subnet_ids) != len(availability_zones):
            raise ConstructError(
                f"{construct_id}: an existing network needs at least two subnets and a zone for each, "
                f"got {len(subnet_ids)} subnets and {len(availability_zones)} zones"
            )
        place = Construct(scope, construct_id)
        vpc = ec2.Vpc.from_vpc_attributes(
            place,
            "Vpc",
            vpc_id=vpc_id,
            availability_zones=[*availability_zones],
            isolated_subnet_ids=[*subnet_ids],
        )
        for subnet in vpc.isolated_subnets:
            reason = "routes of an existing network are its owner's"
            cdk.Annotations.of(subnet).acknowledge_warning(_NO_ROUTES, reason)
        group = ec2.SecurityGroup.from_security_group_id(place, "Workloads", security_group_id, mutable=False)
        return cls(
            vpc=vpc,
            subnets=tuple(vpc.isolated_subnets),
            security_groups=(group,),
            subnet_ids=tuple(subnet_ids),
            security_group_ids=(security_group_id,),
        )
