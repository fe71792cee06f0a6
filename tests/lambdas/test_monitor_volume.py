"""Windows too large for the function: a job reads them, the function judges, and one result is recorded once."""

from dataclasses import replace

import boto3
import pytest

from seatrial.contracts.volume import ReadingRequest
from seatrial.decisions.monitor_form import FormLimits
from seatrial.monitoring.volume import checked_baseline, read_request
from tests.lambdas.fakes import client_error
from tests.lambdas.harbour import Harbour, monitor

JOB = monitor.parse.WindowJob(
    name_prefix="churn-window-",
    role_arn="arn:aws:iam::111111111111:role/job",
    image="492215442770.dkr.ecr.eu-central-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-py312-cpu-py3",
    instance_type="ml.m5.xlarge",
    code_uri="s3://assets/script.py",
    library_uri="s3://assets/library.zip",
    kms_key_arn="arn:aws:kms:eu-central-1:111111111111:key/k",
    subnet_ids=("subnet-1", "subnet-2"),
    security_group_ids=("sg-1",),
    max_runtime_seconds=3600,
)


class Jobs:
    """SageMaker's processing jobs: they run when the test says so, with what the request brings them."""

    def __init__(self) -> None:
        self.requests: dict[str, dict] = {}
        self.status: dict[str, str] = {}

    def create(self, **request: object) -> None:
        name = str(request["ProcessingJobName"])
        if name in self.requests:
            raise client_error("ResourceInUse")
        self.requests[name], self.status[name] = request, "InProgress"

    def describe(self, *, ProcessingJobName: str) -> dict:  # noqa: N803
        if ProcessingJobName not in self.status:
            raise client_error("ValidationException", "Could not find requested job with name: x")
        return {"ProcessingJobStatus": self.status[ProcessingJobName]}

    def run(self) -> None:
        """Let the job in progress end well."""
        name = next(name for name, status in self.status.items() if status == "InProgress")
        inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in self.requests[name]["ProcessingInputs"]}
        request = ReadingRequest.from_json(get(inputs["request"]).decode())
        baseline = checked_baseline(request, get(inputs["baseline"]))
        read = read_request(request, baseline, lambda key: get(f"s3://{request.bucket}/{key}").decode().split("\n"))
        place = self.requests[name]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        bucket, _, key = place.removeprefix("s3://").partition("/")
        boto3.client("s3").put_object(Bucket=bucket, Key=f"{key}/reading.json", Body=read.to_json().encode())
        self.status[name] = "Completed"


def get(uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    """The function reads up to 20,000 bytes itself; an hour of 160 requests has some 50,000."""
    made = Harbour()
    made.configuration = replace(
        made.configuration, window_job=JOB, form_limits=FormLimits(lambda_bytes=20_000, lambda_rows=10_000)
    )
    made.jobs = Jobs()
    made.aws.sagemaker.create_processing_job = made.jobs.create
    made.aws.sagemaker.describe_processing_job = made.jobs.describe
    return made


def test_a_large_window_is_read_by_a_job_and_judged_as_the_function_would(harbour: Harbour, cloud: None) -> None:
    alone = Harbour()
    harbour.traffic(0, shift=6.0)

    first = harbour.run(0)
    harbour.jobs.run()
    second = harbour.run(0)

    assert first == {"2026-11-01T00:00:00Z": "reading"}
    judged = harbour.verdict(0)
    alone.aws.events.entries.clear()
    boto3.client("dynamodb").delete_table(TableName="state")
    _state_table()
    assert alone.run(0) == second == {"2026-11-01T00:00:00Z": judged["verdict"]}
    told = alone.verdict(0)
    assert judged == told
    assert judged["labelled_rows"] == 160


def test_a_small_window_starts_no_job(harbour: Harbour) -> None:
    harbour.traffic(0, rows=40)

    assert harbour.run(0) == {"2026-11-01T00:00:00Z": "insufficient_data"}
    assert harbour.jobs.requests == {}


def test_while_a_job_reads_no_second_one_starts_and_later_windows_wait(harbour: Harbour) -> None:
    harbour.traffic(0, rows=40)
    harbour.traffic(1)
    harbour.traffic(2, rows=40)
    harbour.run(0)

    waiting = [harbour.run(hour) for hour in (1, 1, 2)]
    told = harbour.verdicts()
    harbour.jobs.run()

    assert waiting == [{"2026-11-01T01:00:00Z": "reading"}] * 3
    assert len(harbour.jobs.requests) == 1
    assert told == ["insufficient_data"]
    assert list(harbour.run(2)) == ["2026-11-01T01:00:00Z", "2026-11-01T02:00:00Z"]


def test_the_result_is_recorded_once_however_often_the_job_s_end_is_told(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.run(0)
    harbour.jobs.run()

    results = [harbour.run(0) for _ in range(3)]

    assert results == [{"2026-11-01T00:00:00Z": "ok"}] * 3
    assert harbour.verdicts() == ["ok"]


def test_a_job_that_fails_is_tried_again_and_then_the_function_reads_a_sample(harbour: Harbour) -> None:
    harbour.traffic(0)
    for _ in range(2):
        harbour.run(0)
        harbour.jobs.status = dict.fromkeys(harbour.jobs.status, "Failed")

    verdict = harbour.run(0)

    assert len(harbour.jobs.requests) == 2
    assert set(verdict.values()) <= {"ok", "insufficient_data"}
    assert harbour.verdict(0)["sampled_share"] < 1


def test_the_request_is_isolated_encrypted_and_brings_its_objects_by_manifest(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.run(0)

    (request,) = harbour.jobs.requests.values()

    assert request["ProcessingJobName"].startswith("churn-window-")
    assert len(request["ProcessingJobName"]) <= 63
    assert request["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert request["NetworkConfig"]["VpcConfig"]["Subnets"] == ["subnet-1", "subnet-2"]
    assert request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == JOB.kms_key_arn
    kinds = {item["InputName"]: item["S3Input"]["S3DataType"] for item in request["ProcessingInputs"]}
    assert kinds == {**dict.fromkeys(("code", "library", "request", "baseline"), "S3Prefix"), "capture": "ManifestFile"}


def _state_table() -> None:
    boto3.client("dynamodb").create_table(
        TableName="state",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
