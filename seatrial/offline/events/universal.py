"""Calling any API by its name in camel case, as Scheduler's universal targets do."""

import re
from typing import Any

from botocore import xform_name

from seatrial.offline.context import CloudContext

SERVICES = {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatch": "cloudwatch", "cloudwatchlogs": "logs"}
"""Names of services in the AWS SDK for Java, where boto3 says something else."""


def call(context: CloudContext, name: str, parameters: dict[str, Any]) -> Any:
    """Call `service:action` (as "sagemaker:startPipelineExecution"); parameters in the API's own case."""
    service, _, action = name.partition(":")
    client = context.client(SERVICES.get(service, service))
    method = getattr(client, xform_name(action[:1].upper() + action[1:]), None)
    if method is None:
        raise NotImplementedError(f"{service} has no API {action!r}")
    members = client.meta.service_model.operation_model(_operation(client, method.__name__)).input_shape.members
    known = {_folded(member): member for member in members}
    return method(**{known.get(_folded(key), key): value for key, value in parameters.items()})


def _operation(client: Any, method: str) -> str:
    return client.meta.method_to_api_mapping[method]


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
