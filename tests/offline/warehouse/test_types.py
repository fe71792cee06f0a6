"""Resource types of clusters, schedules and workgroups through a stack."""

import json
import time

from tests.offline.warehouse.conftest import Bench


def template(limit: int, schedule: str) -> str:
    configuration = {
        "BytesScannedCutoffPerQuery": limit,
        "ResultConfiguration": {"OutputLocation": "s3://lake/results/"},
    }
    cluster = {
        "ClusterIdentifier": "provisioned",
        "ClusterType": "multi-node",
        "NumberOfNodes": 2,
        "NodeType": "ra3.large",
        "DBName": "dev",
        "MasterUsername": "boss",
        "ManageMasterPassword": True,
        "ClusterParameterGroupName": {"Ref": "Parameters"},
    }
    pause = {
        "ScheduledActionName": "pause",
        "Schedule": schedule,
        "Enable": True,
        "IamRole": {"Fn::GetAtt": ["Role", "Arn"]},
        "TargetAction": {"PauseCluster": {"ClusterIdentifier": {"Ref": "Cluster"}}},
    }
    parameters = {"Description": "d", "ParameterGroupFamily": "redshift-2.0", "Parameters": []}
    trust = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    kinds = {
        "Group": ("Athena::WorkGroup", {"Name": "made", "WorkGroupConfiguration": configuration}),
        "Parameters": ("Redshift::ClusterParameterGroup", parameters),
        "Role": ("IAM::Role", trust),
        "Cluster": ("Redshift::Cluster", cluster),
        "Pause": ("Redshift::ScheduledAction", pause),
    }
    resources = {name: {"Type": f"AWS::{kind}", "Properties": properties} for name, (kind, properties) in kinds.items()}
    return json.dumps({"Resources": resources})


def test_a_stacks_schedule_pauses_its_cluster_and_updates_reach_the_workgroup(bench: Bench):
    client = bench.cloud.context.client
    formation, redshift = client("cloudformation"), client("redshift")
    wanted = {"StackName": "warehouses", "Capabilities": ["CAPABILITY_IAM"]}
    formation.create_stack(**wanted, TemplateBody=template(10_000_000, "cron(0 20 * * ? *)"))
    formation.get_waiter("stack_create_complete").wait(StackName="warehouses", WaiterConfig={"Delay": 1})
    before = redshift.describe_clusters(ClusterIdentifier="provisioned")["Clusters"][0]["ClusterStatus"]

    formation.update_stack(**wanted, TemplateBody=template(20_000_000, "cron(0 21 * * ? *)"))
    formation.get_waiter("stack_update_complete").wait(StackName="warehouses", WaiterConfig={"Delay": 1})
    bench.cloud.clock.advance(86_400)

    limit = time.monotonic() + 10
    while (
        after := redshift.describe_clusters(ClusterIdentifier="provisioned")["Clusters"][0]["ClusterStatus"]
    ) == before:
        assert time.monotonic() < limit, "the schedule has not paused the cluster"
        time.sleep(0.02)
    assert (before, after) == ("available", "paused")
    group = client("athena").get_work_group(WorkGroup="made")["WorkGroup"]
    assert group["Configuration"]["BytesScannedCutoffPerQuery"] == 20_000_000
    formation.delete_stack(StackName="warehouses")
    formation.get_waiter("stack_delete_complete").wait(StackName="warehouses", WaiterConfig={"Delay": 1})
    assert [one["ClusterIdentifier"] for one in redshift.describe_clusters()["Clusters"]] == []
