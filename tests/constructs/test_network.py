"""The network: isolated by default, NAT when asked, the customer's when given."""

import pytest

from seatrial.constructs import Network, WorkloadNetwork
from seatrial.constructs.errors import ConstructError


def test_is_isolated_by_default(site):
    Network(site.stack, "Network", encryption_key=site.key)

    assert len(site.resources("AWS::EC2::Subnet")) == 2
    assert site.resources("AWS::EC2::NatGateway") == []
    assert site.resources("AWS::EC2::Route") == []


def test_leaves_nothing_for_cdk_nag(site):
    Network(site.stack, "Network", encryption_key=site.key)

    assert site.findings() == ""


def test_nat_gateways_come_with_public_subnets_and_routes(site):
    Network(site.stack, "Network", encryption_key=site.key, nat_gateways=1, max_azs=3)

    assert len(site.resources("AWS::EC2::NatGateway")) == 1
    routes = site.resources("AWS::EC2::Route")
    assert len([route for route in routes if "NatGatewayId" in route]) == 3
    egress = site.resources("AWS::EC2::SecurityGroupEgress")
    assert [rule["FromPort"] for rule in egress if rule.get("CidrIp") == "0.0.0.0/0"] == [443]


def test_subnets_do_not_overlap_in_the_smallest_network(site):
    import ipaddress

    Network(site.stack, "Network", encryption_key=site.key, cidr="10.0.0.0/24", max_azs=3, nat_gateways=3)

    blocks = [ipaddress.ip_network(subnet["CidrBlock"]) for subnet in site.resources("AWS::EC2::Subnet")]
    assert len(blocks) == 6
    assert not [(a, b) for a in blocks for b in blocks if a != b and a.overlaps(b)]


def test_egress_names_endpoints_and_prefix_lists_only(site):
    Network(site.stack, "Network", encryption_key=site.key)

    egress = site.resources("AWS::EC2::SecurityGroupEgress")

    assert {rule["FromPort"] for rule in egress} == {443}
    assert {rule.get("DestinationPrefixListId") for rule in egress} == {None, "pl-6ea54007", "pl-66a5400f"}


@pytest.mark.parametrize(
    ("properties", "sentence"),
    [
        ({"max_azs": 1}, "max_azs: must be 2 or 3, got 1"),
        ({"nat_gateways": -1}, "nat_gateways: must be at least 0, got -1"),
        ({"interface_services": ["sts"]}, "interface_services: 'sts' is none of"),
    ],
)
def test_refuses_what_cannot_work(site, properties, sentence):
    with pytest.raises(ConstructError, match=sentence):
        Network(site.stack, "Network", encryption_key=site.key, **properties)


def test_asks_for_prefix_lists_in_a_region_that_publishes_none(make_site):
    site = make_site("me-central-1")

    with pytest.raises(ConstructError, match="prefix_lists: the ids of S3 and DynamoDB in region 'me-central-1'"):
        Network(site.stack, "Network", encryption_key=site.key)


def test_takes_prefix_lists_that_are_given(make_site):
    site = make_site("me-central-1")

    Network(site.stack, "Network", encryption_key=site.key, prefix_lists={"s3": "pl-1", "dynamodb": "pl-2"})

    given = {rule.get("DestinationPrefixListId") for rule in site.resources("AWS::EC2::SecurityGroupEgress")}
    assert given == {None, "pl-1", "pl-2"}


def test_an_existing_network_needs_a_zone_for_each_of_two_subnets(site):
    with pytest.raises(ConstructError, match="got 1 subnets and 2 zones"):
        WorkloadNetwork.existing(
            site.stack,
            "Given",
            vpc_id="vpc-1",
            subnet_ids=["subnet-1"],
            availability_zones=["a", "b"],
            security_group_id="sg-1",
        )
