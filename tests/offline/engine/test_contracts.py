"""Each patch of moto replaces a stated hole; these tests fail once moto no longer needs it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core.responses import BaseResponse
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import iam_backends
from moto.s3.models import FakeBucket, S3Backend

from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.engine import patches
from seatrial.offline.patches import original, without_any

DENY_WITHOUT_TLS = {
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


@pytest.fixture
def plain_moto() -> Iterator[None]:
    """Moto as it comes: what the engine has replaced is put back for the test."""
    with without_any(), mock_aws():
        yield


def cloudformation() -> Any:
    return boto3.client(
        "cloudformation", "eu-central-1", aws_access_key_id="a", aws_secret_access_key="b", aws_session_token="c"
    )


@pytest.mark.usefixtures("plain_moto")
def test_moto_still_skips_unknown_resource_types() -> None:
    api = cloudformation()
    body = json.dumps({"Resources": {"Thing": {"Type": "AWS::Foo::Bar"}}})

    api.create_stack(StackName="s", TemplateBody=body)

    assert api.describe_stacks(StackName="s")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_moto_still_denies_where_the_condition_does_not_hold() -> None:
    moto_is_permitted = original(IAMPolicyStatement, "is_action_permitted")

    over_tls = moto_is_permitted(IAMPolicyStatement(DENY_WITHOUT_TLS), "s3:GetObject", "arn:aws:s3:::b/k")

    assert over_tls == PermissionResult.DENIED


def test_a_conditional_deny_does_not_block_while_a_plain_one_does() -> None:
    plain = {**DENY_WITHOUT_TLS, "Condition": {}}

    conditional = patches._is_permitted(IAMPolicyStatement(DENY_WITHOUT_TLS), "s3:GetObject", "arn:aws:s3:::b/k")
    unconditional = patches._is_permitted(IAMPolicyStatement(plain), "s3:GetObject", "arn:aws:s3:::b/k")

    assert conditional == PermissionResult.NEUTRAL
    assert unconditional == PermissionResult.DENIED


def test_moto_still_looks_at_the_log_bucket_s_policy() -> None:
    assert hasattr(FakeBucket, "_log_permissions_enabled_policy")
    assert "has_policy_permissions" in FakeBucket.set_logging.__code__.co_varnames


def test_moto_still_writes_an_access_log_object_for_each_request() -> None:
    assert "put_object" in original(S3Backend, "log_incoming_request").__code__.co_names


def test_moto_still_dispatches_cloudformation_through_call_action() -> None:
    assert patches.CloudFormationResponse.__mro__[1] is BaseResponse
    assert callable(BaseResponse.call_action)


def test_policies_that_come_meanwhile_do_not_hit_who_walks_through_all() -> None:
    policies = patches.SteadyDict({"first": 1, "second": 2})

    seen = []
    for policy in policies.values():
        policies[f"new{policy}"] = policy
        seen.append(policy)

    assert seen == [1, 2]


def test_the_cloud_keeps_policies_in_such_a_table(cloud: OfflineCloud) -> None:
    kept = iam_backends[cloud.context.account]["aws"].managed_policies

    assert isinstance(kept, patches.SteadyDict)
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in kept
