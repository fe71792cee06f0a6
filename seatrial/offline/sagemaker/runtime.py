"""InvokeEndpoint: a WSGI application in front of moto that routes, forwards, captures and counts."""

import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from seatrial.offline.routes import Environ, StartResponse, WsgiApp
from seatrial.offline.sagemaker.capture import Capture, Exchange
from seatrial.offline.sagemaker.endpoints import Endpoint, Generation
from seatrial.offline.sagemaker.fleet import Answer, Fleet
from seatrial.offline.sagemaker.metrics import Metrics
from seatrial.offline.sagemaker.service import Service

_PATH = re.compile(r"/endpoints/([^/]+)/(invocations|async-invocations|invocations-response-stream)")
_PREFIX = "X-Amzn-SageMaker-"
_STATUS = {
    400: "400 Bad Request",
    424: "424 Failed Dependency",
    429: "429 Too Many Requests",
    501: "501 Not Implemented",
}


class RuntimeAnswerError(Exception):
    """An error of the runtime API: its code, HTTP status and fields."""

    def __init__(self, code: str, status: int, message: str, **fields: object) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.fields = {"Message": message, **fields}


@dataclass(frozen=True)
class Invocation:
    """One request as it came in."""

    endpoint: str
    body: bytes
    content_type: str
    accept: str
    target_variant: str | None
    inference_id: str | None
    custom_attributes: str | None


def is_runtime_path(path: str) -> bool:
    """Whether a path belongs to the runtime API."""
    return path.startswith("/endpoints/") and _PATH.fullmatch(path) is not None


