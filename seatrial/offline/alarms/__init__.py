"""CloudWatch that measures and acts: metrics at their own times, alarms that evaluate, change state and act."""

from collections.abc import Callable, Mapping
from datetime import datetime

from seatrial.offline.alarms import moto_cloudwatch, service_metrics
from seatrial.offline.alarms.evaluator import MINUTE, Evaluator
from seatrial.offline.alarms.store import MetricKey, MetricStore, seconds, single
from seatrial.offline.context import CloudContext

__all__ = ["before_evaluation", "install", "put_metric", "put_metrics", "state"]


def install(context: CloudContext) -> None:
    """Make moto's CloudWatch keep metrics by time and evaluate alarms in this cloud."""
    evaluator = Evaluator(context, MetricStore())
    moto_cloudwatch.replace_all(evaluator)
    before_evaluation(service_metrics.QueueDepths(context).put)
    context.clock.every(MINUTE, evaluator.tick)


def put_metric(  # noqa: PLR0917 - the agreed seam
    context: CloudContext,
    namespace: str,
    name: str,
    value: float,
    dimensions: Mapping[str, str],
    unit: str = "None",
    timestamp: datetime | None = None,
) -> None:
    """Put one value, at the cloud's time unless `timestamp` says otherwise."""
    put_metrics(context, namespace, {name: (value, unit)}, dimensions, timestamp)


def put_metrics(
    context: CloudContext,
    namespace: str,
    values: Mapping[str, tuple[float, str]],
    dimensions: Mapping[str, str],
    timestamp: datetime | None = None,
) -> None:
    """Put values that belong together ({name: (value, unit)}): alarms see all of them or none."""
    stamp = seconds(timestamp or context.clock.now())
    moto_cloudwatch.add(
        [
            (MetricKey.of(namespace, name, dimensions), single(stamp, float(value), unit))
            for name, (value, unit) in values.items()
        ]
    )


def state(context: CloudContext, name: str) -> str:
    """State of an alarm: "OK", "ALARM" or "INSUFFICIENT_DATA"; raises `KeyError` when there is no such alarm."""
    return moto_cloudwatch.current().backend.alarms[name].state_value


def before_evaluation(callback: Callable[[], None]) -> None:
    """Call `callback` (without arguments) each minute of the cloud's time just before alarms are evaluated."""
    moto_cloudwatch.current().callbacks.append(callback)
