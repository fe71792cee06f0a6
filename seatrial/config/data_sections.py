"""The sections of the data layer: the lake's catalog and the engine that runs Spark; all of it off unless asked for."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.values import Days, ImageUri, ObjectKey, Schedule, Section, Share

Minutes = Annotated[int, Field(ge=1, le=1440)]


class CatalogSection(Section):
    """Features zone, Glue database, tables and the Athena workgroup over the lake."""

    enabled: bool = False
    """true: make the features bucket, the database `<name>_<environment>`, its tables and the Athena workgroup, with
    storage classes, inventories and request metrics on the buckets."""
    athena_scan_limit_gib: Annotated[int, Field(ge=1, le=102_400)] = 100
    """A query that reads more is cancelled: the bound of one query's cost."""
    athena_results_days: Days = 30
    """How long results of queries are kept."""
    iceberg_snapshot_retention_days: Annotated[int, Field(ge=1, le=365)] = 5
    """How long older snapshots of Iceberg tables can be read; then they expire with the files that only they need."""
    iceberg_orphan_file_days: Annotated[int, Field(ge=3, le=365)] = 7
    """Age at which files below an Iceberg table that no snapshot names are removed; it must exceed the longest job."""
    features_retention_days: Days = 730
    """How long features are kept."""
    tiering_after_days: Annotated[int, Field(ge=0, le=36500)] | None = 30
    """When objects of raw, curated and features move to S3 Intelligent-Tiering, which needs no choice of what is read
    rarely; null: never."""
    inventory: Literal["none", "weekly", "daily"] = "weekly"
    """How often S3 Inventory lists raw, curated and features, as Parquet in the logs bucket."""
    lake_formation: bool = False
    """true: register the buckets with Lake Formation (hybrid access) and grant database and tables through it as well;
    it takes a Lake Formation administrator in the account, and the deploying role must be one."""


class EmrSection(Section):
    """The cluster that EMR on EC2 starts for each flow. One unit is 4 vCPU, whatever the instance type."""

    core_units: Annotated[int, Field(ge=1, le=4000)] = 2
    """Units that run from the beginning, on demand."""
    maximum_units: Annotated[int, Field(ge=1, le=4000)] = 16
    """Most units that managed scaling may start: the bound of a cluster's cost."""
    spot_share: Share = 0.7
    """Share of the units above core_units that may be spot instances; the rest is on demand."""
    idle_timeout_minutes: Annotated[int, Field(ge=1, le=10_080)] = 15
    """A cluster without work ends after so long, even when nobody ends it."""
    step_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Jobs that run side by side on one cluster."""
    certificates_key: ObjectKey = "emr/certificates.zip"
    """Where, in the artifacts bucket, the PEM certificates for encryption in transit lie; a flow refuses to start
    before they do. docs/how-to/run-spark-on-emr.md makes and uploads them."""


class ServerlessSection(Section):
    """The EMR Serverless application."""

    maximum_vcpu: Annotated[int, Field(ge=1, le=10_000)] = 128
    """Most vCPU that all workers together may use: the bound of the cost."""
    maximum_memory_gib: Annotated[int, Field(ge=2, le=80_000)] = 512
    """Most memory that all workers together may use."""
    worker_vcpu: Literal[1, 2, 4, 8, 16] = 4
    """vCPU of a driver and of an executor."""
    worker_memory_gib: Annotated[int, Field(ge=2, le=120)] = 16
    """Memory of a driver and of an executor; EMR Serverless allows 2 to 8 GiB a vCPU, 120 at most."""
    pre_initialized_drivers: Annotated[int, Field(ge=0, le=100)] = 0
    """Drivers kept ready while the application runs; they are paid for while they wait."""
    pre_initialized_executors: Annotated[int, Field(ge=0, le=1000)] = 0
    """Executors kept ready while the application runs; they are paid for while they wait."""
    idle_timeout_minutes: Annotated[int, Field(ge=1, le=10_080)] = 15
    """The application stops after so long without work."""
    maximum_concurrent_runs: Annotated[int, Field(ge=1, le=1000)] = 15
    """Job runs side by side; more wait in the queue."""
    custom_image: ImageUri | None = None
    """Image in ECR, derived from AWS's for the same release and architecture, instead of AWS's own."""


class ProcessingSection(Section):
    """Spark: which engine runs the jobs, and the flow that runs them by date."""

    engine: Literal["none", "emr", "emr-serverless"] = "none"
    """`emr-serverless`: an application that scales from nothing. `emr`: a cluster on EC2 for each flow, with spot
    instances. The scripts are the same. `none`: no Spark."""
    release: Literal["emr-7.13.0", "emr-spark-8.0.0"] = "emr-7.13.0"
    """`emr-7.13.0`: Spark 3.5.6. `emr-spark-8.0.0`: Spark 4.0.2."""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """`arm64`: Graviton, the cheaper one. `x86_64`: for native libraries that exist for it only."""
    emr: EmrSection = Field(default_factory=EmrSection)
    """Settings of EMR on EC2, without effect on the other engine."""
    serverless: ServerlessSection = Field(default_factory=ServerlessSection)
    """Settings of EMR Serverless, without effect on the other engine."""
    python_environment: Path | None = None
    """Archive (tar.gz of a virtual environment, as venv-pack makes it) with the Python libraries that EMR lacks, such
    as pyiceberg; relative to the engagement file. With one, curated events are committed to the Iceberg table `cdr`;
    without, that table stays empty. docs/how-to/run-spark-on-emr.md makes one."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often a failing job is tried; jobs are idempotent by date."""
    max_runtime_minutes: Minutes = 240
    """A job that runs longer is cancelled: the bound of its cost."""
    required_sources: tuple[Literal["batch", "stream"], ...] = ()
    """Sources of events without which a day is never published; none: those that delivered on the days before are
    expected, see `minimum_share_of_usual`."""
    minimum_share_of_usual: Annotated[float, Field(ge=0, le=1)] = 0.5
    """A day is not published when a source delivered less than this share of its median over the seven days before,
    until a flow is told to (`"silent_feeds": "publish"`); 0: however few rows there are."""
    parallel_dates: Annotated[int, Field(ge=1, le=40)] = 4
    """Dates of a backfill that run side by side."""
    maximum_backfill_days: Annotated[int, Field(ge=1, le=366)] = 92
    """Most dates that one flow takes; a longer backfill is several flows."""
    schedule: Schedule | None = None
    """When the flow runs for the day before (UTC); null: only when it is started by hand."""
