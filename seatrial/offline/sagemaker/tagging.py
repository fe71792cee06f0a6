"""Tags of every SageMaker resource, by its ARN."""

from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.service import Request, Response, Service


def add(service: Service, request: Request) -> Response:
    """AddTags."""
    tags = service.tags.setdefault(request["ResourceArn"], {})
    tags.update({tag["Key"]: tag["Value"] for tag in request["Tags"]})
    return {"Tags": _rows(tags)}


def list_tags(service: Service, request: Request) -> Response:
    """ListTags."""
    return {"Tags": _rows(service.tags.get(request["ResourceArn"], {}))}


def delete(service: Service, request: Request) -> Response:
    """DeleteTags."""
    tags = service.tags.get(request["ResourceArn"], {})
    for key in request["TagKeys"]:
        tags.pop(key, None)
    return {}


def _rows(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


OPERATIONS: dict[str, Operation] = {"AddTags": add, "ListTags": list_tags, "DeleteTags": delete}
