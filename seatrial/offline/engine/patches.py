"""Where the engine meets moto: its CloudFormation API is taken over, and what it does to S3 but AWS does not goes."""

import functools
import json
from typing import Any

from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, ManagedPolicy
from moto.s3.models import FakeBucket, S3Backend

from seatrial.offline import patches
from seatrial.offline.engine.api import Api

_current: dict[str, Api] = {}


def take_over(api: Api) -> None:
    """Answer CloudFormation's API with `api`; may be called again for the next cloud."""
    _current["api"] = api
    patches.replace(CloudFormationResponse, "call_action", _call_action)
    patches.replace(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {})
    patches.replace(IAMPolicyStatement, "is_action_permitted", _is_permitted)
    patches.replace(FakeBucket, "_log_permissions_enabled_policy", staticmethod(_logging_is_permitted))
    patches.replace(S3Backend, "log_incoming_request", _write_no_access_log)
    patches.replace(IAMBackend, "_init_aws_policies", _aws_policies)
    patches.replace(IAMBackend, "_init_managed_policies", _managed_policies)


class SteadyDict(dict[str, Any]):
    """Gives its content as it is at the moment, so that whoever walks through it is not hit by what others add."""

    def values(self) -> Any:
        """A copy of the values."""
        return list(super().values())


@functools.cache
def _known_policies() -> dict[str, Any]:
    return json.loads(aws_managed_policies_data)


def _aws_policies(backend: IAMBackend) -> list[ManagedPolicy]:
    """Moto has none unless its settings say so, and then reads two megabytes of JSON for every account it resets."""
    known = _known_policies().items()
    return [AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, data) for name, data in known]


def _managed_policies(backend: IAMBackend) -> dict[str, ManagedPolicy]:
    """AttachRolePolicy walks through all policies, over a thousand, while stacks that deploy beside it add theirs."""
    return SteadyDict({policy.arn: policy for policy in backend.aws_managed_policies})


def _call_action(response: CloudFormationResponse) -> Any:
    name = response._get_action()
    action = _current["api"].action(name)
    if action is None:
        raise NotImplementedError(f"cloudformation:{name} is not one of the engine's actions")
    try:
        result = ActionResult(action(dict(response.params)))
    except ServiceException as error:
        status, headers, body = response.serialized(ActionResult(error))
        return status, headers, body
    return response.serialized(result)


def _is_permitted(statement: IAMPolicyStatement, *arguments: Any, **keywords: Any) -> PermissionResult:
    """A Deny under a condition does not apply: moto cannot weigh conditions, and would deny everything by it."""
    body: dict[str, Any] = statement._statement
    if body.get("Effect") == "Deny" and body.get("Condition"):
        return PermissionResult.NEUTRAL
    return patches.original(IAMPolicyStatement, "is_action_permitted")(statement, *arguments, **keywords)


def _logging_is_permitted(target_bucket: Any, target_prefix: str | None) -> bool:
    """PutBucketLogging does not look at the target's policy; moto's does, and a template sets it later."""
    return True


def _write_no_access_log(backend: S3Backend, request: Any, bucket_name: str) -> None:
    """S3 delivers access logs hours later; moto writes one object a request, so that no log bucket can be emptied."""
