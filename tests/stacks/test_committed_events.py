"""EMR Serverless as deployed: the data flow commits what it curated, and the monitor has its largest windows read."""

import hashlib
import io
import json
import tarfile
import time
from datetime import timedelta

import aws_cdk as cdk
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial import cli
from seatrial.config import load
from seatrial.contracts.events import VERDICT_DETAIL_TYPE
from seatrial.offline import functions
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.deploy import Deployer
from stacks.base import Foundation, Target
from stacks.lake import LakeStack
from stacks.monitoring import MonitoringStack
from stacks.network import workload_network
from stacks.processing import ProcessingStack
from tests.monitoring.made_capture import START, baseline, lines_of_hour, traffic
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
monitoring:
  sources:
    - name: scored
      kind: table
      bucket: curated
      prefix: telecom/scored/
      window: hour
      allowed_lateness_minutes: 5
      partition: date=%Y-%m-%d/hour=%H/
      baseline: {bucket: artifacts, key: models/1/baseline.json, sha256: DIGEST}
    - name: batch
      kind: batch_transform
      bucket: artifacts
      prefix: transform-capture/
      reads: [{bucket: raw, prefix: batch-in/}, {bucket: artifacts, prefix: batch-out/}]
      window: hour
      allowed_lateness_minutes: 5
      baseline: {bucket: artifacts, key: models/1/baseline.json, sha256: DIGEST}
"""


def synthesize(folder):
    """The lake and its jobs, and nothing that they do not need."""
    (folder / "libraries.tar.gz").write_bytes(b"an environment")
    digest = hashlib.sha256(baseline().to_json().encode()).hexdigest()
    (folder / "engagement.yaml").write_text(ENGAGEMENT.replace("DIGEST", digest))
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=flags, analytics_reporting=False, outdir=str(folder / "assembly"))
    target = Target(engagement=load(folder / "engagement.yaml"), environment="dev")
    lake = LakeStack(app, "Lake", target=target)
    network = workload_network(app, target=target, lake=lake.lake)
    base = Foundation(target=target, lake=lake.lake, notifications=lake.notifications, network=network)
    processing = ProcessingStack(app, "Processing", foundation=base, catalog=lake.catalog, feature_group=None)
    MonitoringStack(app, "Monitoring", foundation=base, engine=processing.engine)
    app.synth()
    return folder / "assembly"


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """The cloud and the outputs of its stacks."""
    assembly = synthesize(tmp_path_factory.mktemp("engagement"))
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=START + timedelta(minutes=2)) as cloud:
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


INFERENCE = """
def model_fn(folder):
    return None

def input_fn(body, content_type):
    return body

def predict_fn(rows, model):
    return "0.5"

def output_fn(values, accept):
    return values, "text/csv"
"""
IMAGE = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
NAME = "committed-dev"


def serve(cloud, outputs):
    """An endpoint whose model package names its baseline, in service since the cloud's present."""
    s3, sagemaker = cloud.context.client("s3"), cloud.context.client("sagemaker")
    bucket, text = outputs["ArtifactsBucketName"], baseline().to_json()
    digest, archive = hashlib.sha256(text.encode()).hexdigest(), io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(INFERENCE)
        tar.addfile(entry, io.BytesIO(INFERENCE.encode()))
    files = {"baseline.json": text.encode(), "baseline.sha256": digest.encode(), "model.tar.gz": archive.getvalue()}
    for name, body in files.items():
        s3.put_object(Bucket=bucket, Key=f"models/1/{name}", Body=body)
    place = f"s3://{bucket}/models/1"
    container = {"Image": IMAGE, "ModelDataUrl": f"{place}/model.tar.gz"}
    container["Environment"] = {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }
    sagemaker.create_model_package_group(ModelPackageGroupName=NAME)
    kinds = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    package = sagemaker.create_model_package(
        ModelPackageGroupName=NAME,
        InferenceSpecification={"Containers": [container], **kinds},
        CustomerMetadataProperties={"BaselineUri": f"{place}/baseline.json", "BaselineSha256": digest},
    )["ModelPackageArn"]
    role = "arn:aws:iam::111111111111:role/jobs"
    sagemaker.create_model(ModelName=NAME, ExecutionRoleArn=role, Containers=[{"ModelPackageName": package}])
    variant = {"VariantName": "primary", "ModelName": NAME, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName=NAME, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=NAME)
    awaited(lambda: sagemaker.describe_endpoint(EndpointName=NAME)["EndpointStatus"] == "InService")


