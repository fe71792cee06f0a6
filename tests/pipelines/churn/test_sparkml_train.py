"""Models trained by Spark: exported, proven row by row, registered and served with the same probabilities."""

import json
import math
import random
import tarfile
import time
import zipfile
from copy import copy
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial.constructs.staging import library_files
from seatrial.offline.cloud import OfflineCloud
from seatrial.spark import onnx_pipeline
from seatrial.spark.errors import DataError
from seatrial.spark.onnx_export import Branch, Leaf
from tests.pipelines.lake import PIPELINES, load_job

pytestmark = pytest.mark.slow

SCHEMA = pa.schema(
    [
        *(("subscriber_id", pa.string()), ("as_of", pa.date32()), ("churned", pa.int32()), ("tenure", pa.int32())),
        *(("plan", pa.string()), ("minutes", pa.float64()), ("region", pa.string()), ("amount", pa.float32())),
    ]
)
FEATURES = ("tenure", "plan", "minutes", "region", "amount")
PLANS = ("prepaid", " flat", 'b"ig,', "n/a", None, "zwölf\nmonate\u00a0", "\x1crare")
ROLE = "arn:aws:iam::111111111111:role/serving"
ALGORITHMS = ("sparkml-gbt", "sparkml-logistic")
QUICK = ("--iterations", "2", "--maximum-depth", "3", "--bins", "16")


def subscriber(draw, number):
    """A row with gaps, odd texts, and a label that depends on plan and tenure."""
    tenure, plan = draw.choice([None, *range(40)]), draw.choice(PLANS)
    odds = 0.1 + 0.5 * (plan == "prepaid") + 0.3 * ((tenure or 15) < 10)
    minutes = draw.choice([None, math.nan, draw.gauss(100, 40), draw.gauss(100, 40), -1e149, 1e-310])
    region = draw.choice("nsew") if draw.random() < 0.98 else f"island {number}"
    values = {"tenure": tenure, "plan": plan, "minutes": minutes, "region": region, "amount": draw.random()}
    return {"subscriber_id": f"s{number}", "churned": int(draw.random() < odds), **values}


def write(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / "part-00000.parquet")
    return str(folder)


@pytest.fixture(scope="module")
def job():
    return load_job("churn/steps/sparkml_train")


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    draw = random.Random(5)
    return write(tmp_path_factory.mktemp("features"), [subscriber(draw, number) for number in range(320)])


@pytest.fixture(scope="module")
def train(job, spark, features):
    """Trains with an algorithm, once: the pipeline, the columns, the options and the rows."""

    @cache
    def trained(algorithm):
        options = job.parse(["--features", features, "--model", "unused", "--algorithm", algorithm, *QUICK])
        frame, columns = job.prepare(job.read(spark, options), options)
        return job.pipeline(frame.cache(), columns, options).fit(frame), columns, options, frame

    return trained


def hostile_rows(plan):
    """New rows: at, beside and between the thresholds, extremes, gaps, categories never seen."""
    draw = random.Random(6)
    found = {column.name: [0.0, -1e150, 1e150, 5e-324, None] for column in plan.numbers}
    for tree in getattr(plan.scorer, "trees", ()):
        for branch in branches(tree):
            if branch.column < len(plan.numbers):
                at = branch.threshold
                near = [math.nextafter(at, -math.inf), at, math.nextafter(at, math.inf)]
                found[plan.numbers[branch.column].name] += near
    return [
        {
            **subscriber(draw, number),
            "churned": 0,
            "minutes": draw.choice(found["minutes"]),
            "amount": draw.choice([*np.float32([v for v in found["amount"] if v and abs(v) < 1]), None, 3e38]),
            "region": draw.choice(["n", "north pole", "", None, "S", "NULL"]),
        }
        for number in range(150)
    ]


def branches(node):
    if isinstance(node, Branch):
        yield node
        yield from branches(node.left)
        yield from branches(node.right)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_rows_never_seen_score_as_in_spark(job, spark, train, tmp_path, algorithm):
    model, columns, options = train(algorithm)[:3]
    options = copy(options)
    plan = onnx_pipeline.read(model)
    options.model, options.features = str(tmp_path / "model"), [write(tmp_path / "rows", hostile_rows(plan))]
    scored = model.transform(job.prepare(job.read(spark, options), options)[0].withColumn("_label", _alternating()))

    metrics = job.release(plan, scored, columns, options)

    assert metrics["rows"] == 150
    assert metrics["largest_difference"] < 1e-12
    assert json.loads((tmp_path / "model" / "parity.json").read_text())["rows_outside"] == 0


def _alternating():
    from pyspark.sql import functions as fn

    return (fn.col("_bucket") % 2).cast("double")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_wrong_export_ends_the_job_and_writes_nothing(job, train, tmp_path, algorithm):
    model, columns, options, frame = train(algorithm)
    options = copy(options)
    options.model = str(tmp_path / "model")
    plan = onnx_pipeline.read(model)

    with pytest.raises(DataError, match="held-out rows are scored otherwise than by Spark"):
        job.release(replace(plan, scorer=spoilt(plan.scorer)), model.transform(frame), columns, options)

    assert not (tmp_path / "model").exists()


def spoilt(scorer):
    """The scorer with one leaf, or one weight, a little off."""
    if not hasattr(scorer, "trees"):
        return replace(scorer, weights=(scorer.weights[0] * 1.0001, *scorer.weights[1:]))
    return replace(scorer, trees=(_other_leaf(scorer.trees[0]), *scorer.trees[1:]))


def _other_leaf(node):
    return Leaf(node.value + 1e-6) if isinstance(node, Leaf) else replace(node, left=_other_leaf(node.left))


