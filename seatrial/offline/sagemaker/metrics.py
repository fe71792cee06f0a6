"""The metrics that SageMaker publishes for endpoints, gathered while requests run and put to CloudWatch in bulk."""

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from seatrial.offline.sagemaker.service import Service

NAMESPACE = "AWS/SageMaker"
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}
_VALUES_LIMIT = 150
"""Values that PutMetricData takes for one metric."""
_METRICS_LIMIT = 500


class _Series(NamedTuple):
    endpoint: str
    variant: str
    minute: datetime
    metric: str


class Metrics:
    """The buffer of one cloud: how often each value was seen, by metric and minute of the cloud's time.

    Every request counts once, so that sums, averages and percentiles are all true.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seen: dict[_Series, Counter[float]] = defaultdict(Counter)
        self._lock = threading.Lock()

    def add(self, endpoint: str, variant: str, status: int, model_seconds: float, overhead_seconds: float) -> None:
        """Count one invocation."""
        minute = self._service.now().replace(second=0, microsecond=0)
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500),
            "InvocationModelErrors": float(status != 200),
            "ModelLatency": _microseconds(model_seconds),
            "OverheadLatency": _microseconds(overhead_seconds),
        }
        with self._lock:
            for name, value in values.items():
                self._seen[_Series(endpoint, variant, minute, name)][value] += 1

    def flush(self) -> None:
        """Put everything gathered."""
        with self._lock:
            seen, self._seen = self._seen, defaultdict(Counter)
        rows = [row for series, values in seen.items() for row in _rows(series, values)]
        client = self._service.context.client("cloudwatch")
        for start in range(0, len(rows), _METRICS_LIMIT):
            client.put_metric_data(Namespace=NAMESPACE, MetricData=rows[start : start + _METRICS_LIMIT])


def _microseconds(seconds: float) -> float:
    # Three significant digits, so that equal latencies meet in one value.
    return float(f"{seconds * 1e6:.3g}")


def _rows(series: _Series, values: Counter[float]) -> Iterator[dict[str, Any]]:
    pairs = sorted(values.items())
    for start in range(0, len(pairs), _VALUES_LIMIT):
        batch = pairs[start : start + _VALUES_LIMIT]
        yield {
            "MetricName": series.metric,
            "Dimensions": [
                {"Name": "EndpointName", "Value": series.endpoint},
                {"Name": "VariantName", "Value": series.variant},
            ],
            "Timestamp": series.minute,
            "Unit": _UNITS.get(series.metric, "None"),
            "Values": [value for value, _ in batch],
            "Counts": [float(count) for _, count in batch],
        }
