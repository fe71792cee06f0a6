"""Warehouses: serverless and provisioned, closed by default; their role and their migrations."""

import json
from pathlib import Path

import pytest

from seatrial.constructs import ProvisionedWarehouse, ServerlessWarehouse, WarehouseMigrations
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.warehouse_role import WarehouseMlRole, WarehouseRole
from seatrial.constructs.workload import WorkloadNetwork

SQL = Path(__file__).parents[2] / "pipelines" / "churn" / "sql" / "migrations"
VALUES = {"role_arn": "arn:aws:iam::111111111111:role/x", "catalog_database": "churn_dev", "region": "eu-central-1"}
MACHINE = "AWS::StepFunctions::StateMachine"


def network(site) -> WorkloadNetwork:
    return WorkloadNetwork.existing(
        site.stack,
        "Given",
        vpc_id="vpc-1",
        subnet_ids=["subnet-1", "subnet-2", "subnet-3"],
        availability_zones=["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        security_group_id="sg-1",
    )


def role(site, **properties) -> WarehouseRole:
    settings = {"unload_prefixes": ["churn/"], "catalog_database": "churn_dev"} | properties
    return WarehouseRole(
        site.stack,
        "Role",
        encryption_key=site.key,
        readable=[site.bucket("curated")],
        unload=site.bucket("features"),
        **settings,
    )


def serverless(site, **properties) -> ServerlessWarehouse:
    common = {"name": "churn-dev", "database": "telecom", "network": network(site), "role": role(site)}
    return ServerlessWarehouse(site.stack, "Warehouse", encryption_key=site.key, **(common | properties))


def provisioned(site, **properties) -> ProvisionedWarehouse:
    common = {"name": "churn-dev", "database": "telecom", "network": network(site), "role": role(site)}
    return ProvisionedWarehouse(site.stack, "Warehouse", encryption_key=site.key, **(common | properties))


def migrations(site, warehouse=None, **properties) -> WarehouseMigrations:
    settings = {"migrations": SQL, "values": VALUES, "features": ["spectrum"]} | properties
    return WarehouseMigrations(
        site.stack,
        "Migrations",
        access=(warehouse or serverless(site)).access,
        network=site.network,
        encryption_key=site.key,
        notification_topic=site.topic,
        **settings,
    )


def with_everything(site):
    ml_role = WarehouseMlRole(site.stack, "Ml", encryption_key=site.key, bucket=site.bucket("artifacts"))
    cluster = provisioned(
        site, ml_role=ml_role, pause_schedule="cron(0 20 * * ? *)", resume_schedule="cron(0 6 * * ? *)"
    )
    migrations(site, cluster)


@pytest.mark.parametrize("make", [migrations, with_everything])
def test_leaves_nothing_for_cdk_nag(site, make):
    make(site)

    assert site.findings() == ""


def test_a_serverless_warehouse_is_closed_encrypted_and_audited_by_default(site):
    serverless(site)

    namespace, workgroup = (
        site.one("AWS::RedshiftServerless::Namespace"),
        site.one("AWS::RedshiftServerless::Workgroup"),
    )

    assert namespace["ManageAdminPassword"] is True
    assert "AdminUserPassword" not in namespace
    assert namespace["KmsKeyId"] == namespace["AdminPasswordSecretKmsKeyId"] == site.key.key_arn
    assert set(namespace["LogExports"]) == {"userlog", "connectionlog", "useractivitylog"}
    assert (workgroup["PubliclyAccessible"], workgroup["EnhancedVpcRouting"]) == (False, True)
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup["ConfigParameters"]
    assert (workgroup["BaseCapacity"], workgroup["MaxCapacity"]) == (8, 64)


def test_a_cluster_is_closed_encrypted_and_audited_by_default(site):
    provisioned(site)

    cluster, parameters = site.one("AWS::Redshift::Cluster"), site.one("AWS::Redshift::ClusterParameterGroup")

    assert cluster["ManageMasterPassword"] is True
    assert (cluster["Encrypted"], cluster["PubliclyAccessible"], cluster["EnhancedVpcRouting"]) == (True, False, True)
    assert cluster["LoggingProperties"]["LogDestinationType"] == "cloudwatch"
    assert {"ParameterName": "require_ssl", "ParameterValue": "true"} in parameters["Parameters"]
    assert cluster["AutomatedSnapshotRetentionPeriod"] == 7
    assert site.resources("AWS::Redshift::ScheduledAction") == []


@pytest.mark.parametrize(
    ("make", "prefix"), [(serverless, "/aws/redshift/churn-dev/"), (provisioned, "/aws/redshift/cluster/churn-dev/")]
)
def test_audit_logs_go_to_groups_with_the_key_and_an_end(site, make, prefix):
    make(site, log_retention_days=90)

    groups = site.resources("AWS::Logs::LogGroup")

    assert {group["LogGroupName"] for group in groups} == {
        f"{prefix}{name}" for name in ("userlog", "connectionlog", "useractivitylog")
    }
    assert {(group["KmsKeyId"], group["RetentionInDays"]) for group in groups} == {(site.key.key_arn, 90)}


def test_a_cluster_pauses_and_resumes_on_schedule_with_a_role_for_nothing_else(site):
    provisioned(site, pause_schedule="cron(0 20 * * ? *)", resume_schedule="cron(0 6 * * ? *)")

    actions = {
        action["Schedule"]: action["TargetAction"] for action in site.resources("AWS::Redshift::ScheduledAction")
    }
    (statement,) = [s for s in site.statements() if "redshift:PauseCluster" in s["Action"]]

    assert set(actions["cron(0 20 * * ? *)"]) == {"PauseCluster"}
    assert set(actions["cron(0 6 * * ? *)"]) == {"ResumeCluster"}
    assert statement["Resource"] == "arn:aws:redshift:eu-central-1:111111111111:cluster:churn-dev"


def test_a_single_node_cluster_says_so(site):
    provisioned(site, nodes=1)

    cluster = site.one("AWS::Redshift::Cluster")

    assert cluster["ClusterType"] == "single-node"
    assert "NumberOfNodes" not in cluster


def test_data_stays_when_the_stack_goes(site):
    serverless(site)

    resources = site.template()["Resources"].values()

    assert {r["DeletionPolicy"] for r in resources if r["Type"] == "AWS::RedshiftServerless::Namespace"} == {"Retain"}


def test_the_role_reads_the_lake_and_writes_below_its_prefixes_alone(site):
    role(site)

    written = [s for s in site.statements() if "s3:PutObject" in s["Action"]]
    catalog = [s for s in site.statements() if "glue:GetTable" in s["Action"]]

    assert [s["Resource"] for s in written] == ["arn:aws:s3:::features/churn/*"]
    assert "arn:aws:glue:eu-central-1:111111111111:table/churn_dev/*" in catalog[0]["Resource"]


@pytest.mark.parametrize(
    ("make", "properties", "message"),
    [
        (serverless, {"database": "dev"}, "database: must not be a name of Redshift's own"),
        (serverless, {"admin_username": "awsuser"}, "admin_username: must not be a name that is guessed first"),
        (serverless, {"name": "Churn"}, "name: must be 3 to 63 lower-case letters"),
        (serverless, {"base_rpu": 12}, "base_rpu: must be a multiple of 8, at least 8, got 12"),
        (serverless, {"base_rpu": 16, "max_rpu": 8}, r"max_rpu: must be at least base_rpu \(16\), got 8"),
        (provisioned, {"node_type": "dc2.large"}, "node_type: must be an RA3 type such as 'ra3.large'"),
        (provisioned, {"node_type": "ra3.4xlarge", "nodes": 1}, "nodes: must be at least 2 with ra3.4xlarge, got 1"),
        (provisioned, {"snapshot_retention_days": 1}, "snapshot_retention_days: must be between 7 and 35, got 1"),
        (provisioned, {"pause_schedule": "cron(0 20 * * ? *)"}, "must be given together or not at all"),
        (role, {"unload_prefixes": ["churn"]}, "unload_prefixes: must name folders that end with a slash"),
        (migrations, {"features": ["spectre"]}, "features: must be among spectrum, redshift_ml, got 'spectre'"),
        (migrations, {"values": {}}, r"0005|unknown placeholder, known: none"),
        (migrations, {"migrations": Path("/nowhere")}, "there is no migration"),
        (migrations, {"usage_limit_rpu_hours": 0}, "usage_limit_rpu_hours: must be at least 1, got 0"),
    ],
)
def test_refuses_what_cannot_work(site, make, properties, message):
    with pytest.raises(ConstructError, match=message):
        make(site, **properties)


def test_refuses_two_subnets_for_redshift_serverless(site):
    with pytest.raises(ConstructError, match="needs 3 subnets in as many zones, got 2"):
        serverless(site, network=site.network)


def test_refuses_a_usage_limit_for_a_cluster(site):
    with pytest.raises(ConstructError, match="only Redshift Serverless has RPUs"):
        migrations(site, provisioned(site), usage_limit_rpu_hours=8)


def test_refuses_files_that_the_warehouse_would_refuse(site, tmp_path):
    (tmp_path / "0001_a.sql").write_text("BEGIN; CREATE TABLE t (id INT); COMMIT;")

    with pytest.raises(ConstructError, match=r"0001_a\.sql: BEGIN would end the transaction"):
        migrations(site, migrations=tmp_path)


def test_migrations_are_started_by_deployments_of_their_own_stack_and_on_schedule(site):
    migrations(site)

    pattern = site.one("AWS::Events::Rule")["EventPattern"]
    schedule = site.one("AWS::Scheduler::Schedule")

    assert pattern["source"] == ["aws.cloudformation"]
    assert pattern["detail"]["stack-id"] == [{"Ref": "AWS::StackId"}]
    assert pattern["detail"]["status-details"] == {"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]}
    assert "StateMachine" in schedule["Target"]["Arn"]["Fn::GetAtt"][0]


def test_the_function_reaches_its_warehouse_as_administrator_without_knowing_a_password(site):
    migrations(site, usage_limit_rpu_hours=24)

    statements = {action: s for s in site.statements() for action in _listed(s["Action"])}
    variables = site.one("AWS::Lambda::Function")["Environment"]["Variables"]

    assert statements["secretsmanager:GetSecretValue"]["Resource"].endswith(":secret:redshift!churn-dev-*")
    assert statements["redshift-data:BatchExecuteStatement"]["Resource"] == {
        "Fn::GetAtt": [_id(site, "AWS::RedshiftServerless::Workgroup"), "Workgroup.WorkgroupArn"]
    }
    assert "redshift-serverless:CreateUsageLimit" in statements
    assert variables["USAGE_LIMIT_RPU_HOURS"] == "24"
    assert not [name for name in variables if "PASSWORD" in name]


def test_the_files_are_in_the_zip_and_change_its_hash(site, tmp_path):
    (tmp_path / "0001_a.sql").write_text("CREATE SCHEMA a;")
    one = migrations(site, migrations=tmp_path, values={}, features=[]).function.digest
    (tmp_path / "0002_b.sql").write_text("CREATE SCHEMA b;")

    from seatrial.constructs.warehouse_migrations import packed_files

    assert set(packed_files(tmp_path, {}, [])) == {"sql/0001_a.sql", "sql/0002_b.sql"}
    assert one


def test_the_machine_calls_again_while_the_warehouse_works_and_tells_when_it_is_blocked(site):
    migrations(site)

    text = site.one(MACHINE)["DefinitionString"]
    joined = "".join(part if isinstance(part, str) else "token" for part in text["Fn::Join"][1])
    states = json.loads(joined)["States"]
    ways = {choice["StringEquals"]: choice["Next"] for choice in states["Look"]["Choices"]}

    assert ways == {"done": "Done", "running": "Wait", "paused": "TellDeferred"}
    assert states["Look"]["Default"] == "TellBlocked"
    assert states["Wait"]["Next"] == "Migrate"
    tasks = [state for state in states.values() if state["Type"] == "Task"]
    assert all({"TimeoutSeconds", "Retry", "Catch"} <= set(task) for task in tasks)


def _listed(value):
    return value if isinstance(value, list) else [value]


def _id(site, kind):
    (found,) = [name for name, resource in site.template()["Resources"].items() if resource["Type"] == kind]
    return found
