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

    def timed(self, hours: range, key: str, rows: int = 80, **how: float) -> None:
        """Rows of some hours in one CSV file, with the time at which each was scored."""
        lines = ["scored_at,plan_type,tenure_months,prediction"]
        for hour in hours:
            made, when = (self.row(**how) for _ in range(rows)), f"{at(hour):%Y-%m-%dT%H}"
            lines += [f"{when}:{n % 60:02}:00Z,{row[1]},{row[0]},{score}" for n, (row, score, _) in enumerate(made)]
        self.store(key, "\n".join(lines) + "\n")

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
        clients = monitor.adapters.Aws
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


def test_a_table_s_days_are_read_by_a_job_and_judged_as_the_command_judges_them(table: Wharf, capsys) -> None:
    for day in range(6):
        table.scored(day, label=True, shift=0.0 if day < 4 else 4.0)
        table.scored(day, rows=100, file="part-1.parquet", label=True, shift=0.0 if day < 4 else 4.0)
        assert table.look(24 * day + 23) == {f"{at(24 * day):%Y-%m-%dT%H:%M:%SZ}": "reading"}
        table.jobs.run()
        table.look(24 * day + 23)
    capsys.readouterr()

    command("--baseline", BASELINE, "--window", "s3://raw/scored", "--partition", "date=%Y-%m-%d/", "--each", "day")

    windows = json.loads(capsys.readouterr().out)["windows"]
    account = [table.judged(24 * day) for day in range(6)]
    assert account[-1]["verdict"] == "drift"
    assert [item["rows"] for item in account] == [500] * 6
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in account]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in account]
    assert [item["quality"] for item in windows] == [item["quality_loss_statistic"] for item in account]
    assert [item["labelled_rows"] for item in windows] == [item["labelled_rows"] for item in account] == [500] * 6
    assert windows[-1]["root_cause"] == account[-1]["root_cause"]
    assert account[0]["window_end"] == "2026-11-02T00:00:00Z"


@pytest.mark.parametrize("partition", ["date=%Y-%m-%d/", ""])
def test_a_time_column_tells_the_hours_of_a_folder_apart(table: Wharf, capsys, partition: str) -> None:
    folder = f"scored/{at(0).strftime(partition)}"
    table.source |= {"window": "hour", "partition": partition, "columns": {"time": "scored_at"}}
    table.timed(range(2), f"{folder}a.csv")
    table.timed(range(1, 3), f"{folder}b.csv", shift=6.0)
    for hour in range(3):
        table.look(hour)
        table.jobs.run()
        table.look(hour)
    capsys.readouterr()

    command("--baseline", BASELINE, "--window", "s3://raw/scored", "--time-column", "scored_at")

    windows = json.loads(capsys.readouterr().out)["windows"]
    account = [table.judged(hour) for hour in range(3)]
    assert [item["rows"] for item in windows] == [item["rows"] for item in account] == [80, 160, 80]
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in account]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in account]
    assert account[-1]["verdict"] == "drift"
    table.timed(range(3), f"{folder}late.csv")
    table.look(2)
    assert len(table.jobs.requests) == 3  # of hours that share a folder nobody knows whose a late file is


def test_days_of_transform_jobs_are_one_window_and_a_large_one_is_read_by_a_job(cloud: None, capsys) -> None:
    wharf = Wharf(kind="batch_transform", prefix="captured/", window="day")
    tiny = replace(wharf.configuration.form_limits, lambda_bytes=20_000)
    for day in range(4):
        for hour in (3, 15):
            wharf.transform(24 * day + hour, bucket="artifacts", shift=0.0 if day < 3 else 4.0)
        wharf.configuration = replace(wharf.configuration, form_limits=tiny if day % 2 else monitor.parse.FormLimits())
        first = wharf.look(24 * day + 23)
        assert ("reading" in first.values()) == bool(day % 2)
        if day % 2:
            wharf.jobs.run()
            wharf.look(24 * day + 23)
    capsys.readouterr()

    command("--baseline", BASELINE, "--window", "s3://raw/captured", "--each", "day")

    windows = json.loads(capsys.readouterr().out)["windows"]
    account = [wharf.judged(24 * day) for day in range(4)]
    assert [item["rows"] for item in account] == [320] * 4
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in account]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in account]
    assert [item["findings"] for item in windows] == [item["findings"] for item in account]
    assert account[-1]["verdict"] == "drift"


def test_a_window_has_one_result_however_often_it_is_looked_at_and_files_that_come_late_revise_it(
    transform: Wharf,
) -> None:
    transform.transform(0)
    looks = [transform.look(0) for _ in range(3)]
    transform.transform(1)
    transform.transform(0, rows=40, part="-late")
    transform.look(1)
    transform.look(1)

    told = [(event["window_start"][11:13], event["rows"], event["revision"]) for event in transform.events]
    assert looks == [{"2026-11-01T00:00:00Z": "ok"}] * 3
    assert told == [("00", 160, 1), ("01", 160, 1), ("00", 200, 2)]


