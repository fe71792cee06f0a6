"""Pipelines through the deployed stacks: ones written with the SageMaker SDK, and the churn pipeline's settings."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pytest

from pipelines.churn.steps import evaluate
from seatrial.constructs.staging import library_files, zip_bytes
from seatrial.contracts import layout
from seatrial.offline.cloud import OfflineCloud
from seatrial.rehearsal.aws import Aws
from seatrial.rehearsal.data import write_snapshots
from seatrial.rehearsal.deploy import Deployer
from seatrial.statistics.baseline import Baseline
from seatrial.status.advice import advice
from seatrial.status.aws import Aws as StatusAws
from seatrial.status.facts import Request, gather
from seatrial.telecom import TelecomSpec, generate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "examples"
TRAINING: dict[str, dict[str, Any]] = {
    "sdk-two": {"definition": str(EXAMPLES / "sagemaker_sdk_v2" / "definition.json")},
    "sdk-three": {"definition": str(EXAMPLES / "sagemaker_sdk_v3" / "definition.json")},
    "linear": {"algorithm": "scikit-learn"},
    "tuned": {"tuning": {"max_jobs": 2}},
    "strict": {"algorithm": "scikit-learn", "acceptance": {"minimum_auc": 0.99}},
}
SECONDS = 240


@dataclass(frozen=True)
class Deployed:
    """One engagement's stacks, and what the tests do with them."""

    cloud: OfflineCloud
    aws: Aws
    outputs: dict[str, str]

    def start(self, **parameters: str) -> str:
        answer = self.cloud.context.client("sagemaker").start_pipeline_execution(
            PipelineName=self.outputs["PipelineName"],
            ClientRequestToken=os.urandom(16).hex(),
            PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        )
        return answer["PipelineExecutionArn"]

    def ask_for_training(self, uri: str, rows: int) -> str:
        """Land the pointer to the training data and ask the retraining function, as an operator does."""
        pointer = {"uri": uri, "labelled_rows": rows, "as_of": "2026-11-01T00:00:00Z"}
        key = layout.latest_training_data_key("churn")
        self.aws.put(self.outputs["RawBucketName"], key, json.dumps(pointer).encode())
        request = {"trigger": "manual", "time": "2026-11-02T00:00:00Z", "reason": "first training"}
        answer = self.aws.invoke_function(self.outputs["RetrainingFunctionName"], request)
        assert answer["action"] == "start", answer["reason"]
        return answer["execution_arn"]

    def finished(self, arn: str) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while (found := self.aws.execution(arn))["PipelineExecutionStatus"] in {"Executing", "Stopping"}:
            assert time.monotonic() < deadline, f"still running: {self.aws.steps(arn)}"
            time.sleep(0.1)
        return found

    def succeeded(self, arn: str) -> None:
        found = self.finished(arn)
        assert found["PipelineExecutionStatus"] == "Succeeded", found.get("FailureReason")

    def failed_step(self, arn: str) -> tuple[str, str]:
        assert self.finished(arn)["PipelineExecutionStatus"] == "Failed"
        (step,) = [step for step in self.aws.steps(arn) if step["StepStatus"] == "Failed"]
        return step["StepName"], step["FailureReason"]

    def jobs(self, arn: str, kind: str) -> list[dict[str, Any]]:
        """DescribeTrainingJob of the execution's own training steps."""
        sagemaker = self.cloud.context.client("sagemaker")
        names = [step["Metadata"][kind]["Arn"].rpartition("/")[2] for step in self.steps_with(arn, kind)]
        return [sagemaker.describe_training_job(TrainingJobName=name) for name in names]

    def steps_with(self, arn: str, kind: str) -> list[dict[str, Any]]:
        return [step for step in self.aws.steps(arn) if kind in step["Metadata"]]

    def package(self) -> dict[str, Any]:
        (package,) = self.aws.packages(self.outputs["ModelPackageGroupName"])
        return package

    def publish(self, subscribers: int, folder: Path) -> str:
        """Land generated telecom data in the raw zone."""
        tables = generate(TelecomSpec(subscribers=subscribers, days=14, seed=3))
        write_snapshots({"history": tables}, folder)
        prefix = layout.training_data_prefix("churn", f"of-{subscribers}")
        return self.aws.put_folder(self.outputs["RawBucketName"], prefix, folder)

    def publish_example(self) -> str:
        """Put the SDK examples' code and data where their definitions expect them."""
        bucket, code = self.outputs["ArtifactsBucketName"], EXAMPLES / "code"
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            for name in ("train.py", "inference.py"):
                tar.add(code / name, name)
        rows = "".join(f"{i % 2},{i % 2},{i}\n" for i in range(40))
        for name in ("prepare.py", "check.py"):
            self.aws.put(bucket, f"example/{name}", (code / name).read_bytes())
        library = zip_bytes(library_files([(code / "check.py").read_bytes()]))
        self.aws.put(bucket, "example/library.zip", library)
        self.aws.put(bucket, "example/sourcedir.tar.gz", archive.getvalue())
        self.aws.put(bucket, "example/data/rows.csv", f"label,a,b\n{rows}".encode())
        return f"s3://{bucket}/example/data/"


