"""Migrations of the warehouse: in order, once, whole or not at all, whatever happens in between."""

import json
import re
from types import SimpleNamespace

import pytest

from seatrial.contracts.migrations import read_migrations
from tests.lambdas.fakes import client_error, load_function

function = load_function("warehouse_migrations")
FILES = {
    "0001_schemas.sql": "CREATE SCHEMA features;",
    "0002_tables.sql": "CREATE TABLE features.churn (id INT);\nINSERT INTO features.churn VALUES (1);",
    "0003_lake.sql": "-- seatrial: outside-transaction\n-- seatrial: requires spectrum\n"
    "CREATE EXTERNAL SCHEMA IF NOT EXISTS lake FROM DATA CATALOG DATABASE '${catalog}' IAM_ROLE DEFAULT;",
    "0004_views.sql": "CREATE VIEW features.v AS SELECT 1;",
}
RECORD = re.compile(r"INSERT INTO seatrial\.migrations .* VALUES \((\d+), '(\w+)', '(\w+)', GETDATE\(\)\)")
GUARD = re.compile(r"FROM seatrial\.migrations WHERE version = (\d+)")


class FakeRedshift:
    """Data API and serverless API over a warehouse that remembers committed statements; transactions are whole."""

    def __init__(self) -> None:
        self.committed: list[str] = []
        self.rows: list[tuple[int, str, str]] = []
        self.statements: dict[str, SimpleNamespace] = {}
        self.submitted: list[str] = []
        self.busy = 0
        self.broken: str | None = None
        self.slow: dict[str, int] = {}
        self.refusal: Exception | None = None
        self.limits: list[dict] = []

    def execute_statement(self, *, Sql: str, **request: str) -> dict:  # noqa: N803
        return self.batch_execute_statement(Sqls=[Sql], **request)

    def batch_execute_statement(self, *, Sqls: list[str], StatementName: str, SecretArn: str, **place: str) -> dict:  # noqa: N803
        assert SecretArn == "secret"
        assert place == {"WorkgroupName": "churn", "Database": "telecom"}
        assert len(Sqls) <= 40
        if self.refusal:
            raise self.refusal
        if self.busy:
            self.busy -= 1
            raise client_error("ActiveStatementsExceededException")
        identifier = str(len(self.statements) + 1)
        rounds = next((n for part, n in self.slow.items() if part in StatementName), 0)
        one = SimpleNamespace(name=StatementName, sqls=Sqls, rounds=rounds, status="STARTED", error="", result=[])
        self.statements[identifier] = one
        self.submitted.append(StatementName)
        return {"Id": identifier}

    def describe_statement(self, *, Id: str) -> dict:  # noqa: N803
        one = self.statements[Id]
        one.rounds -= 1
        if one.status == "STARTED" and one.rounds < 0:
            self._finish(one)
        return {"Status": one.status, "Error": one.error}

    def get_paginator(self, operation: str) -> SimpleNamespace:
        return SimpleNamespace(paginate=getattr(self, f"_{operation}"))

    def _list_statements(self, *, StatementName: str, Status: str, **_: object) -> list[dict]:  # noqa: N803
        found = [
            {"Id": key}
            for key, one in self.statements.items()
            if one.name.startswith(StatementName) and one.status == Status
        ]
        return [{"Statements": found}]

    def _get_statement_result(self, *, Id: str) -> list[dict]:  # noqa: N803
        return [{"Records": [[{"longValue": v}, {"stringValue": n}, {"stringValue": c}]]} for v, n, c in
                self.statements[Id].result]  # fmt: skip

    def _finish(self, one: SimpleNamespace) -> None:
        recorded = []
        for sql in one.sqls:
            guard = GUARD.search(sql)
            if (self.broken and self.broken in sql) or (guard and int(guard[1]) in {row[0] for row in self.rows}):
                one.status, one.error = "FAILED", f"ERROR: {sql[:60]}"
                return
            if record := RECORD.match(sql):
                recorded.append((int(record[1]), record[2], record[3]))
        one.status, one.result = "FINISHED", sorted(self.rows)
        self.rows += recorded
        self.committed += [sql for sql in one.sqls if not sql.startswith(("SELECT", "LOCK", "INSERT INTO seatrial"))]

    def get_namespace(self, *, namespaceName: str) -> dict:  # noqa: N803
        return {"namespace": {"adminPasswordSecretArn": "secret"}}

    def list_usage_limits(self, **_: str) -> dict:
        return {"usageLimits": self.limits}

    def create_usage_limit(self, **limit: object) -> None:
        self.limits.append({"usageLimitId": "1", **limit})

    def update_usage_limit(self, *, usageLimitId: str, **changed: object) -> None:  # noqa: N803
        self.limits[int(usageLimitId) - 1] |= changed


