"""Lists what is still in the account: the leak check after a destroy, retained resources told apart."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.engine import engine_of

Lister = Callable[[Any], Iterable[str]]


@dataclass(frozen=True)
class Leftovers:
    """What is there, as "type physical-id"; processes are of type "process"."""

    unexpected: list[str]
    """What nothing accounts for: a leak."""
    retained: list[str]
    """What a DeletionPolicy or UpdateReplacePolicy keeps."""


def find_leftovers(context: CloudContext, processes_before: frozenset[str]) -> Leftovers:
    """Every resource of the emulated types that no live stack owns, every live stack and every child process.

    `processes_before` are children of this process that were there before the cloud started, which are not its own.
    """
    engine = engine_of(context)
    owned = {(item.type, item.physical_id) for stack in engine.store.live() for item in stack.resources.values()}
    kept = {(item.type, item.physical_id) for stack in engine.store.all() for item in stack.retained}
    found = Leftovers([], [])
    for type_name, (service, lister) in _LISTERS.items():
        for identity in lister(context.client(service)):
            if (type_name, identity) in kept:
                found.retained.append(f"{type_name} {identity}")
            elif (type_name, identity) not in owned:
                found.unexpected.append(f"{type_name} {identity}")
    found.unexpected.extend(f"AWS::CloudFormation::Stack {stack.name}" for stack in engine.store.live())
    running = [process for process in child_processes(os.getpid()) if process not in processes_before]
    found.unexpected.extend(f"process {process}" for process in running)
    return found


def child_processes(parent: int) -> list[str]:
    """Processes below `parent`, as "pid command"; Linux only, elsewhere empty."""
    found: list[str] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            after_name = status.read_text().rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if int(after_name[1]) == parent and after_name[0] != "Z":
            found.append(f"{status.parent.name} {command[:200]}")
    return sorted(found)


def _all(operation: str, key: str, field: str | None, **arguments: Any) -> Lister:
    """A lister of one paginated or plain operation."""

    def found(client: Any) -> Iterable[str]:
        if client.can_paginate(operation):
            pages = client.get_paginator(operation).paginate(**arguments)
        else:
            pages = [getattr(client, operation)(**arguments)]
        return [item if field is None else item[field] for page in pages for item in page.get(key, ())]

    return found


def _keys(client: Any) -> Iterable[str]:
    for item in client.list_keys()["Keys"]:
        details = client.describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        if details["KeyState"] != "PendingDeletion" and details.get("KeyManager") == "CUSTOMER":
            yield item["KeyId"]


def _vpcs(client: Any) -> Iterable[str]:
    return [vpc["VpcId"] for vpc in client.describe_vpcs()["Vpcs"] if not vpc.get("IsDefault")]


def _endpoints(client: Any) -> Iterable[str]:
    found = client.describe_vpc_endpoints()["VpcEndpoints"]
    return [item["VpcEndpointId"] for item in found if item.get("State", "").lower() != "deleted"]


def _nat_gateways(client: Any) -> Iterable[str]:
    return [
        item["NatGatewayId"] for item in client.describe_nat_gateways()["NatGateways"] if item["State"] != "deleted"
    ]


def _security_groups(client: Any) -> Iterable[str]:
    found = client.describe_security_groups()["SecurityGroups"]
    return [group["GroupId"] for group in found if group["GroupName"] != "default"]


def _targets(client: Any) -> Iterable[str]:
    for namespace in ("sagemaker", "dynamodb", "lambda"):
        for item in client.describe_scalable_targets(ServiceNamespace=namespace)["ScalableTargets"]:
            yield f"{item['ResourceId']}|{item['ScalableDimension']}|{item['ServiceNamespace']}"


def _schedules(client: Any) -> Iterable[str]:
    return [item["Name"] for item in client.list_schedules()["Schedules"]]


def _clusters(client: Any) -> Iterable[str]:
    """Also those that state machines have started: one that goes on costs money."""
    going = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
    return [item["Id"] for item in client.list_clusters(ClusterStates=going)["Clusters"]]


def _applications(client: Any) -> Iterable[str]:
    return [item["id"] for item in client.list_applications()["applications"] if item["state"] != "TERMINATED"]


def _glue_databases(client: Any) -> list[str]:
    """Without the one that SageMaker makes for the offline stores of feature groups and nobody deletes."""
    names = [database["Name"] for database in client.get_databases()["DatabaseList"]]
    return [name for name in names if name != "sagemaker_featurestore"]


def _glue_tables(client: Any) -> Iterable[str]:
    for name in _glue_databases(client):
        yield from (table["Name"] for table in client.get_tables(DatabaseName=name)["TableList"])


def _workgroups(client: Any) -> Iterable[str]:
    found = client.list_work_groups()["WorkGroups"]
    return [one["Name"] for one in found if one["Name"] != "primary"]


_LISTERS: dict[str, tuple[str, Lister]] = {
    "AWS::Athena::WorkGroup": ("athena", _workgroups),
    "AWS::Glue::Database": ("glue", _glue_databases),
    "AWS::Glue::Table": ("glue", _glue_tables),
    "AWS::Redshift::Cluster": ("redshift", _all("describe_clusters", "Clusters", "ClusterIdentifier")),
    "AWS::RedshiftServerless::Namespace": (
        "redshift-serverless",
        _all("list_namespaces", "namespaces", "namespaceName"),
    ),
    "AWS::RedshiftServerless::Workgroup": (
        "redshift-serverless",
        _all("list_workgroups", "workgroups", "workgroupName"),
    ),
    "AWS::S3::Bucket": ("s3", _all("list_buckets", "Buckets", "Name")),
    "AWS::KMS::Key": ("kms", _keys),
    "AWS::EC2::VPC": ("ec2", _vpcs),
    "AWS::EC2::VPCEndpoint": ("ec2", _endpoints),
    "AWS::EC2::SecurityGroup": ("ec2", _security_groups),
    "AWS::EC2::NatGateway": ("ec2", _nat_gateways),
    "AWS::EC2::FlowLog": ("ec2", _all("describe_flow_logs", "FlowLogs", "FlowLogId")),
    "AWS::IAM::Role": ("iam", _all("list_roles", "Roles", "RoleName")),
    "AWS::IAM::ManagedPolicy": ("iam", _all("list_policies", "Policies", "Arn", Scope="Local")),
    "AWS::Lambda::Function": ("lambda", _all("list_functions", "Functions", "FunctionName")),
    "AWS::Lambda::LayerVersion": ("lambda", _all("list_layers", "Layers", "LayerArn")),
    "AWS::Lambda::EventSourceMapping": ("lambda", _all("list_event_source_mappings", "EventSourceMappings", "UUID")),
    "AWS::Logs::LogGroup": ("logs", _all("describe_log_groups", "logGroups", "logGroupName")),
    "AWS::SQS::Queue": ("sqs", _all("list_queues", "QueueUrls", None)),
    "AWS::SNS::Topic": ("sns", _all("list_topics", "Topics", "TopicArn")),
    "AWS::DynamoDB::Table": ("dynamodb", _all("list_tables", "TableNames", None)),
    "AWS::Events::Rule": ("events", _all("list_rules", "Rules", "Name")),
    "AWS::Scheduler::Schedule": ("scheduler", _schedules),
    "AWS::StepFunctions::StateMachine": (
        "stepfunctions",
        _all("list_state_machines", "stateMachines", "stateMachineArn"),
    ),
    "AWS::CloudWatch::Alarm": ("cloudwatch", _all("describe_alarms", "MetricAlarms", "AlarmName")),
    "AWS::CloudWatch::CompositeAlarm": (
        "cloudwatch",
        _all("describe_alarms", "CompositeAlarms", "AlarmName", AlarmTypes=["CompositeAlarm"]),
    ),
    "AWS::CloudWatch::Dashboard": ("cloudwatch", _all("list_dashboards", "DashboardEntries", "DashboardName")),
    "AWS::SageMaker::Pipeline": ("sagemaker", _all("list_pipelines", "PipelineSummaries", "PipelineName")),
    "AWS::SageMaker::ModelPackageGroup": (
        "sagemaker",
        _all("list_model_package_groups", "ModelPackageGroupSummaryList", "ModelPackageGroupArn"),
    ),
    "AWS::SageMaker::Model": ("sagemaker", _all("list_models", "Models", "ModelArn")),
    "AWS::SageMaker::EndpointConfig": (
        "sagemaker",
        _all("list_endpoint_configs", "EndpointConfigs", "EndpointConfigArn"),
    ),
    "AWS::SageMaker::Endpoint": ("sagemaker", _all("list_endpoints", "Endpoints", "EndpointArn")),
    "AWS::SageMaker::FeatureGroup": (
        "sagemaker",
        _all("list_feature_groups", "FeatureGroupSummaries", "FeatureGroupName"),
    ),
    "AWS::Kinesis::Stream": ("kinesis", _all("list_streams", "StreamNames", None)),
    "AWS::KinesisFirehose::DeliveryStream": ("firehose", _all("list_delivery_streams", "DeliveryStreamNames", None)),
    "AWS::IoT::TopicRule": ("iot", _all("list_topic_rules", "rules", "ruleName")),
    "AWS::IoT::Policy": ("iot", _all("list_policies", "policies", "policyName")),
    "AWS::IoT::Thing": ("iot", _all("list_things", "things", "thingName")),
    "AWS::EMR::Cluster": ("emr", _clusters),
    "AWS::EMR::SecurityConfiguration": (
        "emr",
        _all("list_security_configurations", "SecurityConfigurations", "Name"),
    ),
    "AWS::EMRServerless::Application": ("emr-serverless", _applications),
    "AWS::ApplicationAutoScaling::ScalableTarget": ("application-autoscaling", _targets),
    "AWS::ECR::Repository": ("ecr", _all("describe_repositories", "repositories", "repositoryName")),
    "AWS::SSM::Parameter": ("ssm", _all("describe_parameters", "Parameters", "Name")),
}
