"""What must hold between the keys of the data layer; same form as rules.py, which asks them together with its own."""

from collections.abc import Callable, Iterator, Mapping

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement

Finding = tuple[Path, str]
MEMORY_GIB = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
"""Least and most memory and its step by vCPU of a worker (EMR Serverless User Guide, "Worker configurations")."""

_WAY_OUT = (
    "managed scaling reports to a public address of EMR's that no VPC endpoint reaches; "
    "or choose 'emr-serverless', which needs no way out"
)


def _needs_catalog(engagement: Engagement) -> Iterator[Finding]:
    engine = engagement.processing.engine
    if engine != "none" and not engagement.lake.catalog.enabled:
        path = ("lake", "catalog", "enabled")
        yield (
            path,
            f"must be true, got false, because processing.engine is {engine!r}, which writes tables and features",
        )


def _lake_formation(engagement: Engagement) -> Iterator[Finding]:
    catalog = engagement.lake.catalog
    if catalog.lake_formation and not catalog.enabled:
        path = ("lake", "catalog", "lake_formation")
        yield path, "must be false, got true, while lake.catalog.enabled is false: there is no table to grant"


def _tiering(engagement: Engagement) -> Iterator[Finding]:
    lake, catalog = engagement.lake, engagement.lake.catalog
    if not catalog.enabled or catalog.tiering_after_days is None:
        return
    kept = {"lake.raw_retention_days": lake.raw_retention_days}
    kept["lake.catalog.features_retention_days"] = catalog.features_retention_days
    for key, days in kept.items():
        if days <= catalog.tiering_after_days:
            path = ("lake", "catalog", "tiering_after_days")
            yield path, f"must be less than {key} ({days}), got {catalog.tiering_after_days}; null turns it off"


def _engine_is_asked_for(engagement: Engagement) -> Iterator[Finding]:
    processing = engagement.processing
    if processing.engine != "none":
        return
    keys = ("schedule",) if _own_window_spark(engagement) else ("schedule", "python_environment")
    for key in keys:
        value = getattr(processing, key)
        if value is not None:
            text = f"must be null, got {str(value)!r}, while processing.engine is 'none': nothing would use it"
            yield ("processing", key), text


def _own_window_spark(engagement: Engagement) -> bool:
    """Whether the monitor has an EMR Serverless application of its own."""
    return engagement.monitoring.volume.spark == "own"


def _window_spark(engagement: Engagement) -> Iterator[Finding]:
    if not _own_window_spark(engagement):
        return
    processing, why = engagement.processing, "because monitoring.volume.spark is 'own'"
    if engagement.monitoring.volume.larger == "sample":
        text = (
            "must be 'shared' or 'none', got 'own', while monitoring.volume.larger is 'sample': nothing would start it"
        )
        yield ("monitoring", "volume", "spark"), text
    if not (processing.python_environment or processing.serverless.custom_image):
        text = f"must be set (or processing.serverless.custom_image), got None, {why}: EMR's Python has no pyarrow"
        yield ("processing", "python_environment"), text


def _explanations(engagement: Engagement) -> Iterator[Finding]:
    monitoring, path = engagement.monitoring, ("monitoring", "explain_schedule")
    if monitoring.explain_schedule is None:
        return
    if monitoring.volume.larger == "sample":
        text = "while monitoring.volume.larger is 'sample': the monitor may start no processing job"
        yield path, f"must be null, got {monitoring.explain_schedule!r}, {text}"
    if engagement.serving.capture_percent == 0:
        text = "while serving.capture_percent is 0: there is nothing to explain"
        yield path, f"must be null, got {monitoring.explain_schedule!r}, {text}"
    training = engagement.training
    if training.definition is None and training.algorithm.startswith("sparkml-"):
        text = f"while training.algorithm is {training.algorithm!r}: the job has no ONNX Runtime to answer with"
        yield path, f"must be null, got {monitoring.explain_schedule!r}, {text}"


