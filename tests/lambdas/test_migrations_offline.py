"""The project's own migrations against the offline warehouse, through the Data API: whole, resumed, never twice."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.contracts.migrations import read_migrations
from seatrial.offline.cloud import OfflineCloud
from tests.lambdas.fakes import ROOT, load_function

function = load_function("warehouse_migrations")
FOLDER = ROOT / "pipelines" / "churn" / "sql" / "migrations"
FILES = {path.name: path.read_text() for path in FOLDER.glob("*.sql")}


@pytest.fixture(scope="module")
def cloud() -> Iterator[OfflineCloud]:
    with tempfile.TemporaryDirectory() as folder, OfflineCloud(Path(folder)) as running:
        yield running


def _clock() -> Any:
    """Twenty seconds, so that a warehouse that never answers fails the test."""
    end = time.monotonic() + 20
    return function.adapters.Clock(lambda: end - time.monotonic())


class Warehouse:
    """A workgroup of its own, and calls of the function."""

    def __init__(self, cloud: OfflineCloud, name: str) -> None:
        self._cloud = cloud
        serverless = cloud.context.client("redshift-serverless")
        serverless.create_namespace(
            namespaceName=name, dbName="analytics", adminUsername="owner", manageAdminPassword=True
        )
        arn = serverless.create_workgroup(workgroupName=name, namespaceName=name)["workgroup"]["workgroupArn"]
        environment = {
            "DATABASE_NAME": "analytics",
            "WORKGROUP_NAME": name,
            "NAMESPACE_NAME": name,
            "WORKGROUP_ARN": arn,
            "USAGE_LIMIT_RPU_HOURS": "24",
            "METRIC_NAMESPACE": "Seatrial",
        }
        self.configuration = function.parse.Configuration.from_environment(environment)

    def migrate(self, files: dict[str, str]) -> dict:
        client = self._cloud.context.client
        clock = _clock()
        data, serverless = client("redshift-data"), client("redshift-serverless")
        warehouse = function.adapters.Warehouse(self.configuration, clock, data=data, serverless=serverless)
        return function.handler.run(warehouse, read_migrations(files), self.configuration)

    def query(self, sql: str) -> list[list]:
        client = self._cloud.context.client
        clock = _clock()
        data, serverless = client("redshift-data"), client("redshift-serverless")
        return function.adapters.Warehouse(self.configuration, clock, data=data, serverless=serverless).query(
            sql, "test"
        )


def test_the_projects_migrations_make_its_tables_once(cloud):
    warehouse = Warehouse(cloud, "whole")

    first, second = warehouse.migrate(FILES), warehouse.migrate(FILES)

    made = {tuple(row) for row in warehouse.query("SELECT table_schema, table_name FROM information_schema.tables")}
    applicable = [name.removesuffix(".sql") for name, text in sorted(FILES.items()) if "requires" not in text]
    assert (first["status"], first["applied"]) == ("done", applicable)
    assert (second["status"], second["applied"]) == ("done", [])
    assert second["usage_limit"].startswith("kept")
    assert {("telecom", "cdr"), ("telecom", "billing"), ("features", "churn"), ("seatrial", "migrations")} <= made


def test_a_migration_that_fails_in_the_middle_leaves_nothing_behind(cloud):
    warehouse = Warehouse(cloud, "halfway")
    files = {
        "0001_a.sql": "CREATE SCHEMA half;",
        "0002_b.sql": "CREATE TABLE half.t (id INT);\nINSERT INTO half.no VALUES (1);",
    }
    repaired = files | {"0002_b.sql": "CREATE TABLE half.t (id INT);\nINSERT INTO half.t VALUES (1);"}

    failed = warehouse.migrate(files)
    between = warehouse.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'half'")
    resumed = warehouse.migrate(repaired)

    assert (failed["status"], failed["applied"]) == ("failed", ["0001_a"])
    assert failed["reason"].startswith("0002_b left nothing behind, failed:")
    assert between == []
    assert (resumed["status"], resumed["applied"]) == ("done", ["0002_b"])
    assert warehouse.query("SELECT id FROM half.t") == [[1]]


def test_two_runs_at_once_cannot_apply_a_migration_twice(cloud):
    warehouse = Warehouse(cloud, "twice")
    files = {"0001_a.sql": "CREATE SCHEMA twice;", "0002_b.sql": "CREATE TABLE twice.t (id INT);"}
    warehouse.migrate(files)
    third = {"0003_c.sql": "INSERT INTO twice.t VALUES (1);"}
    (migration,) = [m for m in read_migrations(files | third) if m.version == 3]
    client, clock = cloud.context.client, _clock()
    other = function.adapters.Warehouse(
        warehouse.configuration, clock, data=client("redshift-data"), serverless=client("redshift-serverless")
    )
    statements = function.act.transaction(migration, {})

    other.run(statements, "seatrial-other")
    with pytest.raises(function.adapters.StatementError):
        other.run(statements, "seatrial-again")

    assert warehouse.query("SELECT COUNT(*) FROM twice.t") == [[1]]