@pytest.fixture(scope="module")
def engagements(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Deployed]]:
    """Every engagement synthesized by app.py and deployed into one offline cloud."""
    folder = tmp_path_factory.mktemp("deployed")
    with ThreadPoolExecutor(2) as pool:
        assemblies = dict(zip(TRAINING, pool.map(lambda name: synthesize(name, folder), TRAINING), strict=True))
    with OfflineCloud(folder / "cloud") as cloud:
        aws = Aws(cloud.context.client)
        deployed = {}
        for name, assembly in assemblies.items():
            stacks = Deployer(cloud.context.client, assembly).deploy()
            deployed[name] = Deployed(cloud, aws, {k: v for outputs in stacks.values() for k, v in outputs.items()})
        yield deployed


def engagement_file(name: str, folder: Path) -> Path:
    accounts = {"dev": {"account": "111111111111", "region": "eu-central-1"}}
    engagement = folder / f"{name}.yaml"
    engagement.write_text(
        json.dumps({"name": name, "owner": "ml@example.com", "environments": accounts, "training": TRAINING[name]})
    )
    return engagement


def synthesize(name: str, folder: Path) -> Path:
    engagement = engagement_file(name, folder)
    context = json.loads((ROOT / "cdk.json").read_text())["context"] | {"engagement": str(engagement)}
    environment = os.environ | {
        "CDK_OUTDIR": str(folder / name),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": "false",
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / name


@pytest.mark.parametrize("name", ["sdk-two", "sdk-three"])
def test_a_pipeline_written_with_the_sdk_runs_as_deployed(
    engagements: dict[str, Deployed], name: str, tmp_path: Path
) -> None:
    deployed = engagements[name]
    deployed.publish_example()

    arn = deployed.start()

    deployed.succeeded(arn)
    (job,) = deployed.jobs(arn, "TrainingJob")
    artifact = artifact_in(deployed, job["ModelArtifacts"]["S3ModelArtifacts"], tmp_path)
    with tarfile.open(artifact) as archive:
        archive.extractall(tmp_path, filter="data")
    assert list(joblib.load(tmp_path / "model.joblib").predict([[0, 7], [1, 8]])) == [0, 1]
    properties = deployed.package()["CustomerMetadataProperties"]
    baseline = deployed.aws.read(properties["BaselineUri"])
    assert hashlib.sha256(baseline).hexdigest() == properties["BaselineSha256"]
    assert Baseline.from_json(baseline.decode()).schema.names == ("a", "b")
    assert job["VpcConfig"]["Subnets"]
    assert job["RoleArn"].startswith("arn:aws:iam::111111111111:role/")


def test_the_retraining_function_starts_a_pipeline_that_the_customer_wrote(engagements: dict[str, Deployed]) -> None:
    deployed = engagements["sdk-three"]
    uri = deployed.publish_example()

    arn = deployed.ask_for_training(uri, rows=1000)

    deployed.succeeded(arn)


def artifact_in(deployed: Deployed, uri: str, folder: Path) -> Path:
    path = folder / "model.tar.gz"
    path.write_bytes(deployed.aws.read(uri))
    return path


def smoke_rows(deployed: Deployed, package: dict[str, Any]) -> tuple[list[list[str]], list[float]]:
    metadata = package["CustomerMetadataProperties"]
    rows = list(csv.reader(io.StringIO(deployed.aws.read(metadata["SmokeInputUri"]).decode())))
    return rows, [float(line) for line in deployed.aws.read(metadata["SmokeOutputUri"]).decode().split()]


def check_registered_model(deployed: Deployed, folder: Path) -> dict[str, Any]:
    """The one package waits for approval, and its artifact loads and answers the smoke rows as was recorded."""
    package = deployed.package()
    (container,) = package["InferenceSpecification"]["Containers"]
    rows, expected = smoke_rows(deployed, package)
    baseline = json.loads(deployed.aws.read(package["CustomerMetadataProperties"]["BaselineUri"]))
    names = [feature["name"] for feature in baseline["schema"]["features"]]
    artifact = artifact_in(deployed, container["ModelDataUrl"], folder)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    bound = package["CustomerMetadataProperties"]["ModelSha256"]
    assert bound == hashlib.sha256(artifact.read_bytes()).hexdigest()
    assert evaluate.score(artifact, names, rows) == pytest.approx(expected, abs=1e-6)
    return package


def assert_status_tells(deployed: Deployed, prefix: str) -> None:
    """The status reads what the deployed stacks made: first training decided, its model waits for approval."""
    request = Request(prefix=prefix, account="111111111111", region="eu-central-1")
    facts = gather(StatusAws(deployed.cloud.context.client), request)
    assert [(decision["trigger"], decision["action"]) for decision in facts.decisions] == [("manual", "start")]
    assert advice(facts) == [
        "nothing serves yet: approve a model package",
        "approve or reject version 1: read its evaluation.json first",
    ]


def test_the_interpretable_alternative_registers_a_model(engagements: dict[str, Deployed], tmp_path: Path) -> None:
    deployed = engagements["linear"]
    uri = deployed.publish(1200, tmp_path / "raw")

    arn = deployed.ask_for_training(uri, rows=1200)

    deployed.succeeded(arn)
    package = check_registered_model(deployed, tmp_path)
    assert_status_tells(deployed, "linear-dev")
    assert package["CustomerMetadataProperties"]["Algorithm"] == "scikit-learn"
    assert "scikit-learn" in package["InferenceSpecification"]["Containers"][0]["Image"]


def test_the_best_of_two_tuning_trials_is_registered(engagements: dict[str, Deployed], tmp_path: Path) -> None:
    deployed = engagements["tuned"]
    uri = deployed.publish(1200, tmp_path / "raw")

    arn = deployed.ask_for_training(uri, rows=1200)

    deployed.succeeded(arn)
    (step,) = deployed.steps_with(arn, "TuningJob")
    job = deployed.cloud.context.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=step["Metadata"]["TuningJob"]["Arn"].rpartition("/")[2]
    )
    package = check_registered_model(deployed, tmp_path)
    assert job["TrainingJobStatusCounters"]["Completed"] == 2
    best = job["BestTrainingJob"]["TrainingJobName"]
    assert f"/{best}/output/model.tar.gz" in package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]


def test_too_little_data_is_refused_with_the_reason(engagements: dict[str, Deployed], tmp_path: Path) -> None:
    deployed = engagements["strict"]
    uri = deployed.publish(200, tmp_path / "raw")

    arn = deployed.start(InputDataUri=uri)

    name, reason = deployed.failed_step(arn)
    assert name == "RefuseData"
    assert reason.startswith("the data did not pass the quality gate: rows: at least 500 ")
    assert deployed.aws.packages(deployed.outputs["ModelPackageGroupName"]) == []


def test_a_challenger_below_the_asked_quality_is_refused_with_the_reason(
    engagements: dict[str, Deployed], tmp_path: Path
) -> None:
    deployed = engagements["strict"]
    uri = deployed.publish(1200, tmp_path / "raw")

    arn = deployed.start(InputDataUri=uri)

    name, reason = deployed.failed_step(arn)
    assert name == "RejectChallenger"
    assert "misses the minimum 0.99" in reason
    assert deployed.aws.packages(deployed.outputs["ModelPackageGroupName"]) == []
