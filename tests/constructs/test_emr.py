"""EMR on EC2: a cluster that is locked, bounded, mostly spot, and gone when nobody needs it."""

import hashlib

import pytest

from seatrial.constructs.emr_cluster import MANAGED_TAG
from seatrial.constructs.errors import ConstructError
from tests.constructs.spark_support import emr, make_job, resolved

__all__ = ["make_job"]


def request(site, engine):
    return resolved(site, engine.opening()["Cluster"]["Parameters"])


def fleets(site, engine):
    return {one["InstanceFleetType"]: one for one in request(site, engine)["Instances"]["InstanceFleets"]}


def security(site):
    return site.one("AWS::EMR::SecurityConfiguration")["SecurityConfiguration"]


def test_leaves_nothing_for_cdk_nag(site, make_job):
    make_job(emr(site))

    assert site.findings() == ""


def test_everything_is_encrypted_at_rest_and_in_transit(site):
    emr(site)

    encryption = security(site)["EncryptionConfiguration"]

    at_rest = encryption["AtRestEncryptionConfiguration"]
    in_transit = encryption["InTransitEncryptionConfiguration"]["TLSCertificateConfiguration"]
    assert (encryption["EnableAtRestEncryption"], encryption["EnableInTransitEncryption"]) == (True, True)
    assert at_rest["S3EncryptionConfiguration"]["EncryptionMode"] == "SSE-KMS"
    assert at_rest["LocalDiskEncryptionConfiguration"]["EnableEbsEncryption"] is True
    assert in_transit == {"CertificateProviderType": "PEM", "S3Object": "s3://artifacts/emr/certificates.zip"}


def test_nodes_answer_metadata_requests_with_tokens_only(site):
    emr(site)

    assert security(site)["InstanceMetadataServiceConfiguration"] == {
        "MinimumInstanceMetadataServiceVersion": 2,
        "HttpPutResponseHopLimit": 1,
    }


def test_the_cluster_uses_the_security_configuration_encrypts_its_logs_and_ends_when_idle(site):
    made = request(site, emr(site))

    assert "Ref" in made["SecurityConfiguration"]
    assert made["LogUri"] == "s3://artifacts/emr-logs/"
    assert made["LogEncryptionKmsKeyId"] == "arn:aws:kms:eu-central-1:111111111111:key/abc"
    assert made["AutoTerminationPolicy"] == {"IdleTimeout": 900}
    assert made["StepConcurrencyLevel"] == 4
    assert made["Instances"]["TerminationProtected"] is False
    assert made["Instances"]["Ec2SubnetIds"] == ["subnet-1", "subnet-2"]


def test_core_is_on_demand_and_the_rest_mostly_spot_within_a_bound(site):
    engine = emr(site, core_units=4, maximum_units=24, spot_share=0.75)

    limits = request(site, engine)["ManagedScalingPolicy"]["ComputeLimits"]
    made = fleets(site, engine)

    assert limits == {
        "UnitType": "InstanceFleetUnits",
        "MinimumCapacityUnits": 4,
        "MaximumCapacityUnits": 24,
        "MaximumCoreCapacityUnits": 4,
        "MaximumOnDemandCapacityUnits": 9,
    }
    assert made["CORE"]["TargetOnDemandCapacity"] == 4
    assert made["TASK"]["LaunchSpecifications"]["SpotSpecification"]["TimeoutAction"] == "SWITCH_TO_ON_DEMAND"


@pytest.mark.parametrize(("architecture", "letters"), [("arm64", ("m7g", "r7g")), ("x86_64", ("m7i", "r7i"))])
def test_fleets_name_several_types_of_the_architecture_weighted_by_vcpu(site, architecture, letters):
    engine = emr(site, architecture=architecture)

    types = {
        one["InstanceType"]: one["WeightedCapacity"] for one in fleets(site, engine)["TASK"]["InstanceTypeConfigs"]
    }

    assert {types[f"{family}.xlarge"] for family in letters} == {1}
    assert {types[f"{family}.4xlarge"] for family in letters} == {4}
    assert len(types) == 12


