"""Which Spark jobs a telecom lake runs, in which stages, and what each is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from constructs import Construct

from seatrial.constructs import SparkEngine, SparkJob
from stacks.base import Target

Buckets = Mapping[str, str]
"""Zone (raw, curated, features) to bucket name."""


@dataclass(frozen=True)
class Step:
    """A script below pipelines/, the zones whose roots it takes, and its other arguments."""

    script: str
    zones: tuple[str, ...]
    arguments: Mapping[str, str]
    per_date: bool = False


REACHING_BACK = {"from": "{since}", "to": "{last}"}
"""Curation looks at what arrived late for the days before, and leaves alone where nothing is new."""
STAGES = (
    (
        Step("cdr/steps/curate_cdr.py", ("raw", "curated"), REACHING_BACK),
        Step("cdr/steps/curate_tables.py", ("raw", "curated"), REACHING_BACK),
    ),
    (Step("network/steps/crm_history.py", ("curated",), {"date": "{last}"}),),
    (Step("network/steps/network_kpi.py", ("curated", "features"), {"date": "{date}"}, per_date=True),),
    (Step("churn/steps/usage_features.py", ("curated", "features"), {"as-of": "{after}"}),),
)
"""Each stage reads what the stages before it wrote."""


def data_stages(scope: Construct, *, target: Target, engine: SparkEngine, buckets: Buckets) -> list[list[SparkJob]]:
    """The jobs, made for an engine."""
    processing = target.engagement.processing

    def made(step: Step) -> SparkJob:
        roots = {zone: f"s3://{buckets[zone]}" for zone in step.zones}
        return SparkJob(
            scope,
            Path(step.script).stem.title().replace("_", ""),
            engine=engine,
            script=step.script,
            arguments={"dataset": target.engagement.training.dataset.name, **roots, **step.arguments},
            per_date=step.per_date,
            attempts=processing.attempts,
            max_runtime_minutes=processing.max_runtime_minutes,
        )

    return [[made(step) for step in steps] for steps in STAGES]
