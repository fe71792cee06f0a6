"""The data layer's stacks: off by default, on by one key, locked and bounded; both engines from the same jobs."""

import json
import re

import pytest

SPARK = ("AWS::EMRServerless::Application", "AWS::EMR::SecurityConfiguration")


def definition(assembly, stack="Processing"):
    ((_, machine),) = assembly.properties("AWS::StepFunctions::StateMachine", stack)
    parts = machine["DefinitionString"]["Fn::Join"][1]
    return json.loads("".join(part if isinstance(part, str) else "token" for part in parts))


def outputs(assembly, stack):
    return {name for name in assembly.templates[stack]["Outputs"] if not name.startswith("ExportsOutput")}


def endpoints(assembly):
    named = [p["ServiceName"].split(".", 3)[-1] for _, p in assembly.properties("AWS::EC2::VPCEndpoint", "Network")]
    return set(named)


@pytest.mark.parametrize("name", ["data_assembly", "emr_assembly"])
def test_cdk_nag_has_nothing_to_say(request, name):
    report = request.getfixturevalue(name).report["pluginReports"]

    found = [(one["ruleName"], one["violatingConstructs"]) for plugin in report for one in plugin["violations"]]

    assert {plugin["pluginName"] for plugin in report} >= {"AwsSolutions", "NIST.800.53.R5"}
    assert found == []


def test_nothing_of_it_is_there_by_default(assembly):
    kinds = {resource["Type"] for _, resource in assembly.resources("")}

    assert not {kind for kind in kinds if re.match("AWS::(Glue|Athena|EMR|EMRServerless|LakeFormation)::", kind)}
    assert "Processing" not in assembly.templates
    assert "glue" not in endpoints(assembly)
    assert "FeaturesBucketName" not in outputs(assembly, "Lake")


def test_outputs_have_the_agreed_names(data_assembly, emr_assembly):
    assert outputs(data_assembly, "Lake") >= {"FeaturesBucketName", "DatabaseName", "WorkgroupName"}
    assert outputs(data_assembly, "Processing") == {"DataFlowArn", "JobRoleArn", "SparkApplicationId"}
    assert outputs(emr_assembly, "Processing") == {"DataFlowArn", "JobRoleArn"}


def test_the_database_has_the_engagements_name_with_underscores(data_assembly):
    ((_, database),) = data_assembly.properties("AWS::Glue::Database")

    assert database["DatabaseInput"]["Name"] == "telecom_data_dev"


def test_spark_reaches_glue_through_an_endpoint_and_may_replace_partitions_through_s3s(data_assembly):
    policies = {
        p["ServiceName"].split(".", 3)[-1]: p["PolicyDocument"]["Statement"]
        for _, p in data_assembly.properties("AWS::EC2::VPCEndpoint")
    }

    assert "glue:GetTable" in policies["glue"][0]["Action"]
    assert "s3:DeleteObject" in policies["s3"][0]["Action"]
    assert len(policies["s3"]) == 1


def test_only_nodes_of_emr_may_read_packages_of_aws_through_the_endpoint(emr_assembly):
    (s3,) = [p for _, p in emr_assembly.properties("AWS::EC2::VPCEndpoint") if p["ServiceName"].endswith(".s3")]

    own, packages = s3["PolicyDocument"]["Statement"]

    assert own["Condition"]["StringEquals"]["aws:ResourceAccount"] == "111111111111"
    assert packages["Action"] == ["s3:GetObject"]
    assert "arn:aws:s3:::eu-central-1.elasticmapreduce/*" in packages["Resource"]


def test_one_key_chooses_the_engine_and_nothing_else_differs(data_assembly, emr_assembly):
    one = definition(data_assembly)["States"]
    other = definition(emr_assembly)["States"]

    stages = [name for name in other if name.startswith("Stage")]

    assert [name for name in one if name.startswith("Stage")] == [*stages, "Stage5", "Stage6"]
    # Only the first of both has a feature store, and trains on the lake.
    assert ["ingest_features" in json.dumps(one["Stage5"]), "training_set" in json.dumps(one["Stage6"])] == [True, True]
    for name in stages:
        serverless, step = json.dumps(one[name]), json.dumps(other[name])
        codes = [set(re.findall(r"[0-9a-f]{64}\.(?:py|zip)", text)) for text in (serverless, step)]
        assert codes[0] == codes[1]
        assert codes[0]
    assert [bool(data_assembly.resources(kind, "Processing")) for kind in SPARK] == [True, False]
    assert [bool(emr_assembly.resources(kind, "Processing")) for kind in SPARK] == [False, True]


def test_jobs_write_curated_and_features_and_read_raw(data_assembly):
    writes = [
        json.dumps(statement["Resource"])
        for name, statement in data_assembly.statements()
        if name.startswith("Processing/EmrServerless") and "s3:DeleteObject" in str(statement["Action"])
    ]

    assert len(writes) == 2
    assert any("Curated" in resource for resource in writes)
    assert any("Features" in resource for resource in writes)


def test_what_trains_on_the_lake_reads_its_features_and_no_raw_data(data_assembly, assembly):
    def zones(made, role):
        reads = [
            json.dumps(statement["Resource"])
            for name, statement in made.statements()
            if name.startswith(role) and "s3:GetObject" in statement["Action"]
        ]
        return {zone for zone in ("Raw", "Curated", "Features") if any(f"Lake{zone}" in one for one in reads)}

    for role in ("Training/Jobs", "Retraining/RetrainingDecide"):
        assert zones(data_assembly, role) == {"Features"}
        assert zones(assembly, role) == {"Raw"}


def test_the_buckets_of_the_zones_are_listed_tiered_and_measured(data_assembly):
    buckets = dict(data_assembly.properties("AWS::S3::Bucket", "Lake"))

    zones = {name for name, bucket in buckets.items() if "InventoryConfigurations" in bucket}

    assert {re.match("Lake/Lake(Raw|Curated|Features)", name).group(1) for name in zones} == {
        "Raw",
        "Curated",
        "Features",
    }
    assert all("MetricsConfigurations" in buckets[name] for name in zones)


def test_lake_formation_grants_the_jobs_every_table_of_the_lake(emr_assembly):
    grants = emr_assembly.properties("AWS::LakeFormation::PrincipalPermissions", "Processing")
    tables = {p["Resource"]["Table"]["Name"] for _, p in grants if "Table" in p["Resource"]}
    made = {p.get("Name") or p["TableInput"]["Name"] for _, p in emr_assembly.properties("AWS::Glue::Table")}

    assert tables == {name for name in made if not name.startswith("monitor_")}
    assert len(emr_assembly.properties("AWS::LakeFormation::Resource")) == 3
