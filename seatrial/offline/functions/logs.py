"""A function's log in CloudWatch Logs, with Lambda's own START, END and REPORT lines, and its metrics in it (EMF)."""

import json
import math
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.logs.models import logs_backends

from seatrial.offline.context import CloudContext
from seatrial.offline.functions.worker import Answer

MAXIMUM_EVENTS = 5_000
"""Log lines kept of one invocation; PutLogEvents itself takes 10,000 a call."""


def group_of(function: LambdaFunction) -> str:
    """Name of the function's log group."""
    configured = getattr(function, "logging_config", None) or {}
    return configured.get("LogGroup") or f"/aws/lambda/{function.function_name}"


def stream_of(function: LambdaFunction) -> str:
    """Name of the log stream: the same for all processes of one version of the code."""
    digest = uuid.uuid5(uuid.NAMESPACE_OID, f"{function.function_arn}{function.code_sha_256}").hex
    return f"[{function.version}]{digest}"


def report(function: LambdaFunction, answer: Answer, request_id: str) -> tuple[str, ...]:
    """The REPORT line."""
    milliseconds = answer.seconds * 1000
    init = f"\tInit Duration: {answer.init_seconds * 1000:.2f} ms" if answer.init_seconds else ""
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\t"
        f"Billed Duration: {math.ceil(milliseconds)} ms\tMemory Size: {function.memory_size} MB\t"
        f"Max Memory Used: {answer.memory_kib // 1024} MB{init}"
    )
    return (line,)


def write(
    context: CloudContext, function: LambdaFunction, lines: Iterable[str], closing: tuple[str, ...], request_id: str
) -> None:
    """Put one invocation's lines into the function's log group, and the metrics among them into CloudWatch."""
    lines = tuple(lines)
    start = f"START RequestId: {request_id} Version: {function.version}"
    messages = (start, *lines[:MAXIMUM_EVENTS], f"END RequestId: {request_id}", *closing)
    stamp = int(context.clock.now().timestamp() * 1000)
    backend = logs_backends[function.account_id][function.region]
    group, stream = group_of(function), stream_of(function)
    if group not in backend.groups and not _is_there(function):
        return  # its stack is being deleted: a group made now would stay behind
    backend.ensure_log_group(group)
    if stream not in backend.groups[group].streams:
        backend.create_log_stream(group, stream)
    backend.put_log_events(group, stream, [{"timestamp": stamp, "message": message} for message in messages])
    for line in lines:
        put_embedded_metrics(context, line)


def _is_there(function: LambdaFunction) -> bool:
    """Whether the function has not been deleted while it ran."""
    backend = lambda_backends[function.account_id][function.region]
    try:
        return backend.get_function(function.function_name) is not None
    except UnknownFunctionException:
        return False


def put_embedded_metrics(context: CloudContext, line: str) -> None:
    """Put what a line in CloudWatch's embedded metric format says; other lines say nothing."""
    from seatrial.offline import alarms

    for namespace, name, value, dimensions, unit, timestamp in embedded_metrics(line):
        alarms.put_metric(context, namespace, name, value, dimensions, unit, timestamp)


def embedded_metrics(line: str) -> Iterator[tuple[str, str, float, dict[str, str], str, datetime]]:
    """Namespace, name, value, dimensions, unit and time of each metric in a log line.

    Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    document = _embedded_document(line)
    if document is None:
        return
    header = document["_aws"]
    timestamp = datetime.fromtimestamp(header["Timestamp"] / 1000, UTC)
    for directive in header["CloudWatchMetrics"]:
        for names in directive.get("Dimensions") or [[]]:
            dimensions = {name: str(document[name]) for name in names}
            for metric in directive.get("Metrics", ()):
                values = document.get(metric["Name"], ())
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    yield directive["Namespace"], metric["Name"], float(value), dimensions, unit, timestamp


def _embedded_document(line: str) -> dict[str, Any] | None:
    if not line.startswith("{") or '"_aws"' not in line:
        return None
    try:
        document = json.loads(line)
    except ValueError:
        return None
    header = document.get("_aws")
    return document if isinstance(header, dict) and "CloudWatchMetrics" in header else None