@pytest.fixture(scope="module")
def released(job, spark, features, tmp_path_factory):
    """An artifact as the whole job writes it, with a wheel that the serving image lacks, and its options."""
    folder = tmp_path_factory.mktemp("released")
    wheel = folder / "lacking-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("lacking/__init__.py", "")
    places = ["--features", features, "--model", str(folder / "model"), "--serving-wheels", f"file:{wheel}"]
    options = job.parse([*places, "--algorithm", "sparkml-logistic", "--iterations", "8"])
    return folder / "model", job.run(spark, options)


def test_the_artifact_holds_all_that_serving_needs(released):
    folder, metrics = released

    with tarfile.open(folder / "model.tar.gz") as archive:
        names = set(archive.getnames())
        schema = json.load(archive.extractfile("schema.json"))

    assert {"model.onnx", "parity.json", "training.json", "code/inference.py", "code/inference_onnx.py"} <= names
    assert {"code/encoding.py", "code/lib/lacking/__init__.py"} <= names
    assert [feature["name"] for feature in schema["features"]] == list(FEATURES)
    assert metrics["rows"] > 50
    assert metrics["auc"]["area"] > 0.6


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=datetime(2026, 11, 2, tzinfo=UTC)) as running:
        yield running


def test_a_registered_package_serves_sparks_probabilities_without_a_network(job, train, cloud, tmp_path):
    model, columns, options, frame = train("sparkml-gbt")
    options = copy(options)
    options.model = str(tmp_path / "model")
    scored = model.transform(frame)
    job.release(onnx_pipeline.read(model), scored, columns, options)
    batch = next(job._batches(scored, columns))
    body = job._csv([[job._text(value) for value in row[2:]] for row in batch])
    deploy(cloud, tmp_path / "model" / "model.tar.gz")
    runtime = cloud.context.client("sagemaker-runtime")
    request = {"EndpointName": "churn", "ContentType": "text/csv", "Accept": "text/csv"}

    answer = runtime.invoke_endpoint(**request, Body=body.encode())

    served = [float(line) for line in answer["Body"].read().decode().split()]
    np.testing.assert_allclose(served, [row[1] for row in batch], rtol=1e-8)
    with pytest.raises(runtime.exceptions.ModelError, match="column 'minutes': not a number: 'many'"):
        runtime.invoke_endpoint(**request, Body=b"1,flat,many,n,0.5")


def deploy(cloud, artifact):
    """Register the artifact, approve it and put it behind an isolated endpoint."""
    client = cloud.context.client("sagemaker")
    s3 = cloud.context.client("s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": cloud.context.region})
    s3.upload_file(str(artifact), "models", "model.tar.gz")
    container = {
        "Image": "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3",
        "ModelDataUrl": "s3://models/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"},
    }
    client.create_model_package_group(ModelPackageGroupName="churn")
    package = client.create_model_package(
        ModelPackageGroupName="churn",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    client.create_model(
        ModelName="churn",
        ExecutionRoleArn=ROLE,
        Containers=[{"ModelPackageName": package}],
        EnableNetworkIsolation=True,
    )
    variant = {"VariantName": "a", "ModelName": "churn", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName="churn", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="churn", EndpointConfigName="churn")
    deadline = time.monotonic() + 90
    while (found := client.describe_endpoint(EndpointName="churn"))["EndpointStatus"] == "Creating":
        assert time.monotonic() < deadline, "the endpoint took too long"
        time.sleep(0.05)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--label", "left"], "column 'left' is missing"),
        (["--label", "tenure", "--ignore", "churned"], r"must be 0, 1 or missing, \d+ rows have another"),
        (["--rare-below", "10000"], "no category has 10000 training rows; leave it out with --ignore plan"),
    ],
)
def test_data_that_cannot_train_ends_the_job_with_a_sentence(job, spark, features, arguments, message):
    options = job.parse(["--features", features, "--model", "unused", *QUICK, *arguments])

    with pytest.raises(DataError, match=message):
        job.run(spark, options)


def test_labels_are_joined_by_subscriber_and_day(job, spark, tmp_path):
    days = {name: tmp_path / "features" / f"as_of={name}" for name in ("2026-06-01", "2026-07-01")}
    for folder in days.values():
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"subscriber_id": ["a", "b", "c"], "tenure": [1, 2, 3]}), folder / "part.parquet")
    told = {"subscriber_id": ["a", "a", "b", "a"], "churned": [0, 1, 0, 0]}
    as_of = pa.array([date(2026, month, 1) for month in (6, 7, 7, 6)], pa.date32())
    (tmp_path / "labels").mkdir()
    pq.write_table(pa.table({**told, "as_of": as_of}), tmp_path / "labels" / "part.parquet")
    places = ["--features", *map(str, days.values()), "--labels", str(tmp_path / "labels"), "--model", "unused"]

    rows = job.read(spark, job.parse(places)).collect()

    found = sorted((row["subscriber_id"], str(row["as_of"]), row["churned"]) for row in rows)
    assert found == [("a", "2026-06-01", 0), ("a", "2026-07-01", 1), ("b", "2026-07-01", 0)]


def test_the_job_takes_its_modules_along_and_reads_texts_as_serving_does(job):
    encoding = load_job("churn/steps/encoding")

    staged = library_files([(PIPELINES / "churn/steps/sparkml_train.py").read_bytes()])

    assert {"seatrial/spark/onnx_export.py", "seatrial/spark/parity.py", "seatrial/statistics/auc.py"} <= set(staged)
    assert set(job.MISSING_TEXTS) == encoding.MISSING_TEXTS
    assert (job.MISSING, job.LARGEST_MAGNITUDE) == (encoding.MISSING, encoding.LARGEST_MAGNITUDE)
