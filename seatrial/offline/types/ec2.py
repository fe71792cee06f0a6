"""Security groups, VPC endpoints, flow logs, addresses and NAT gateways."""

import contextlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from seatrial.offline.types.base import Call, Handler, Made, tag_list, tag_map

_SOURCES = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
}
_ALL_TRAFFIC = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def tag_specification(call: Call, kind: str) -> list[dict[str, Any]]:
    """EC2's TagSpecifications argument; empty without tags."""
    tags = tag_list(call.tags())
    return [{"ResourceType": kind, "Tags": tags}] if tags else []


def retag(call: Call, physical_id: str, old: Mapping[str, Any]) -> None:
    """Make an EC2 resource's tags what the properties say."""
    ec2, before, after = call.client("ec2"), tag_map(old.get("Tags") or {}), call.tags()
    gone = [{"Key": key} for key in before if key not in after]
    if gone:
        ec2.delete_tags(Resources=[physical_id], Tags=gone)
    if after:
        ec2.create_tags(Resources=[physical_id], Tags=tag_list(after))


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One rule as EC2's IpPermission."""
    result: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for name in ("FromPort", "ToPort"):
        if rule.get(name) is not None:
            result[name] = int(rule[name])
    description = {"Description": rule["Description"]} if rule.get("Description") else {}
    for name, (group, field) in _SOURCES.items():
        if rule.get(name):
            result[group] = [{field: rule[name], **description}]
    return result


class SecurityGroup(Handler):
    """AWS::EC2::SecurityGroup, with rules inside it."""

    def create(self, call: Call) -> Made:
        """Make the group; rules of egress replace the default one."""
        ec2 = call.client("ec2")
        arguments = {"VpcId": call.get("VpcId"), "TagSpecifications": tag_specification(call, "security-group")}
        group = ec2.create_security_group(
            GroupName=call.chosen_name("GroupName", 255),
            Description=call.get("GroupDescription"),
            **{key: value for key, value in arguments.items() if value},
        )["GroupId"]
        call.begin(group)
        self._authorize(call, group, call.get("SecurityGroupIngress") or [], egress=False)
        rules = call.get("SecurityGroupEgress")
        if rules:
            self._revoke(call, group, [_ALL_TRAFFIC], egress=True)
            self._authorize(call, group, rules, egress=True)
        return self._made(call, group)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Replace the rules that differ."""
        for name, egress in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
            default = [_ALL_TRAFFIC] if egress else []
            before, after = old.get(name) or default, call.get(name) or default
            self._revoke(call, physical_id, [rule for rule in before if rule not in after], egress=egress)
            self._authorize(call, physical_id, [rule for rule in after if rule not in before], egress=egress)
        retag(call, physical_id, old)
        return self._made(call, physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteSecurityGroup."""
        call.client("ec2").delete_security_group(GroupId=physical_id)

    def _made(self, call: Call, group: str) -> Made:
        return Made(group, {"GroupId": group, "Id": group, "VpcId": call.get("VpcId")})

    def _authorize(self, call: Call, group: str, rules: list[Mapping[str, Any]], *, egress: bool) -> None:
        if rules:
            ec2 = call.client("ec2")
            action = ec2.authorize_security_group_egress if egress else ec2.authorize_security_group_ingress
            action(GroupId=group, IpPermissions=[permission(rule) for rule in rules])

    def _revoke(self, call: Call, group: str, rules: list[Mapping[str, Any]], *, egress: bool) -> None:
        if rules:
            ec2 = call.client("ec2")
            action = ec2.revoke_security_group_egress if egress else ec2.revoke_security_group_ingress
            action(GroupId=group, IpPermissions=[permission(rule) for rule in rules])


class SecurityGroupRule(Handler):
    """AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress."""

    def __init__(self, *, egress: bool) -> None:
        self._egress = egress

    def create(self, call: Call) -> Made:
        """Authorize the rule."""
        rule, ec2 = call.rest(), call.client("ec2")
        action = ec2.authorize_security_group_egress if self._egress else ec2.authorize_security_group_ingress
        made = action(GroupId=rule["GroupId"], IpPermissions=[permission(rule)])
        rules = made.get("SecurityGroupRules") or [{}]
        identity = rules[0].get("SecurityGroupRuleId") or call.name()
        return Made(identity, {"Id": identity})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """A rule's description is all that can change in place."""
        self._revoke(call, old)
        del physical_id
        return self.create(call)

    def delete(self, call: Call, physical_id: str) -> None:
        """Revoke the rule."""
        del physical_id
        self._revoke(call, call.properties)

    def _revoke(self, call: Call, rule: Mapping[str, Any]) -> None:
        ec2 = call.client("ec2")
        action = ec2.revoke_security_group_egress if self._egress else ec2.revoke_security_group_ingress
        action(GroupId=rule["GroupId"], IpPermissions=[permission(rule)])


