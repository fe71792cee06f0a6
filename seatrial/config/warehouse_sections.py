"""The warehouse's section of the engagement file; the text below each key is its reference documentation."""

from typing import Annotated, Literal

from pydantic import Field

from seatrial.config.values import CronExpression, DatabaseName, MaintenanceWindow, Schedule, Section


class ServerlessWarehouseSection(Section):
    """Redshift Serverless. One RPU is 2 vCPU with 16 GiB."""

    base_rpu: Annotated[int, Field(ge=8, le=1024)] = 8
    """RPUs with which a query starts: 8 to 512 in steps of 8, then to 1024 in steps of 32."""
    max_rpu: Annotated[int, Field(ge=8, le=5632)] = 64
    """Most RPUs that run at the same time: the bound of the cost of an hour."""
    usage_limit_rpu_hours_per_day: Annotated[int, Field(ge=1, le=1_000_000)] | None = 128
    """RPU-hours of a day after which queries are refused until midnight UTC: the bound of the cost of a day; null:
    none."""


class ProvisionedWarehouseSection(Section):
    """A Redshift cluster of RA3 nodes, whose data lies in managed storage apart from the nodes."""

    node_type: Literal["ra3.large", "ra3.xlplus", "ra3.4xlarge", "ra3.16xlarge"] = "ra3.large"
    """Size of a node."""
    nodes: Annotated[int, Field(ge=1, le=128)] = 2
    """Number of nodes; ra3.4xlarge and ra3.16xlarge need two at least."""
    maintenance_window: MaintenanceWindow = "sun:01:00-sun:01:30"
    """When AWS may update the cluster (UTC), half an hour at least."""
    snapshot_retention_days: Annotated[int, Field(ge=7, le=35)] = 7
    """How long automatic snapshots are kept."""
    pause_schedule: CronExpression | None = None
    """When the cluster is paused (UTC), so that only its storage is paid; null: never."""
    resume_schedule: CronExpression | None = None
    """When it is resumed (UTC)."""


class WarehouseSection(Section):
    """Redshift: SQL over tables of its own and over the lake. Schemas are made by migrations."""

    kind: Literal["none", "serverless", "provisioned"] = "none"
    """`serverless`: paid by the second of use. `provisioned`: a cluster, for steady load. `none`: no warehouse."""
    database: DatabaseName = "analytics"
    """Name of the database."""
    serverless: ServerlessWarehouseSection = Field(default_factory=ServerlessWarehouseSection)
    """Settings of Redshift Serverless, without effect on a cluster."""
    provisioned: ProvisionedWarehouseSection = Field(default_factory=ProvisionedWarehouseSection)
    """Settings of the cluster, without effect on Redshift Serverless."""
    spectrum: bool = False
    """true: an external schema over the lake's Glue database, so that queries read the lake's tables in place."""
    redshift_ml: bool = False
    """true: a role for CREATE MODEL, which trains by SageMaker outside the VPC; the statement that trains a churn model
    is in docs/how-to/train-in-the-warehouse.md."""
    migration_schedule: Schedule = "cron(30 6 * * ? *)"
    """When missing migrations are looked for besides after each deployment (UTC): events of a deployment may get lost,
    and a cluster may have been paused. Choose a time at which a cluster runs."""
