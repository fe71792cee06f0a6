"""The security checklist on the synthesized templates: network. Each test names the assertions that it holds."""

import re

from seatrial.constructs.definitions import isolation_mistakes
from seatrial.constructs.endpoint_services import GATEWAY_ACTIONS, INTERFACE_ACTIONS
from tests.stacks.security_support import (
    actions_by_role,
    allowed,
    documents,
    kinds,
    listed,
    made,
    pipeline_definition,
    text,
    trusted,
)

WAYS_OUT = ("EIP", "EgressOnlyInternetGateway", "InternetGateway", "NatGateway", "Route", "VPCGatewayAttachment")
USED_FOR_THE_ROLE = {"ec2", "ecr", "iam", "kms", "lakeformation", "logs", "sqs", "xray"}
"""Services that AWS's services use in a role's name, outside of the VPC: interfaces, images, keys, logs, traces."""
CODE_IN_THE_VPC = {"ec2.amazonaws.com", "emr-serverless.amazonaws.com", "lambda.amazonaws.com"}
"""What runs as these calls AWS from the subnets; SageMaker's jobs are isolated from the network and call nothing."""
POLLED_FOR_A_FUNCTION = {"secretsmanager:GetSecretValue", *(f"kinesis:{name}" for name in (
    "DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards",
))}  # fmt: skip
"""Lambda polls streams, and the Data API reads the secret, with the function's role but not from the VPC."""


def test_n01_there_is_no_way_to_the_internet_unless_the_engagement_asks_for_nat(assembly, data_assembly, emr_assembly):
    def ways(one):
        return {way for way in WAYS_OUT if one.resources(f"AWS::EC2::{way}")}

    assert ways(assembly) == ways(data_assembly) == set()
    assert ways(emr_assembly) == set(WAYS_OUT) - {"EgressOnlyInternetGateway"}


def test_n02_subnets_give_no_public_addresses_and_lie_in_two_zones(assemblies):
    for assembly in assemblies:
        subnets = made([assembly], "AWS::EC2::Subnet")

        assert not [name for name, properties in subnets if properties["MapPublicIpOnLaunch"]]
        isolated = [p for name, p in subnets if "Isolated" in name]
        assert len({text(properties["AvailabilityZone"]) for properties in isolated}) == len(isolated) >= 2


def test_n03_flow_logs_take_all_traffic_to_an_encrypted_group(assemblies):
    for assembly in assemblies:
        ((_, flow_log),) = assembly.properties("AWS::EC2::FlowLog")
        ((name, group),) = assembly.properties("AWS::Logs::LogGroup", "Network")

        assert flow_log["TrafficType"] == "ALL"
        assert name.removeprefix("Network/") in text(flow_log["LogDestination"])
        assert "KmsKeyId" in group


def test_n04_nothing_is_in_the_default_security_group_which_is_an_acknowledged_exception(assemblies):
    for assembly in assemblies:
        reports = assembly.report["pluginReports"]
        acknowledged = {found["ruleName"] for one in reports for found in one.get("suppressedViolations", [])}

        assert "NIST.800.53.R5-VPCDefaultSecurityGroupClosed" in acknowledged
        assert not [name for name, resource in assembly.resources("") if "DefaultSecurityGroup" in text(resource)]


def rules(assembly):
    groups = made([assembly], "AWS::EC2::SecurityGroup")
    inside = [(name, rule) for name, group in groups for rule in group.get("SecurityGroupIngress", [])]
    out = [(name, rule) for name, group in groups for rule in group["SecurityGroupEgress"]]
    return (
        inside + assembly.properties("AWS::EC2::SecurityGroupIngress"),
        out + assembly.properties("AWS::EC2::SecurityGroupEgress"),
    )


def test_n05_no_group_lets_addresses_in(assemblies):
    for assembly in assemblies:
        inside, _ = rules(assembly)

        assert inside
        assert not [name for name, rule in inside if {"CidrIp", "CidrIpv6"} & set(rule)]
        assert all("SourceSecurityGroupId" in rule for _, rule in inside)


def test_n06_every_way_out_is_named(assembly, data_assembly, emr_assembly):
    for one, anywhere in ((assembly, []), (data_assembly, []), (emr_assembly, [("tcp", 443, 443)])):
        _, out = rules(one)
        open_rules = [rule for _, rule in out if rule.get("CidrIp") == "0.0.0.0/0" or "CidrIpv6" in rule]

        assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in open_rules] == anywhere
        everything = [rule for _, rule in out if rule["IpProtocol"] in {"-1", -1}]
        assert all("DestinationSecurityGroupId" in rule for rule in everything)
        assert bool(everything) == (one is emr_assembly)  # among the nodes of a cluster


def test_n06_prefix_lists_that_are_given_are_those_that_groups_let_out_to(emr_assembly):
    egress = [p for _, p in emr_assembly.properties("AWS::EC2::SecurityGroupEgress", "Network")]

    assert {p["DestinationPrefixListId"] for p in egress if "DestinationPrefixListId" in p} == {
        "pl-0123456789abcdef0",
        "pl-0123456789abcdef1",
    }


def test_n07_whatever_code_in_the_vpc_may_call_an_endpoint_lets_through(assemblies):
    for assembly in assemblies:
        offered = {action for _, s in documents([assembly], "AWS::EC2::VPCEndpoint") for action in listed(s["Action"])}
        roles = dict(assembly.properties("AWS::IAM::Role"))
        for name, actions in actions_by_role(assembly).items():
            called = {action for action in actions if action.split(":")[0] not in USED_FOR_THE_ROLE}
            if trusted(roles[name]) <= CODE_IN_THE_VPC:
                assert called - offered - POLLED_FOR_A_FUNCTION == set(), name


