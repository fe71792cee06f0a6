"""Service roles: what they refuse, and what they say in the template."""

import pytest

from seatrial.constructs import ServiceRole
from seatrial.constructs.errors import ConstructError

BECAUSE = "The ids are made at run time, bucket and prefix are exact in this example."


def role(site) -> ServiceRole:
    return ServiceRole(site.stack, "Identity", service="lambda.amazonaws.com", description="An example")


def test_trusts_one_service_for_this_account_only(site):
    role(site).allow("sns:Publish", on=["arn:aws:sns:eu-central-1:111111111111:told"])

    (statement,) = site.one("AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]

    assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111111111111"}}


def test_keeps_its_rights_in_a_managed_policy(site):
    role(site).allow("sns:Publish", on=["arn:aws:sns:eu-central-1:111111111111:told"])

    assert site.resources("AWS::IAM::Policy") == []
    assert site.statements()[0]["Action"] == "sns:Publish"


def test_refuses_wildcards_in_actions(site):
    with pytest.raises(ConstructError, match=r"action 's3:Get\*' holds a wildcard"):
        role(site).allow("s3:Get*", on=["arn:aws:s3:::bucket/key"])


def test_refuses_wildcards_in_resources_without_a_reason(site):
    with pytest.raises(ConstructError, match=r"'arn:aws:s3:::bucket/\*' holds a wildcard, say in a sentence"):
        role(site).allow("s3:GetObject", on=["arn:aws:s3:::bucket/*"])


def test_refuses_star_for_actions_that_take_a_resource(site):
    with pytest.raises(ConstructError, match="s3:GetObject takes a resource"):
        role(site).allow_unscoped("s3:GetObject")


def test_a_wildcard_with_a_reason_leaves_nothing_for_cdk_nag(site):
    role(site).allow("s3:GetObject", on=["arn:aws:s3:::bucket/*"], because=BECAUSE)

    assert site.findings() == ""


def test_a_wildcard_that_was_not_given_a_reason_is_found(site):
    identity = role(site)
    identity.allow("s3:GetObject", on=["arn:aws:s3:::bucket/*"], because=BECAUSE)
    identity.statements.append({"Action": "s3:GetObject", "Effect": "Allow", "Resource": "arn:aws:s3:::other/*"})

    findings = site.findings()

    assert "other/*" in findings
    assert "IAM5[Resource::arn:aws:s3:::other/*]" in findings


def test_passing_a_role_names_the_service(site):
    role(site).allow_passing("arn:aws:iam::111111111111:role/jobs", to="sagemaker.amazonaws.com")

    assert site.statements()[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
