"""The security checklist on the synthesized templates: SageMaker, EMR, Redshift. Names of tests are its assertions."""

import json
import re

from tests.stacks.security_support import (
    cluster_request,
    kinds,
    listed,
    machines,
    made,
    pipeline_definition,
    states,
)

AUDIT_LOGS = {"connectionlog", "useractivitylog", "userlog"}


def test_m01_endpoints_run_on_two_instances_at_least(assemblies):
    for name, config in made(assemblies, "AWS::SageMaker::EndpointConfig"):
        assert all(variant["InitialInstanceCount"] >= 2 for variant in config["ProductionVariants"]), name
    for name, target in made(assemblies, "AWS::ApplicationAutoScaling::ScalableTarget"):
        assert target["MinCapacity"] >= 2, name


def test_m02_m03_the_canary_is_watched_by_alarms_of_the_same_variant(assemblies):
    for assembly, name in zip(assemblies, ("telecom-churn-dev", "telecom-data-dev", "telecom-emr-dev"), strict=True):
        ((_, endpoint),) = assembly.properties("AWS::SageMaker::Endpoint")
        deployment = endpoint["DeploymentConfig"]
        watched = [alarm["AlarmName"]["Ref"] for alarm in deployment["AutoRollbackConfiguration"]["Alarms"]]
        wanted = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "primary"}]

        assert len(watched) == 2
        for alarm_name in watched:
            alarm = assembly.templates["Serving"]["Resources"][alarm_name]["Properties"]
            metrics = [query["MetricStat"]["Metric"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
            assert [metric["Dimensions"] for metric in metrics or [alarm]] == [wanted] * max(len(metrics), 1)
        assert deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "CANARY"
        assert deployment["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] >= 600
        assert endpoint["RetainAllVariantProperties"] is True


def test_m04_m07_m11_there_are_no_notebooks_domains_or_repositories(assemblies):
    wrong = re.compile(r"AWS::(SageMaker::(Domain|UserProfile|Space|NotebookInstance\w*)|ECR::\w+)$")

    assert [kind for kind in kinds(assemblies) if wrong.match(kind)] == []


def test_m06_images_that_are_given_by_digest_are_what_jobs_run_and_roles_may_pull(emr_assembly):
    definition = pipeline_definition(emr_assembly)
    pulls = [s for _, s in emr_assembly.statements() if "ecr:BatchGetImage" in s["Action"]]

    images = set(re.findall(r"[0-9]{12}\.dkr\.ecr[^\"\\]+", json.dumps(definition)))

    registry, digest = "222222222222.dkr.ecr.eu-central-1.amazonaws.com/mirror", "0123456789abcdef" * 4
    assert images == {f"{registry}/sagemaker-{name}@sha256:{digest}" for name in ("spark-processing", "xgboost")}
    assert pulls
    assert all("222222222222:repository/mirror/sagemaker-" in arn for s in pulls for arn in listed(s["Resource"]))


def test_m08_pipelines_and_their_jobs_are_bounded(assemblies):
    for name, pipeline in made(assemblies, "AWS::SageMaker::Pipeline"):
        assert 1 <= pipeline["ParallelismConfiguration"]["MaxParallelExecutionSteps"] <= 10, name
    for assembly in assemblies:
        limits = re.findall(r'"MaxRuntimeInSeconds": (\d+)', json.dumps(pipeline_definition(assembly)))

        assert len(limits) >= 4
        assert all(0 < int(seconds) <= 86_400 for seconds in limits)


def test_m08_spark_jobs_are_bounded(data_assembly, emr_assembly):
    tasks = [
        state
        for _, definition in machines([data_assembly, emr_assembly])
        for _, state, _ in states(definition)
        if re.search(r"startJobRun|addStep", state.get("Resource", ""))
    ]

    assert len(tasks) >= 10
    assert all(0 < task["TimeoutSeconds"] <= 86_400 for task in tasks)


def test_m09_nodes_of_emr_demand_session_tokens_of_the_metadata_service(emr_assembly):
    ((_, configuration),) = emr_assembly.properties("AWS::EMR::SecurityConfiguration")

    assert configuration["SecurityConfiguration"]["InstanceMetadataServiceConfiguration"] == {
        "MinimumInstanceMetadataServiceVersion": 2,
        "HttpPutResponseHopLimit": 1,
    }


def test_m10_spark_ends_when_idle_and_grows_only_so_far(emr_assembly, assemblies):
    request = cluster_request(emr_assembly)

    assert 0 < request["AutoTerminationPolicy"]["IdleTimeout"] <= 3600
    assert request["ManagedScalingPolicy"]["ComputeLimits"]["MaximumCapacityUnits"] == 16
    for name, application in made(assemblies, "AWS::EMRServerless::Application"):
        assert application["AutoStopConfiguration"]["Enabled"] is True, name
        assert 0 < application["AutoStopConfiguration"]["IdleTimeoutMinutes"] <= 60, name
        assert {"Cpu", "Memory"} <= set(application["MaximumCapacity"]), name


def test_r01_redshift_keeps_three_audit_logs_users_statements_among_them(assemblies):
    ((_, cluster),) = made(assemblies, "AWS::Redshift::Cluster")
    ((_, group),) = made(assemblies, "AWS::Redshift::ClusterParameterGroup")
    ((_, namespace),) = made(assemblies, "AWS::RedshiftServerless::Namespace")
    ((_, workgroup),) = made(assemblies, "AWS::RedshiftServerless::Workgroup")
    activity = ("enable_user_activity_logging", "true")

    assert set(cluster["LoggingProperties"]["LogExports"]) == set(namespace["LogExports"]) == AUDIT_LOGS
    assert activity in {(one["ParameterName"], one["ParameterValue"]) for one in group["Parameters"]}
    assert activity in {(one["ParameterKey"], one["ParameterValue"]) for one in workgroup["ConfigParameters"]}


def test_r03_the_administrators_password_is_managed_by_redshift(assemblies):
    ((_, cluster),) = made(assemblies, "AWS::Redshift::Cluster")
    ((_, namespace),) = made(assemblies, "AWS::RedshiftServerless::Namespace")

    assert cluster["ManageMasterPassword"] is namespace["ManageAdminPassword"] is True
    assert not {"MasterUserPassword", "AdminUserPassword"} & {*cluster, *namespace}


def test_r04_administrator_and_database_have_names_of_their_own(assemblies):
    ((_, cluster),) = made(assemblies, "AWS::Redshift::Cluster")
    ((_, namespace),) = made(assemblies, "AWS::RedshiftServerless::Namespace")

    assert not {cluster["MasterUsername"], namespace["AdminUsername"]} & {"admin", "awsuser"}
    assert not {cluster["DBName"], namespace["DbName"]} & {"dev"}


def test_r05_snapshots_are_kept_for_a_week(assemblies):
    for name, cluster in made(assemblies, "AWS::Redshift::Cluster"):
        assert cluster["AutomatedSnapshotRetentionPeriod"] >= 7, name
