"""The security checklist on the synthesized templates; each test names the assertions that it holds."""

import json
import re

import pytest

from seatrial.constructs.definitions import isolation_mistakes
from seatrial.constructs.endpoint_services import GATEWAY_ACTIONS, INTERFACE_ACTIONS
from seatrial.constructs.unscoped import UNSCOPED_ACTIONS


def listed(value):
    return value if isinstance(value, list) else [value]


def text(value):
    """A property with intrinsic functions as comparable text."""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def joined(value):
    """The text that Fn::Join makes, references replaced by a mark."""
    if isinstance(value, str):
        return value
    return "".join(part if isinstance(part, str) else "<token>" for part in value["Fn::Join"][1])


def documents(assembly, kind, key="PolicyDocument"):
    for name, properties in assembly.properties(kind):
        for statement in properties[key]["Statement"]:
            yield name, statement


def test_n01_there_is_no_way_to_the_internet(assembly):
    ways = ("InternetGateway", "NatGateway", "EgressOnlyInternetGateway", "Route", "VPCGatewayAttachment", "EIP")

    assert [entry for way in ways for entry in assembly.resources(f"AWS::EC2::{way}")] == []


def test_n02_subnets_are_private_and_in_two_zones(assembly):
    subnets = assembly.properties("AWS::EC2::Subnet")

    assert not [name for name, properties in subnets if properties["MapPublicIpOnLaunch"]]
    assert len({text(properties["AvailabilityZone"]) for _, properties in subnets}) == 2


def test_n03_flow_logs_take_all_traffic_to_an_encrypted_group(assembly):
    ((_, flow_log),) = assembly.properties("AWS::EC2::FlowLog")

    assert flow_log["TrafficType"] == "ALL"
    assert all("KmsKeyId" in group for _, group in assembly.properties("AWS::Logs::LogGroup", "Network"))


def test_n05_n06_security_groups_open_nothing_to_the_world(assembly):
    groups = assembly.properties("AWS::EC2::SecurityGroup")
    rules = [rule for _, group in groups for rule in group.get("SecurityGroupIngress", [])]
    rules += [rule for _, group in groups for rule in group["SecurityGroupEgress"]]
    rules += [p for kind in ("Ingress", "Egress") for _, p in assembly.properties(f"AWS::EC2::SecurityGroup{kind}")]

    assert len(groups) == 2
    assert not [rule for rule in rules if rule.get("CidrIp") == "0.0.0.0/0" or rule["IpProtocol"] in {"-1", -1}]
    assert not [rule for rule in rules if "CidrIpv6" in rule]


def test_n07_endpoints_are_exactly_those_that_the_functions_need(assembly):
    functions = ("Monitor", "Decide", "Select", "Verify")
    called = {
        action
        for name, statement in assembly.statements()
        if any(f"{function}Identity" in name for function in functions) and statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }
    # KMS, X-Ray, SQS, logs and network interfaces are used by AWS's services for the function, not by its code; a role
    # is passed within another call.
    outside = {"ec2", "iam", "kms", "xray", "sqs", "logs"}
    own = {action for action in called if action.split(":")[0] not in outside}
    offered = {action for actions in (*GATEWAY_ACTIONS.values(), *INTERFACE_ACTIONS.values()) for action in actions}

    assert own <= offered
    assert all(set(actions) & own for actions in (*GATEWAY_ACTIONS.values(), *INTERFACE_ACTIONS.values()))


def test_n07_interface_endpoints_have_private_names(assembly):
    endpoints = [p for _, p in assembly.properties("AWS::EC2::VPCEndpoint") if p["VpcEndpointType"] == "Interface"]

    assert len(endpoints) == len(INTERFACE_ACTIONS)
    assert all(endpoint["PrivateDnsEnabled"] for endpoint in endpoints)


def test_n09_each_endpoint_lets_only_this_account_and_its_actions_through(assembly):
    for name, statement in documents(assembly, "AWS::EC2::VPCEndpoint"):
        limits = statement["Condition"]["StringEquals"]

        assert limits == {"aws:PrincipalAccount": "111111111111", "aws:ResourceAccount": "111111111111"}, name
        assert not [action for action in statement["Action"] if "*" in action], name


def test_n10_functions_run_in_two_subnets_of_the_vpc(assembly):
    functions = assembly.properties("AWS::Lambda::Function")

    assert len(functions) == 4
    assert all(len(properties["VpcConfig"]["SubnetIds"]) == 2 for _, properties in functions)


def test_n11_n12_the_model_is_in_the_vpc_and_isolated(assembly):
    ((_, model),) = assembly.properties("AWS::SageMaker::Model")

    assert len(model["VpcConfig"]["Subnets"]) == 2
    assert model["EnableNetworkIsolation"] is True


