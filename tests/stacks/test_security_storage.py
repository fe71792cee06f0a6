"""The security checklist on the synthesized templates: S3. Names of tests are its assertions."""

import json

from tests.stacks.security_support import documents, made, text


def test_s01_s02_s07_each_bucket_is_closed_versioned_and_its_owners(assemblies):
    for name, bucket in made(assemblies, "AWS::S3::Bucket"):
        assert bucket["PublicAccessBlockConfiguration"] == {
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        }, name
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}, name
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}], name


def test_s03_access_to_every_bucket_is_logged_in_the_log_bucket(assemblies):
    for name, bucket in made(assemblies, "AWS::S3::Bucket"):
        if "LakeLogs" in name:
            assert "LoggingConfiguration" not in bucket  # a bucket that logs into itself never comes to rest
        else:
            assert "LakeLogs" in text(bucket["LoggingConfiguration"]["DestinationBucketName"]), name
            assert bucket["LoggingConfiguration"]["LogFilePrefix"], name


def test_s04_s06_s10_bucket_policies_deny_and_allow_nobody_unnamed(assemblies):
    for name, policy in made(assemblies, "AWS::S3::BucketPolicy"):
        statements = policy["PolicyDocument"]["Statement"]
        denials = {json.dumps(s["Condition"], sort_keys=True) for s in statements if s["Effect"] == "Deny"}

        assert any("aws:SecureTransport" in denial for denial in denials), name
        assert any("s3:TlsVersion" in denial for denial in denials), name
        assert "LogsPolicy" in name or any("aws-kms-key-id" in denial for denial in denials), name
        assert not [s for s in statements if s["Effect"] == "Allow" and s["Principal"] in ("*", {"AWS": "*"})], name


def test_s04_every_bucket_has_a_policy(assemblies):
    policed = {text(policy["Bucket"]) for _, policy in made(assemblies, "AWS::S3::BucketPolicy")}
    buckets = {text({"Ref": name.split("/")[1]}) for name, _ in made(assemblies, "AWS::S3::Bucket")}

    assert policed == buckets


def test_s10_a_put_without_headers_is_not_denied(assemblies):
    """A negated condition on a missing key is true: only together with Null does it spare such requests."""
    negated = [
        statement["Condition"]
        for _, statement in documents(assemblies, "AWS::S3::BucketPolicy")
        if "s3:x-amz-server-side-encryption" in json.dumps(statement["Condition"])
    ]

    assert len(negated) == 8 + 10 + 10
    assert all(set(c["Null"].values()) == {"false"} and set(c["Null"]) == set(c["StringNotEquals"]) for c in negated)


def test_s05_objects_are_reached_by_the_given_endpoint_services_and_break_glass_roles_alone(emr_assembly):
    closed = [
        statement["Condition"]
        for _, statement in documents([emr_assembly], "AWS::S3::BucketPolicy")
        if "aws:SourceVpce" in json.dumps(statement["Condition"])
    ]

    assert closed == 5 * [
        {
            "StringNotEqualsIfExists": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]},
            "BoolIfExists": {"aws:ViaAWSService": "false", "aws:PrincipalIsAWSService": "false"},
            "ArnNotLikeIfExists": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:role/break-glass"]},
        }
    ]


def test_s05_other_accounts_are_denied_always(assemblies):
    strangers = [
        statement["Condition"]["StringNotEquals"]
        for _, statement in documents(assemblies, "AWS::S3::BucketPolicy")
        if statement.get("Sid") == "DenyOtherAccounts"
    ]

    assert strangers == 14 * [{"aws:PrincipalAccount": "111111111111"}]


def test_s08_data_stays_when_its_stack_goes(assemblies):
    kinds = ("AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SageMaker::FeatureGroup", "AWS::Redshift::Cluster")
    kinds += ("AWS::RedshiftServerless::Namespace",)
    found = [one for assembly in assemblies for kind in kinds for one in assembly.resources(kind)]

    gone = {name for name, r in found if {r.get("DeletionPolicy"), r.get("UpdateReplacePolicy")} != {"Retain"}}

    assert len(found) > 30
    assert gone == set()
    assert not [r for assembly in assemblies for r in assembly.resources("Custom::S3AutoDeleteObjects")]


def test_s09_every_bucket_ends_uploads_and_old_versions(assemblies):
    for name, bucket in made(assemblies, "AWS::S3::Bucket"):
        rule = bucket["LifecycleConfiguration"]["Rules"][0]

        assert {"AbortIncompleteMultipartUpload", "NoncurrentVersionExpiration"} <= set(rule), name
        assert rule["Status"] == "Enabled", name
        assert "Prefix" not in rule, name
