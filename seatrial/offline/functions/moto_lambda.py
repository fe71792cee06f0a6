"""Moto's Lambda, made to run code: each function that is replaced here says what moto does instead."""

import base64
import json
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.responses import LambdaResponse

from seatrial.offline import patches
from seatrial.offline.functions import service
from seatrial.offline.functions.service import ThrottledError


def replace_all() -> None:
    """Replace what moto's Lambda lacks."""
    patches.replace(LambdaResponse, "invoke", _respond_to_invoke)
    patches.replace(LambdaResponse, "invoke_async", _respond_to_invoke_async)
    patches.replace(LambdaFunction, "_invoke_lambda", _invoke_lambda)
    patches.replace(LambdaFunction, "__init__", _create)
    patches.replace(LambdaFunction, "update_configuration", _update_configuration)
    patches.replace(LambdaFunction, "get_configuration", _get_configuration)
    patches.replace(LambdaBackend, "delete_function", _delete_function)


def _respond_to_invoke(self: LambdaResponse) -> tuple[int, dict[str, str], str | bytes]:
    """Moto runs every kind of invocation at once, in Docker, and answers errors as "Handled"."""
    name = unquote(self.path.rsplit("/", 2)[-2])
    function = self.backend.get_function(name, self._get_param("qualifier"))
    kind = self.headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    body = _text(self.body) or "{}"
    _refuse_bad_json(body)
    if kind == "DryRun":
        return 204, {"status": "204"}, ""
    if kind == "Event":
        _submit(function, body)
        return 202, {"status": "202", "x-amz-executed-version": str(function.version)}, ""
    return _run_and_wait(function, body, tail=self.headers.get("X-Amz-Log-Type") == "Tail")


def _run_and_wait(function: LambdaFunction, body: str, *, tail: bool) -> tuple[int, dict[str, str], str | bytes]:
    try:
        invocation = service.current().run(function, body, trigger="invoke")
    except ThrottledError:
        content = json.dumps(
            {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}
        )
        return 429, {"status": "429", "x-amzn-errortype": "TooManyRequestsException"}, content
    headers = {"content-type": "application/json", "x-amz-executed-version": str(function.version)}
    if invocation.error:
        headers["x-amz-function-error"] = invocation.error
    if tail:
        headers["x-amz-log-result"] = base64.b64encode("\n".join(invocation.log).encode()[-4096:]).decode()
    return 200, headers, invocation.payload


def _respond_to_invoke_async(self: LambdaResponse) -> tuple[int, dict[str, str], str | bytes]:
    """Moto runs the function before it answers."""
    name = unquote(self.path.rstrip("/").rsplit("/", 2)[-2])
    function = self.backend.get_function(name, None)
    _submit(function, _text(self.body) or "{}")
    return 202, {"status": "202"}, ""


def _invoke_lambda(self: LambdaFunction, event: Any = None) -> tuple[str, bool, str]:
    """Moto's one funnel for what its services trigger; moto starts a Docker container for each event."""
    invocation = service.current().run(self, event if isinstance(event, str) else json.dumps(event), trigger="moto")
    return invocation.payload, invocation.error is not None, "\n".join(invocation.log)


def _create(self: LambdaFunction, account_id: str, spec: dict[str, Any], region: str, version: Any = 1) -> None:
    """Moto forgets DeadLetterConfig and LoggingConfig."""
    patches.original(LambdaFunction, "__init__")(self, account_id, spec, region, version)
    setattr(self, "dead_letter_config", spec.get("DeadLetterConfig"))  # noqa: B010 - moto declares no such attribute
    setattr(self, "logging_config", spec.get("LoggingConfig"))  # noqa: B010 - moto declares no such attribute


def _update_configuration(self: LambdaFunction, config_updates: dict[str, Any]) -> dict[str, Any]:
    """Moto forgets DeadLetterConfig, LoggingConfig and, of Environment, that it may be emptied."""
    updates = {**config_updates}
    if "Environment" in updates:
        updates["Environment"] = {"Variables": {}, **(updates["Environment"] or {})}
    setattr(self, "dead_letter_config", updates.get("DeadLetterConfig", getattr(self, "dead_letter_config", None)))  # noqa: B010 - moto declares no such attribute
    setattr(self, "logging_config", updates.get("LoggingConfig", getattr(self, "logging_config", None)))  # noqa: B010 - moto declares no such attribute
    return patches.original(LambdaFunction, "update_configuration")(self, updates)


def _get_configuration(self: LambdaFunction, on_create: bool = False) -> dict[str, Any]:
    """Moto does not answer what it forgets."""
    configuration = patches.original(LambdaFunction, "get_configuration")(self, on_create)
    for key, value in (
        ("DeadLetterConfig", getattr(self, "dead_letter_config", None)),
        ("LoggingConfig", getattr(self, "logging_config", None)),
    ):
        if value:
            configuration[key] = value
    return configuration


def _delete_function(self: LambdaBackend, function_name: str, qualifier: str | None = None) -> None:
    """The function's processes end with it."""
    patches.original(LambdaBackend, "delete_function")(self, function_name, qualifier)
    if qualifier is None:
        service.current().discard(function_name.rpartition(":")[2])


def _submit(function: LambdaFunction, body: str) -> None:
    from seatrial.offline import functions

    functions.submit(function.function_name, body, trigger="invoke")


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else body or ""


def _refuse_bad_json(body: str) -> None:
    try:
        json.loads(body)
    except ValueError as error:
        raise LambdaClientError(
            "InvalidRequestContentException", f"Could not parse request body into json: {error}"
        ) from error
