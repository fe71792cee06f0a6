"""Windows too large for the function: a job reads them, the function judges, and one result is recorded once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from seatrial.contracts.ground_truth import ground_truth_line
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
        assert inputs["baseline"] == request.baseline_uri
        place = self.requests[name]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        read_into(f"{place}/reading.json", request)
        self.status[name] = "Completed"


def get(uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


SPARK = monitor.parse.WindowSpark(
    application_id="00f1",
    role_arn="arn:aws:iam::111111111111:role/spark",
    script_uri="s3://assets/read.py",
    submit_parameters="--py-files s3://assets/library.zip",
    max_runtime_minutes=120,
)


class Runs:
    """EMR Serverless's job runs, one a token; they run when the test says so."""

    def __init__(self) -> None:
        self.requests: dict[str, dict] = {}
        self.state: dict[str, str] = {}
        self.lose_answer = False
        self.age = timedelta()

    def start(self, **request: object) -> dict:
        token = str(request["clientToken"])
        run = f"run-{[*self.requests, token].index(token)}"
        if token not in self.requests:
            self.requests[token], self.state[run] = request, "SUBMITTED"
        assert self.requests[token] == request
        if self.lose_answer:
            self.lose_answer = False
            raise client_error("InternalServerException")
        return {"jobRunId": run}

    def describe(self, *, applicationId: str, jobRunId: str) -> dict:  # noqa: N803
        assert applicationId == SPARK.application_id
        if jobRunId not in self.state:
            raise client_error("ResourceNotFoundException")
        made = datetime.now(UTC) - self.age
        return {"jobRun": {"state": self.state[jobRunId], "stateDetails": "out of memory", "createdAt": made}}

    def cancel(self, *, applicationId: str, jobRunId: str) -> None:  # noqa: N803
        assert applicationId == SPARK.application_id
        self.state[jobRunId] = "CANCELLED"

    def run(self) -> None:
        """Let the last job run end well."""
        driver = [*self.requests.values()][-1]["jobDriver"]["sparkSubmit"]
        _, request_uri, _, output = driver["entryPointArguments"]
        read_into(output, ReadingRequest.from_json(get(request_uri).decode()))
        self.state[[*self.state][-1]] = "SUCCESS"


def read_into(uri: str, request: ReadingRequest) -> None:
    """What every job of either form does."""
    baseline = checked_baseline(request, get(request.baseline_uri))
    read = read_request(request, baseline, lambda key: get(f"s3://{request.bucket}/{key}").decode().split("\n"))
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=read.to_json().encode())


@pytest.fixture
def spark(harbour: Harbour) -> Runs:
    """Spark reads what has more than 30,000 bytes, so every hour of 160 requests."""
    limits = replace(harbour.configuration.form_limits, processing_bytes=30_000, processing_rows=10_000)
    harbour.configuration = replace(harbour.configuration, window_spark=SPARK, form_limits=limits)
    runs = Runs()
    harbour.aws.emr_serverless = SimpleNamespace(
        start_job_run=runs.start, get_job_run=runs.describe, cancel_job_run=runs.cancel
    )
    return runs


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
    assert "of the requests: monitoring.volume.spark names what" in harbour.verdict(0)["sentence"]
    assert set(verdict.values()) <= {"ok", "insufficient_data"}
    assert harbour.verdict(0)["sampled_share"] < 1


def test_files_and_labels_that_come_while_a_job_reads_start_no_other_job_and_count_afterwards(harbour: Harbour) -> None:
    harbour.traffic(0)
    harbour.run(0)
    harbour.traffic(0, rows=20, file="30.jsonl")

    while_it_reads = harbour.run(0)
    harbour.jobs.run()
    judged = harbour.run(0)
    afterwards = harbour.jobs.requests.copy()
    harbour.jobs.run()
    harbour.run(0)

    assert while_it_reads == {"2026-11-01T00:00:00Z": "reading"}
    assert judged == {"2026-11-01T00:00:00Z": "reading"}  # told as ok, and the late file is read now
    assert [(event["verdict"], event["rows"]) for event in harbour.events] == [("ok", 160), ("ok", 180)]
    assert len(afterwards) == 2
    harbour.traffic(1, rows=40)
    harbour.run(1)
    harbour.jobs.run()  # the late labels' own hour is a large one
    harbour.run(1)
    assert max(event["labelled_rows"] for event in harbour.events[2:]) == 40 + 20


def test_a_small_window_with_labels_of_a_large_hour_goes_to_a_job_too(harbour: Harbour) -> None:
    harbour.traffic(0, labels=False)
    harbour.run(0)
    harbour.jobs.run()
    harbour.run(0)
    harbour.put(
        "ground-truth/churn/2026/11/01/00/late.jsonl", [ground_truth_line(f"0-00-{n}", [0]) for n in range(160)]
    )
    harbour.traffic(1, rows=40)

    first = harbour.run(1)
    harbour.jobs.run()
    harbour.run(1)

    assert first["2026-11-01T01:00:00Z"] == "reading"
    assert harbour.verdict(1)["labelled_rows"] == 200


