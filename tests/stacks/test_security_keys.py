"""The security checklist on the synthesized templates: encryption and keys. Names of tests are its assertions."""

import re

import pytest

from seatrial.contracts.instances import has_local_storage
from tests.stacks.security_support import allowed, cluster_request, kinds, listed, made, text

ENCRYPTED = {
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::Kinesis::Stream": ("StreamEncryption", "KeyId"),
    "AWS::Lambda::Function": ("KmsKeyArn",),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::Redshift::Cluster": ("KmsKeyId",),
    "AWS::RedshiftServerless::Namespace": ("KmsKeyId",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::SQS::Queue": ("KmsMasterKeyId",),
    "AWS::SageMaker::EndpointConfig": ("DataCaptureConfig", "KmsKeyId"),
    "AWS::Scheduler::Schedule": ("KmsKeyArn",),
    "AWS::StepFunctions::StateMachine": ("EncryptionConfiguration", "KmsKeyId"),
}
"""Where a kind of resource names its key."""


def keys(assemblies):
    found = [(name, resource) for assembly in assemblies for name, resource in assembly.resources("AWS::KMS::Key")]
    assert len(found) == len(assemblies)
    return found


def key_statements(assemblies):
    for _, key in keys(assemblies):
        yield {statement["Sid"]: statement for statement in key["Properties"]["KeyPolicy"]["Statement"]}


def is_own_key(value):
    return "DataKey" in text(value)


def test_k01_k04_the_key_rotates_waits_a_month_and_stays(assemblies):
    for name, key in keys(assemblies):
        assert key["Properties"]["EnableKeyRotation"] is True, name
        assert key["Properties"]["PendingWindowInDays"] >= 30, name
        assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain", name


def test_k02_nobody_unnamed_may_use_the_key_and_the_account_only_as_caller(assemblies):
    for statements in key_statements(assemblies):
        assert not [s for s in statements.values() if s["Principal"] == "*" or s["Principal"].get("AWS") == "*"]
        for sid in ("UseWithinTheAccount", "GrantsForAwsResources"):
            assert statements[sid]["Condition"]["StringEquals"] == {"kms:CallerAccount": "111111111111"}


def test_k03_administration_is_apart_from_use_and_every_action_is_enumerated(assemblies):
    for statements in key_statements(assemblies):
        administration = set(listed(statements["Administration"]["Action"]))
        use = set(listed(statements["UseWithinTheAccount"]["Action"]))

        assert not [action for s in statements.values() for action in listed(s["Action"]) if "*" in action]
        assert administration & use == {"kms:DescribeKey"}
        assert not administration & {"kms:CreateGrant", "kms:GenerateDataKey", "kms:ReEncryptFrom"}


def test_k05_cloudwatch_logs_may_use_the_key_for_the_stacks_own_groups_alone(assembly, assemblies):
    limits = [s["CloudWatchLogs"]["Condition"]["ArnLike"] for s in key_statements(assemblies)]

    assert limits[0] == {
        "kms:EncryptionContext:aws:logs:arn": ["arn:aws:logs:eu-central-1:111111111111:log-group:telecom-churn-dev*"]
    }
    groups = [arn for limit in limits for arn in limit["kms:EncryptionContext:aws:logs:arn"]]
    assert not [arn for arn in groups if arn.endswith(":log-group:*")]


def test_k05_k19_logs_of_encrypted_state_machines_can_be_delivered(assemblies):
    for statements in key_statements(assemblies):
        statement = statements["LogDeliveryOfStateMachines"]
        (bound,) = statement["Condition"]["StringEquals"].items()

        assert statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
        assert statement["Action"] == "kms:Decrypt"
        assert bound == ("kms:EncryptionContext:SourceArn", "arn:aws:logs:eu-central-1:111111111111:*")


def test_k06_buckets_encrypt_with_the_stacks_key_and_a_bucket_key(assemblies):
    for name, bucket in made(assemblies, "AWS::S3::Bucket"):
        ((rule),) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        default = rule["ServerSideEncryptionByDefault"]

        if "LakeLogs" in name:  # S3 delivers access logs only to buckets with SSE-S3
            assert default["SSEAlgorithm"] == "AES256", name
        else:
            assert default["SSEAlgorithm"] == "aws:kms", name
            assert is_own_key(default["KMSMasterKeyID"]), name
            assert rule["BucketKeyEnabled"] is True, name


def test_k07_volumes_of_the_endpoint_take_the_key_unless_their_hardware_encrypts_them(assemblies):
    for name, config in made(assemblies, "AWS::SageMaker::EndpointConfig"):
        types = {variant["InstanceType"] for variant in config["ProductionVariants"]}

        assert is_own_key(config.get("KmsKeyId", "")) or all(map(has_local_storage, types)), name
    assert [has_local_storage(kind) for kind in ("ml.m5.large", "ml.g5.xlarge")] == [False, True]


@pytest.mark.parametrize("kind", ENCRYPTED)
def test_k08_k15_k16_k19_k20_k26_everything_that_can_be_is_under_the_own_key(assemblies, kind):
    for name, properties in made(assemblies, kind):
        value = properties
        for part in ENCRYPTED[kind]:
            value = value[part]

        assert is_own_key(value), name


def test_k19_state_machines_say_that_the_key_is_a_customers(assemblies):
    for name, machine in made(assemblies, "AWS::StepFunctions::StateMachine"):
        assert machine["EncryptionConfiguration"]["Type"] == "CUSTOMER_MANAGED_KMS_KEY", name


def test_k09_k14_k20_there_are_no_domains_notebooks_shadow_tests_or_repositories(assemblies):
    wrong = re.compile(r"AWS::(SageMaker::(Domain|NotebookInstance|InferenceExperiment)|ECR::\w*Repository\w*)$")

    assert [kind for kind in kinds(assemblies) if wrong.match(kind)] == []


def test_k10_whoever_starts_a_job_must_name_the_key_of_its_volume_and_its_output(assemblies):
    starts = [
        (name, statement["Condition"])
        for name, statement in allowed(assemblies)
        if not name.startswith("Warehouse/")  # Redshift ML, an exception
        for action in listed(statement["Action"])
        if re.fullmatch(r"sagemaker:Create(Processing|Training|HyperParameterTuning)Job", action)
    ]

    assert len(starts) >= 3 * len(assemblies)
    for name, condition in starts:
        assert is_own_key(condition["ArnEquals"]["sagemaker:VolumeKmsKey"]), name
        assert is_own_key(condition["ArnEquals"]["sagemaker:OutputKmsKey"]), name


def test_k12_both_stores_of_feature_groups_take_the_key(assemblies):
    for name, group in made(assemblies, "AWS::SageMaker::FeatureGroup"):
        assert is_own_key(group["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"]), name
        assert is_own_key(group["OnlineStoreConfig"]["SecurityConfig"]["KmsKeyId"]), name


def test_k16_secrets_are_made_by_redshift_alone_and_take_the_key(assemblies):
    ((_, cluster),) = made(assemblies, "AWS::Redshift::Cluster")
    ((_, namespace),) = made(assemblies, "AWS::RedshiftServerless::Namespace")

    assert "AWS::SecretsManager::Secret" not in kinds(assemblies)
    assert is_own_key(cluster["MasterPasswordSecretKmsKeyId"])
    assert is_own_key(namespace["AdminPasswordSecretKmsKeyId"])


def test_k22_clusters_of_emr_encrypt_at_rest_and_in_transit(emr_assembly):
    ((name, configuration),) = emr_assembly.properties("AWS::EMR::SecurityConfiguration")
    encryption = configuration["SecurityConfiguration"]["EncryptionConfiguration"]
    at_rest = encryption["AtRestEncryptionConfiguration"]

    assert encryption["EnableAtRestEncryption"] is encryption["EnableInTransitEncryption"] is True
    assert is_own_key(at_rest["S3EncryptionConfiguration"]["AwsKmsKey"])
    assert is_own_key(at_rest["LocalDiskEncryptionConfiguration"]["AwsKmsKey"])
    assert at_rest["LocalDiskEncryptionConfiguration"]["EnableEbsEncryption"] is True
    ((_, machine),) = emr_assembly.properties("AWS::StepFunctions::StateMachine", "Processing")
    assert name.split("/")[1] in text(machine["DefinitionString"])
    assert "SecurityConfiguration" in cluster_request(emr_assembly)


def test_k25_logs_of_spark_are_kept_and_encrypted(emr_assembly, assemblies):
    request = cluster_request(emr_assembly)

    assert request["LogUri"].startswith("s3://")
    assert request["LogEncryptionKmsKeyId"]
    for name, application in made(assemblies, "AWS::EMRServerless::Application"):
        logs = application["MonitoringConfiguration"]["S3MonitoringConfiguration"]
        assert is_own_key(logs["EncryptionKeyArn"]), name
        assert "emr-serverless-logs/" in text(logs["LogUri"]), name


def test_k28_redshift_takes_tls_alone(assemblies):
    ((_, group),) = made(assemblies, "AWS::Redshift::ClusterParameterGroup")
    ((_, workgroup),) = made(assemblies, "AWS::RedshiftServerless::Workgroup")

    assert {"ParameterName": "require_ssl", "ParameterValue": "true"} in group["Parameters"]
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup["ConfigParameters"]
