"""The data flow as deployed curates events and commits them to the Iceberg table, where Athena reads them."""

import io
import json
import time

import aws_cdk as cdk
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.config import load
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.deploy import Deployer
from stacks.base import Foundation, Target
from stacks.lake import LakeStack
from stacks.network import workload_network
from stacks.processing import ProcessingStack
from tests.pipelines.lake import EVENTS, event, moment
from tests.stacks.conftest import ROOT

pytestmark = pytest.mark.slow

ENGAGEMENT = """\
name: committed
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
lake: {catalog: {enabled: true, iceberg_snapshot_retention_days: 9}}
processing: {engine: emr-serverless, python_environment: libraries.tar.gz}
training: {dataset: {name: telecom}}
"""


def synthesize(folder):
    """The lake and its jobs, and nothing that they do not need."""
    (folder / "libraries.tar.gz").write_bytes(b"an environment")
    (folder / "engagement.yaml").write_text(ENGAGEMENT)
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=flags, analytics_reporting=False, outdir=str(folder / "assembly"))
    target = Target(engagement=load(folder / "engagement.yaml"), environment="dev")
    lake = LakeStack(app, "Lake", target=target)
    network = workload_network(app, target=target, lake=lake.lake)
    base = Foundation(target=target, lake=lake.lake, notifications=lake.notifications, network=network)
    ProcessingStack(app, "Processing", foundation=base, catalog=lake.catalog, feature_group=None)
    app.synth()
    return folder / "assembly"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The cloud and the outputs of its stacks."""
    assembly = synthesize(tmp_path_factory.mktemp("engagement"))
    with OfflineCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        outputs = Deployer(cloud.context.client, assembly).deploy()
        yield cloud, {key: value for stack in outputs.values() for key, value in stack.items()}


def land(cloud, outputs, rows, day, name="part-00000"):
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, EVENTS), content)
    key = f"telecom/events/cdr/date={day}/{name}.parquet"
    cloud.context.client("s3").put_object(Bucket=outputs["RawBucketName"], Key=key, Body=content.getvalue())


def run_flow(cloud, outputs, **given):
    """Status of the flow when it has ended, and why."""
    machines = cloud.context.client("stepfunctions")
    arn = machines.start_execution(stateMachineArn=outputs["DataFlowArn"], input=json.dumps(given))["executionArn"]
    deadline = time.monotonic() + 300
    while (run := machines.describe_execution(executionArn=arn))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the flow takes too long"
        time.sleep(0.1)
    return run["status"], run.get("cause", "")


def query(cloud, outputs, sql):
    """Rows of a query in the engagement's workgroup, as texts."""
    athena = cloud.context.client("athena")
    where = {"QueryExecutionContext": {"Database": outputs["DatabaseName"]}, "WorkGroup": outputs["WorkgroupName"]}
    run = athena.start_query_execution(QueryString=sql, **where)["QueryExecutionId"]
    while True:
        status = athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"]
        if status["State"] not in {"QUEUED", "RUNNING"}:
            break
        time.sleep(0.05)
    assert status["State"] == "SUCCEEDED", status
    rows = athena.get_query_results(QueryExecutionId=run)["ResultSet"]["Rows"]
    return [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in rows[1:]]


def test_events_that_the_flow_curated_are_what_athena_reads(deployed):
    cloud, outputs = deployed
    late = event("late", "06-01 23:59", received_at=moment("06-02 00:04"))
    land(cloud, outputs, [event("a"), event("a"), event("b", "06-01 13:00")], "2026-06-01")
    land(cloud, outputs, [late, event("c", "06-02 08:00")], "2026-06-02")

    ended = run_flow(cloud, outputs, **{"from": "2026-06-01", "to": "2026-06-02", "stages": 1})

    assert ended[0] == "SUCCEEDED", ended[1].replace(",", "\n")
    day = "date_format(started_at, '%Y-%m-%d')"
    found = query(cloud, outputs, f"SELECT {day}, event_id FROM cdr ORDER BY 1, 2")
    assert found == [("2026-06-01", "a"), ("2026-06-01", "b"), ("2026-06-01", "late"), ("2026-06-02", "c")]
