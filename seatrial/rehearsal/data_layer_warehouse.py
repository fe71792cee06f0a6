"""The warehouse's part: migrations by the deployed function, COPY of curated data, features in SQL, UNLOAD."""

from pathlib import Path
from typing import Any

from seatrial.contracts import sql_scripts
from seatrial.rehearsal.data_layer_aws import DataAws, SqlError
from seatrial.rehearsal.data_layer_flow import accounts
from seatrial.rehearsal.data_layer_reconcile import Check
from seatrial.rehearsal.data_layer_state import Rate
from seatrial.rehearsal.launch import app_folder
from seatrial.rehearsal.voyage import RehearsalError, Voyage

MIGRATION_SECONDS = 300.0
EXTRACTS = ("billing", "care")
"""Tables that the features read day by day; the CRM comes as its history."""


def fill_warehouse(voyage: Voyage) -> str:
    """Migrate, load, compute, unload."""
    layer, progress = voyage.layer, voyage.progress
    applied = _migrated(voyage)
    warehouse = Warehouse(voyage)
    began = progress.elapsed
    loaded = _load(voyage, warehouse)
    copied = progress.elapsed
    layer.rates.append(Rate("COPY into the warehouse", loaded, copied - began))
    progress.doing("features in SQL")
    warehouse.run(*sorted((warehouse.folder / "features").glob("*.sql")))
    layer.rates.append(Rate("features in SQL", loaded, progress.elapsed - copied))
    warehouse.run(warehouse.folder / "templates" / "unload_training_set.sql")
    features = warehouse.count(f"features.churn WHERE as_of = DATE '{layer.as_of}'")
    return f"{applied} migrations, {loaded:,} rows loaded, features of {features:,} subscribers computed and unloaded"


class Warehouse:
    """The deployed warehouse through the Data API, with the project's SQL and its placeholders filled."""

    def __init__(self, voyage: Voyage) -> None:
        outputs, layer = voyage.stacks["Warehouse"], voyage.layer
        self._aws = DataAws(voyage.cloud.context.client)
        names = {"WorkgroupName": "WorkgroupName", "ClusterIdentifier": "ClusterIdentifier", "SecretArn": "SecretArn"}
        self._target = {key: outputs[name] for key, name in names.items() if outputs.get(name)}
        self._target["Database"] = outputs["DatabaseName"]
        self.folder: Path = app_folder() / "pipelines" / "churn" / "sql"
        self._values = {
            "curated_bucket": voyage.outputs["CuratedBucketName"],
            "features_bucket": voyage.outputs["FeaturesBucketName"],
            "dataset": layer.dataset,
            "role_arn": outputs["WarehouseRoleArn"],
            "as_of": str(layer.as_of),
            "known_on": str(layer.as_of),
        }

    def run(self, *files: Path, **values: str) -> None:
        """Run files in order as one transaction; raises `RehearsalError`."""
        scripts = [sql_scripts.fill(file.read_text(encoding="utf-8"), self._values | values) for file in files]
        statements = [statement for script in scripts for statement in sql_scripts.split_statements(script)]
        try:
            self._aws.run_sql(self._target, statements)
        except SqlError as error:
            raise RehearsalError(f"{files[0].name} {values or ''}: {error}") from error

    def template(self, name: str, **values: str) -> None:
        """Run one of the templates."""
        self.run(self.folder / "templates" / f"{name}.sql", **values)

    def query(self, sql: str) -> list[list[Any]]:
        """Rows of a query; raises `RehearsalError`."""
        try:
            return self._aws.query(self._target, sql)
        except SqlError as error:
            raise RehearsalError(f"{sql}: {error}") from error

    def count(self, source: str) -> int:
        """Rows of a table, or of a part of it."""
        return self.query(f"SELECT COUNT(*) FROM {source}")[0][0]  # noqa: S608 - our own names


def _migrated(voyage: Voyage) -> int:
    """Wait for the migrations that the deployment started; returns how many stand in the warehouse."""
    machine = voyage.outputs["MigrationStateMachineArn"]

    def ended() -> dict[str, Any] | None:
        runs = voyage.aws.state_machine_runs(machine)
        over = [run for run in runs if run["status"] != "RUNNING"]
        return over[0] if over and len(over) == len(runs) else None

    run = voyage.wait("the warehouse's migrations", ended, seconds=MIGRATION_SECONDS)
    if run["status"] != "SUCCEEDED":
        cause = str(voyage.aws.state_machine_run(run["executionArn"]).get("cause", "no cause was given"))
        raise RehearsalError(f"the warehouse's migrations ended {run['status']}: {cause}")
    return Warehouse(voyage).count("seatrial.migrations")


def _load(voyage: Voyage, warehouse: Warehouse) -> int:
    """COPY every curated day; returns the rows, and notes whether the warehouse has what the accounts say."""
    total = 0
    for table, job, template in _sources():
        rows = {day: account["rows"] for day, account in accounts(voyage, job).items() if account["rows"]}
        days = list(rows)[-1:] if table == "crm_history" else list(rows)
        for day in days:
            voyage.progress.doing(f"COPY {table} of {day}")
            names = {"table": table} if template == "load_extract_day" else {}
            warehouse.template(template, date=day, **names)
        check = Check(
            subject=f"rows of {table} in the warehouse",
            expected=sum(rows[day] for day in days),
            found=warehouse.count(f"telecom.{table}"),
            expected_by="the curated files",
            found_by="the warehouse after COPY",
        )
        voyage.layer.checks.append(check)
        total += check.found
    return total


def _sources() -> list[tuple[str, str, str]]:
    """Table, the job whose accounts tell its rows, and the template that loads it."""
    extracts = [(name, f"curate_{name}", "load_extract_day") for name in EXTRACTS]
    return [("cdr", "curate_cdr", "load_cdr_day"), *extracts, ("crm_history", "crm_history", "load_history")]
