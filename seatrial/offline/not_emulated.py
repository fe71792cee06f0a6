"""Turns moto's missing APIs into one loud, readable error, in the caller's protocol."""

import json
import re
from collections.abc import Iterable
from xml.sax.saxutils import escape

from seatrial.offline.routes import Environ, StartResponse, WsgiApp, answer

CODE = "NotEmulated"
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_ADVICE = "implement it in seatrial/offline, or leave the resource out of what is rehearsed"


def loud(app: WsgiApp) -> WsgiApp:
    """Wrap moto: an API that it lacks answers 501 with the API's name and what to do."""

    def wrapped(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            return app(environ, start_response)
        except NotImplementedError as error:
            message = f"{called_api(environ)} is not emulated by the offline cloud ({error}): {_ADVICE}"
            return answer_error(environ, start_response, message)

    return wrapped


def called_api(environ: Environ) -> str:
    """The API that a request calls, as `service:Action`, or service, method and path where it has no name."""
    match = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = match.group(1) if match else "unknown service"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    return f"{service}:{target}" if target else f"{service} {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def answer_error(environ: Environ, start_response: StartResponse, message: str) -> list[bytes]:
    """A 501 that botocore and the JS SDK read as an error named NotEmulated; neither tries again."""
    if "json" in environ.get("CONTENT_TYPE", ""):
        content = json.dumps({"__type": CODE, "message": message}).encode()
        return answer(start_response, "501 Not Implemented", content, "application/x-amz-json-1.1")
    content = f"<ErrorResponse><Error><Code>{CODE}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    return answer(start_response, "501 Not Implemented", content.encode(), "text/xml")