def capture(cloud, outputs):
    """More than a mebibyte of the first hour, in three files, with labels."""
    lines, labels = lines_of_hour(0, 4000, shift=3.0)
    hour = f"{START:%Y/%m/%d/%H}"
    files = {f"data-capture/{NAME}/primary/{hour}/{n:02}-00-part.jsonl": lines[n::3] for n in range(3)}
    files[f"ground-truth/{NAME}/{hour}/labels.jsonl"] = labels
    for key, content in files.items():
        body = "\n".join(content).encode()
        cloud.context.client("s3").put_object(Bucket=outputs["CaptureBucketName"], Key=key, Body=body)


def configure(cloud, outputs, change):
    """Change what the monitor's function is told of jobs; returns what it was told before."""
    client, name = cloud.context.client("lambda"), outputs["MonitorFunctionName"]
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    told = {**variables, "WINDOW_JOB": json.dumps(change(json.loads(variables["WINDOW_JOB"])))}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": told})
    return variables


def verdict(cloud, outputs):
    """The verdict file of the first hour, None while there is none."""
    s3, bucket = cloud.context.client("s3"), outputs["ArtifactsBucketName"]
    key = f"monitoring/{NAME}/{START:%Y/%m/%d/%H%M}/verdict.json"
    found = s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents")
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) if found else None


def verdicts(cloud, name):
    """Details of the verdicts on an endpoint or a source that EventBridge was given."""
    given = [one["detail"] for one in cloud.journal.entries("event") if one.get("detail_type") == VERDICT_DETAIL_TYPE]
    return [detail for detail in given if detail["endpoint_name"] == name]


def forget(cloud, outputs, table):
    """Empty the state table, and remove the verdict."""
    tables = cloud.context.client("dynamodb")
    for item in tables.scan(TableName=table)["Items"]:
        tables.delete_item(TableName=table, Key={key: item[key] for key in ("pk", "sk")})
    key = f"monitoring/{NAME}/{START:%Y/%m/%d/%H%M}/verdict.json"
    cloud.context.client("s3").delete_object(Bucket=outputs["ArtifactsBucketName"], Key=key)


def awaited(question, seconds=180):
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.1)
    return answer


def test_spark_reads_the_largest_windows_and_the_function_judges_them_as_its_own(deployed):
    cloud, outputs = deployed
    serve(cloud, outputs)
    capture(cloud, outputs)
    small = {"function_mib": 1, "processing_mib": 1}
    told = configure(cloud, outputs, lambda window_job: {**window_job, "limits": small})

    cloud.clock.advance(80 * 60)  # past the monitor's schedule
    by_spark = awaited(lambda: verdict(cloud, outputs))
    assert functions.settle()

    assert sum(map(len, told.values())) + sum(map(len, told)) < 4096  # what Lambda allows
    assert by_spark["rows"] == by_spark["labelled_rows"] == 4000
    assert by_spark["sampled_share"] == 1
    assert len(verdicts(cloud, NAME)) == 1
    runs = cloud.context.client("emr-serverless").list_job_runs(applicationId=outputs["SparkApplicationId"])["jobRuns"]
    assert [run["state"] for run in runs if run["name"].startswith("read-window-")] == ["SUCCESS"]
    forget(cloud, outputs, told["STATE_TABLE"])
    configure(cloud, outputs, lambda window_job: {**window_job, "limits": {**small, "function_mib": 96}})
    event = json.dumps({"time": f"{START + timedelta(minutes=80):%Y-%m-%dT%H:%M:%SZ}"}).encode()
    cloud.context.client("lambda").invoke(FunctionName=outputs["MonitorFunctionName"], Payload=event)
    assert verdict(cloud, outputs) == by_spark