def configuration(**changed):
    environment = {
        "DATABASE_NAME": "telecom",
        "WORKGROUP_NAME": "churn",
        "WORKGROUP_ARN": "arn:workgroup",
        "NAMESPACE_NAME": "churn",
        "MIGRATION_VALUES": json.dumps({"catalog": "telecom_dev"}),
        "WAREHOUSE_FEATURES": "spectrum",
        "USAGE_LIMIT_RPU_HOURS": "24",
        "METRIC_NAMESPACE": "Seatrial",
        **changed,
    }
    return function.parse.Configuration.from_environment(environment)


def call(redshift, files=FILES, rounds=200, **changed):
    """One invocation that has time for so many pauses."""
    left = iter(range(rounds, 0, -1))
    clock = function.adapters.Clock(lambda: 5.0 + next(left, -5), sleep=lambda _: None)
    settings = configuration(**changed)
    warehouse = function.adapters.Warehouse(settings, clock, data=redshift, serverless=redshift)
    return function.handler.run(warehouse, read_migrations(files), settings)


@pytest.fixture
def redshift():
    return FakeRedshift()


def labels(redshift):
    return [f"{version:04d}_{name}" for version, name, _ in redshift.rows]


def test_applies_every_migration_in_order_and_records_it(redshift):
    answer = call(redshift)

    assert answer["status"] == "done"
    assert answer["applied"] == labels(redshift) == ["0001_schemas", "0002_tables", "0003_lake", "0004_views"]
    assert "DATABASE 'telecom_dev'" in "".join(redshift.committed)


def test_a_second_call_changes_nothing(redshift):
    call(redshift)
    before = list(redshift.committed)

    answer = call(redshift)

    assert answer["applied"] == []
    assert answer["reason"] == "the warehouse is at 0004; nothing is to be applied"
    assert [sql for sql in redshift.committed[len(before) :] if "seatrial" not in sql] == []


def test_a_migration_that_fails_in_the_middle_leaves_nothing_and_is_resumed_after_repair(redshift):
    redshift.broken = "INSERT INTO features.churn"

    failed = call(redshift)
    redshift.broken = None
    resumed = call(redshift)

    assert failed["status"] == "failed"
    assert failed["reason"].startswith("0002_tables left nothing behind, failed: ERROR: INSERT INTO features.churn")
    assert failed["applied"] == ["0001_schemas"]
    assert resumed["applied"] == ["0002_tables", "0003_lake", "0004_views"]
    assert redshift.committed.count("CREATE SCHEMA features") == 1
    assert redshift.committed.count("CREATE TABLE features.churn (id INT)") == 1


def test_a_call_out_of_time_leaves_the_migration_to_the_next_which_waits_for_it_instead_of_repeating_it(redshift):
    redshift.slow["0002_tables"] = 30

    first = call(redshift, rounds=20)
    second = call(redshift)

    assert first["status"] == "running"
    assert first["applied"] == ["0001_schemas"]
    assert second["status"] == "done"
    assert len([name for name in redshift.submitted if "0002_tables" in name]) == 1
    assert labels(redshift) == ["0001_schemas", "0002_tables", "0003_lake", "0004_views"]


