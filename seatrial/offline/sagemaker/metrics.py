"""The metrics that SageMaker publishes for endpoints, gathered while requests run and handed to CloudWatch in bulk."""

import threading
from datetime import datetime

from seatrial.offline.sagemaker.service import Service

NAMESPACE = "AWS/SageMaker"
_UNITS = {"ModelLatency": "Microseconds", "OverheadLatency": "Microseconds"}


class Metrics:
    """The buffer of one cloud."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._rows: list[tuple[str, str, datetime, dict[str, float]]] = []
        self._lock = threading.Lock()

    def add(self, endpoint: str, variant: str, status: int, model_seconds: float, overhead_seconds: float) -> None:
        """Count one invocation at the cloud's minute."""
        minute = self._service.now().replace(second=0, microsecond=0)
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500),
            "InvocationModelErrors": float(status != 200),
            "ModelLatency": model_seconds * 1e6,
            "OverheadLatency": overhead_seconds * 1e6,
        }
        with self._lock:
            self._rows.append((endpoint, variant, minute, values))

    def flush(self) -> None:
        """Hand every datum over: one a request, so that sums, averages and percentiles are all true."""
        with self._lock:
            rows, self._rows = self._rows, []
        put = self._service.neighbours.put_metric
        for endpoint, variant, minute, values in rows:
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            for name, value in values.items():
                put(
                    self._service.context,
                    NAMESPACE,
                    name,
                    value,
                    dimensions,
                    unit=_UNITS.get(name, "None"),
                    timestamp=minute,
                )