def transform(cloud, outputs, start, sent):
    """What a transform job leaves: its input, its output, and the manifests of its data capture."""
    raw, artifacts = outputs["RawBucketName"], outputs["ArtifactsBucketName"]
    manifests = {"input": (f"s3://{raw}/batch-in/", "a.csv"), "output": (f"s3://{artifacts}/batch-out/", "a.csv.out")}
    files = {
        (raw, "batch-in/a.csv"): "".join(",".join(item.row) + "\n" for item in sent),
        (artifacts, "batch-out/a.csv.out"): "".join(f"{item.score}\n" for item in sent),
    }
    for part, (prefix, name) in manifests.items():
        key = f"transform-capture/{part}/{start:%Y/%m/%d/%H}/manifest.json"
        files[artifacts, key] = json.dumps([{"prefix": prefix}, name])
    for (bucket, key), text in files.items():
        cloud.context.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())


def test_tables_and_transform_jobs_are_judged_by_schedule_as_the_command_judges_them(deployed, tmp_path, capsys):
    cloud, outputs = deployed
    s3, jobs = cloud.context.client("s3"), cloud.context.client("sagemaker").list_processing_jobs
    start = cloud.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    folder = f"date={start:%Y-%m-%d}/hour={start:%H}/"
    sent = [*traffic(5, 400, shift=4.0)]
    transform(cloud, outputs, start, sent)
    rows = [{"tenure_months": float(i.row[0]), "plan_type": i.row[1], "prediction": i.score} for i in sent]
    (tmp_path / folder).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / folder / "part-0.parquet")
    body = (tmp_path / folder / "part-0.parquet").read_bytes()
    s3.put_object(Bucket=outputs["CuratedBucketName"], Key=f"telecom/scored/{folder}part-0.parquet", Body=body)
    (tmp_path / "baseline.json").write_text(baseline().to_json())
    artifacts = outputs["ArtifactsBucketName"]
    s3.put_object(Bucket=artifacts, Key="models/1/baseline.json", Body=baseline().to_json().encode())
    key = f"monitoring/{NAME}.scored/{start:%Y/%m/%d/%H%M}/verdict.json"

    cloud.clock.advance(8400)  # past the end of the hour, and to a look after it
    assert functions.settle()
    awaited(lambda: jobs(StatusEquals="Completed", NameContains="-window-")["ProcessingJobSummaries"])
    cloud.clock.advance(1200)
    assert functions.settle()

    keys = (key, key.replace(".scored/", ".batch/"))
    told, batch = (json.loads(s3.get_object(Bucket=artifacts, Key=name)["Body"].read()) for name in keys)
    partition = ["--partition", "date=%Y-%m-%d/hour=%H/", "--baseline", str(tmp_path / "baseline.json"), "--json"]
    cli.main(["monitor", "run", "--window", str(tmp_path), *partition])
    (window,) = json.loads(capsys.readouterr().out)["windows"]
    assert (told["verdict"], told["severity"], told["rows"]) == ("drift", "ticket", 400)
    assert (window["verdict"], window["drift"]) == (told["verdict"], told["drift_statistic"])
    assert (window["verdict"], window["drift"]) == (batch["verdict"], batch["drift_statistic"])
    drifted = [detail for detail in verdicts(cloud, f"{NAME}.scored") if detail["rows"]]
    assert [(detail["window_start"], detail["verdict"]) for detail in drifted] == [(told["window_start"], "drift")]
