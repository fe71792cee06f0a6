"""EMR's and EMR Serverless's resource types, through stacks on a running cloud."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud

APPLICATION = {
    "Type": "AWS::EMRServerless::Application",
    "Properties": {
        "Name": "spark",
        "Type": "SPARK",
        "ReleaseLabel": "emr-7.13.0",
        "Architecture": "ARM64",
        "MaximumCapacity": {"Cpu": "16 vCPU", "Memory": "64 GB"},
        "InitialCapacity": [
            {
                "Key": "Driver",
                "Value": {"WorkerCount": 1, "WorkerConfiguration": {"Cpu": "4 vCPU", "Memory": "16 GB"}},
            }
        ],
        "AutoStopConfiguration": {"Enabled": True, "IdleTimeoutMinutes": 10},
        "NetworkConfiguration": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        "MonitoringConfiguration": {"S3MonitoringConfiguration": {"LogUri": "s3://logs/emr/"}},
        "RuntimeConfiguration": [{"Classification": "spark-defaults", "Properties": {"spark.a": "1"}}],
        "Tags": [{"Key": "owner", "Value": "data"}],
    },
}
CLUSTER = {
    "Strict": {
        "Type": "AWS::EMR::SecurityConfiguration",
        "Properties": {
            "SecurityConfiguration": {
                "InstanceMetadataServiceConfiguration": {"MinimumInstanceMetadataServiceVersion": 2}
            }
        },
    },
    "Cluster": {
        "Type": "AWS::EMR::Cluster",
        "Properties": {
            "Name": "spark",
            "ReleaseLabel": "emr-7.13.0",
            "Applications": [{"Name": "Spark"}],
            "JobFlowRole": "nodes",
            "ServiceRole": "service",
            "SecurityConfiguration": {"Ref": "Strict"},
            "StepConcurrencyLevel": 2,
            "AutoTerminationPolicy": {"IdleTimeout": 3600},
            "Configurations": [
                {"Classification": "spark-defaults", "ConfigurationProperties": {"spark.sql.shuffle.partitions": "8"}}
            ],
            "Instances": {
                "Ec2SubnetIds": ["subnet-1", "subnet-2"],
                "MasterInstanceFleet": {
                    "TargetOnDemandCapacity": 1,
                    "InstanceTypeConfigs": [{"InstanceType": "m7g.xlarge"}],
                },
                "CoreInstanceFleet": {"TargetSpotCapacity": 4, "InstanceTypeConfigs": [{"InstanceType": "r7g.xlarge"}]},
            },
        },
    },
    "Tasks": {
        "Type": "AWS::EMR::InstanceFleetConfig",
        "Properties": {"ClusterId": {"Ref": "Cluster"}, "InstanceFleetType": "TASK", "TargetSpotCapacity": 2},
    },
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OfflineCloud]:
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


def put(cloud: OfflineCloud, name: str, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> Any:
    client = cloud.context.client("cloudformation")
    template = json.dumps({"Resources": resources, **({"Outputs": outputs} if outputs else {})})
    known = [stack["StackName"] for stack in client.describe_stacks()["Stacks"]]
    (client.update_stack if name in known else client.create_stack)(StackName=name, TemplateBody=template)
    return settled(cloud, name)


def settled(cloud: OfflineCloud, name: str) -> Any:
    deadline = time.monotonic() + 60
    while True:
        stack = cloud.context.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        assert time.monotonic() < deadline
        time.sleep(0.05)


def reasons(cloud: OfflineCloud, name: str) -> str:
    events = cloud.context.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    return " ".join(event.get("ResourceStatusReason", "") for event in events)


def test_an_application_is_made_as_its_template_says(cloud: OfflineCloud) -> None:
    outputs = {"Id": {"Value": {"Ref": "App"}}, "Arn": {"Value": {"Fn::GetAtt": ["App", "Arn"]}}}

    stack = put(cloud, "application", {"App": APPLICATION}, outputs)

    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(cloud, "application")
    values = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    found = cloud.context.client("emr-serverless").get_application(applicationId=values["Id"])["application"]
    assert found["arn"] == values["Arn"]
    assert found["architecture"] == "ARM64"
    assert found["maximumCapacity"] == {"cpu": "16 vCPU", "memory": "64 GB"}
    assert found["initialCapacity"]["Driver"]["workerCount"] == 1
    assert found["runtimeConfiguration"] == [{"classification": "spark-defaults", "properties": {"spark.a": "1"}}]
    assert found["tags"]["owner"] == "data"


def test_a_started_application_keeps_its_stack_from_going_as_on_aws(cloud: OfflineCloud) -> None:
    stack = put(cloud, "started", {"App": APPLICATION}, {"Id": {"Value": {"Ref": "App"}}})
    serverless = cloud.context.client("emr-serverless")
    application = stack["Outputs"][0]["OutputValue"]
    serverless.start_application(applicationId=application)

    cloud.context.client("cloudformation").delete_stack(StackName="started")
    refused = settled(cloud, "started")["StackStatus"]
    serverless.stop_application(applicationId=application)
    cloud.context.client("cloudformation").delete_stack(StackName="started")

    assert refused == "DELETE_FAILED"
    deadline = time.monotonic() + 30
    while serverless.get_application(applicationId=application)["application"]["state"] != "TERMINATED":
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_cluster_is_made_changed_and_terminated(cloud: OfflineCloud) -> None:
    stack = put(cloud, "cluster", CLUSTER, {"Id": {"Value": {"Ref": "Cluster"}}})
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(cloud, "cluster")
    emr = cloud.context.client("emr")
    cluster_id = stack["Outputs"][0]["OutputValue"]
    made = emr.describe_cluster(ClusterId=cluster_id)["Cluster"]
    fleets = {
        fleet["InstanceFleetType"]: fleet for fleet in emr.list_instance_fleets(ClusterId=cluster_id)["InstanceFleets"]
    }

    wider = json.loads(json.dumps(CLUSTER))
    wider["Cluster"]["Properties"] |= {"StepConcurrencyLevel": 5, "AutoTerminationPolicy": {"IdleTimeout": 600}}
    changed = put(cloud, "cluster", wider, {"Id": {"Value": {"Ref": "Cluster"}}})

    assert made["Status"]["State"] == "WAITING"
    assert made["Configurations"][0]["Properties"] == {"spark.sql.shuffle.partitions": "8"}
    assert {kind: fleet["TargetSpotCapacity"] for kind, fleet in fleets.items()} == {"MASTER": 0, "CORE": 4, "TASK": 2}
    assert changed["StackStatus"] == "UPDATE_COMPLETE", reasons(cloud, "cluster")
    assert emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["StepConcurrencyLevel"] == 5
    assert emr.get_auto_termination_policy(ClusterId=cluster_id)["AutoTerminationPolicy"]["IdleTimeout"] == 600
    cloud.context.client("cloudformation").delete_stack(StackName="cluster")
    deadline = time.monotonic() + 30
    while emr.list_security_configurations()["SecurityConfigurations"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"] == "TERMINATED"


def test_a_cluster_and_an_application_that_nobody_ended_are_leftovers(cloud: OfflineCloud) -> None:
    emr, serverless = cloud.context.client("emr"), cloud.context.client("emr-serverless")
    request = {"Name": "x", "ReleaseLabel": "emr-7.13.0", "Applications": [{"Name": "Spark"}]}
    cluster = emr.run_job_flow(**request, Instances={"KeepJobFlowAliveWhenNoSteps": True})["JobFlowId"]
    made = serverless.create_application(releaseLabel="emr-7.13.0", type="SPARK", clientToken="leftover")

    found = cloud.leftovers()
    emr.terminate_job_flows(JobFlowIds=[cluster])
    serverless.delete_application(applicationId=made["applicationId"])

    expected = {f"AWS::EMR::Cluster {cluster}", f"AWS::EMRServerless::Application {made['applicationId']}"}
    assert expected <= set(found)
    assert not expected & set(cloud.leftovers())


def test_a_studio_is_refused(cloud: OfflineCloud) -> None:
    studio = {
        "Type": "AWS::EMR::Studio",
        "Properties": {
            "Name": "notebooks",
            "AuthMode": "IAM",
            "DefaultS3Location": "s3://notebooks/",
            "EngineSecurityGroupId": "sg-0123456789abcdef0",
            "ServiceRole": "arn:aws:iam::111111111111:role/studio",
            "SubnetIds": ["subnet-0123456789abcdef0"],
            "VpcId": "vpc-0123456789abcdef0",
            "WorkspaceSecurityGroupId": "sg-0123456789abcdef1",
        },
    }

    stack = put(cloud, "studio", {"Studio": studio})

    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "AWS::EMR::Studio is not emulated" in reasons(cloud, "studio")
