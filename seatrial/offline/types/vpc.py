"""VPCs with their subnets, route tables, routes and internet gateways."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made
from seatrial.offline.types.ec2 import retag, tag_specification

_ROUTE_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "EgressOnlyInternetGatewayId",
    "VpcEndpointId",
)
_ROUTE_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


class Vpc(Handler):
    """AWS::EC2::VPC."""

    def create(self, call: Call) -> Made:
        """CreateVpc, then its DNS attributes."""
        ec2 = call.client("ec2")
        vpc = ec2.create_vpc(
            CidrBlock=call.get("CidrBlock"),
            InstanceTenancy=call.get("InstanceTenancy", "default"),
            TagSpecifications=tag_specification(call, "vpc"),
        )["Vpc"]
        self._set_dns(call, call.begin(vpc["VpcId"]))
        return self._made(call, vpc["VpcId"])

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """DNS attributes and tags."""
        self._set_dns(call, physical_id)
        retag(call, physical_id, old)
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteVpc."""
        call.client("ec2").delete_vpc(VpcId=physical_id)

    def _set_dns(self, call: Call, vpc: str) -> None:
        ec2 = call.client("ec2")
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsSupport={"Value": call.flag("EnableDnsSupport", True)})
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": call.flag("EnableDnsHostnames")})

    def _made(self, call: Call, vpc: str) -> Made:
        ec2 = call.client("ec2")
        here = [{"Name": "vpc-id", "Values": [vpc]}]
        group = ec2.describe_security_groups(Filters=[*here, {"Name": "group-name", "Values": ["default"]}])
        acl = ec2.describe_network_acls(Filters=[*here, {"Name": "default", "Values": ["true"]}])
        found = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]
        blocks = [block["AssociationId"] for block in found.get("CidrBlockAssociationSet", ())]
        attributes = {
            "VpcId": vpc,
            "CidrBlock": found["CidrBlock"],
            "CidrBlockAssociations": blocks,
            "DefaultSecurityGroup": group["SecurityGroups"][0]["GroupId"] if group["SecurityGroups"] else "",
            "DefaultNetworkAcl": acl["NetworkAcls"][0]["NetworkAclId"] if acl["NetworkAcls"] else "",
            "Ipv6CidrBlocks": [],
        }
        return Made(vpc, attributes)


class Subnet(Handler):
    """AWS::EC2::Subnet."""

    def create(self, call: Call) -> Made:
        """CreateSubnet."""
        arguments = {name: call.get(name) for name in ("VpcId", "CidrBlock", "AvailabilityZone", "AvailabilityZoneId")}
        subnet = call.client("ec2").create_subnet(
            **{name: value for name, value in arguments.items() if value},
            TagSpecifications=tag_specification(call, "subnet"),
        )["Subnet"]
        self._set_public(call, call.begin(subnet["SubnetId"]))
        return self._made(subnet)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Public addresses and tags."""
        self._set_public(call, physical_id)
        retag(call, physical_id, old)
        return self._made(call.client("ec2").describe_subnets(SubnetIds=[physical_id])["Subnets"][0])

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteSubnet."""
        call.client("ec2").delete_subnet(SubnetId=physical_id)

    def _set_public(self, call: Call, subnet: str) -> None:
        public = call.flag("MapPublicIpOnLaunch")
        call.client("ec2").modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": public})

    def _made(self, subnet: Mapping[str, Any]) -> Made:
        attributes = {name: subnet[name] for name in ("SubnetId", "VpcId", "CidrBlock", "AvailabilityZone")}
        return Made(subnet["SubnetId"], {**attributes, "NetworkAclAssociationId": "", "Ipv6CidrBlocks": []})


class RouteTable(Handler):
    """AWS::EC2::RouteTable."""

    def create(self, call: Call) -> Made:
        """CreateRouteTable."""
        made = call.client("ec2").create_route_table(
            VpcId=call.get("VpcId"), TagSpecifications=tag_specification(call, "route-table")
        )["RouteTable"]["RouteTableId"]
        return Made(made, {"RouteTableId": made})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        retag(call, physical_id, old)
        return Made(physical_id, {"RouteTableId": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteRouteTable."""
        call.client("ec2").delete_route_table(RouteTableId=physical_id)


class RouteTableAssociation(Handler):
    """AWS::EC2::SubnetRouteTableAssociation."""

    def create(self, call: Call) -> Made:
        """AssociateRouteTable."""
        made = call.client("ec2").associate_route_table(
            RouteTableId=call.get("RouteTableId"), SubnetId=call.get("SubnetId")
        )["AssociationId"]
        return Made(made, {"Id": made})

    def delete(self, call: Call, physical_id: str) -> None:
        """DisassociateRouteTable."""
        call.client("ec2").disassociate_route_table(AssociationId=physical_id)


class Route(Handler):
    """AWS::EC2::Route."""

    def create(self, call: Call) -> Made:
        """CreateRoute."""
        call.client("ec2").create_route(**call.request("ec2", "CreateRoute", call.rest()))
        return self._made(call)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """ReplaceRoute."""
        del physical_id, old
        call.client("ec2").replace_route(**call.request("ec2", "ReplaceRoute", call.rest()))
        return self._made(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteRoute."""
        del physical_id
        fields = call.rest(*_ROUTE_TARGETS)
        call.client("ec2").delete_route(**call.request("ec2", "DeleteRoute", fields))

    def _made(self, call: Call) -> Made:
        destination = next(call.get(name) for name in _ROUTE_DESTINATIONS if call.get(name))
        return Made(f"{call.get('RouteTableId')}|{destination}", {"CidrBlock": destination})


class InternetGateway(Handler):
    """AWS::EC2::InternetGateway."""

    def create(self, call: Call) -> Made:
        """CreateInternetGateway."""
        made = call.client("ec2").create_internet_gateway(
            TagSpecifications=tag_specification(call, "internet-gateway")
        )["InternetGateway"]["InternetGatewayId"]
        return Made(made, {"InternetGatewayId": made})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        retag(call, physical_id, old)
        return Made(physical_id, {"InternetGatewayId": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteInternetGateway."""
        call.client("ec2").delete_internet_gateway(InternetGatewayId=physical_id)


class GatewayAttachment(Handler):
    """AWS::EC2::VPCGatewayAttachment of an internet gateway."""

    def create(self, call: Call) -> Made:
        """AttachInternetGateway."""
        gateway, vpc = call.get("InternetGatewayId"), call.get("VpcId")
        call.client("ec2").attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        return Made(f"IGW|{vpc}", {"AttachmentType": "IGW"})

    def delete(self, call: Call, physical_id: str) -> None:
        """DetachInternetGateway."""
        del physical_id
        call.client("ec2").detach_internet_gateway(
            InternetGatewayId=call.get("InternetGatewayId"), VpcId=call.get("VpcId")
        )


HANDLERS: dict[str, Handler] = {
    "AWS::EC2::VPC": Vpc(),
    "AWS::EC2::Subnet": Subnet(),
    "AWS::EC2::RouteTable": RouteTable(),
    "AWS::EC2::SubnetRouteTableAssociation": RouteTableAssociation(),
    "AWS::EC2::Route": Route(),
    "AWS::EC2::InternetGateway": InternetGateway(),
    "AWS::EC2::VPCGatewayAttachment": GatewayAttachment(),
}
