"""Reads the environment and the migrations that were packed beside the code."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seatrial.contracts import environment
from seatrial.contracts.migrations import Migration, read_migrations

FOLDER = Path(__file__).parent / "sql"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment: a workgroup with its namespace, or a cluster with its secret."""

    database: str
    workgroup_name: str | None
    workgroup_arn: str | None
    namespace_name: str | None
    cluster_identifier: str | None
    secret_arn: str | None
    values: Mapping[str, str]
    features: tuple[str, ...]
    usage_limit_rpu_hours: int | None
    metric_namespace: str

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        limit = values.get(environment.USAGE_LIMIT_RPU_HOURS)
        return cls(
            database=values[environment.DATABASE_NAME],
            workgroup_name=values.get(environment.WORKGROUP_NAME),
            workgroup_arn=values.get(environment.WORKGROUP_ARN),
            namespace_name=values.get(environment.NAMESPACE_NAME),
            cluster_identifier=values.get(environment.CLUSTER_IDENTIFIER),
            secret_arn=values.get(environment.SECRET_ARN),
            values=json.loads(values.get(environment.MIGRATION_VALUES, "{}")),
            features=tuple(filter(None, values.get(environment.WAREHOUSE_FEATURES, "").split(","))),
            usage_limit_rpu_hours=int(limit) if limit else None,
            metric_namespace=values[environment.METRIC_NAMESPACE],
        )

    @property
    def name(self) -> str:
        """The warehouse as people call it: its workgroup or its cluster."""
        return self.workgroup_name or self.cluster_identifier or ""


def packed_migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """The migrations of the zip; raises `MigrationFilesError`."""
    return read_migrations({path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.sql")})
