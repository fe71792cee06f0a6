"""Acknowledgements: one helper, and nothing wider than what was said."""

import aws_cdk.aws_s3 as s3
import pytest

from seatrial.constructs import justify
from seatrial.constructs.errors import ConstructError
from seatrial.constructs.justification import flatten

REASON = "An example that keeps nothing, made in a test and thrown away at once."


def test_refuses_rules_of_unknown_packs(site):
    with pytest.raises(ConstructError, match="belongs to none of the packs AwsSolutions"):
        justify(site.stack, "HIPAA.Security-S3", REASON)


def test_refuses_thin_reasons(site):
    with pytest.raises(ConstructError, match="is too thin"):
        justify(site.stack, "AwsSolutions-S1", "not needed")


def test_refuses_a_date_that_is_none(site):
    with pytest.raises(ConstructError, match="a date YYYY-MM-DD is needed"):
        justify(site.stack, "AwsSolutions-S1", REASON, until="next year")


def test_acknowledging_one_construct_leaves_the_others_alone(site):
    first, second = s3.Bucket(site.stack, "First"), s3.Bucket(site.stack, "Second")

    justify(first, "AwsSolutions-S1", REASON)
    findings = site.findings()

    violations = findings[: findings.index("suppressedViolations")]
    assert "AwsSolutions-S1" in violations
    assert second.node.path in violations
    assert f'"constructPath": "{first.node.path}/Resource"' not in violations.split("AwsSolutions-S10")[0]


def test_writes_references_as_cdk_nag_does():
    arn = {"Fn::Join": ["", [{"Fn::ImportValue": "lake:Arn"}, "/", {"Ref": "Prefix"}, "*"]]}

    assert flatten(arn) == "lake:Arn/<Prefix>*"
