"""Runs inside a function's process: imports the handler once, then answers one JSON line for each event.

Stands alone (standard library only) and is started with `python -S`, so that the function sees what Lambda would
give it: its own code, its layers, boto3, and nothing else of the machine. Arguments: file descriptors for requests
and answers, the cloud's time, then the folders of `sys.path`.
"""

import decimal
import importlib
import json
import logging
import os
import resource
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

END = "\x1eEND "


class LambdaContext:
    """The context object as documented for the Python runtime."""

    identity = None
    client_context = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn = request["arn"]
        self.aws_request_id = request["request_id"]
        self._deadline = time.monotonic() + request["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds before the invocation times out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: Any) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))


class LogHandler(logging.Handler):
    """Writes records of the root logger in Lambda's text format."""

    request_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record to the function's log."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        text = self.format(record)
        sys.stdout.write(f"[{record.levelname}]\t{stamp}.{int(record.msecs):03d}Z\t{self.request_id}\t{text}\n")


def error_document(error: BaseException, frames: int) -> dict[str, Any]:
    """What Lambda answers for an unhandled error; the first `frames` stack frames are the runtime's own."""
    stack = traceback.extract_tb(error.__traceback__)[frames:]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": LogHandler.request_id,
        "stackTrace": traceback.format_list(stack),
    }


def load(handler: str) -> Any:
    """The handler function, or the error document that tells why it cannot be imported."""
    module_name, _, function_name = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = f"Unable to import module '{module_name}': {error}"
        return {**error_document(error, 1), "errorType": "Runtime.ImportModuleError", "errorMessage": message}
    except SyntaxError as error:
        message = f"Syntax error in module '{module_name}': {error}"
        return {**error_document(error, 1), "errorType": "Runtime.UserCodeSyntaxError", "errorMessage": message}
    except Exception as error:
        return error_document(error, 1)
    if not hasattr(module, function_name):
        message = f"Handler '{function_name}' missing on module '{module_name}'"
        return {"errorType": "Runtime.HandlerNotFound", "errorMessage": message, "stackTrace": []}
    return getattr(module, function_name)


def encode(value: Any) -> Any:
    """Numbers of DynamoDB are the one type beyond JSON that the runtime can write."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def run(handler: Any, request: dict[str, Any]) -> tuple[bool, str]:
    """Whether the handler returned, and its result or error as JSON."""
    if isinstance(handler, dict):
        return False, json.dumps(handler)
    try:
        result = handler(json.loads(request["event"]), LambdaContext(request))
    except Exception as error:
        document = error_document(error, 1)
        stack = "".join(document["stackTrace"])
        text = (
            f"[ERROR] {document['errorType']}: {document['errorMessage']}\nTraceback (most recent call last):\n{stack}"
        )
        sys.stdout.write(text.rstrip().replace("\n", "\r") + "\n")
        return False, json.dumps(document)
    try:
        return True, json.dumps(result, default=encode)
    except (TypeError, ValueError) as error:
        message = f"Unable to marshal response: {error}"
        return False, json.dumps({"errorType": "Runtime.MarshalError", "errorMessage": message, "stackTrace": []})


def peak_memory_kib() -> int:
    """Most memory this process ever held; `ru_maxrss` would start from what its parent held."""
    try:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - see main
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def serve(requests: Any, answers: Any, handler: Any, init_seconds: float, set_now: Callable[[float], None]) -> None:
    """Say that the handler is there, then answer events until the cloud closes the pipe."""
    answers.write(json.dumps({"init_seconds": init_seconds}) + "\n")
    answers.flush()
    for line in requests:
        request = json.loads(line)
        LogHandler.request_id = request["request_id"]
        set_now(request["now"])
        os.environ["_X_AMZN_TRACE_ID"] = f"Root=1-{request['request_id'][:8]};Sampled=0"
        started = time.monotonic()
        returned, payload = run(handler, request)
        seconds = time.monotonic() - started
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(1, f"{END}{request['request_id']}\n".encode())
        answer = {"ok": returned, "payload": payload, "seconds": seconds, "memory_kib": peak_memory_kib()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Set up what the Lambda runtime sets up, import the handler, serve."""
    requests = os.fdopen(int(sys.argv[1]), encoding="utf-8")
    answers = os.fdopen(int(sys.argv[2]), "w", encoding="utf-8")
    import cloudtime  # type: ignore[missing-import] # beside this file, and no longer importable after the next lines

    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib costs a start 15 ms
    sys.path[:0] = sys.argv[4:]
    cloudtime.set_now(float(sys.argv[3]))
    cloudtime.install()
    sys.argv[1:] = []
    logging.getLogger().addHandler(LogHandler())
    started = time.monotonic()
    handler = load(os.environ["_HANDLER"])
    serve(requests, answers, handler, time.monotonic() - started, cloudtime.set_now)


if __name__ == "__main__":
    main()
