"""Where the engine meets moto: its CloudFormation API is taken over, and what it does to S3 but AWS does not goes."""

from typing import Any

from moto.cloudformation.responses import CloudFormationResponse
from moto.core.config import default_user_config
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import IAMBackend, ManagedPolicy
from moto.s3.models import FakeBucket, S3Backend

from seatrial.offline.engine.api import Api

_current: dict[str, Api] = {}
_moto_is_permitted = IAMPolicyStatement.is_action_permitted
_moto_log_incoming_request = S3Backend.log_incoming_request


def take_over(api: Api) -> None:
    """Answer CloudFormation's API with `api`; may be called again for the next cloud."""
    _current["api"] = api
    CloudFormationResponse.call_action = _call_action  # type: ignore[method-assign]
    CloudFormationResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER = {}
    IAMPolicyStatement.is_action_permitted = _is_permitted  # type: ignore[method-assign]
    FakeBucket._log_permissions_enabled_policy = staticmethod(_logging_is_permitted)  # type: ignore[method-assign]
    S3Backend.log_incoming_request = _write_no_access_log  # type: ignore[method-assign]
    IAMBackend._init_managed_policies = _managed_policies  # type: ignore[method-assign]
    default_user_config["iam"]["load_aws_managed_policies"] = True


class SteadyDict(dict[str, Any]):
    """Gives its content as it is at the moment, so that whoever walks through it is not hit by what others add."""

    def values(self) -> Any:
        """A copy of the values."""
        return list(super().values())


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
    return _moto_is_permitted(statement, *arguments, **keywords)


def _logging_is_permitted(target_bucket: Any, target_prefix: str | None) -> bool:
    """PutBucketLogging does not look at the target's policy; moto's does, and a template sets it later."""
    return True


def _write_no_access_log(backend: S3Backend, request: Any, bucket_name: str) -> None:
    """S3 delivers access logs hours later; moto writes one object a request, so that no log bucket can be emptied."""