def _emr_capacity(engagement: Engagement) -> Iterator[Finding]:
    emr = engagement.processing.emr
    if emr.maximum_units < emr.core_units:
        path = ("processing", "emr", "maximum_units")
        yield path, f"must be at least processing.emr.core_units ({emr.core_units}), got {emr.maximum_units}"


def _emr_network(engagement: Engagement) -> Iterator[Finding]:
    network = engagement.network
    if engagement.processing.engine == "emr" and network.existing is None and not network.nat_gateways:
        path = ("network", "nat_gateways")
        yield path, f"must be at least 1, got 0, because processing.engine is 'emr': {_WAY_OUT}"


def _serverless_worker(engagement: Engagement) -> Iterator[Finding]:
    serverless = engagement.processing.serverless
    least, most, step = MEMORY_GIB[serverless.worker_vcpu]
    memory = serverless.worker_memory_gib
    if not least <= memory <= most or (memory - least) % step:
        path = ("processing", "serverless", "worker_memory_gib")
        steps = f" in steps of {step}" if step > 1 else ""
        yield path, f"must be {least} to {most}{steps} with worker_vcpu {serverless.worker_vcpu}, got {memory}"


def _serverless_capacity(engagement: Engagement) -> Iterator[Finding]:
    serverless = engagement.processing.serverless
    drivers, executors = serverless.pre_initialized_drivers, serverless.pre_initialized_executors
    workers = max(2, drivers + executors)
    for key, unit in (("maximum_vcpu", "worker_vcpu"), ("maximum_memory_gib", "worker_memory_gib")):
        least, got = workers * getattr(serverless, unit), getattr(serverless, key)
        if got < least:
            why = f"{drivers + executors} pre-initialized workers" if workers > 2 else "a driver and an executor"
            yield ("processing", "serverless", key), f"must be at least {least} for {why} of {unit}, got {got}"


def _custom_image(engagement: Engagement) -> Iterator[Finding]:
    image, path = engagement.processing.serverless.custom_image, ("processing", "serverless", "custom_image")
    if image is None:
        return
    region = image.split(".")[3]
    regions = sorted({environment.region for environment in engagement.environments.values()})
    if regions != [region]:
        yield path, f"must lie in the environments' region ({', '.join(regions)}), got {image!r}"
    on_serverless = engagement.processing.engine == "emr-serverless" or _own_window_spark(engagement)
    if engagement.processing.python_environment and on_serverless:
        yield path, f"must be null, got {image!r}, because processing.python_environment is set: both choose the Python"


_SERVERLESS: Path = ("processing", "serverless")
_ENGINE: Path = ("processing", "engine")
_PYTHON: Path = ("processing", "python_environment")
_VOLUME: Path = ("monitoring", "volume")
DATA_RULES: Mapping[Callable[[Engagement], Iterator[Finding]], tuple[Path, ...]] = {
    _needs_catalog: (("lake", "catalog", "enabled"), _ENGINE),
    _lake_formation: (("lake", "catalog", "enabled"), ("lake", "catalog", "lake_formation")),
    _tiering: (("lake",),),
    _engine_is_asked_for: (_ENGINE, ("processing", "schedule"), _PYTHON, _VOLUME),
    _explanations: (
        ("monitoring", "explain_schedule"),
        _VOLUME,
        ("serving", "capture_percent"),
        ("training", "algorithm"),
        ("training", "definition"),
    ),
    _window_spark: (_VOLUME, _PYTHON, _SERVERLESS),
    _emr_capacity: (("processing", "emr"),),
    _emr_network: (_ENGINE, ("network", "nat_gateways"), ("network", "existing")),
    _serverless_worker: (_SERVERLESS,),
    _serverless_capacity: (_SERVERLESS,),
    _custom_image: (_SERVERLESS, _PYTHON, _VOLUME, ("environments",)),
}
"""Each rule with the keys it reads."""