def test_n22_m08_every_job_of_the_pipeline_is_isolated_encrypted_and_bounded(assembly):
    ((_, pipeline),) = assembly.properties("AWS::SageMaker::Pipeline")
    definition = json.loads(joined(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))

    assert isolation_mistakes(definition) == []
    assert pipeline["ParallelismConfiguration"]["MaxParallelExecutionSteps"] >= 1


def test_m06_images_that_are_given_by_digest_are_what_jobs_run_and_roles_may_pull(emr_assembly):
    ((_, pipeline),) = emr_assembly.properties("AWS::SageMaker::Pipeline")
    definition = json.loads(joined(pipeline["PipelineDefinition"]["PipelineDefinitionBody"]))
    pulls = [s for _, s in emr_assembly.statements() if "ecr:BatchGetImage" in s["Action"]]

    images = set(re.findall(r"[0-9]{12}\.dkr\.ecr[^\"\\]+", json.dumps(definition)))

    registry, digest = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror", "0123456789abcdef" * 4
    assert images == {f"{registry}/sagemaker-{name}@sha256:{digest}" for name in ("spark-processing", "xgboost")}
    assert pulls
    assert all("222222222222:repository/mirror/sagemaker-" in arn for s in pulls for arn in listed(s["Resource"]))


def test_k01_to_k05_the_key_rotates_and_its_policy_enumerates(assembly):
    ((_, key),) = assembly.properties("AWS::KMS::Key")
    statements = {statement["Sid"]: statement for statement in key["KeyPolicy"]["Statement"]}

    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30
    assert not [action for s in statements.values() for action in listed(s["Action"]) if "*" in action]
    assert not set(listed(statements["Administration"]["Action"])) & {"kms:Decrypt", "kms:Encrypt", "kms:CreateGrant"}
    assert statements["CloudWatchLogs"]["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"] == [
        "arn:aws:logs:eu-central-1:111111111111:log-group:telecom-churn-dev*"
    ]
    assert not [s for s in statements.values() if s["Principal"] == "*" or s["Principal"].get("AWS") == "*"]


def test_k19_logs_of_encrypted_state_machines_can_be_delivered(assembly):
    ((_, key),) = assembly.properties("AWS::KMS::Key")
    (statement,) = [
        s for s in key["KeyPolicy"]["Statement"] if s["Principal"].get("Service") == "delivery.logs.amazonaws.com"
    ]
    (bound,) = statement["Condition"]["StringEquals"].items()

    assert statement["Action"] == "kms:Decrypt"
    assert bound == ("kms:EncryptionContext:SourceArn", "arn:aws:logs:eu-central-1:111111111111:*")


@pytest.mark.parametrize("bucket", ["LakeRaw", "LakeCurated", "LakeArtifacts", "LakeCapture", "LakeLogs"])
def test_s01_s02_s07_s09_k06_each_bucket_is_closed_versioned_and_encrypted(assembly, bucket):
    (properties,) = [p for name, p in assembly.properties("AWS::S3::Bucket") if name.startswith(f"Lake/{bucket}")]
    encryption = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    rule = properties["LifecycleConfiguration"]["Rules"][0]

    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert {"AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"} <= set(rule)
    if bucket != "LakeLogs":
        assert encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert encryption["BucketKeyEnabled"] is True
        assert properties["LoggingConfiguration"]["LogFilePrefix"]


def test_s04_s06_s10_bucket_policies_deny_and_allow_nobody_unnamed(assembly):
    for name, policy in assembly.properties("AWS::S3::BucketPolicy"):
        statements = policy["PolicyDocument"]["Statement"]
        denials = {json.dumps(s["Condition"], sort_keys=True) for s in statements if s["Effect"] == "Deny"}

        assert any("aws:SecureTransport" in denial for denial in denials), name
        assert any("s3:TlsVersion" in denial for denial in denials), name
        assert "LogsPolicy" in name or any("aws-kms-key-id" in denial for denial in denials), name
        assert not [s for s in statements if s["Effect"] == "Allow" and s["Principal"] in ("*", {"AWS": "*"})], name


def test_s10_a_put_without_headers_is_not_denied(assembly):
    """A negated condition on a missing key is true: only together with Null does it spare such requests."""
    negated = [
        statement["Condition"]
        for _, statement in documents(assembly, "AWS::S3::BucketPolicy")
        if "s3:x-amz-server-side-encryption" in json.dumps(statement["Condition"])
    ]

    assert len(negated) == 8
    assert all(set(c["Null"].values()) == {"false"} and set(c["Null"]) == set(c["StringNotEquals"]) for c in negated)


