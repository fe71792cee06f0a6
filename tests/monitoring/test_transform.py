"""Batch transform: manifests of its data capture, and outputs joined with their inputs."""

import gzip
import json
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from seatrial import cli
from tests.monitoring.made_capture import hour, traffic

IDS = [f"id-{index}" for index in range(120)]


def run(*arguments: object) -> int:
    return cli.main(["monitor", "run", *map(str, arguments), "--json"])


def rows_of(seed: int, rows: int = 120, **how: float) -> tuple[str, list]:
    sent = list(traffic(seed, rows, **how))
    return "".join(f"{','.join(item.row)}\n" for item in sent), sent


class Job:
    """A transform job's input, output and data capture in a bucket."""

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket

    def put(self, key: str, body: str | bytes) -> None:
        boto3.client("s3").put_object(
            Bucket=self.bucket, Key=key, Body=body if isinstance(body, bytes) else body.encode()
        )

    def manifest(self, part: str, at: int, prefix: str, names: list[str]) -> None:
        document = [{"prefix": f"s3://{self.bucket}/{prefix}/"}, *names]
        self.put(f"captured/{part}/{hour(at):%Y/%m/%d/%H}/manifest-{at}.json", json.dumps(document))

    def run(self, at: int, *, identified: bool, packed: bool = False, form: str = "csv", **how: float) -> list:
        text, sent = rows_of(200 + at, **how)
        name = f"part-{at}.{form}"
        if form == "jsonl":
            text = "".join(json.dumps({"features": [*item.row]}) + "\n" for item in sent)
        self.put(f"in/{name}", gzip.compress(text.encode()) if packed else text)
        answers = [str(item.score) for item in sent]
        when = (hour(at) + timedelta(minutes=5)).isoformat()
        if form == "jsonl" and identified:
            keys = ("output", "SageMakerInferenceId", "SageMakerInferenceTime")
            answers = [
                json.dumps(dict(zip(keys, (a, i, when), strict=True))) for a, i in zip(answers, IDS, strict=True)
            ]
        elif identified:
            answers = [f"{answer},{name},{when}" for answer, name in zip(answers, IDS, strict=True)]
        self.put(f"out/{name}.out", "\n".join(answers) + "\n")
        self.manifest("input", at, "in", [name])
        self.manifest("output", at, "out", [f"{name}.out"])
        return sent


@pytest.fixture
def job(bucket: str) -> Job:
    return Job(bucket)


@pytest.mark.parametrize(("form", "packed"), [("csv", False), ("csv", True), ("jsonl", False)])
def test_captured_input_and_output_are_paired_by_the_manifests(made, job, capsys, form, packed):
    job.run(0, identified=True, form=form, packed=packed)
    job.run(1, identified=True, form=form, packed=packed, shift=6.0)

    code = run("--baseline", made / "baseline", "--window", "s3://ship/captured")

    record = json.loads(capsys.readouterr().out)
    assert code == 1
    assert [(window["name"], window["rows"]) for window in record["windows"]] == [
        ("2026-11-01T00:00:00Z", 120),
        ("2026-11-01T01:00:00Z", 120),
    ]
    assert record["kind"] == "data capture of batch transform"
    assert record["coverage"]["predictions"] == 240
    assert [item["verdict"] for item in record["windows"]] == ["ok", "drift"]


def test_labels_are_joined_by_the_generated_inference_ids(made, job, tmp_path, capsys):
    from seatrial.contracts.ground_truth import ground_truth_line
    from tests.monitoring.made_capture import capture_key, write_lines

    sent = job.run(0, identified=True)
    truths = [ground_truth_line(name, [item.label]) for name, item in zip(IDS, sent, strict=True)]
    write_lines(tmp_path / capture_key(0), truths)

    run("--baseline", made / "baseline", "--window", "s3://ship/captured", "--labels", tmp_path)

    assert json.loads(capsys.readouterr().out)["coverage"]["labelled_rows"] == 120


def test_an_output_that_is_shorter_than_its_input_is_quarantined(made, job, capsys):
    job.run(0, identified=False)
    job.run(1, identified=False)
    job.put("out/part-1.csv.out", "0.5\n")

    run("--baseline", made / "baseline", "--window", "s3://ship/captured")

    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert coverage["reasons"] == {"input and output of a transform file are not equally long": 1}
    assert coverage["rows"] == 120


def test_a_manifest_that_is_none_is_told_with_its_place(made, job, capsys):
    job.run(0, identified=False)
    job.put("captured/input/2026/11/01/00/manifest-0.json", '{"oops": 1}')

    code = cli.main(["monitor", "run", "--baseline", str(made / "baseline"), "--window", "s3://ship/captured"])

    told = capsys.readouterr().err
    assert code == cli.USER_MISTAKE
    assert told.startswith("seatrial: s3://ship/captured/input/2026/11/01/00/manifest-0.json: is no manifest")


def test_joined_csv_output_holds_inputs_and_prediction(made, tmp_path, capsys):
    text, sent = rows_of(5, shift=6.0)
    lines = [f"{line},{item.score}" for line, item in zip(text.splitlines(), sent, strict=True)]
    (tmp_path / "part-0.csv.out").write_text("\n".join(lines) + "\n")

    code = run("--baseline", made / "baseline", "--window", tmp_path)

    record = json.loads(capsys.readouterr().out)
    assert code == 1
    assert record["features"][0]["name"] == "tenure_months"
    assert record["coverage"]["predictions"] == 120


def test_joined_json_output_holds_the_input_beside_sagemaker_output(made, tmp_path, capsys):
    _, sent = rows_of(5)
    names = ("tenure_months", "plan_type")
    lines = [json.dumps({**dict(zip(names, item.row, strict=True)), "SageMakerOutput": item.score}) for item in sent]
    path = tmp_path / "part-0.jsonl.out"
    path.write_text("\n".join(lines) + "\n")

    run("--baseline", made / "baseline", "--window", path)

    coverage = json.loads(capsys.readouterr().out)["coverage"]
    assert (coverage["rows"], coverage["predictions"]) == (120, 120)


def test_outputs_without_their_inputs_are_refused_with_what_to_do(made, tmp_path: Path, capsys):
    (tmp_path / "part-0.csv.out").write_text("0.5\n" * 10)

    code = cli.main(["monitor", "run", "--baseline", str(made / "baseline"), "--window", str(tmp_path)])

    assert code == cli.USER_MISTAKE
    assert "run the transform job with JoinSource Input" in capsys.readouterr().err