def test_without_a_job_the_function_reads_some_files_of_an_hour_beyond_its_reach(harbour: Harbour) -> None:
    limits = FormLimits(lambda_bytes=1000, lambda_rows=10_000)
    harbour.configuration = replace(harbour.configuration, window_job=None, form_limits=limits)
    for minute in range(6):
        harbour.traffic(0, rows=40, file=f"{minute}0-00.jsonl")

    verdict = harbour.run(0)
    told = harbour.verdict(0)
    harbour.run(0)

    assert set(verdict.values()) <= {"ok", "insufficient_data"}
    assert 0 < told["sampled_share"] < 0.02  # one file of six, and of that what the function reads in full
    assert told["labelled_rows"] == 0
    assert not [finding for finding in told["findings"] if finding["kind"] == "label_join"]
    assert len(harbour.events) == 1  # the files that were not read are not late ones


def test_the_largest_windows_are_read_by_spark_and_judged_as_the_function_would(harbour: Harbour, spark: Runs) -> None:
    harbour.traffic(0, shift=6.0)

    first = harbour.run(0)
    spark.run()
    results = [harbour.run(0) for _ in range(2)]

    told = harbour.verdict(0)
    assert first == {"2026-11-01T00:00:00Z": "reading"}
    assert results == [{"2026-11-01T00:00:00Z": told["verdict"]}] * 2
    assert len(harbour.events) == len(spark.requests) == 1
    assert harbour.jobs.requests == {}
    alone = Harbour()
    boto3.client("dynamodb").delete_table(TableName="state")
    _state_table()
    alone.run(0)
    assert alone.verdict(0) == told


def test_a_spark_job_whose_start_was_not_answered_is_started_once(harbour: Harbour, spark: Runs) -> None:
    harbour.traffic(0)
    spark.lose_answer = True

    with pytest.raises(ClientError):
        harbour.run(0)
    again = [harbour.run(0) for _ in range(2)]

    assert again == [{"2026-11-01T00:00:00Z": "reading"}] * 2
    assert len(spark.requests) == 1


@pytest.mark.parametrize("lost", [False, True])
def test_a_spark_job_that_fails_twice_leaves_a_sample_to_the_processing_job(
    harbour: Harbour, spark: Runs, caplog: pytest.LogCaptureFixture, lost: bool
) -> None:
    harbour.traffic(0)
    for _ in range(2):
        harbour.run(0)
        spark.state = {} if lost else dict.fromkeys(spark.state, "FAILED")

    waiting = harbour.run(0)
    harbour.jobs.run()
    harbour.run(0)

    assert waiting == {"2026-11-01T00:00:00Z": "reading"}
    assert len(spark.requests) == 2
    assert 0 < harbour.verdict(0)["sampled_share"] < 1
    assert harbour.verdict(0)["sentence"].endswith("of the requests: the jobs that were to read all of them failed")
    assert ("does not know it any more" if lost else "ended as FAILED: out of memory") in caplog.text


@pytest.mark.parametrize("state", ["QUEUED", "PENDING", "SCHEDULED"])
def test_f53_a_spark_job_that_waits_for_capacity_is_cancelled_after_its_time(
    harbour: Harbour, spark: Runs, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    harbour.traffic(0)
    harbour.run(0)
    spark.state["run-0"], spark.age = state, timedelta(hours=2, minutes=59)
    in_time = harbour.run(0)

    spark.age = timedelta(hours=3, minutes=1)
    harbour.run(0)

    assert in_time == {"2026-11-01T00:00:00Z": "reading"}
    assert spark.state == {"run-0": "CANCELLED", "run-1": "SUBMITTED"}
    assert f"Spark job run run-0 was given up as {state} after 3 hours: is the application's capacity" in caplog.text


def test_the_spark_request_names_script_role_time_limit_and_where_the_result_goes(
    harbour: Harbour, spark: Runs
) -> None:
    harbour.traffic(0)
    harbour.run(0)

    (request,) = spark.requests.values()

    driver = request["jobDriver"]["sparkSubmit"]
    place = driver["entryPointArguments"][1].removesuffix("request.json")
    assert place.startswith("s3://artifacts/monitoring/churn/readings/2026-11-01T00/")
    assert driver["entryPointArguments"] == ["--request", f"{place}request.json", "--output", f"{place}reading.json"]
    assert (request["executionRoleArn"], request["executionTimeoutMinutes"]) == (SPARK.role_arn, 120)
    assert len(request["clientToken"]) == 64


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