def test_s05_objects_are_reached_by_the_given_endpoint_services_and_break_glass_roles_alone(emr_assembly):
    closed = [
        statement["Condition"]
        for _, statement in documents(emr_assembly, "AWS::S3::BucketPolicy")
        if "aws:SourceVpce" in json.dumps(statement["Condition"])
    ]

    assert closed == 5 * [
        {
            "StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]},
            "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"},
            "ArnNotLikeIfExists": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:role/break-glass"]},
        }
    ]


def test_n06_prefix_lists_that_are_given_are_those_that_groups_let_out_to(emr_assembly):
    egress = [p for _, p in emr_assembly.properties("AWS::EC2::SecurityGroupEgress", "Network")]

    assert {p["DestinationPrefixListId"] for p in egress if "DestinationPrefixListId" in p} == {
        "pl-0123456789abcdef0",
        "pl-0123456789abcdef1",
    }


def test_i01_no_policy_has_a_wildcard_action(assembly):
    found = [
        (name, action)
        for name, statement in assembly.statements()
        for action in listed(statement["Action"])
        if "*" in action
    ]

    assert found == []


def test_i03_i12_resource_star_is_for_actions_that_take_no_resource(assembly):
    for name, statement in assembly.statements():
        if statement["Effect"] == "Allow" and "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= set(UNSCOPED_ACTIONS), name


def test_i04_passing_roles_is_exact(assembly):
    passing = [s for _, s in assembly.statements() if "iam:PassRole" in listed(s["Action"])]

    assert len(passing) == 2
    for statement in passing:
        assert "*" not in text(statement["Resource"])
        assert statement["Condition"]["StringEquals"]["iam:PassedToService"] == "sagemaker.amazonaws.com"


def test_i06_i16_roles_have_one_service_and_no_managed_policy_of_aws(assembly):
    for name, role in assembly.properties("AWS::IAM::Role"):
        statements = role["AssumeRolePolicyDocument"]["Statement"]

        assert len(statements) == 1, name
        assert isinstance(statements[0]["Principal"]["Service"], str), name
        assert "arn:aws:iam::aws:policy" not in text(role["ManagedPolicyArns"]), name
        assert "Policies" not in role, name


def test_i09_trust_is_bound_to_this_account(assembly):
    for name, role in assembly.properties("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]

        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}, name


def test_i15_the_pipeline_cannot_approve_its_own_model(assembly):
    denials = [
        statement
        for name, statement in assembly.statements()
        if name.startswith("Training/Training") and statement["Effect"] == "Deny"
    ]

    (denial,) = denials
    assert set(denial["Action"]) == {"sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"}
    assert denial["Condition"] == {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}}
    assert denial["Resource"] == "*"


def test_i16_the_endpoint_writes_nothing_but_capture(assembly):
    writes = [
        joined(resource)
        for name, statement in assembly.statements()
        if name.startswith("Serving/") and "s3:PutObject" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    ]

    assert writes == ["<token>/data-capture/*"]


def test_i16_jobs_read_exactly_the_code_of_their_pipeline(assembly):
    body = assembly.properties("AWS::SageMaker::Pipeline")[0][1]["PipelineDefinition"]["PipelineDefinitionBody"]
    bucket = "cdk-hnb659fds-assets-111111111111-eu-central-1"
    used = {f"{bucket}/{key}" for key in re.findall(rf"s3://{bucket}/([0-9a-z.]+)", joined(body))}

    readable = {
        resource.removeprefix("arn:aws:s3:::")
        for name, statement in assembly.statements()
        if name.startswith("Training/Jobs") and "s3:GetObject" in listed(statement["Action"])
        for resource in map(joined, listed(statement["Resource"]))
        if bucket in resource
    }

    assert len(used) == 7
    assert readable == used


def test_i17_i18_no_users_and_exact_permissions(assembly):
    permissions = assembly.properties("AWS::Lambda::Permission")

    assert assembly.resources("AWS::IAM::User") == []
    assert len(permissions) == 3
    for name, permission in permissions:
        assert permission["Principal"] == "events.amazonaws.com", name
        assert permission["SourceAccount"] == "111111111111", name
        assert "SourceArn" in permission, name


