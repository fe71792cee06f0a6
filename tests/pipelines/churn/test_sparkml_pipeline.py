"""The churn pipeline with an algorithm of SparkML, on the offline cloud: trained on EMR Serverless, registered, ready.

The steps before the training are the same for every algorithm: here their output is given. That an endpoint answers
with Spark's probabilities is shown in test_sparkml_train.py.
"""

import csv
import hashlib
import io
import json
import random
import time
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from pipelines.churn.definition import Images, SparkTraining, churn_pipeline
from seatrial.constructs.staging import library_files, python_files, tar_gz_bytes, zip_bytes
from seatrial.offline.cloud import OfflineCloud
from seatrial.pipeline import validate
from tests.pipelines.lake import PIPELINES

pytestmark = pytest.mark.slow

STEPS = python_files(PIPELINES / "churn" / "steps")
SCIKIT = "492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3"
ROLE = "arn:aws:iam::111111111111:role/pipeline"
HEADER = ("subscriber_id", "label", "tenure", "plan", "minutes")
SCHEMA = {"version": 1, "features": [{"name": n, "type": "numeric"} for n in ("tenure", "minutes")]}
SCHEMA["features"].insert(1, {"name": "plan", "type": "categorical"})


def split(rows: int, seed: int) -> bytes:
    """Rows as the features step writes them: gaps, a quoted comma, a label that depends on plan and tenure."""
    draw, text = random.Random(seed), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for number in range(rows):
        tenure, plan = draw.choice(["", *range(40)]), draw.choice(['a "b", c', "flat", ""])
        odds = 0.1 + 0.6 * (plan == "flat") + 0.2 * ((tenure or 20) < 10)
        writer.writerow([f"s{seed}-{number}", int(draw.random() < odds), tenure, plan, round(draw.gauss(90, 30), 3)])
    return text.getvalue().encode()


def wheel() -> bytes:
    """A wheel that the serving image lacks."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("lacking/__init__.py", "")
    return content.getvalue()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with OfflineCloud(tmp_path_factory.mktemp("cloud"), start=datetime(2026, 11, 2, tzinfo=UTC)) as running:
        s3 = running.context.client("s3")
        for bucket in ("assets", "artifacts"):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        source = STEPS["sparkml_train.py"]
        scripts = {name: content for name, content in STEPS.items() if name.endswith(".py")}
        assets = {"s.py": source, "s.zip": zip_bytes(library_files([source])), "w.whl": wheel()}
        assets |= {"e.py": STEPS["evaluate.py"], "b.py": STEPS["baseline.py"], "none.json": b'{"champion": null}'}
        assets |= {"t.tar.gz": tar_gz_bytes(scripts), "l.zip": zip_bytes(library_files(scripts.values()))}
        for key, body in assets.items():
            s3.put_object(Bucket="assets", Key=key, Body=body)
        parts = {"train": split(400, 1), "validation": split(150, 2), "test": split(200, 3)}
        for name, body in parts.items():
            s3.put_object(Bucket="artifacts", Key=f"given/{name}/part-00000.csv", Body=body)
        s3.put_object(Bucket="artifacts", Key="given/schema/schema.json", Body=json.dumps(SCHEMA).encode())
        yield running


def by_spark(settings, cloud):
    """The settings with an EMR Serverless application."""
    emr = cloud.context.client("emr-serverless")
    application = emr.create_application(name="spark", type="SPARK", releaseLabel="emr-7.13.0", clientToken="one")[
        "applicationId"
    ]
    spark = SparkTraining(
        application_id=application,
        role_arn="arn:aws:iam::111111111111:role/spark",
        script="s3://assets/s.py",
        submit_options=("--py-files", "s3://assets/s.zip", "--conf", "spark.sql.shuffle.partitions=2"),
        serving_wheels=("s3://assets/w.whl",),
        max_runtime_minutes=20,
    )
    few = {"iterations": "5", "maximum_depth": "3"}
    images = Images(spark="spark:1", xgboost="xgboost:1", scikit_learn=SCIKIT)
    return replace(settings, algorithm="sparkml-gbt", spark=spark, hyperparameters=few, images=images, minimum_auc=0.6)


def after_the_features(definition):
    """The definition without its first steps: what reads their output reads what is given."""
    gate = next(step for step in definition["Steps"] if step["Name"] == "QualityGate")
    text = json.dumps(gate["Arguments"]["IfSteps"])
    for name in ("train", "validation", "test", "schema"):
        reference = {"Get": f"Steps.Features.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}
        text = text.replace(json.dumps(reference), json.dumps(f"s3://artifacts/given/{name}"))
    return {**definition, "Steps": json.loads(text)}


@pytest.fixture
def execution(settings, cloud):
    """The pipeline's execution at its end, and its steps by name."""
    sagemaker = cloud.context.client("sagemaker")
    definition = after_the_features(churn_pipeline(by_spark(settings, cloud)).to_definition())
    sagemaker.create_pipeline(
        PipelineName="churn", PipelineDefinition=json.dumps(definition), ClientRequestToken="a" * 32, RoleArn=ROLE
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="churn", ClientRequestToken="b" * 32)["PipelineExecutionArn"]
    deadline = time.monotonic() + 240
    while sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"] == "Executing":
        assert time.monotonic() < deadline, "the pipeline takes too long"
        time.sleep(0.1)
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {step["StepName"]: step for step in steps}