class VpcEndpoint(Handler):
    """AWS::EC2::VPCEndpoint."""

    def create(self, call: Call) -> Made:
        """CreateVpcEndpoint."""
        arguments = call.request("ec2", "CreateVpcEndpoint", call.rest("Tags"))
        made = call.client("ec2").create_vpc_endpoint(
            **arguments, TagSpecifications=tag_specification(call, "vpc-endpoint")
        )["VpcEndpoint"]
        return self._made(made)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """ModifyVpcEndpoint; DNS and security groups have no meaning on the loopback beyond being recorded."""
        arguments: dict[str, Any] = {}
        if "PolicyDocument" in call.changed:
            arguments["PolicyDocument"] = _json(call.get("PolicyDocument"))
        for plural, singular in (("SubnetIds", "Subnet"), ("RouteTableIds", "RouteTable")):
            before, after = set(old.get(plural) or ()), set(call.get(plural) or ())
            if after - before:
                arguments[f"Add{singular}Ids"] = sorted(after - before)
            if before - after:
                arguments[f"Remove{singular}Ids"] = sorted(before - after)
        if arguments:
            call.client("ec2").modify_vpc_endpoint(VpcEndpointId=physical_id, **arguments)
        retag(call, physical_id, old)
        found = call.client("ec2").describe_vpc_endpoints(VpcEndpointIds=[physical_id])
        return self._made(found["VpcEndpoints"][0])

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteVpcEndpoints."""
        call.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[physical_id])

    def _made(self, endpoint: Mapping[str, Any]) -> Made:
        names = [f"{entry.get('HostedZoneId', '')}:{entry['DnsName']}" for entry in endpoint.get("DnsEntries") or ()]
        attributes = {
            "Id": endpoint["VpcEndpointId"],
            "NetworkInterfaceIds": endpoint.get("NetworkInterfaceIds") or [],
            "DnsEntries": names,
            "CreationTimestamp": str(endpoint.get("CreationTimestamp", "")),
        }
        return Made(endpoint["VpcEndpointId"], attributes)


class FlowLog(Handler):
    """AWS::EC2::FlowLog."""

    def create(self, call: Call) -> Made:
        """CreateFlowLogs."""
        fields = call.rest("Tags", "ResourceId")
        arguments = call.request("ec2", "CreateFlowLogs", {**fields, "ResourceIds": [call.get("ResourceId")]})
        made = call.client("ec2").create_flow_logs(
            **arguments, TagSpecifications=tag_specification(call, "vpc-flow-log")
        )
        if made.get("Unsuccessful"):
            from seatrial.offline.engine.errors import ResourceError

            raise ResourceError(made["Unsuccessful"][0]["Error"]["Message"])
        return Made(made["FlowLogIds"][0], {"Id": made["FlowLogIds"][0]})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        retag(call, physical_id, old)
        return Made(physical_id, {"Id": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteFlowLogs."""
        call.client("ec2").delete_flow_logs(FlowLogIds=[physical_id])


class ElasticIp(Handler):
    """AWS::EC2::EIP."""

    def create(self, call: Call) -> Made:
        """AllocateAddress."""
        call.get("Domain")
        made = call.client("ec2").allocate_address(
            Domain="vpc", TagSpecifications=tag_specification(call, "elastic-ip")
        )
        attributes = {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}
        return Made(made["PublicIp"], attributes)

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        found = call.client("ec2").describe_addresses(PublicIps=[physical_id])["Addresses"][0]
        retag(call, found["AllocationId"], old)
        return Made(physical_id, {"AllocationId": found["AllocationId"], "PublicIp": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """ReleaseAddress."""
        ec2 = call.client("ec2")
        found = ec2.describe_addresses(PublicIps=[physical_id])["Addresses"]
        for address in found:
            with contextlib.suppress(ClientError):
                ec2.disassociate_address(AssociationId=address["AssociationId"]) if "AssociationId" in address else None
            ec2.release_address(AllocationId=address["AllocationId"])


class NatGateway(Handler):
    """AWS::EC2::NatGateway."""

    def create(self, call: Call) -> Made:
        """CreateNatGateway."""
        arguments = call.request("ec2", "CreateNatGateway", call.rest("Tags"))
        made = call.client("ec2").create_nat_gateway(
            **arguments, TagSpecifications=tag_specification(call, "natgateway")
        )["NatGateway"]["NatGatewayId"]
        return Made(made, {"NatGatewayId": made})

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Tags are all that can change in place."""
        retag(call, physical_id, old)
        return Made(physical_id, {"NatGatewayId": physical_id})

    def delete(self, call: Call, physical_id: str) -> None:
        """DeleteNatGateway."""
        call.client("ec2").delete_nat_gateway(NatGatewayId=physical_id)


def _json(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


HANDLERS: dict[str, Handler] = {
    "AWS::EC2::SecurityGroup": SecurityGroup(),
    "AWS::EC2::SecurityGroupIngress": SecurityGroupRule(egress=False),
    "AWS::EC2::SecurityGroupEgress": SecurityGroupRule(egress=True),
    "AWS::EC2::VPCEndpoint": VpcEndpoint(),
    "AWS::EC2::FlowLog": FlowLog(),
    "AWS::EC2::EIP": ElasticIp(),
    "AWS::EC2::NatGateway": NatGateway(),
}
