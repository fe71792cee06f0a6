"""Lambda that runs: functions from their stored zip in warm processes, invoked at once, later, or by other services."""

import json
import sys
from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.core.exceptions import JsonRESTError

from seatrial.offline import patches
from seatrial.offline.context import CloudContext
from seatrial.offline.functions import mappings, moto_lambda, permissions, service
from seatrial.offline.functions.asynchronous import AsynchronousQueue
from seatrial.offline.functions.service import FunctionError, ThrottledError

__all__ = [
    "FunctionError",
    "NoSuchFunctionError",
    "ThrottledError",
    "count_busy",
    "deliver",
    "duplicate_next",
    "install",
    "invoke",
    "settle",
    "submit",
    "submit_to",
]


SETTLE_EVERY_SECONDS = 60.0
"""However far the clock is moved at once, what runs is waited for at each full minute on the way."""


class NoSuchFunctionError(Exception):
    """An event is for a function that does not exist."""


_queues: list[AsynchronousQueue] = []


def install(context: CloudContext) -> None:
    """Make moto's Lambda run code in this cloud."""
    patches.follow(context.clock)
    functions = service.start(context)
    queue = AsynchronousQueue(functions)
    _queues[:] = [queue]
    functions.settle = settle
    context.stopping.append(queue.stop)
    moto_lambda.replace_all()
    queue.count_busy(mappings.start(functions).is_busy)
    context.clock.every(SETTLE_EVERY_SECONDS, _settle_each_minute)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    context.journal.fidelity("functions", "real", f"Lambda code runs in processes of its own, on Python {python}")


def invoke(name: str, payload: dict[str, Any]) -> Any:
    """Run a function (name or ARN) now and return its result; raises `FunctionError` when it fails."""
    functions = service.current()
    invocation = functions.run(functions.find(name), json.dumps(payload), trigger="invoke")
    result = json.loads(invocation.payload)
    if invocation.error:
        raise FunctionError(name, result, invocation.log)
    return result


def submit(name: str, event: str, *, trigger: str) -> None:
    """Queue an event (JSON text) for a function: run later, tried three times, then sent where its failures go."""
    _queues[-1].submit(name, event, trigger)


def submit_to(arn: str, event: str, *, trigger: str) -> None:
    """Queue an event for the function with this ARN; raises `NoSuchFunctionError`."""
    submit(_existing(arn).function_name, event, trigger=trigger)


def deliver(arn: str, event: str, *, principal: str, source_arn: str) -> bool:
    """Queue an event on behalf of a service; False, and a loud entry in the journal, when it has no permission."""
    function = _existing(arn)
    context = service.current().context
    if permissions.allows(function, principal, source_arn, context.account):
        submit(function.function_name, event, trigger=source_arn)
        return True
    reason = f"the function's policy does not let {principal} invoke it for {source_arn}: add a Lambda permission"
    context.journal.record("function", name=function.function_name, status="not-delivered", error=reason)
    return False


def _existing(arn: str) -> LambdaFunction:
    try:
        return service.current().find(arn)
    except JsonRESTError as error:
        raise NoSuchFunctionError(f"there is no function {arn!r}") from error


def settle(timeout_seconds: float = 120.0) -> bool:
    """Wait in real time until no asynchronous invocation is queued or running (retries that wait do not count)."""
    return _queues[-1].settle(timeout_seconds)


def count_busy(is_busy: Callable[[], bool]) -> None:
    """Let `settle` wait for other work too, as long as `is_busy` says so."""
    _queues[-1].count_busy(is_busy)


def _settle_each_minute() -> None:
    settle()


def duplicate_next(context: CloudContext, name: str, times: int = 1) -> None:
    """Let the next asynchronous event of a function arrive `times` more, as Lambda may do at any time."""
    _queues[-1].duplicate_next(name, times)
    context.journal.record("function", name=name, status="duplicates-requested", times=times)