def test_a_predecessor_that_fails_after_its_time_is_tried_again(redshift):
    redshift.slow["0002_tables"], redshift.broken = 30, "INSERT INTO features.churn"

    call(redshift, rounds=20)
    redshift.slow.clear()
    again = call(redshift)

    assert again["status"] == "failed"
    assert len([name for name in redshift.submitted if "0002_tables" in name]) == 2
    assert labels(redshift) == ["0001_schemas"]


def test_a_cut_off_between_a_lone_statement_and_its_record_is_made_good(redshift):
    redshift.broken = "VALUES (3, 'lake'"

    failed = call(redshift)
    redshift.broken = None
    resumed = call(redshift)

    assert failed["status"] == "failed"
    assert resumed["applied"] == ["0003_lake", "0004_views"]
    assert len(redshift.rows) == 4


def test_refuses_a_migration_that_was_changed_after_it_had_been_applied(redshift):
    call(redshift)

    answer = call(redshift, FILES | {"0002_tables.sql": "CREATE TABLE features.churn (id BIGINT);"})

    assert answer["status"] == "refused"
    assert answer["reason"].startswith("0002_tables was changed after it had been applied")


def test_refuses_to_go_on_with_code_older_than_the_warehouse(redshift):
    call(redshift)
    older = {name: text for name, text in FILES.items() if not name.startswith("0004")}

    answer = call(redshift, older)

    assert answer["reason"] == "0004_views is applied but this code does not have it: it is older than the warehouse"


def test_a_feature_that_is_switched_on_later_brings_its_migration_after_the_others(redshift):
    without = call(redshift, WAREHOUSE_FEATURES="")

    later = call(redshift)

    assert without["applied"] == ["0001_schemas", "0002_tables", "0004_views"]
    assert later["applied"] == ["0003_lake"]


def test_line_ends_do_not_change_a_checksum(redshift):
    call(redshift)

    answer = call(redshift, {name: text.replace("\n", "\r\n") for name, text in FILES.items()})

    assert answer["status"] == "done"


def test_a_busy_warehouse_is_asked_again(redshift):
    redshift.busy = 5

    answer = call(redshift)

    assert answer["status"] == "done"


def test_a_warehouse_that_stays_busy_is_left_to_the_next_call(redshift):
    redshift.busy = 10_000

    answer = call(redshift, rounds=20)

    assert answer["status"] == "running"
    assert answer["applied"] == []


def test_a_paused_cluster_is_told_as_such(redshift):
    redshift.refusal = client_error("ValidationException", "Cluster churn is paused")

    answer = call(redshift)

    assert answer["status"] == "paused"


def test_other_refusals_of_the_api_are_errors(redshift):
    redshift.refusal = client_error("AccessDeniedException")

    with pytest.raises(Exception, match="AccessDenied"):
        call(redshift)


def test_an_unknown_placeholder_is_refused_before_anything_of_its_file_runs(redshift):
    answer = call(redshift, MIGRATION_VALUES="{}")

    assert answer["status"] == "refused"
    assert answer["reason"] == "0003_lake: ${catalog}: unknown placeholder, known: none"
    assert labels(redshift) == ["0001_schemas", "0002_tables"]


@pytest.mark.parametrize(
    ("existing", "expected"),
    [([], "created"), ([{"amount": 24}], "kept"), ([{"amount": 8}], "changed from 8")],
)
def test_the_usage_limit_is_kept_as_configured(redshift, existing, expected):
    common = {"usageLimitId": "1", "period": "daily", "breachAction": "deactivate", "usageType": "serverless-compute"}
    redshift.limits = [common | limit for limit in existing]

    answer = call(redshift)

    assert answer["usage_limit"].startswith(expected)
    assert [(limit["amount"], limit["period"]) for limit in redshift.limits] == [(24, "daily")]


def test_the_outcome_is_counted_with_the_warehouse_as_dimension(redshift, capsys):
    redshift.broken = "CREATE TABLE features"

    call(redshift)

    (document,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (document["MigrationsApplied"], document["MigrationsBlocked"]) == ([1.0], [1.0])
    assert document["Warehouse"] == "churn"