def test_every_node_is_prepared_by_our_script_from_our_bucket_by_content(site):
    engine = emr(site)

    (action,) = request(site, engine)["BootstrapActions"]

    assert action["ScriptBootstrapAction"]["Args"] == []
    assert "cdk-hnb659fds-assets" in str(action["ScriptBootstrapAction"]["Path"])
    assert resolved(site, engine.bootstrap.s3_object_key).endswith(".sh")


def test_a_python_environment_is_checked_against_its_hash_on_every_node(site, tmp_path):
    archive = tmp_path / "libraries.tar.gz"
    archive.write_bytes(b"environment")

    made = request(site, emr(site, python_environment=archive))

    arguments = made["BootstrapActions"][0]["ScriptBootstrapAction"]["Args"]
    (defaults,) = made["Configurations"]
    assert arguments[1] == hashlib.sha256(b"environment").hexdigest()
    assert defaults["Properties"]["spark.executorEnv.PYSPARK_PYTHON"] == "/opt/seatrial/python/bin/python"


def test_the_tag_that_rights_depend_on_is_on_the_cluster_beside_the_engagements(site):
    made = request(site, emr(site, tags={"OwnerTeam": "data"}))

    assert made["Tags"] == [{"Key": "OwnerTeam", "Value": "data"}, {"Key": MANAGED_TAG, "Value": "true"}]


def test_the_service_role_launches_only_what_is_tagged_and_passes_only_the_nodes_role(site):
    emr(site)

    launches = [s for s in site.statements() if "ec2:RunInstances" in s["Action"]]
    passes = [s for s in site.statements() if s["Action"] == "iam:PassRole"]
    instances = [s for s in launches if "instance/*" in str(s["Resource"])]

    assert [s["Condition"] for s in instances] == [{"StringEquals": {f"aws:RequestTag/{MANAGED_TAG}": "true"}}]
    assert [s["Condition"]["StringEquals"] for s in passes] == [{"iam:PassedToService": "ec2.amazonaws.com"}]


def test_groups_of_nodes_open_nothing_to_addresses(site):
    emr(site)

    rules = site.resources("AWS::EC2::SecurityGroupIngress") + site.resources("AWS::EC2::SecurityGroupEgress")

    assert len(rules) == 14
    assert not [rule for rule in rules if "CidrIp" in rule or "CidrIpv6" in rule]


def test_a_job_is_a_step_that_is_tried_again_by_the_state_machine(site, make_job):
    job = make_job(emr(site), attempts=3, max_runtime_minutes=20, settings={"spark.sql.shuffle.partitions": "64"})

    state = resolved(site, job.state())

    step = state["Parameters"]["Step"]
    assert state["Resource"] == "arn:aws:states:::elasticmapreduce:addStep.sync"
    assert state["Parameters"]["ClusterId.$"] == "$.cluster.id"
    assert (state["Retry"][0]["MaxAttempts"], state["TimeoutSeconds"]) == (2, 1200)
    assert (step["ActionOnFailure"], step["HadoopJarStep"]["Jar"]) == ("CONTINUE", "command-runner.jar")
    assert str(step["HadoopJarStep"]["Args.$"]).find("spark.sql.shuffle.partitions=64") > 0


def test_a_job_with_one_attempt_is_not_tried_again(site, make_job):
    assert "Retry" not in make_job(emr(site), attempts=1).state()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "sparc"}, "architecture: must be one of arm64, x86_64, got 'sparc'"),
        ({"core_units": 0}, "core_units: must be at least 1, got 0"),
        ({"core_units": 8, "maximum_units": 7}, r"maximum_units: must be at least core_units \(8\), got 7"),
        ({"spot_share": 1.5}, "spot_share: must be between 0 and 1, got 1.5"),
        ({"step_concurrency": 300}, "step_concurrency: must be between 1 and 256, got 300"),
    ],
)
def test_refuses_a_cluster_that_cannot_be(site, change, message):
    with pytest.raises(ConstructError, match=message):
        emr(site, **change)
