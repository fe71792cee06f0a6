"""A database alone for questions of SQL, and a cloud for questions of files and APIs."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.offline.cloud import OfflineCloud
from seatrial.offline.warehouse.engine import Database, Session

NOW = datetime(2026, 11, 2, 10, 0, 30, 123456, tzinfo=UTC)
ROLE = "iam_role 'arn:aws:iam::111111111111:role/warehouse'"


class Nowhere:
    """A lake without a cloud: it has the time and nothing else."""

    def now(self) -> datetime:
        return NOW

    def client(self, service: str) -> Any:
        raise AssertionError(f"{service} is not asked for here")


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        made = Database("dev", Nowhere(), Path(folder))
        yield made
        made.close()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session whose transaction is undone in the end, so that tests share one database."""
    opened = database.session()
    opened.execute("begin")
    yield opened
    opened.close()


class Bench:
    """A cloud with a workgroup, a bucket, and short ways to run SQL."""

    def __init__(self, cloud: OfflineCloud) -> None:
        self.cloud = cloud
        self.data, self.athena = cloud.context.client("redshift-data"), cloud.context.client("athena")
        self.s3, self.glue = cloud.context.client("s3"), cloud.context.client("glue")

    def describe(self, identity: str) -> dict[str, Any]:
        return _until(
            lambda: self.data.describe_statement(Id=identity),
            lambda found: found["Status"] in {"FINISHED", "FAILED", "ABORTED"},
        )

    def run(self, sql: str, **arguments: Any) -> dict[str, Any]:
        made = self.data.execute_statement(WorkgroupName="warehouse", Database="telecom", Sql=sql, **arguments)
        return self.describe(made["Id"])

    def rows(self, sql: str, **arguments: Any) -> list[tuple[Any, ...]]:
        found = self.run(sql, **arguments)
        assert found["Status"] == "FINISHED", found.get("Error")
        if not found["HasResultSet"]:
            return []
        return values(self.data.get_statement_result(Id=found["Id"]))

    def query(self, sql: str, **arguments: Any) -> dict[str, Any]:
        given = {"WorkGroup": "queries", "QueryExecutionContext": {"Database": "lake"}, **arguments}
        identity = self.athena.start_query_execution(QueryString=sql, **given)["QueryExecutionId"]
        return _until(
            lambda: self.athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"],
            lambda found: found["Status"]["State"] in {"SUCCEEDED", "FAILED", "CANCELLED"},
        )

    def answer(self, sql: str, **arguments: Any) -> list[list[str | None]]:
        found = self.query(sql, **arguments)
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        result = self.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])
        return [[cell.get("VarCharValue") for cell in row["Data"]] for row in result["ResultSet"]["Rows"]]

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket="lake", Key=key, Body=content)

    def keys(self, prefix: str) -> list[str]:
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", ())]


def values(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [
        tuple(None if "isNull" in field else next(iter(field.values())) for field in record)
        for record in result["Records"]
    ]


def _until(ask: Any, ended: Any) -> dict[str, Any]:
    limit = time.monotonic() + 30
    while not ended(found := ask()):
        assert time.monotonic() < limit, f"still not ended after 30 s: {found}"
        time.sleep(0.01)
    return found


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as folder, OfflineCloud(Path(folder), start=NOW) as cloud:
        made = Bench(cloud)
        serverless = cloud.context.client("redshift-serverless")
        serverless.create_namespace(namespaceName="warehouse", dbName="telecom")
        serverless.create_workgroup(workgroupName="warehouse", namespaceName="warehouse", baseCapacity=8)
        made.s3.create_bucket(Bucket="lake", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        made.glue.create_database(DatabaseInput={"Name": "lake"})
        settings = {"ResultConfiguration": {"OutputLocation": "s3://lake/results/"}}
        made.athena.create_work_group(Name="queries", Configuration=settings)
        yield made
