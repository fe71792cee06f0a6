"""The network of the workloads: isolated subnets, VPC endpoints for the services used, flow logs; or a given VPC."""

import ipaddress
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
import aws_cdk.aws_ec2 as ec2
import aws_cdk.aws_kms as kms
import aws_cdk.aws_logs as logs
from constructs import Construct

from seatrial.constructs.arns import place_of
from seatrial.constructs.endpoint_services import GATEWAY_ACTIONS, INTERFACE_ACTIONS, OPTIONAL_ACTIONS
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.identity import ServiceRole
from seatrial.constructs.justification import justify
from seatrial.constructs.prefix_lists import PREFIX_LISTS
from seatrial.constructs.storage import log_group
from seatrial.constructs.workload import WorkloadNetwork

HTTPS = 443
ANYWHERE = "0.0.0.0/0"
PUBLIC_ROUTE_REASON = (
    "The engagement asked for NAT gateways: these public subnets hold nothing but them, and no public address is given."
)
_INTERFACES = INTERFACE_ACTIONS | OPTIONAL_ACTIONS


class Network(Construct):
    """A VPC with isolated subnets; workloads reach AWS only through endpoints that have policies of their own.

    `nat_gateways` above 0 adds public subnets with NAT gateways and lets workloads reach HTTPS anywhere.
    `interface_services` names the interface endpoints, `more_actions` what the endpoints of "s3", "dynamodb"
    and those services let through besides, `readable_buckets` ARNs of objects in buckets of AWS's own that may be read.
    `prefix_lists` gives the ids for "s3" and "dynamodb" in a region that is not in `prefix_lists.PREFIX_LISTS`.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        encryption_key: kms.IKey,
        cidr: str = "10.42.0.0/16",
        max_azs: int = 2,
        nat_gateways: int = 0,
        flow_log_retention_days: int = 365,
        interface_services: Sequence[str] = tuple(INTERFACE_ACTIONS),
        more_actions: Mapping[str, Sequence[str]] | None = None,
        readable_buckets: Sequence[str] = (),
        prefix_lists: Mapping[str, str] | None = None,
        destroy_data: bool = False,
    ) -> None:
        super().__init__(scope, construct_id)
        _check(max_azs, nat_gateways, interface_services)
        self._more_actions, self._readable_buckets = more_actions or {}, [*readable_buckets]
        lists = prefix_lists or _published_prefix_lists(place_of(self).region)
        ranges = [str(part) for part in ipaddress.ip_network(cidr).subnets(prefixlen_diff=3)]
        self.cfn_vpc = ec2.CfnVPC(self, "Vpc", cidr_block=cidr, enable_dns_hostnames=True, enable_dns_support=True)
        self.zones = [cdk.Fn.select(index, cdk.Fn.get_azs()) for index in range(max_azs)]
        self.cfn_subnets = [self._subnet(f"Isolated{index + 1}", index, ranges[index]) for index in range(max_azs)]
        self.route_tables = [self._route_table(f"Isolated{i + 1}", subnet) for i, subnet in enumerate(self.cfn_subnets)]
        self.vpc = self._import_vpc()
        if nat_gateways:
            self._nat(ranges[4:], nat_gateways, max_azs)
        self.endpoint_security_group = self._group("Endpoints", "HTTPS from the workloads to the VPC endpoints")
        self.workload_security_group = self._group("Workloads", "Jobs, endpoints and functions: out to endpoints only")
        self._connect(lists, open_https=nat_gateways > 0)
        self.gateway_endpoints = {name: self._gateway(name) for name in GATEWAY_ACTIONS}
        self.interface_endpoints = {name: self._interface(name) for name in interface_services}
        self._flow_logs(encryption_key, flow_log_retention_days, destroy_data)
        self._justify()

    @property
    def workload(self) -> WorkloadNetwork:
        """What jobs, endpoints and functions are attached to."""
        return WorkloadNetwork(
            vpc=self.vpc,
            subnets=tuple(self.vpc.isolated_subnets),
            security_groups=(self._imported_group,),
            subnet_ids=tuple(subnet.ref for subnet in self.cfn_subnets),
            security_group_ids=(self.workload_security_group.attr_group_id,),
        )

    def _subnet(self, name: str, index: int, block: str) -> ec2.CfnSubnet:
        return ec2.CfnSubnet(
            self,
            f"{name}Subnet",
            vpc_id=self.cfn_vpc.ref,
            cidr_block=block,
            availability_zone=self.zones[index],
            map_public_ip_on_launch=False,
        )

    def _route_table(self, name: str, subnet: ec2.CfnSubnet) -> ec2.CfnRouteTable:
        table = ec2.CfnRouteTable(self, f"{name}Routes", vpc_id=self.cfn_vpc.ref)
        ec2.CfnSubnetRouteTableAssociation(self, f"{name}Association", route_table_id=table.ref, subnet_id=subnet.ref)
        return table

    def _import_vpc(self) -> ec2.IVpc:
        return ec2.Vpc.from_vpc_attributes(
            self,
            "Imported",
            vpc_id=self.cfn_vpc.ref,
            availability_zones=self.zones,
            isolated_subnet_ids=[subnet.ref for subnet in self.cfn_subnets],
            isolated_subnet_route_table_ids=[table.ref for table in self.route_tables],
        )

    def _group(self, name: str, description: str) -> ec2.CfnSecurityGroup:
        return ec2.CfnSecurityGroup(
            self,
            f"{name}SecurityGroup",
            group_description=description,
            vpc_id=self.cfn_vpc.ref,
            # Without a rule of its own a group may send anything anywhere; this one matches nothing.
            security_group_egress=[
                ec2.CfnSecurityGroup.EgressProperty(
                    ip_protocol="icmp", from_port=252, to_port=86, cidr_ip="255.255.255.255/32", description="nothing"
                )
            ],
        )

    def _connect(self, lists: Mapping[str, str], *, open_https: bool) -> None:
        workloads, endpoints = self.workload_security_group, self.endpoint_security_group
        ec2.CfnSecurityGroupIngress(
            self,
            "FromWorkloads",
            group_id=endpoints.attr_group_id,
            source_security_group_id=workloads.attr_group_id,
            **_https("workloads"),
        )
        ec2.CfnSecurityGroupEgress(
            self,
            "ToEndpoints",
            group_id=workloads.attr_group_id,
            destination_security_group_id=endpoints.attr_group_id,
            **_https("VPC endpoints"),
        )
        for service, prefix_list in lists.items():
            ec2.CfnSecurityGroupEgress(
                self,
                f"To{service.capitalize()}",
                group_id=workloads.attr_group_id,
                destination_prefix_list_id=prefix_list,
                **_https(f"{service} gateway endpoint"),
            )
        if open_https:
            ec2.CfnSecurityGroupEgress(
                self, "ToInternet", group_id=workloads.attr_group_id, cidr_ip=ANYWHERE, **_https("through NAT")
            )
        self._imported_group = ec2.SecurityGroup.from_security_group_id(
            self, "ImportedWorkloads", workloads.attr_group_id, mutable=False
        )

    def _gateway(self, service: str) -> ec2.CfnVPCEndpoint:
        return ec2.CfnVPCEndpoint(
            self,
            f"{service.capitalize()}Endpoint",
            vpc_id=self.cfn_vpc.ref,
            service_name=f"com.amazonaws.{place_of(self).region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[table.ref for table in self.route_tables],
            policy_document=self._gateway_policy(service),
        )

    def _interface(self, service: str) -> ec2.CfnVPCEndpoint:
        return ec2.CfnVPCEndpoint(
            self,
            "".join(part.capitalize() for part in service.split(".")) + "Endpoint",
            vpc_id=self.cfn_vpc.ref,
            service_name=f"com.amazonaws.{place_of(self).region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[subnet.ref for subnet in self.cfn_subnets],
            security_group_ids=[self.endpoint_security_group.attr_group_id],
            policy_document=self._endpoint_policy([*_INTERFACES[service], *self._more_actions.get(service, ())]),
        )

    def _gateway_policy(self, service: str) -> dict:
        policy = self._endpoint_policy(sorted({*GATEWAY_ACTIONS[service], *self._more_actions.get(service, ())}))
        if service == "s3" and self._readable_buckets:
            policy["Statement"].append(
                {
                    "Sid": "PackagesOfAws",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": ["s3:GetObject"],
                    "Resource": self._readable_buckets,
                    "Condition": {"StringEquals": {"aws:PrincipalAccount": place_of(self).account}},
                }
            )
        return policy

    def _endpoint_policy(self, actions: Sequence[str]) -> dict:
        account = place_of(self).account
        statement = {
            "Sid": "OwnAccountOnly",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [*actions],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}},
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    def _nat(self, ranges: Sequence[str], nat_gateways: int, zones: int) -> None:
        gateway = ec2.CfnInternetGateway(self, "InternetGateway")
        attached = ec2.CfnVPCGatewayAttachment(
            self, "InternetAttachment", vpc_id=self.cfn_vpc.ref, internet_gateway_id=gateway.ref
        )
        nats = []
        for index in range(min(nat_gateways, zones)):
            subnet = self._subnet(f"Public{index + 1}", index, ranges[index])
            table = self._route_table(f"Public{index + 1}", subnet)
            route = ec2.CfnRoute(
                self,
                f"Public{index + 1}Internet",
                route_table_id=table.ref,
                destination_cidr_block=ANYWHERE,
                gateway_id=gateway.ref,
            )
            route.add_resource_dependency(attached)
            justify(route, "NIST.800.53.R5-VPCNoUnrestrictedRouteToIGW", PUBLIC_ROUTE_REASON)
            address = ec2.CfnEIP(self, f"Nat{index + 1}Address", domain="vpc")
            nats.append(
                ec2.CfnNatGateway(
                    self, f"Nat{index + 1}", subnet_id=subnet.ref, allocation_id=address.attr_allocation_id
                )
            )
            nats[-1].add_resource_dependency(route)
        for index, table in enumerate(self.route_tables):
            ec2.CfnRoute(
                self,
                f"Isolated{index + 1}Nat",
                route_table_id=table.ref,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=nats[index % len(nats)].ref,
            )

    def _flow_logs(self, key: kms.IKey, retention_days: int, destroy: bool) -> None:
        self.flow_log_group: logs.LogGroup = log_group(
            self, "FlowLogGroup", key=key, retention_days=retention_days, destroy_data=destroy
        )
        role = ServiceRole(
            self, "FlowLogRole", service="vpc-flow-logs.amazonaws.com", description="Writes the VPC's flow logs"
        )
        role.allow(
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
            on=[self.flow_log_group.log_group_arn],
            because="A log group's ARN ends with ':*', which stands for the streams inside this one group.",
        )
        self.flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.cfn_vpc.ref,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=self.flow_log_group.log_group_arn,
            deliver_logs_permission_arn=role.role_arn,
            max_aggregation_interval=600,
        )

    def _justify(self) -> None:
        justify(
            self.cfn_vpc,
            "NIST.800.53.R5-VPCDefaultSecurityGroupClosed",
            "CloudFormation cannot empty the default group without a custom resource; no workload uses it and the "
            "account control EC2.2 of Security Hub closes it.",
        )


def _https(what: str) -> dict:
    return {"ip_protocol": "tcp", "from_port": HTTPS, "to_port": HTTPS, "description": f"HTTPS: {what}"}


def _check(max_azs: int, nat_gateways: int, services: Sequence[str]) -> None:
    if not 2 <= max_azs <= 3:
        raise ConstructError(f"max_azs: must be 2 or 3, got {max_azs}")
    if nat_gateways < 0:
        raise ConstructError(f"nat_gateways: must be at least 0, got {nat_gateways}")
    unknown = [service for service in services if service not in _INTERFACES]
    if unknown:
        raise ConstructError(f"interface_services: {unknown[0]!r} is none of {', '.join(_INTERFACES)}")


def _published_prefix_lists(region: str) -> Mapping[str, str]:
    if region in PREFIX_LISTS:
        return PREFIX_LISTS[region]
    raise ConstructError(
        f"prefix_lists: the ids of S3 and DynamoDB in region {region!r} are not in the table, give them (in an "
        "engagement: network.prefix_lists); `aws ec2 describe-managed-prefix-lists` shows them"
    )
