"""SageMaker in the offline cloud: pipelines, jobs, the model registry and endpoints really run."""

from seatrial.offline import routes
from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker import (
    api,
    deployment,
    endpoints,
    jobs,
    models,
    pipelines,
    processing,
    registry,
    runtime,
    tagging,
    training,
    transform,
    tuning,
)
from seatrial.offline.sagemaker.capture import Capture
from seatrial.offline.sagemaker.metrics import Metrics
from seatrial.offline.sagemaker.neighbours import Neighbours, cloud_neighbours
from seatrial.offline.sagemaker.service import Service

__all__ = ["flush", "install"]

_MODULES = (pipelines, processing, training, tuning, transform, registry, models, endpoints, deployment, tagging)
_MINUTE_SECONDS = 60
_JOIN_SECONDS = 10.0


def install(context: CloudContext, neighbours: Neighbours | None = None) -> None:
    """Answer SageMaker's API for this cloud, with an empty account.

    `neighbours` are the functions of the other extensions; tests pass fakes.
    """
    service = Service(context, neighbours or cloud_neighbours(context))
    capture, metrics = Capture(service), Metrics(service)
    service.monitoring.update(capture=capture, metrics=metrics)
    api.serve(service, {name: call for module in _MODULES for name, call in module.OPERATIONS.items()})
    routes.add(runtime.is_runtime_path, runtime.application(service, capture, metrics))
    service.neighbours.before_evaluation(metrics.flush)
    context.clock.every(_MINUTE_SECONDS, lambda: flush(context))
    context.stopping.append(lambda: _stop(service))


def flush(context: CloudContext) -> None:
    """Write buffered data capture to S3 and hand buffered metrics to CloudWatch now."""
    monitoring = api.current().monitoring
    monitoring["capture"].flush()
    monitoring["metrics"].flush()


def _stop(service: Service) -> None:
    service.stopping.set()
    pipelines.stop_all(service)
    jobs.stop_all(service)
    for endpoint in list(service.endpoints.values()):
        for generation in (endpoint.live, endpoint.incoming):
            if generation is not None:
                generation.stop(None)
    service.join(_JOIN_SECONDS)
