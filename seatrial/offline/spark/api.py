"""The APIs of EMR and EMR Serverless in the place of moto's: requests checked, answers in AWS's format."""

import json
import re
import traceback
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.model import OperationModel
from botocore.session import get_session
from botocore.utils import parse_timestamp

from seatrial.offline.sagemaker.validation import mistakes_of

Request = dict[str, Any]
Response = dict[str, Any]
Operation = Callable[[Request], Response]
Answer = tuple[int, dict[str, str], str]
ADVICE = "implement it in seatrial/offline/spark, or leave it out of what is rehearsed"


class ApiError(Exception):
    """An error that the service answers with."""

    code = "ValidationException"
    status = 400


class NotFoundError(ApiError):
    """EMR Serverless: the application or job run does not exist."""

    code = "ResourceNotFoundException"
    status = 404


class ConflictError(ApiError):
    """EMR Serverless: the state of the resource forbids the request."""

    code = "ConflictException"
    status = 409


class InvalidRequestError(ApiError):
    """EMR: the request names what does not exist or cannot be."""

    code = "InvalidRequestException"


class NotEmulatedError(ApiError):
    """The offline cloud would be lying if it answered."""

    code = "NotEmulated"
    status = 501


class Api:
    """One service: its operations by name; every other operation of the service is refused by name."""

    def __init__(self, name: str, operations: Mapping[str, Operation]) -> None:
        self.model = get_session().get_service_model(name)
        unknown = set(operations) - set(self.model.operation_names)
        if unknown:
            raise ValueError(f"{name} has no operations {sorted(unknown)}")
        self._name = name
        self._operations = dict(operations)

    def call(self, operation: str, request: Request) -> Response:
        """Call an operation, its request checked first."""
        if operation not in self._operations:
            raise NotEmulatedError(f"{self._name}:{operation} is not emulated by the offline cloud: {ADVICE}")
        mistakes = mistakes_of(request, self.model.operation_model(operation).input_shape)
        if mistakes:
            raise ApiError("; ".join(mistakes))
        return self._operations[operation](request)

    def answer_json(self, request: Any, full_url: str, headers: Any) -> Answer:
        """Answer a request of the JSON protocol, which names the operation in a header."""
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        return self._answer(operation, json.loads(request.get_data() or b"{}"), "application/x-amz-json-1.1")

    def answer_rest(self, request: Any, full_url: str, headers: Any) -> Answer:
        """Answer a request of the REST protocol, which names the operation by method and path."""
        path = urlsplit(full_url).path
        for operation in map(self.model.operation_model, self.model.operation_names):
            match = re.fullmatch(_pattern(operation), path)
            if match and operation.http["method"] == request.method:
                found = {name: unquote(value) for name, value in match.groupdict().items()}
                return self._answer(operation.name, _rest_request(operation, found, request), "application/json")
        return 404, {}, json.dumps({"message": f"{self._name} has no API {request.method} {path}"})

    def rest_paths(self) -> dict[str, Callable[..., Answer]]:
        """Every path of the service as moto's url tables have them."""
        models = map(self.model.operation_model, self.model.operation_names)
        return {"{0}" + _pattern(model) + "$": self.answer_rest for model in models}

    def _answer(self, operation: str, request: Request, content_type: str) -> Answer:
        headers = {"Content-Type": content_type}
        try:
            return 200, headers, json.dumps(self.call(operation, request), default=_wire)
        except ApiError as error:
            body = {"__type": error.code, "message": str(error), "Message": str(error)}
            return error.status, {**headers, "x-amzn-ErrorType": error.code}, json.dumps(body)
        except Exception:
            text = f"the offline cloud failed in {operation}:\n{traceback.format_exc()}"
            body = {"__type": "InternalServerException", "message": text}
            return 500, {**headers, "x-amzn-ErrorType": "InternalServerException"}, json.dumps(body)


def _pattern(operation: OperationModel) -> str:
    """Paths with ARNs hold slashes, which clients quote and servers unquote."""
    last = "(.+)" if "{resourceArn}" in operation.http["requestUri"] else "([^/]+)"
    return re.sub(r"\{(\w+)\}", lambda match: f"(?P<{match[1]}>{last[1:-1]})", operation.http["requestUri"])


def _rest_request(operation: OperationModel, path: dict[str, str], request: Any) -> Request:
    body = request.get_data()
    fields: Request = {**(json.loads(body) if body else {}), **path}
    for name, shape in (operation.input_shape.members if operation.input_shape else {}).items():
        place = shape.serialization
        key = place.get("name", name)
        if place.get("location") == "querystring" and key in request.args:
            fields[name] = _from_query(shape, request.args.getlist(key))
    return fields


def _from_query(shape: Any, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name == "integer":
        return int(values[0])
    return parse_timestamp(values[0]) if shape.type_name == "timestamp" else values[0]


def _wire(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else str(value)


def present(**fields: Any) -> Response:
    """The fields that are neither None nor empty, so that absent members stay out of responses."""
    return {name: value for name, value in fields.items() if value is not None and value not in ({}, [])}


def page(
    items: list[Any], request: Request, limit_key: str, token_key: str, default: int
) -> tuple[list[Any], Response]:
    """One page of a list, and the member that names the next when there is one."""
    start, limit = int(request.get(token_key) or 0), int(request.get(limit_key) or default)
    following = start + limit
    return items[start:following], {token_key: str(following)} if following < len(items) else {}
