"""Sources that are no endpoint, judged in the account: the verdicts of the command, recorded once, never a page."""

import hashlib
import io
import json
from dataclasses import replace
from datetime import timedelta

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seatrial import cli
from seatrial.contracts import layout
from seatrial.contracts.ground_truth import ground_truth_line
from seatrial.contracts.volume import ReadingRequest
from seatrial.monitoring.places import Prefix
from seatrial.monitoring.source_reading import read_source
from seatrial.monitoring.volume import checked_baseline
from tests.lambdas.harbour import BASELINE, Harbour, at, monitor
from tests.lambdas.test_monitor_volume import JOB, Jobs, get

NAMES = ("tenure_months", "plan_type")


class Wharf(Harbour):
    """A harbour whose monitor looks at one source; its jobs run when they are told to."""

    def __init__(self, **source: object) -> None:
        super().__init__()
        digest = hashlib.sha256(get(BASELINE)).hexdigest()
        file = {"bucket": "artifacts", "key": BASELINE.removeprefix("s3://artifacts/"), "sha256": digest}
        self.source = {"name": "scored", "bucket": "raw", "baseline": file, **source}
        self.configuration = replace(self.configuration, window_job=JOB)
        self.jobs = SourceJobs()
        self.aws.sagemaker.create_processing_job = self.jobs.create
        self.aws.sagemaker.describe_processing_job = self.jobs.describe

    def look(self, hour: int, minutes: int = 70) -> dict:
        """The source's schedule, so many minutes after the hour's end."""
        time = at(hour + 1) + timedelta(minutes=minutes)
        event = {"time": f"{time:%Y-%m-%dT%H:%M:%SZ}", "monitored_source": self.source}
        return monitor.handler.run(event, self.configuration.asked_by(event), self.aws)["windows"]

    def judged(self, hour: int) -> dict:
        key = layout.window_report_prefix("churn.scored", at(hour)) + layout.VERDICT_FILE
        return json.loads(self.s3.get_object(Bucket="artifacts", Key=key)["Body"].read())

    def store(self, key: str, body: str | bytes, bucket: str = "raw") -> None:
        self.s3.put_object(Bucket=bucket, Key=key, Body=body if isinstance(body, bytes) else body.encode())

    def transform(
        self, hour: int, rows: int = 160, *, part: str = "", bucket: str = "raw", **how: float
    ) -> list[tuple]:
        """A transform job's input, output and capture."""
        made = [self.row(**how) for _ in range(rows)]
        name, when = f"part-{hour}{part}.csv", f"{at(hour):%Y-%m-%dT%H:%M:%SZ}"
        self.store(f"in/{name}", "".join(",".join(row) + "\n" for row, _, _ in made))
        answers = "".join(f"{score},{hour}{part}-{n},{when}\n" for n, (_, score, _) in enumerate(made))
        self.store(f"out/{name}.out", answers, bucket)
        for folder, place, file in (("input", "raw/in", name), ("output", f"{bucket}/out", f"{name}.out")):
            document = json.dumps([{"prefix": f"s3://{place}/"}, file])
            self.store(f"captured/{folder}/{at(hour):%Y/%m/%d/%H}/{hour}{part}.json", document)
        return made

    def scored(
        self, day: int, rows: int = 400, *, file: str = "part-0.parquet", label: bool = False, **how: float
    ) -> None:
        """Rows of a day in a table that is partitioned by date."""
        made = [self.row(**how) for _ in range(rows)]
        columns = {"tenure_months": [float(row[0]) for row, _, _ in made], "plan_type": [row[1] for row, _, _ in made]}
        columns |= {"prediction": [score for _, score, _ in made], "customer": [*range(rows)]}
        columns |= {"label": [truth for _, _, truth in made]} if label else {}
        body = io.BytesIO()
        pq.write_table(pa.table(columns), body)
        self.store(f"scored/date={at(24 * day):%Y-%m-%d}/{file}", body.getvalue())


class SourceJobs(Jobs):
    """Processing jobs that read sources."""

    def run(self) -> None:
        name = next(name for name, status in self.status.items() if status == "InProgress")
        inputs = {item["InputName"]: item["S3Input"]["S3Uri"] for item in self.requests[name]["ProcessingInputs"]}
        request = ReadingRequest.from_json(get(inputs["request"]).decode())
        brought = {
            f"{json.loads(get(uri))[0]['prefix'][5:]}{key}"
            for part, uri in inputs.items()
            if part.startswith("capture-")
            for key in json.loads(get(uri))[1:]
        }
        assert brought == {*request.keys}
        clients = lambda: monitor.adapters.Aws()  # noqa: E731
        baseline = checked_baseline(request, get(inputs["baseline"]))
        result = read_source(request, baseline, lambda key: Prefix(f"s3://{key}", clients))
        place = self.requests[name]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        bucket, _, key = f"{place}/reading.json".removeprefix("s3://").partition("/")
        boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=result.to_json().encode())
        self.status[name] = "Completed"


def command(*arguments: str) -> None:
    cli.main(["monitor", "run", *arguments, "--json"])


@pytest.fixture
def transform(cloud: None) -> Wharf:
    return Wharf(kind="batch_transform", prefix="captured/", window="hour")


@pytest.fixture
def table(cloud: None) -> Wharf:
    return Wharf(kind="table", prefix="scored/", window="day", partition="date=%Y-%m-%d/")


def test_transform_jobs_are_judged_in_the_account_as_the_command_judges_them(transform: Wharf, capsys) -> None:
    for hour in range(6):
        made = transform.transform(hour, shift=0.0 if hour < 4 else 4.0)
        truths = [ground_truth_line(f"{hour}-{n}", [label]) for n, (_, _, label) in enumerate(made)]
        transform.put(layout.ground_truth_hour_prefix("churn.scored", at(hour)) + "labels.jsonl", truths)
        transform.look(hour)
    capsys.readouterr()

    command(
        "--baseline", BASELINE, "--window", "s3://raw/captured", "--labels", "s3://capture/ground-truth/churn.scored"
    )

    windows = json.loads(capsys.readouterr().out)["windows"]
    account = [transform.judged(hour) for hour in range(6)]
    assert account[-1]["verdict"] == "drift"
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in account]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in account]
    assert [item["quality"] for item in windows] == [item["quality_loss_statistic"] for item in account]
    assert [item["labelled_rows"] for item in windows] == [item["labelled_rows"] for item in account] == [160] * 6
    assert windows[-1]["root_cause"] == account[-1]["root_cause"]
    assert [event["severity"] for event in transform.events if event["verdict"] == "drift"] == ["ticket"] * 2
    assert {event["endpoint_name"] for event in transform.events} == {"churn.scored"}