def test_a_model_of_sparkml_is_registered_with_all_that_promotion_and_monitoring_read(execution, cloud):
    assert {name: step["StepStatus"] for name, step in execution.items()} == dict.fromkeys(
        ("Train", "Baseline", "Evaluate", "Accept", "Register"), "Succeeded"
    ), [step.get("FailureReason") for step in execution.values()]
    sagemaker, s3 = cloud.context.client("sagemaker"), cloud.context.client("s3")
    run = execution["Train"]["Metadata"]["EMRServerless"]
    job = cloud.context.client("emr-serverless").get_job_run(
        applicationId=run["ApplicationId"], jobRunId=run["JobRunId"]
    )["jobRun"]

    package = sagemaker.describe_model_package(
        ModelPackageName=execution["Register"]["Metadata"]["RegisterModel"]["Arn"]
    )

    assert job["executionRole"] == "arn:aws:iam::111111111111:role/spark"
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = package["InferenceSpecification"]["Containers"]
    assert container["Image"] == SCIKIT
    facts = package["CustomerMetadataProperties"]
    assert facts["Algorithm"] == "sparkml-gbt"
    read = {key: _read(s3, facts[key]) for key in facts if key.endswith("Uri") and key != "InputDataUri"}
    assert len(read["SmokeInputUri"].splitlines()) == len(read["SmokeOutputUri"].splitlines()) == 20
    assert json.loads(read["EvaluationUri"])["auc"] > 0.6
    assert facts["BaselineSha256"] == hashlib.sha256(read["BaselineUri"].encode()).hexdigest()
    folder = container["ModelDataUrl"].rpartition("/")[0]
    parity = json.loads(_read(s3, f"{folder}/parity.json"))
    assert (parity["rows"], parity["rows_outside"]) == (150, 0)
    card = json.loads(package["ModelCard"]["ModelCardContent"])
    assert "sparkml-gbt" in card["training_details"]["objective_function"]["notes"]


def _read(s3, uri):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def test_the_whole_definition_is_valid_and_its_other_jobs_wait_for_the_training(settings, cloud):
    definition = churn_pipeline(by_spark(settings, cloud)).to_definition()

    steps = {step["Name"]: step for step in after_the_features(definition)["Steps"]}

    assert validate(definition) == []
    assert steps["Train"]["Type"] == "EMRServerless"
    assert steps["Baseline"]["DependsOn"] == steps["Evaluate"]["DependsOn"] == ["Train"]
