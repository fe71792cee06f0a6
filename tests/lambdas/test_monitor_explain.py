"""Explanations by schedule: the function has a job look at the last week, and tells once what it found."""

import json
from dataclasses import replace
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError

from seatrial.contracts import layout
from tests.lambdas.desks import raising
from tests.lambdas.fakes import client_error
from tests.lambdas.harbour import Harbour, at, monitor
from tests.lambdas.test_monitor_volume import JOB, Jobs

CODE = monitor.parse.ExplainJob(code_uri="s3://assets/explain.py", library_uri="s3://assets/explain.zip")
NAME = "churn-window-explain-2026110300"
FOLDER = layout.explanation_prefix("churn", at(48))
FOUND = {
    "verdict": "explainability_drift",
    "sentence": "explainability_drift: nDCG of the attributions is 0.620, below 0.9",
    "rows": 400,
    "labelled_rows": 320,
    "ndcg": 0.62,
    "bias": [],
}


class Explaining(Harbour):
    """A harbour whose monitor has a job for explanations, and has judged two windows."""

    def __init__(self) -> None:
        super().__init__()
        self.configuration = replace(self.configuration, window_job=JOB, explain_job=CODE)
        self.jobs = Jobs()
        self.aws.sagemaker.create_processing_job = self.jobs.create
        self.aws.sagemaker.describe_processing_job = self._describe
        (package,) = self.aws.sagemaker.packages.values()
        package["CustomerMetadataProperties"]["AnalysisUri"] = "s3://artifacts/models/1/analysis.json"
        for hour in range(2):
            self.traffic(hour)
            self.run(hour)
        self.aws.events.entries.clear()

    def _describe(self, *, ProcessingJobName: str) -> dict:  # noqa: N803
        return {**self.jobs.describe(ProcessingJobName=ProcessingJobName), "FailureReason": "no xgboost in the image"}

    def ask(self, hour: int = 48) -> str:
        event = {"time": f"{at(hour):%Y-%m-%dT%H:%M:%SZ}", "explain": True}
        return monitor.handler.run(event, self.configuration, self.aws)["explanations"]

    def end(self, status: str = "Completed", **found: object) -> str:
        """The job writes what it found, and its end is told."""
        self.end_untold(status, **found)
        event = {"time": "x", "detail": {"ProcessingJobName": NAME, "ProcessingJobStatus": status}}
        return monitor.handler.run(event, self.configuration, self.aws)["explanations"]

    def end_untold(self, status: str = "Completed", **found: object) -> None:
        """The job writes what it found; the event of its end is lost."""
        if status == "Completed":
            body = json.dumps({**FOUND, **found}).encode()
            self.s3.put_object(Bucket="artifacts", Key=f"{FOLDER}found.json", Body=body)
        self.jobs.status[NAME] = status

    def hourly(self, hour: int = 1) -> dict[str, str]:
        """What an ordinary run has to say about explanations."""
        event = {"time": f"{at(hour + 1):%Y-%m-%dT%H:20:00Z}"}
        return monitor.handler.run(event, self.configuration, self.aws).get("explanations", {})

    def explained(self) -> list[str]:
        """Verdicts on explanations that were told."""
        entries = [one for one in self.aws.events.entries if one["DetailType"] == "Seatrial Explanation Verdict"]
        return [json.loads(one["Detail"])["verdict"] for one in entries]

    @property
    def inputs(self) -> dict[str, str]:
        (request,) = self.jobs.requests.values()
        return {item["InputName"]: item["S3Input"]["S3Uri"] for item in request["ProcessingInputs"]}

    def manifest(self, name: str) -> list:
        key = self.inputs[name].removeprefix("s3://artifacts/")
        return json.loads(boto3.client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read())


@pytest.fixture
def harbour(cloud: None) -> Explaining:
    return Explaining()


def test_the_job_is_given_the_model_that_serves_its_baseline_and_the_period_s_files(harbour: Explaining) -> None:
    harbour.traffic(50)  # after the period

    answers = [harbour.ask(), harbour.ask()]

    (request,) = harbour.jobs.requests.values()
    assert answers == ["started", "started"]
    assert request["ProcessingJobName"] == NAME
    assert request["AppSpecification"]["ImageUri"] == "image"
    period = ["--from", "2026-11-01T00:00:00Z", "--to", "2026-11-03T00:00:00Z"]
    assert request["AppSpecification"]["ContainerArguments"] == period
    assert request["NetworkConfig"]["EnableNetworkIsolation"] is True
    assert harbour.inputs["model"] == "s3://artifacts/models/1/model.tar.gz"
    assert harbour.inputs["baseline"] == "s3://artifacts/models/1/"
    assert harbour.inputs["library"] == CODE.library_uri
    hours = [f"data-capture/churn/primary/2026/11/01/{hour:02}/00.jsonl" for hour in range(2)]
    assert harbour.manifest("capture") == [{"prefix": "s3://capture/"}, *hours]
    assert len(harbour.manifest("labels")) == 3


def test_of_an_hour_no_more_files_are_read_than_a_sample_needs(harbour: Explaining) -> None:
    harbour.capture(1, ["x" * monitor.explain.HOUR_BYTES], "10.jsonl")
    harbour.capture(1, ["y"], "20.jsonl")

    harbour.ask()

    names = [key.rpartition("/")[2] for key in harbour.manifest("capture")[1:]]
    assert names == ["00.jsonl", "00.jsonl", "10.jsonl"]


