"""Resource types, made, changed and removed through a stack of each service on a running cloud."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.types import handler_of, known_types
from seatrial.offline.types.record_only import RECORD_ONLY, RECORD_ONLY_TYPES

SPECIFIED = """
EC2 VPC Subnet RouteTable SubnetRouteTableAssociation Route SecurityGroup SecurityGroupIngress SecurityGroupEgress
EC2 VPCEndpoint FlowLog InternetGateway VPCGatewayAttachment NatGateway EIP
KMS Key Alias
S3 Bucket BucketPolicy
IAM Role Policy ManagedPolicy
Logs LogGroup
Lambda Function Permission LayerVersion EventInvokeConfig EventSourceMapping
SQS Queue QueuePolicy
SNS Topic TopicPolicy Subscription
DynamoDB Table
Events Rule
Scheduler Schedule ScheduleGroup
StepFunctions StateMachine
CloudWatch Alarm CompositeAlarm Dashboard
SageMaker Pipeline ModelPackageGroup Model EndpointConfig Endpoint
ApplicationAutoScaling ScalableTarget ScalingPolicy
"""

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ],
}
TAG = [{"Key": "owner", "Value": {"Ref": "Owner"}}]


def resource(kind: str, /, *depends_on: str, **properties: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"Type": f"AWS::{kind}", "Properties": properties}
    return {**body, "DependsOn": list(depends_on)} if depends_on else body


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


NETWORK = {
    "Vpc": resource("EC2::VPC", CidrBlock="10.0.0.0/16", EnableDnsHostnames="true", Tags=TAG),
    "Subnet": resource(
        "EC2::Subnet",
        VpcId=ref("Vpc"),
        CidrBlock="10.0.0.0/24",
        AvailabilityZone={"Fn::Select": [0, {"Fn::GetAZs": ""}]},
    ),
    "Table": resource("EC2::RouteTable", VpcId=ref("Vpc"), Tags=TAG),
    "Association": resource("EC2::SubnetRouteTableAssociation", RouteTableId=ref("Table"), SubnetId=ref("Subnet")),
    "Gateway": resource("EC2::InternetGateway"),
    "Attachment": resource("EC2::VPCGatewayAttachment", VpcId=ref("Vpc"), InternetGatewayId=ref("Gateway")),
    "Address": resource("EC2::EIP", Domain="vpc"),
    "Nat": resource("EC2::NatGateway", SubnetId=ref("Subnet"), AllocationId=att("Address", "AllocationId")),
    "Route": resource(
        "EC2::Route",
        "Attachment",
        RouteTableId=ref("Table"),
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId=ref("Gateway"),
    ),
    "Group": resource(
        "EC2::SecurityGroup",
        GroupDescription="workloads",
        VpcId=ref("Vpc"),
        SecurityGroupEgress=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "10.0.0.0/16"}],
        Tags=TAG,
    ),
    "In": resource(
        "EC2::SecurityGroupIngress",
        GroupId=att("Group", "GroupId"),
        IpProtocol="tcp",
        FromPort=443,
        ToPort="443",
        SourceSecurityGroupId=att("Group", "GroupId"),
    ),
    "Out": resource("EC2::SecurityGroupEgress", GroupId=att("Group", "GroupId"), IpProtocol="-1", CidrIp="10.0.1.0/24"),
    "Endpoint": resource(
        "EC2::VPCEndpoint",
        VpcId=ref("Vpc"),
        ServiceName={"Fn::Sub": "com.amazonaws.${AWS::Region}.sagemaker.api"},
        VpcEndpointType="Interface",
        SubnetIds=[ref("Subnet")],
        SecurityGroupIds=[att("Group", "GroupId")],
        PrivateDnsEnabled=True,
    ),
    "Logs": resource("Logs::LogGroup", RetentionInDays="365"),
    "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "FlowLog": resource(
        "EC2::FlowLog",
        ResourceId=ref("Vpc"),
        ResourceType="VPC",
        TrafficType="ALL",
        LogGroupName=ref("Logs"),
        DeliverLogsPermissionArn=att("Role"),
        Tags=TAG,
    ),
}
STORAGE = {
    "Key": resource("KMS::Key", KeyPolicy=POLICY, EnableKeyRotation=True, Description=ref("Owner"), Tags=TAG),
    "Alias": resource("KMS::Alias", AliasName="alias/types", TargetKeyId=ref("Key")),
    "LogBucket": resource("S3::Bucket"),
    "Bucket": resource(
        "S3::Bucket",
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [
                {
                    "BucketKeyEnabled": "true",
                    "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": att("Key")},
                }
            ]
        },
        LifecycleConfiguration={
            "Rules": [
                {
                    "Id": "old",
                    "Status": "Enabled",
                    "Prefix": "raw/",
                    "ExpirationInDays": 730,
                    "NoncurrentVersionExpiration": {"NoncurrentDays": 30},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                    "Transitions": [{"StorageClass": "STANDARD_IA", "TransitionInDays": 60}],
                }
            ]
        },
        LoggingConfiguration={"DestinationBucketName": ref("LogBucket"), "LogFilePrefix": "raw/"},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        PublicAccessBlockConfiguration={"BlockPublicAcls": True, "BlockPublicPolicy": True},
        VersioningConfiguration={"Status": "Enabled"},
        Tags=TAG,
    ),
    "BucketPolicy": resource("S3::BucketPolicy", Bucket=ref("Bucket"), PolicyDocument=POLICY),
    "Table": resource(
        "DynamoDB::Table",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        SSESpecification={"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": att("Key")},
        StreamSpecification={"StreamViewType": "NEW_IMAGE"},
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        Tags=TAG,
    ),
    "Repository": resource("ECR::Repository", ImageScanningConfiguration={"ScanOnPush": True}, EmptyOnDelete=True),
    "Parameter": resource("SSM::Parameter", Name="/types/owner", Type="String", Value=ref("Owner")),
}
CODE = {"ZipFile": "def lambda_handler(event, context):\n    return event\n"}
WORK = {
    "Role": resource(
        "IAM::Role",
        AssumeRolePolicyDocument=TRUST,
        ManagedPolicyArns=["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", ref("Managed")],
        Policies=[{"PolicyName": "inline", "PolicyDocument": POLICY}],
        Tags=TAG,
    ),
    "Policy": resource("IAM::Policy", PolicyName="work", PolicyDocument=POLICY, Roles=[ref("Role")]),
    "Managed": resource("IAM::ManagedPolicy", PolicyDocument=POLICY, Description="managed"),
    "Queue": resource(
        "SQS::Queue",
        KmsMasterKeyId="alias/aws/sqs",
        MessageRetentionPeriod=1209600,
        RedrivePolicy={"deadLetterTargetArn": att("Dead"), "maxReceiveCount": 3},
        Tags=TAG,
    ),
    "Dead": resource("SQS::Queue"),
    "QueuePolicy": resource("SQS::QueuePolicy", Queues=[ref("Queue")], PolicyDocument=POLICY),
    "Topic": resource("SNS::Topic", DisplayName=ref("Owner"), KmsMasterKeyId="alias/aws/sns", Tags=TAG),
    "TopicPolicy": resource("SNS::TopicPolicy", Topics=[ref("Topic")], PolicyDocument=POLICY),
    "Subscription": resource(
        "SNS::Subscription",
        TopicArn=ref("Topic"),
        Protocol="sqs",
        Endpoint=att("Queue"),
        RawMessageDelivery=True,
        FilterPolicy={"kind": ["a"]},
    ),
    "Function": resource(
        "Lambda::Function",
        "Policy",
        Code=CODE,
        Handler="index.lambda_handler",
        Runtime="python3.13",
        Architectures=["arm64"],
        Role=att("Role"),
        Timeout="30",
        MemorySize=256,
        Environment={"Variables": {"OWNER": ref("Owner")}},
        DeadLetterConfig={"TargetArn": att("Dead")},
        TracingConfig={"Mode": "Active"},
        ReservedConcurrentExecutions=1,
        Tags=TAG,
    ),
    "Permission": resource(
        "Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName=att("Function"),
        Principal="events.amazonaws.com",
        SourceArn=att("Rule"),
    ),
    "InvokeConfig": resource(
        "Lambda::EventInvokeConfig", FunctionName=ref("Function"), Qualifier="$LATEST", MaximumRetryAttempts=1
    ),
    "Source": resource(
        "Lambda::EventSourceMapping", FunctionName=ref("Function"), EventSourceArn=att("Queue"), BatchSize=5
    ),
    "Rule": resource(
        "Events::Rule",
        Description=ref("Owner"),
        EventPattern={"source": ["seatrial.monitoring"]},
        Targets=[{"Id": "queue", "Arn": att("Queue"), "DeadLetterConfig": {"Arn": att("Dead")}}],
    ),
    "Group": resource("Scheduler::ScheduleGroup"),
    "Schedule": resource(
        "Scheduler::Schedule",
        GroupName=ref("Group"),
        FlexibleTimeWindow={"Mode": "OFF"},
        ScheduleExpression="cron(0 3 ? * SUN *)",
        Target={"Arn": att("Function"), "RoleArn": att("Role"), "Input": '{"trigger": "schedule"}'},
        Description=ref("Owner"),
    ),
    "Machine": resource(
        "StepFunctions::StateMachine",
        RoleArn=att("Role"),
        DefinitionString='{"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}',
        Tags=TAG,
    ),
    "Alarm": resource(
        "CloudWatch::Alarm",
        AlarmDescription=ref("Owner"),
        Namespace="Seatrial",
        MetricName="QualityLoss",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[ref("Topic")],
    ),
    "Composite": resource(
        "CloudWatch::CompositeAlarm", AlarmRule={"Fn::Sub": 'ALARM("${Alarm}")'}, AlarmActions=[ref("Topic")]
    ),
    "Dashboard": resource("CloudWatch::Dashboard", DashboardName="types", DashboardBody='{"widgets": []}'),
    "TableTarget": resource(
        "ApplicationAutoScaling::ScalableTarget",
        MinCapacity=1,
        MaxCapacity=4,
        ResourceId="table/anything",
        ScalableDimension="dynamodb:table:ReadCapacityUnits",
        ServiceNamespace="dynamodb",
        RoleARN=att("Role"),
    ),
    "Scaling": resource(
        "ApplicationAutoScaling::ScalingPolicy",
        PolicyName="reads",
        PolicyType="TargetTrackingScaling",
        ScalingTargetId=ref("TableTarget"),
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
        },
    ),
}
STOP = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "nothing to do"}}
LEARNING = {
    "Role": resource("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Group": resource("SageMaker::ModelPackageGroup", ModelPackageGroupName="types", Tags=TAG),
    "Pipeline": resource(
        "SageMaker::Pipeline",
        PipelineName="types",
        PipelineDescription=ref("Owner"),
        RoleArn=att("Role"),
        PipelineDefinition={
            "PipelineDefinitionBody": json.dumps({"Version": "2020-12-01", "Parameters": [], "Steps": [STOP]})
        },
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
    ),
}


def template(resources: dict[str, Any]) -> str:
    return json.dumps({"Parameters": {"Owner": {"Type": "String", "Default": "one"}}, "Resources": resources})


def settled(cloud: OfflineCloud, name: str) -> str:
    api = cloud.context.client("cloudformation")
    for _ in range(6000):
        stack = api.describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            failed = [
                f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
                for event in api.describe_stack_events(StackName=name)["StackEvents"]
                if event["ResourceStatus"].endswith("_FAILED")
            ]
            return " ".join([stack["StackStatus"], *failed])
        time.sleep(0.01)
    raise AssertionError(f"{name} does not end")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "resources"),
    [("network", NETWORK), ("storage", STORAGE), ("work", WORK), ("learning", LEARNING)],
)
def test_is_created_updated_and_deleted_without_a_trace(
    cloud: OfflineCloud, name: str, resources: dict[str, Any]
) -> None:
    api = cloud.context.client("cloudformation")

    stack_id = api.create_stack(StackName=name, TemplateBody=template(resources))["StackId"]
    created = settled(cloud, name)
    assert created == "CREATE_COMPLETE"
    api.update_stack(
        StackName=name, UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Owner", "ParameterValue": "two"}]
    )
    updated = settled(cloud, name)
    assert updated == "UPDATE_COMPLETE"
    api.delete_stack(StackName=name)
    deleted = settled(cloud, stack_id)

    assert deleted == "DELETE_COMPLETE"
    assert cloud.leftovers() == []


def test_every_specified_type_has_a_handler() -> None:
    missing = []
    for line in SPECIFIED.strip().splitlines():
        service, *kinds = line.split()
        missing += [kind for kind in kinds if handler_of(f"AWS::{service}::{kind}") is None]

    assert missing == []


def test_every_record_only_entry_has_a_reason_and_a_known_type() -> None:
    assert set(RECORD_ONLY) <= set(known_types())
    assert all(reason for reasons in RECORD_ONLY.values() for reason in reasons.values())
    assert all(RECORD_ONLY_TYPES.values())
