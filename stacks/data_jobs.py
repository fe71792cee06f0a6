"""Which Spark jobs a telecom lake runs, in which stages, and what each is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from constructs import Construct

from seatrial.config import ProcessingSection
from seatrial.constructs import SparkEngine, SparkJob
from stacks.base import Target, group_name

Buckets = Mapping[str, str]
"""Zone (raw, curated, features) to bucket name."""


@dataclass(frozen=True)
class Step:
    """A script below pipelines/, the zones whose roots it takes, its other arguments, and the table it commits to."""

    script: str
    zones: tuple[str, ...]
    arguments: Mapping[str, str]
    per_date: bool = False
    table: str | None = None


REACHING_BACK = {"from": "{since}", "to": "{last}"}
"""Curation looks at what arrived late for the days before, and leaves alone where nothing is new."""
CURATION = Step("cdr/steps/curate_cdr.py", ("raw", "curated"), REACHING_BACK, table="cdr")
STAGES = (
    (
        CURATION,
        Step("cdr/steps/curate_tables.py", ("raw", "curated"), REACHING_BACK),
    ),
    (Step("network/steps/crm_history.py", ("curated",), {"date": "{last}"}),),
    (Step("network/steps/network_kpi.py", ("curated", "features"), {"date": "{date}"}, per_date=True),),
    (Step("churn/steps/usage_features.py", ("curated", "features"), {"as-of": "{after}"}),),
)
"""Each stage reads what the stages before it wrote."""
INGESTION = Step("churn/steps/ingest_features.py", ("features",), {"as-of": "{after}"})
"""The stage after them, where there is a feature store."""
TRAINING_SET = Step("churn/steps/training_set.py", ("raw", "curated", "features"), {"known-by": "{after}"})
"""The last stage, where the model is trained on the lake; without labels of a period that is over it makes nothing."""


def data_stages(scope: Construct, *, target: Target, engine: SparkEngine, buckets: Buckets) -> list[list[SparkJob]]:
    """The jobs, made for an engine."""
    processing, dataset = target.engagement.processing, target.engagement.training.dataset

    def made(step: Step) -> SparkJob:
        roots = {zone: f"s3://{buckets[zone]}" for zone in step.zones}
        more = _commit(target, step.table) if step.table and brings_pyiceberg(processing) else {}
        more |= feed_arguments(processing) if step is CURATION else {}
        more |= _ingestion(target) if step is INGESTION else {}
        more |= {"history-days": str(dataset.history_days)} if step is TRAINING_SET else {}
        return SparkJob(
            scope,
            Path(step.script).stem.title().replace("_", ""),
            engine=engine,
            script=step.script,
            arguments={"dataset": dataset.name, **roots, **step.arguments, **more},
            per_date=step.per_date,
            attempts=processing.attempts,
            max_runtime_minutes=processing.max_runtime_minutes,
        )

    stages = [*STAGES]
    stages += [(INGESTION,)] if target.engagement.feature_store.enabled else []
    stages += [(TRAINING_SET,)] if dataset.kind == "lake" else []
    return [[made(step) for step in steps] for steps in stages]


def brings_pyiceberg(processing: ProcessingSection) -> bool:
    """Whether the jobs' Python is one of the customer's, which has to hold pyiceberg; EMR's own has none."""
    image = processing.serverless.custom_image if processing.engine == "emr-serverless" else None
    return bool(processing.python_environment or image)


def _commit(target: Target, table: str) -> dict[str, str]:
    """Arguments of a job that commits what it published; replaced files stay as long as snapshots that read them."""
    return {
        "table": f"{target.database_name}.{table}",
        "catalog": _catalog(target),
        "keep-replaced-days": str(target.engagement.lake.catalog.iceberg_snapshot_retention_days),
    }


def feed_arguments(processing: ProcessingSection) -> dict[str, str]:
    """Arguments of curation: which sources must deliver, and how much; the flow's input says what silence leads to."""
    share = {"minimum-share-of-usual": str(processing.minimum_share_of_usual), "silent-feeds": "{feeds}"}
    required = ",".join(processing.required_sources)
    return share | ({"require-sources": required} if required else {})


def _ingestion(target: Target) -> dict[str, str]:
    """Arguments of the ingestion; without pyiceberg the history is put as records."""
    catalog = {"catalog": _catalog(target)} if brings_pyiceberg(target.engagement.processing) else {}
    return {"group": group_name(target, "churn"), "region": str(target.place.region), **catalog}


def _catalog(target: Target) -> str:
    return f"type=glue,client.region={target.place.region}"