def test_nothing_is_judged_before_its_time(transform: Wharf) -> None:
    transform.transform(0)

    early = transform.look(0, minutes=59)

    assert early == {"2026-10-31T23:00:00Z": "insufficient_data"}


def test_what_manifests_name_and_is_not_there_is_counted_as_unreadable(transform: Wharf) -> None:
    transform.transform(0)
    transform.transform(0, part="-gone")
    transform.s3.delete_object(Bucket="raw", Key="in/part-0-gone.csv")
    transform.store("captured/output/2026/11/01/00/odd.json", "no manifest")

    transform.look(0)

    told = transform.judged(0)
    assert (told["rows"], told["unreadable"], told["partial"]) == (160, 2, True)
    assert "a file that a manifest names is not there, or may not be read: 1" in told["sentence"]


def test_a_table_that_no_job_can_read_is_told_as_missing_and_later_windows_go_on(table: Wharf) -> None:
    table.scored(0)
    for _ in range(2):
        table.look(23)
        table.jobs.status = dict.fromkeys(table.jobs.status, "Failed")
    table.look(23)
    table.scored(1)
    table.look(47)
    table.jobs.run()
    table.look(47)

    assert len(table.jobs.requests) == 3
    assert [event["verdict"] for event in table.events] == ["missing_data", "ok"]
    assert table.events[0]["severity"] == "ticket"
    assert "the jobs that were to read its files failed" in table.events[0]["sentence"]


def test_a_window_without_files_is_told_where_the_source_is_required(table: Wharf) -> None:
    table.look(23)
    table.source["required"] = True

    table.look(47)

    assert table.verdicts() == ["insufficient_data", "missing_data"]
    assert "nothing of this day lies below s3://raw/scored/" in table.events[1]["sentence"]
    assert table.jobs.requests == {}


def test_baselines_of_model_monitor_judge_inputs_as_the_command_does(transform: Wharf, capsys) -> None:
    digests = model_monitor_baseline(transform)
    file = {"bucket": "artifacts", "key": "old/statistics.json", "ignore": ["churned"], **digests}
    transform.source["baseline"] = file
    for hour in range(5):
        transform.transform(hour, shift=0.0 if hour < 3 else 5.0)
        transform.look(hour)
    capsys.readouterr()

    command("--baseline", "s3://artifacts/old", "--window", "s3://raw/captured", "--ignore", "churned")

    windows = json.loads(capsys.readouterr().out)["windows"]
    account = [transform.judged(hour) for hour in range(5)]
    assert account[-1]["verdict"] == "drift"
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in account]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in account]
    assert [item["findings"] for item in windows] == [item["findings"] for item in account]


@pytest.mark.parametrize("key", ["sha256", "constraints_sha256"])
def test_a_baseline_that_is_not_the_one_that_the_engagement_names_judges_nothing(transform: Wharf, key: str) -> None:
    digests = model_monitor_baseline(transform)
    transform.source["baseline"] = {"bucket": "artifacts", "key": "old/statistics.json", **digests, key: "0" * 64}
    transform.transform(0)

    with pytest.raises(monitor.adapters.BaselineError, match="the engagement names 0000"):
        transform.look(0)
    assert transform.events == []


def model_monitor_baseline(wharf: Wharf) -> dict[str, str]:
    """The harbour's traffic as Model Monitor's analyzer describes it, with the label that it saw; their digests."""
    rows = [row for row, _, _ in (wharf.row() for _ in range(1000))]
    values = sorted(float(row[0]) for row in rows)
    plans = [row[1] for row in rows]
    common = {"num_present": 1000, "num_missing": 0}
    numeric = {
        "common": common,
        "mean": sum(values) / 1000,
        "std_dev": 6.0,
        "min": values[0],
        "max": values[-1],
        "distribution": {"kll": {"buckets": [], "sketch": {"parameters": {"c": 0.64, "k": 2048.0}, "data": [values]}}},
    }
    kinds = [{"value": plan, "count": plans.count(plan)} for plan in sorted(set(plans))]
    text = {"common": common, "distinct_count": 2.0, "distribution": {"categorical": {"buckets": kinds}}}
    features = [
        {"name": "churned", "inferred_type": "Integral", "numerical_statistics": {**numeric}},
        {"name": "tenure_months", "inferred_type": "Fractional", "numerical_statistics": numeric},
        {"name": "plan_type", "inferred_type": "String", "string_statistics": text},
    ]
    statistics = {"version": 0.0, "dataset": {"item_count": 1000}, "features": features}
    constraints = {"version": 0.0, "features": [], "monitoring_config": {}}
    texts = {"sha256": json.dumps(statistics), "constraints_sha256": json.dumps(constraints)}
    for name, key in (("sha256", "old/statistics.json"), ("constraints_sha256", "old/constraints.json")):
        wharf.store(key, texts[name], "artifacts")
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
