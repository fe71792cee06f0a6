"""A JSON service of AWS as a WSGI application: requests are checked against botocore's model, errors have its form."""

import functools
import json
import traceback
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from botocore.session import get_session

from seatrial.offline.journal import Journal
from seatrial.offline.routes import Environ, StartResponse, WsgiApp, answer, body
from seatrial.offline.sagemaker.validation import mistakes_of

Request = dict[str, Any]
Response = dict[str, Any]
Operation = Callable[[Request], Response]


class ApiError(Exception):
    """An error of the API; `code` is the exception's name in the service's model."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        self.code, self.status = code, status
        super().__init__(message)


@functools.cache
def service_model(service: str) -> Any:
    """Botocore's description of a service."""
    return get_session().get_service_model(service)


def application(service: str, operations: Mapping[str, Operation], journal: Journal, invalid: str) -> WsgiApp:
    """Answer a service's operations; those of the model that are not in `operations` are refused by name.

    `invalid` is the service's exception for a malformed request.
    """

    def respond(environ: Environ, start_response: StartResponse) -> list[bytes]:
        name = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        operation = operations.get(name)
        if operation is None:
            raise NotImplementedError(f"{service} answers for other operations only")
        try:
            request = json.loads(body(environ) or b"{}")
            _check(service, name, request, invalid)
            return _json(start_response, "200 OK", operation(request))
        except ApiError as error:
            document = {"__type": error.code, "message": str(error), "Message": str(error)}
            return _json(start_response, f"{error.status} Error", document)
        except Exception as error:
            journal.record("fault", api=f"{service}:{name}", error=repr(error), trace=traceback.format_exc())
            document = {
                "__type": "InternalServerException",
                "message": f"the offline cloud failed in {name}: {error!r}",
            }
            return _json(start_response, "500 Internal Server Error", document)

    return respond


def _check(service: str, name: str, request: Request, invalid: str) -> None:
    mistakes = mistakes_of(request, service_model(service).operation_model(name).input_shape)
    if mistakes:
        raise ApiError(invalid, f"{len(mistakes)} validation error(s) in {name}: " + "; ".join(mistakes))


def _json(start_response: StartResponse, status: str, document: Any) -> list[bytes]:
    return answer(start_response, status, json.dumps(document, default=_wire).encode(), "application/x-amz-json-1.1")


def _wire(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.timestamp() if isinstance(value, datetime) else value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)


def present(**fields: Any) -> Response:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
