"""What SageMaker asks of the other extensions: a seam of plain functions, so that tests can pass fakes."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatrial.offline.context import CloudContext


@dataclass(frozen=True)
class Neighbours:
    """Functions of the events, alarms and functions extensions."""

    emit: Callable[..., None]
    """`(context, *, source, detail_type, detail, resources)`: put an event on the default bus."""
    alarm_state: Callable[[CloudContext, str], str]
    """`(context, alarm_name)`: "OK", "ALARM" or "INSUFFICIENT_DATA"; `KeyError` when there is no such alarm."""
    before_evaluation: Callable[[Callable[[], None]], None]
    """Register what must run before alarms are evaluated."""
    invoke_function: Callable[[str, dict[str, Any]], Any]
    """`(name, payload)`: run a Lambda function and return its result."""


def cloud_neighbours(context: CloudContext) -> Neighbours:
    """The real neighbours; one that is not installed is noted as not proven when it is first needed."""

    def function(package: str, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            try:
                module = importlib.import_module(f"seatrial.offline.{package}")
                target = getattr(module, name)
            except (ImportError, AttributeError):
                context.journal.fidelity(package, "not-proven", f"{package}.{name} is not part of this offline cloud")
                return None
            return target(*arguments, **keywords)

        return call

    return Neighbours(
        emit=function("events", "emit"),
        alarm_state=function("alarms", "state"),
        before_evaluation=function("alarms", "before_evaluation"),
        invoke_function=function("functions", "invoke"),
    )