def application(service: Service, capture: Capture, metrics: Metrics) -> WsgiApp:
    """The WSGI application."""

    def answer(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            fleet, result = _invoke(service, capture, metrics, _read(environ))
        except RuntimeAnswerError as error:
            return _error(start_response, error)
        headers = [
            ("Content-Type", result.content_type),
            ("Content-Length", str(len(result.body))),
            ("x-Amzn-Invoked-Production-Variant", fleet.variant),
            ("x-amzn-RequestId", str(uuid.uuid4())),
        ]
        if result.custom_attributes:
            headers.append((f"{_PREFIX}Custom-Attributes", result.custom_attributes))
        start_response("200 OK", headers)
        return [result.body]

    return answer


def choose(endpoint: Endpoint, target_variant: str | None) -> tuple[Generation, Fleet]:
    """The fleet for the next request: the variant by weight, then old or new fleet by the deployment's share.

    Running sums split the traffic exactly instead of by chance: of 10 requests at a share of 0.5, 5 go to each.
    """
    live = endpoint.live
    if live is None:
        raise RuntimeAnswerError("ValidationError", 400, f"Endpoint {endpoint.name} is {endpoint.status}.")
    variant = target_variant or _next_variant(endpoint, live)
    incoming = endpoint.incoming
    if incoming is not None and variant in incoming.fleets and _takes_incoming(endpoint):
        live = incoming
    if variant not in live.fleets:
        known = ", ".join(sorted(live.fleets))
        raise RuntimeAnswerError(
            "ValidationError", 400, f"Variant {variant} not found for Endpoint {endpoint.name} ({known})."
        )
    return live, live.fleets[variant]


def _read(environ: Environ) -> Invocation:
    match = _PATH.fullmatch(environ["PATH_INFO"])
    if match is None or match[2] != "invocations":
        name = match[2] if match else environ["PATH_INFO"]
        message = f"sagemaker-runtime {name} is not emulated by the offline cloud: use InvokeEndpoint"
        raise RuntimeAnswerError("NotEmulated", 501, message)
    for header in ("TARGET_MODEL", "INFERENCE_COMPONENT", "TARGET_CONTAINER_HOSTNAME", "SESSION_ID"):
        if f"HTTP_X_AMZN_SAGEMAKER_{header}" in environ:
            raise RuntimeAnswerError("NotEmulated", 501, f"{_PREFIX}{header} is not emulated by the offline cloud")
    return Invocation(
        endpoint=unquote(match[1]),
        body=environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
        content_type=environ.get("CONTENT_TYPE") or "application/octet-stream",
        accept=environ.get("HTTP_ACCEPT", "*/*"),
        target_variant=environ.get("HTTP_X_AMZN_SAGEMAKER_TARGET_VARIANT"),
        inference_id=environ.get("HTTP_X_AMZN_SAGEMAKER_INFERENCE_ID"),
        custom_attributes=environ.get("HTTP_X_AMZN_SAGEMAKER_CUSTOM_ATTRIBUTES"),
    )


def _invoke(service: Service, capture: Capture, metrics: Metrics, request: Invocation) -> tuple[Fleet, Answer]:
    began = time.perf_counter()
    endpoint = service.endpoints.get(request.endpoint)
    if endpoint is None or endpoint.status in ("Creating", "Failed", "Deleting"):
        message = f"Endpoint {request.endpoint} of account {service.context.account} not found."
        raise RuntimeAnswerError("ValidationError", 400, message)
    with service.lock:
        generation, fleet = choose(endpoint, request.target_variant)
    sent = time.perf_counter()
    result = _forward(service, fleet, request)
    model_seconds = time.perf_counter() - sent
    if result.status == 200:
        settings = generation.config.request.get("DataCaptureConfig")
        capture.add(_exchange(endpoint, fleet, settings, request, result))
    overhead = time.perf_counter() - began - model_seconds
    metrics.add(endpoint.name, fleet.variant, result.status, model_seconds, overhead)
    if result.status != 200:
        raise _model_error(service, fleet, result)
    return fleet, result


def _exchange(
    endpoint: Endpoint, fleet: Fleet, settings: Mapping[str, Any] | None, request: Invocation, result: Answer
) -> Exchange:
    return Exchange(
        endpoint=endpoint.name,
        variant=fleet.variant,
        settings=settings,
        body=request.body,
        content_type=request.content_type,
        answer=result,
        inference_id=request.inference_id,
        custom_attributes=request.custom_attributes,
    )


def _forward(service: Service, fleet: Fleet, request: Invocation) -> Answer:
    headers = {"Content-Type": request.content_type, "Accept": request.accept}
    if request.custom_attributes:
        headers[f"{_PREFIX}Custom-Attributes"] = request.custom_attributes
    try:
        with service.context.journal.working("model"):
            return fleet.invoke(request.body, headers)
    except TimeoutError:
        text = "Your invocation timed out while waiting for a response from container primary."
        return Answer(504, "text/plain", text.encode())
    except OSError as error:
        service.run(f"revive-{fleet.endpoint}", lambda: fleet.revive(service))
        return Answer(503, "text/plain", f"the container does not answer: {error}".encode())


def _model_error(service: Service, fleet: Fleet, result: Answer) -> RuntimeAnswerError:
    text = result.body.decode(errors="replace")
    kind = "server" if result.status >= 500 else "client"
    group = f"/aws/sagemaker/Endpoints/{fleet.endpoint}"
    region, account = service.context.region, service.context.account
    return RuntimeAnswerError(
        "ModelError",
        424,
        f'Received {kind} error ({result.status}) from primary with message "{text}". See the log group {group} in '
        f"account {account} for more information. Log of the local process: {fleet.folder / 'output.log'}",
        OriginalStatusCode=result.status,
        OriginalMessage=text,
        LogStreamArn=f"arn:aws:logs:{region}:{account}:log-group:{group}",
    )


def _next_variant(endpoint: Endpoint, live: Generation) -> str:
    weights = {name: fleet.weight for name, fleet in live.fleets.items()}
    return _smooth(endpoint.counters, weights)


def _smooth(counters: dict[str, float], weights: Mapping[str, float]) -> str:
    total = sum(weights.values())
    for name, weight in weights.items():
        counters[name] = counters.get(name, 0.0) + weight
    chosen = max(weights, key=lambda name: counters[name] if weights[name] > 0 or total == 0 else float("-inf"))
    counters[chosen] -= total
    return chosen


def _takes_incoming(endpoint: Endpoint) -> bool:
    key = " share"  # no variant name starts with a space
    endpoint.counters[key] = endpoint.counters.get(key, 0.0) + endpoint.share
    if endpoint.counters[key] < 1.0 - 1e-9:
        return False
    endpoint.counters[key] -= 1.0
    return True


def _error(start_response: StartResponse, error: RuntimeAnswerError) -> list[bytes]:
    content = json.dumps(error.fields).encode()
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(content))),
        ("x-amzn-ErrorType", error.code),
        ("x-amzn-RequestId", str(uuid.uuid4())),
    ]
    start_response(_STATUS[error.status], headers)
    return [content]
