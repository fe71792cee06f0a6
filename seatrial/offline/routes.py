"""Fast routes: WSGI applications that extensions put in front of moto, tried in the order of registration."""

import json
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Predicate = Callable[[str], bool]

_routes: list[tuple[Predicate, WsgiApp]] = []
_services: dict[str, WsgiApp] = {}


def add(prefix: str | Predicate, app: WsgiApp) -> None:
    """Send every request whose path starts with `prefix` (or for whose path `prefix` is true) to `app`."""
    predicate = _starts_with(prefix) if isinstance(prefix, str) else prefix
    _routes.append((predicate, app))


def add_service(prefix: str, app: WsgiApp) -> None:
    """Send every request of a JSON service to `app`: its `X-Amz-Target` reads `prefix.Operation`."""
    _services[prefix] = app


def find(path: str, target: str = "") -> WsgiApp | None:
    """The application that answers for `path` or for a JSON service's `target`, None when moto does."""
    service = _services.get(target.partition(".")[0]) if target else None
    return service or next((app for predicate, app in _routes if predicate(path)), None)


def clear() -> None:
    """Forget every route; a cloud does so when it starts."""
    _routes.clear()
    _services.clear()


def body(environ: Environ) -> bytes:
    """The request's whole body."""
    return environ["wsgi.input"].read()


def answer(start_response: StartResponse, status: str, content: bytes, content_type: str) -> list[bytes]:
    """Begin a response of one piece and return its body."""
    start_response(status, [("Content-Type", content_type), ("Content-Length", str(len(content)))])
    return [content]


def answer_json(start_response: StartResponse, document: Any, status: str = "200 OK") -> list[bytes]:
    """Answer with a JSON document."""
    return answer(start_response, status, json.dumps(document, default=str).encode(), "application/json")


def _starts_with(prefix: str) -> Predicate:
    return lambda path: path.startswith(prefix)