def test_k07_k08_m01_the_endpoint_is_encrypted_and_has_two_instances(assembly):
    ((_, config),) = assembly.properties("AWS::SageMaker::EndpointConfig")

    assert "KmsKeyId" in config
    assert "KmsKeyId" in config["DataCaptureConfig"]
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 2
    ((_, target),) = assembly.properties("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["MinCapacity"] == 2


def test_m02_m03_the_canary_is_watched_by_alarms_of_the_same_variant(assembly):
    ((_, endpoint),) = assembly.properties("AWS::SageMaker::Endpoint")
    deployment = endpoint["DeploymentConfig"]
    watched = [alarm["AlarmName"]["Ref"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]]
    wanted = [{"Name": "EndpointName", "Value": "telecom-churn-dev"}, {"Name": "VariantName", "Value": "primary"}]

    assert len(watched) == 2
    for name in watched:
        alarm = assembly.templates["Serving"]["Resources"][name]["Properties"]
        metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
        assert [metric["Dimensions"] for metric in metrics or [alarm]] == [wanted] * max(len(metrics), 1)
    assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
    assert deployment["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] >= 600
    assert endpoint["RetainAllVariantProperties"] is True


def test_k15_to_k20_everything_that_can_be_is_under_the_key(assembly):
    wanted = {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::Lambda::Function": "KmsKeyArn",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::Scheduler::Schedule": "KmsKeyArn",
    }
    missing = [
        name for kind, key in wanted.items() for name, properties in assembly.properties(kind) if key not in properties
    ]

    assert missing == []
    for name, table in assembly.properties("AWS::DynamoDB::Table"):
        assert table["SSESpecification"]["SSEType"] == "KMS", name
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True, name
        assert table["DeletionProtectionEnabled"] is True, name


def test_k19_l08_the_state_machine_is_encrypted_traced_and_logs_no_data(assembly):
    ((_, machine),) = assembly.properties("AWS::StepFunctions::StateMachine")

    assert machine["EncryptionConfiguration"]["Type"] == "CUSTOMER_MANAGED_KMS_KEY"
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert machine["TracingConfiguration"]["Enabled"] is True


def test_l01_to_l05_functions_are_bounded_traced_and_keep_what_failed(assembly):
    for name, function in assembly.properties("AWS::Lambda::Function"):
        assert function["ReservedConcurrentExecutions"] >= 1, name
        assert "TargetArn" in function["DeadLetterConfig"], name
        assert function["TracingConfig"] == {"Mode": "Active"}, name
        assert function["Runtime"] == "python3.13", name
        assert function["Architectures"] == ["arm64"], name
        assert not [key for key in function["Environment"]["Variables"] if "SECRET" in key or "PASSWORD" in key], name


def test_l07_every_target_has_retries_and_a_dead_letter_queue(assembly):
    targets = [target for _, rule in assembly.properties("AWS::Events::Rule") for target in rule["Targets"]]
    targets += [schedule["Target"] for _, schedule in assembly.properties("AWS::Scheduler::Schedule")]

    assert len(targets) >= 6
    assert all({"DeadLetterConfig", "RetryPolicy"} <= set(target) for target in targets)


def test_i20_queues_and_topics_demand_tls(assembly):
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, properties in assembly.properties(kind):
            statements = properties["PolicyDocument"]["Statement"]

            assert any("aws:SecureTransport" in text(s.get("Condition", {})) for s in statements), name
            assert not [s for s in statements if s["Effect"] == "Allow" and s["Principal"] in ("*", {"AWS": "*"})], name


def test_l10_every_task_has_a_limit_retries_with_jitter_and_a_way_out(assembly):
    ((_, machine),) = assembly.properties("AWS::StepFunctions::StateMachine")
    states = json.loads(joined(machine["DefinitionString"]))["States"]
    tasks = {name: state for name, state in states.items() if state["Type"] == "Task"}

    assert len(tasks) > 8
    for name, task in tasks.items():
        assert task["TimeoutSeconds"] > 0, name
        assert task["Retry"][0]["BackoffRate"] > 1, name
        assert task["Retry"][0]["JitterStrategy"] == "FULL", name
        assert task["Catch"], name


def test_a01_logs_are_kept_for_a_year(assembly):
    assert {group["RetentionInDays"] for _, group in assembly.properties("AWS::Logs::LogGroup")} == {365}


def test_a08_everything_taggable_is_tagged(assembly):
    wanted = {"DataClassification", "Engagement", "Environment", "OwnerTeam"}
    untagged = {
        resource["Type"]
        for _, resource in assembly.resources("")
        if not wanted <= {tag["Key"] for tag in _tags(resource.get("Properties", {}))}
    }

    assert untagged == UNTAGGABLE


UNTAGGABLE = {
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::IAM::ManagedPolicy",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
}
"""Types whose CloudFormation schema has no tags (or for which CDK does not tag)."""


def _tags(properties):
    tags = properties.get("Tags") or properties.get("DashboardTags") or []
    return [{"Key": key} for key in tags] if isinstance(tags, dict) else tags
