"""Service integrations: clients that reach this cloud, and names and errors as Step Functions writes them."""

import functools
import json
import re
from typing import Any

import boto3
from botocore import xform_name
from botocore.client import BaseClient
from botocore.config import Config

from seatrial.offline.context import CloudContext

BOTO_NAMES = {
    "sfn": "stepfunctions",
    "states": "stepfunctions",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "elasticloadbalancingv2": "elbv2",
    "cognitoidentityprovider": "cognito-idp",
    "sagemakerruntime": "sagemaker-runtime",
    "applicationautoscaling": "application-autoscaling",
    "resourcegroupstaggingapi": "resourcegroupstaggingapi",
    "emrserverless": "emr-serverless",
    "redshiftdata": "redshift-data",
}
"""Services whose name in `arn:aws:states:::aws-sdk:<service>:` is not boto3's."""

_clients: dict[tuple[str, str, str], BaseClient] = {}


def client_for(context: CloudContext, service: str, region: str) -> BaseClient:
    """A client without retries (the state machine's own Retry counts) that refuses parameters unknown to the API."""
    name = BOTO_NAMES.get(service, service)
    key = (context.url, region, name)
    if key not in _clients:
        session: Any = boto3.session.Session(
            aws_access_key_id="offline",
            aws_secret_access_key="offline",  # noqa: S106 - the offline cloud takes any key
            region_name=region,
        )
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=3600)
        _clients[key] = session.client(name, endpoint_url=context.url, config=config)
    return _clients[key]


def forget_clients() -> None:
    """Drop the clients of a cloud that has stopped."""
    _clients.clear()


def error_service_name(service: str) -> str:
    """A service as error names of AWS SDK integrations spell it.

    >>> error_service_name("cloudformation"), error_service_name("dynamodb"), error_service_name("sagemaker")
    ('CloudFormation', 'DynamoDb', 'SageMaker')
    """
    name = BOTO_NAMES.get(service, service)
    identifier = service_model(name).metadata["serviceId"]
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", identifier).split()
    return "".join(word[:1].upper() + word[1:].lower() for word in words)


def to_request(service: str, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters in Pascal case, as state machines write them, in the case of the API itself."""
    return _renamed(parameters, _operation(service, action).input_shape)


def to_response(service: str, action: str, response: dict[str, Any]) -> dict[str, Any]:
    """A response in Pascal case, times as text, as state machines read it."""
    plain = {key: value for key, value in response.items() if key != "ResponseMetadata"}
    return _pascal(plain, _operation(service, action).output_shape)


@functools.cache
def service_model(name: str) -> Any:
    """A service's API as botocore has it; loading one takes 30 ms, so it is kept."""
    import botocore.session

    return botocore.session.get_session().get_service_model(name)


def python_name(service: str, api: str) -> str:
    """The method of a boto3 client that calls an API.

    >>> python_name("emr-serverless", "StartJobRun")
    'start_job_run'
    """
    return xform_name(_operation(service, api).name)


def _operation(service: str, action: str) -> Any:
    model = service_model(BOTO_NAMES.get(service, service))
    folded = action.replace("_", "").lower()
    match = next((name for name in model.operation_names if name.lower() == folded), None)
    if match is None:
        raise NotImplementedError(f"{service} has no API {action!r}")
    return model.operation_model(match)


def _renamed(value: Any, shape: Any) -> Any:
    if shape is None:
        return value
    if shape.type_name == "structure" and isinstance(value, dict):
        members = {name.lower(): name for name in shape.members}
        names = {key: members.get(key.lower(), key) for key in value}
        return {names[key]: _renamed(each, shape.members.get(names[key])) for key, each in value.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_renamed(each, shape.member) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: _renamed(each, shape.value) for key, each in value.items()}
    return value


def _pascal(value: Any, shape: Any) -> Any:
    if hasattr(value, "read"):
        content = value.read()
        return content.decode() if isinstance(content, bytes) else content
    if hasattr(value, "isoformat"):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, list):
        return [_pascal(each, getattr(shape, "member", None)) for each in value]
    if not isinstance(value, dict):
        return value
    if shape is not None and shape.type_name == "structure":
        return {key[:1].upper() + key[1:]: _pascal(each, shape.members.get(key)) for key, each in value.items()}
    return {key: _pascal(each, getattr(shape, "value", None)) for key, each in value.items()}


def as_json(value: Any) -> str:
    """JSON as Step Functions writes it."""
    return json.dumps(value, separators=(",", ":"), default=str)
