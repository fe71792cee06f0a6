"""Puts our operations in the place of moto's SageMaker responses, and answers in AWS's JSON format."""

import json
import traceback
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.sagemaker.responses import SageMakerResponse

from seatrial.offline import patches
from seatrial.offline.sagemaker import validation
from seatrial.offline.sagemaker.errors import NotEmulatedError, SagemakerError
from seatrial.offline.sagemaker.service import Request, Response, Service

Operation = Callable[[Service, Request], Response]
DISHONEST = (
    "CreateAutoMLJobV2",
    "CreateCompilationJob",
    "CreateCluster",
    "Search",
    "CreateModelBiasJobDefinition",
    "CreateModelExplainabilityJobDefinition",
)
"""APIs that moto answers although nothing happens: these fail by name here."""

_services: list[Service] = []
_operations: dict[str, Operation] = {}


def serve(service: Service, operations: dict[str, Operation]) -> None:
    """Let `operations` (by API name) answer for this account from now on."""
    _services[:] = [service]
    _operations.clear()
    _operations.update({name: _refuse(name) for name in DISHONEST})
    _operations.update(operations)
    for name in _operations:
        patches.replace(SageMakerResponse, camelcase_to_underscores(name), _method(name))


def extend(operations: dict[str, Operation]) -> None:
    """Let more operations answer, which another extension owns."""
    _operations.update(operations)
    for name in operations:
        patches.replace(SageMakerResponse, camelcase_to_underscores(name), _method(name))


def current() -> Service:
    """The service that answers now."""
    return _services[0]


def call(service: Service, operation: str, request: Request) -> Response:
    """Call an operation as the API would, its request checked first."""
    validation.check(operation, request)
    return _operations[operation](service, request)


def _method(name: str) -> Callable[[SageMakerResponse], tuple[int, dict[str, str], str]]:
    def respond(self: SageMakerResponse) -> tuple[int, dict[str, str], str]:
        text = self.body.decode() if isinstance(self.body, bytes) else self.body
        return _respond(name, json.loads(text or "{}"))

    respond.__name__ = camelcase_to_underscores(name)
    return respond


def _respond(name: str, request: Request) -> tuple[int, dict[str, str], str]:
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    try:
        return 200, headers, json.dumps(call(_services[0], name, request), default=_wire)
    except SagemakerError as error:
        body = {"__type": error.code, "message": str(error), "Message": str(error)}
        return error.status, {**headers, "status": str(error.status)}, json.dumps(body)
    except Exception:
        body = {
            "__type": "InternalFailure",
            "message": f"the offline cloud failed in {name}:\n{traceback.format_exc()}",
        }
        return 500, headers, json.dumps(body)


def _refuse(name: str) -> Operation:
    def refuse(service: Service, request: Request) -> Response:
        advice = "implement it in seatrial/offline/sagemaker, or leave it out of what is rehearsed"
        raise NotEmulatedError(f"sagemaker:{name} is not emulated by the offline cloud: {advice}")

    return refuse


def _wire(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Decimal):
        return float(value)
    return str(value)