def test_a_drift_is_told_once_as_an_event_and_a_ticket(harbour: Explaining, capsys: pytest.CaptureFixture) -> None:
    harbour.ask()

    answers = [harbour.end() for _ in range(2)]

    assert answers == ["explainability_drift", "told before"]
    (event,) = harbour.events
    assert harbour.aws.events.entries[0]["DetailType"] == "Seatrial Explanation Verdict"
    assert (event["severity"], event["ndcg"], event["rows"]) == ("ticket", 0.62, 400)
    assert event["violations_uri"] == f"s3://artifacts/{FOLDER}constraint_violations.json"
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "ExplanationTickets" in line]
    assert [(one["ExplanationTickets"], one["AttributionNdcg"]) for one in metrics] == [([1.0], [0.62])]


def test_explanations_that_hold_make_no_ticket(harbour: Explaining) -> None:
    harbour.ask()

    harbour.end(verdict="ok", ndcg=0.99, sentence="ok: nDCG of the attributions is 0.990, not below 0.9")

    assert [(event["verdict"], event["severity"]) for event in harbour.events] == [("ok", "none")]


def test_a_job_that_fails_is_a_ticket_that_says_why(harbour: Explaining) -> None:
    harbour.ask()

    harbour.end("Failed")

    (event,) = harbour.events
    assert (event["verdict"], event["severity"]) == ("failed", "ticket")
    assert event["sentence"] == f"the job {NAME} failed: no xgboost in the image"


def test_a_model_without_an_analysis_is_a_ticket_and_starts_no_job(harbour: Explaining) -> None:
    (package,) = harbour.aws.sagemaker.packages.values()
    del package["CustomerMetadataProperties"]["AnalysisUri"]

    answer = harbour.ask()

    assert answer == "failed"
    assert "registered without AnalysisUri" in harbour.events[0]["sentence"]
    assert harbour.jobs.requests == {}


def test_nothing_captured_is_insufficient_data(harbour: Explaining) -> None:
    harbour.aws.s3 = SimpleNamespace(
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: []), put_object=harbour.s3.put_object
    )

    answer = harbour.ask()

    assert answer == "insufficient_data"
    assert harbour.events[0]["severity"] == "none"


def test_a_model_of_which_no_window_has_been_judged_is_not_explained_yet(harbour: Explaining) -> None:
    harbour.register(2)

    answer = harbour.ask()

    assert answer == "nothing to explain"
    assert harbour.jobs.requests == {}


def test_without_a_job_for_explanations_the_end_of_any_job_is_a_reason_to_look_at_windows(harbour: Explaining) -> None:
    without = replace(harbour.configuration, explain_job=None)
    event = {"time": "2026-11-01T02:20:00Z", "detail": {"ProcessingJobName": NAME, "ProcessingJobStatus": "Completed"}}

    answer = monitor.handler.run(event, without, harbour.aws)

    assert list(answer["windows"]) == ["2026-11-01T01:00:00Z"]


@pytest.mark.parametrize("status", ["Completed", "Stopped"])
def test_a_lost_event_is_made_up_for_by_the_next_hourly_run(harbour: Explaining, status: str) -> None:
    harbour.ask()
    harbour.end_untold(status)

    answers = [harbour.hourly(), harbour.hourly()]

    verdict = "explainability_drift" if status == "Completed" else "failed"
    assert answers == [{NAME: verdict}, {}]
    assert harbour.explained() == [verdict]


def test_an_event_that_comes_after_the_hourly_run_tells_nothing_again(harbour: Explaining) -> None:
    harbour.ask()
    harbour.end_untold()
    harbour.hourly()

    answer = harbour.end()

    assert answer == "told before"
    assert harbour.explained() == ["explainability_drift"]


def test_an_hourly_run_leaves_a_job_alone_that_still_runs(harbour: Explaining) -> None:
    harbour.ask()

    answer = harbour.hourly()

    assert (answer, harbour.explained()) == ({}, [])


def test_a_job_that_could_not_be_started_is_started_by_the_hourly_run(harbour: Explaining) -> None:
    create = harbour.aws.sagemaker.create_processing_job
    harbour.aws.sagemaker.create_processing_job = raising(client_error("ThrottlingException"))
    with pytest.raises(ClientError, match="Throttling"):
        harbour.ask()
    harbour.aws.sagemaker.create_processing_job = create

    answer = harbour.hourly()

    assert answer == {NAME: "started"}
    assert list(harbour.jobs.requests) == [NAME]


def test_a_result_that_could_not_be_told_is_told_by_the_hourly_run(harbour: Explaining) -> None:
    harbour.ask()
    put_events = harbour.aws.events.put_events
    harbour.aws.events.put_events = raising(client_error("InternalException"))
    with pytest.raises(ClientError, match="Internal"):
        harbour.end()
    harbour.aws.events.put_events = put_events

    harbour.hourly()

    assert harbour.explained() == ["explainability_drift"]


def test_without_explanations_an_hourly_run_asks_nothing_about_them(harbour: Explaining) -> None:
    harbour.ask()
    harbour.end_untold()
    harbour.configuration = replace(harbour.configuration, explain_job=None)

    answer = harbour.hourly()

    assert (answer, harbour.explained()) == ({}, [])