def test_n07_by_default_each_endpoint_is_there_for_something_that_a_function_calls(assembly):
    roles = dict(assembly.properties("AWS::IAM::Role"))
    called = {
        action
        for name, actions in actions_by_role(assembly).items()
        if trusted(roles[name]) == {"lambda.amazonaws.com"}
        for action in actions
    }

    assert all(set(actions) & called for actions in (*GATEWAY_ACTIONS.values(), *INTERFACE_ACTIONS.values()))
    assert len(assembly.properties("AWS::EC2::VPCEndpoint")) == len(GATEWAY_ACTIONS) + len(INTERFACE_ACTIONS)


def test_n07_interface_endpoints_have_private_names(assemblies):
    endpoints = [p for _, p in made(assemblies, "AWS::EC2::VPCEndpoint") if p["VpcEndpointType"] == "Interface"]

    assert len(endpoints) >= 3 * len(INTERFACE_ACTIONS)
    assert all(endpoint["PrivateDnsEnabled"] for endpoint in endpoints)


def test_n09_each_endpoint_lets_only_this_account_and_its_actions_through(assemblies):
    packages = []
    for name, statement in documents(assemblies, "AWS::EC2::VPCEndpoint"):
        limits = statement["Condition"]["StringEquals"]

        assert limits["aws:PrincipalAccount"] == "111111111111", name
        assert limits.get("aws:ResourceAccount") == "111111111111" or "*" not in statement["Resource"], name
        assert not [action for action in statement["Action"] if "*" in action], name
        packages += [statement] if "aws:ResourceAccount" not in limits else []

    (only,) = packages  # EMR on EC2 reads packages out of buckets of AWS's own
    assert only["Action"] == ["s3:GetObject"]
    assert all(re.match(r"arn:aws:s3:::[a-z0-9.-]+/\*$", arn) for arn in only["Resource"])


def test_n10_functions_run_in_two_subnets_of_the_vpc(assemblies):
    functions = made(assemblies, "AWS::Lambda::Function")

    assert all(len(properties["VpcConfig"]["SubnetIds"]) >= 2 for _, properties in functions)
    assert all(properties["VpcConfig"]["SecurityGroupIds"] for _, properties in functions)


def test_n11_n12_n18_the_model_is_in_the_vpc_and_isolated_its_image_from_ecr(assemblies):
    for name, model in made(assemblies, "AWS::SageMaker::Model"):
        containers = [
            *model.get("Containers", []),
            *([model["PrimaryContainer"]] if "PrimaryContainer" in model else []),
        ]

        assert len(model["VpcConfig"]["Subnets"]) >= 2, name
        assert model["EnableNetworkIsolation"] is True, name
        # Only an image outside of ECR is fetched through the VPC: the package names what the role may pull.
        assert not [container for container in containers if "ImageConfig" in container], name


def test_n18_every_image_that_a_role_may_pull_lies_in_ecr(assemblies):
    pulls = [
        arn
        for assembly in assemblies
        for _, statement in assembly.statements()
        if "ecr:BatchGetImage" in statement["Action"]
        for arn in listed(statement["Resource"])
    ]

    assert pulls
    assert not [arn for arn in pulls if not re.match(r"arn:aws:ecr:eu-central-1:[0-9]{12}:repository/[a-z]", text(arn))]


def test_n13_n14_n15_no_job_definitions_or_schedules_and_the_monitors_own_jobs_must_be_isolated(assemblies):
    wrong = re.compile(r"AWS::SageMaker::(\w+JobDefinition|MonitoringSchedule)$")
    starts = [
        statement["Condition"]
        for name, statement in allowed(assemblies)
        if name.startswith("Monitoring/") and "sagemaker:CreateProcessingJob" in listed(statement["Action"])
    ]

    assert [kind for kind in kinds(assemblies) if wrong.match(kind)] == []
    assert len(starts) >= len(assemblies)
    for condition in starts:
        assert condition["Bool"]["sagemaker:NetworkIsolation"] == "true"
        assert condition["Bool"]["sagemaker:InterContainerTrafficEncryption"] == "true"
        assert condition["ForAllValues:StringEquals"]["sagemaker:VpcSubnets"]
        assert condition["Null"]["sagemaker:VpcSubnets"] == "false"


def test_n16_n17_there_are_no_domains_or_notebooks(assemblies):
    wrong = re.compile(r"AWS::SageMaker::(Domain|UserProfile|Space|NotebookInstance\w*)$")

    assert [kind for kind in kinds(assemblies) if wrong.match(kind)] == []


def test_n19_n20_n21_warehouses_and_spark_stay_within_the_vpc(assemblies):
    for kind in ("AWS::Redshift::Cluster", "AWS::RedshiftServerless::Workgroup"):
        for name, properties in made(assemblies, kind):
            assert properties["PubliclyAccessible"] is False, name
            assert properties["EnhancedVpcRouting"] is True, name
    for name, application in made(assemblies, "AWS::EMRServerless::Application"):
        assert len(application["NetworkConfiguration"]["SubnetIds"]) >= 2, name
        assert application["NetworkConfiguration"]["SecurityGroupIds"], name


def test_n22_every_job_of_the_pipeline_is_isolated_encrypted_and_bounded(assemblies):
    for assembly in assemblies:
        definition = pipeline_definition(assembly)

        assert {"Processing", "Training"} <= {step["Type"] for step in definition["Steps"]} | nested(definition)
        assert isolation_mistakes(definition) == []


def nested(definition):
    return set(re.findall(r"'Type': '(\w+)'", str(definition)))
