"""Turns moto's missing APIs into one loud, readable error, in the caller's protocol."""

import json
import re
import traceback
from collections.abc import Iterable
from urllib.parse import parse_qs
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
            return answer_error(environ, start_response, CODE, message)
        except Exception as error:
            where = traceback.format_exception(error)[-2].strip()
            message = f"the offline cloud failed in {called_api(environ)}: {error!r} {where}"
            return answer_error(environ, start_response, "InternalFailure", message)

    return wrapped


def called_api(environ: Environ) -> str:
    """The API that a request calls, as `service:Action`, or service, method and path where it has no name."""
    match = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    service = match.group(1) if match else "unknown service"
    target = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
    action = target or _form_action(environ)
    return f"{service}:{action}" if action else f"{service} {environ['REQUEST_METHOD']} {environ['PATH_INFO']}"


def _form_action(environ: Environ) -> str:
    """The Action field of a query protocol request; moto has read the body already, so it is read again."""
    if "form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        return ""
    environ["wsgi.input"].seek(0)
    fields = parse_qs(environ["wsgi.input"].read().decode("utf-8", "replace"))
    return fields.get("Action", [""])[0]


def answer_error(environ: Environ, start_response: StartResponse, code: str, message: str) -> list[bytes]:
    """A 501 that botocore and the JS SDK read as an error named `code`; neither tries again."""
    if "json" in environ.get("CONTENT_TYPE", ""):
        content = json.dumps({"__type": code, "message": message}).encode()
        return answer(start_response, "501 Not Implemented", content, "application/x-amz-json-1.1")
    content = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    return answer(start_response, "501 Not Implemented", content.encode(), "text/xml")
