"""Turns services and APIs that are not emulated into one loud, readable error, in the caller's protocol."""

import json
import re
import traceback
from collections.abc import Iterable
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from seatrial.offline.journal import Journal
from seatrial.offline.routes import Environ, StartResponse, WsgiApp, answer
from seatrial.offline.services import SERVICES

CODE = "NotEmulated"
_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_XML_SERVICES = ("s3", "cloudfront", "route53", "unknown service")
"""Services without forms whose errors are XML."""
_ADVICE = "implement it in seatrial/offline, or leave the resource out of what is rehearsed"


def loud(app: WsgiApp, journal: Journal) -> WsgiApp:
    """Wrap the cloud: a service or API that it lacks answers 501 with the API's name and what to do.

    A fault of the cloud's own answers without its trace, which goes to the journal.
    """

    def wrapped(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            if not _is_vouched_for(environ):
                return _refuse(environ, start_response, f"the offline cloud does not emulate {_service(environ)}")
            return app(environ, start_response)
        except NotImplementedError as error:
            return _refuse(environ, start_response, str(error))
        except Exception as error:
            journal.record("fault", api=called_api(environ), error=repr(error), trace=traceback.format_exc())
            message = f"the offline cloud failed in {called_api(environ)}: {error!r}; its journal has the trace"
            return answer_error(environ, start_response, "InternalFailure", message)

    return wrapped


def _is_vouched_for(environ: Environ) -> bool:
    """Whether a request goes to a service of the table; unsigned ones, but for those to Cognito, are S3's or ours."""
    if not environ.get("HTTP_AUTHORIZATION"):
        return not environ.get("HTTP_X_AMZ_TARGET")
    return _SERVICE.search(environ["HTTP_AUTHORIZATION"]) is None or _service(environ) in SERVICES


def _refuse(environ: Environ, start_response: StartResponse, why: str) -> list[bytes]:
    message = f"{called_api(environ)} is not emulated by the offline cloud ({why}): {_ADVICE}"
    return answer_error(environ, start_response, CODE, message)


def _service(environ: Environ) -> str:
    match = _SERVICE.search(environ.get("HTTP_AUTHORIZATION", ""))
    return match.group(1).lower() if match else "unknown service"


def called_api(environ: Environ) -> str:
    """The API that a request calls, as `service:Action`, or service, method and path where it has no name."""
    service = _service(environ)
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
    if _service(environ) not in _XML_SERVICES and "form-urlencoded" not in environ.get("CONTENT_TYPE", ""):
        content = json.dumps({"__type": code, "message": message}).encode()
        return answer(start_response, "501 Not Implemented", content, "application/x-amz-json-1.1")
    content = f"<ErrorResponse><Error><Code>{code}</Code><Message>{escape(message)}</Message></Error></ErrorResponse>"
    return answer(start_response, "501 Not Implemented", content.encode(), "text/xml")
