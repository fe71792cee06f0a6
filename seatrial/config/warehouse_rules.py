"""What must hold between the keys of warehouse, streaming and feature store; asked together with those of rules.py."""

from collections.abc import Callable, Iterator, Mapping

from seatrial.config.document import Path
from seatrial.config.engagement import Engagement

Finding = tuple[Path, str]
SERVERLESS_ZONES = 3
"""Redshift Management Guide, "Considerations when using Amazon Redshift Serverless": three subnets in three zones."""
SMALL_NODES = ("ra3.large", "ra3.xlplus")
"""The node types of which one alone makes a cluster (Redshift Management Guide, "Amazon Redshift provisioned
clusters")."""
MOST_NODES = {"ra3.large": 16, "ra3.xlplus": 32, "ra3.4xlarge": 64, "ra3.16xlarge": 128}


def _needs_catalog(engagement: Engagement) -> Iterator[Finding]:
    wishes = {
        "warehouse.spectrum is true, which reads its tables": engagement.warehouse.spectrum
        and engagement.warehouse.kind != "none",
        f"streaming.mode is {engagement.streaming.mode!r}, whose table lies in it": engagement.streaming.mode != "none",
        "feature_store.enabled is true, which writes to the features zone": engagement.feature_store.enabled,
    }
    reasons = [reason for reason, wished in wishes.items() if wished]
    if reasons and not engagement.lake.catalog.enabled:
        yield ("lake", "catalog", "enabled"), f"must be true, got false, because {reasons[0]}"


def _serverless_zones(engagement: Engagement) -> Iterator[Finding]:
    if engagement.warehouse.kind != "serverless":
        return
    why = f"because warehouse.kind is 'serverless': Redshift Serverless needs {SERVERLESS_ZONES} subnets in as many"
    existing = engagement.network.existing
    if existing is None and engagement.network.max_azs < SERVERLESS_ZONES:
        yield ("network", "max_azs"), f"must be {SERVERLESS_ZONES}, got {engagement.network.max_azs}, {why} zones"
    if existing is not None and len(set(existing.availability_zones)) < SERVERLESS_ZONES:
        path = ("network", "existing", "availability_zones")
        yield path, f"must name {SERVERLESS_ZONES} zones, got {list(existing.availability_zones)!r}, {why}"


def _rpus(engagement: Engagement) -> Iterator[Finding]:
    serverless, path = engagement.warehouse.serverless, ("warehouse", "serverless")
    for key in ("base_rpu", "max_rpu"):
        got = getattr(serverless, key)
        step = 8 if got <= 512 else 32
        if got % step:
            yield (*path, key), f"must be a multiple of {step} at this size, got {got}"
    if serverless.max_rpu < serverless.base_rpu:
        text = f"must be at least warehouse.serverless.base_rpu ({serverless.base_rpu}), got {serverless.max_rpu}"
        yield (*path, "max_rpu"), text


def _nodes(engagement: Engagement) -> Iterator[Finding]:
    cluster, path = engagement.warehouse.provisioned, ("warehouse", "provisioned", "nodes")
    if cluster.nodes == 1 and cluster.node_type not in SMALL_NODES:
        yield path, f"must be at least 2 with {cluster.node_type}, got 1; one alone works with {SMALL_NODES[0]}"
    if cluster.nodes > MOST_NODES[cluster.node_type]:
        yield path, f"must be at most {MOST_NODES[cluster.node_type]} with {cluster.node_type}, got {cluster.nodes}"


def _pauses(engagement: Engagement) -> Iterator[Finding]:
    cluster = engagement.warehouse.provisioned
    if (cluster.pause_schedule is None) == (cluster.resume_schedule is None):
        if cluster.pause_schedule is not None and cluster.pause_schedule == cluster.resume_schedule:
            path = ("warehouse", "provisioned", "resume_schedule")
            yield path, f"must differ from pause_schedule, got {cluster.resume_schedule!r}"
        return
    missing, given = ("pause_schedule", "resume_schedule")[:: 1 if cluster.pause_schedule is None else -1]
    path = ("warehouse", "provisioned", missing)
    yield path, f"must be set, got None, because warehouse.provisioned.{given} is set: one without the other"


def _effective(engagement: Engagement) -> Iterator[Finding]:
    if engagement.warehouse.kind == "none":
        for key in ("spectrum", "redshift_ml"):
            if getattr(engagement.warehouse, key):
                yield ("warehouse", key), "must be false, got true, while warehouse.kind is 'none'"
    if engagement.streaming.mode == "none" and engagement.streaming.iot:
        yield ("streaming", "iot"), "must be false, got true, while streaming.mode is 'none': there is no stream"


_CATALOG: Path = ("lake", "catalog", "enabled")
_KIND: Path = ("warehouse", "kind")
WAREHOUSE_RULES: Mapping[Callable[[Engagement], Iterator[Finding]], tuple[Path, ...]] = {
    _needs_catalog: (_CATALOG, _KIND, ("warehouse", "spectrum"), ("streaming", "mode"), ("feature_store", "enabled")),
    _serverless_zones: (_KIND, ("network", "max_azs"), ("network", "existing")),
    _rpus: (("warehouse", "serverless"),),
    _nodes: (("warehouse", "provisioned"),),
    _pauses: (("warehouse", "provisioned"),),
    _effective: (("warehouse",), ("streaming", "mode"), ("streaming", "iot")),
}
"""Each rule with the keys it reads."""
