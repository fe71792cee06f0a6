"""Which Spark jobs a telecom lake runs, in which stages, and what each is told."""

from collections.abc import Mapping

from constructs import Construct

from seatrial.constructs import SparkEngine, SparkJob
from stacks.base import Target

Buckets = Mapping[str, str]
"""Zone (raw, curated, features) to bucket name."""


def data_stages(scope: Construct, *, target: Target, engine: SparkEngine, buckets: Buckets) -> list[list[SparkJob]]:
    """Stages in the order in which they read each other."""
    processing = target.engagement.processing
    roots = {zone: f"s3://{name}" for zone, name in buckets.items()}
    common = {"dataset": target.engagement.training.dataset.name}
    limits = {"attempts": processing.attempts, "max_runtime_minutes": processing.max_runtime_minutes}
    curate = SparkJob(
        scope,
        "CurateCdr",
        engine=engine,
        script="cdr/steps/curate_cdr.py",
        arguments=common | {"raw": roots["raw"], "curated": roots["curated"], "from": "{since}", "to": "{last}"},
        per_date=False,
        **limits,
    )
    return [[curate]]
