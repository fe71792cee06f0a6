"""`seatrial monitor run` as a user meets it: what it prints, writes and returns, from disk and from S3."""

import json
from pathlib import Path

import boto3
import pytest
import yaml

from seatrial import cli
from seatrial.contracts.serving import BASELINE_DIGEST, BASELINE_URI
from tests.monitoring.made_capture import capture_key, lines_of_hour, traffic, write_baseline, write_lines

ALARMED = 1


def run(*arguments: object) -> int:
    return cli.main(["monitor", "run", *map(str, arguments)])


def of(made: Path, name: str = "capture/churn/primary") -> tuple[object, ...]:
    return ("--baseline", made / "baseline", "--window", made / name)


def as_json(capsys: pytest.CaptureFixture) -> dict:
    return json.loads(capsys.readouterr().out)


def mistake(capsys: pytest.CaptureFixture) -> str:
    told = capsys.readouterr().err
    assert told.startswith("seatrial: ")
    assert told.count("\n") == 1
    return told.removeprefix("seatrial: ").strip()


def test_quiet_traffic_is_ok_and_the_exit_code_is_0(made, capsys):
    code = run(*of(made), "--to", "2026-11-01T12:00:00Z")

    told = capsys.readouterr().out
    assert code == 0
    assert told.startswith("ok: 1,800 rows agree with the baseline\n")
    assert "No labels were given, so whether predictions are worse is not known" in told


def test_drift_is_told_with_the_feature_its_beginning_and_what_to_do_and_the_exit_code_is_1(made, capsys):
    code = run(*of(made), "--labels", made / "labels/churn")

    told = capsys.readouterr().out
    assert code == ALARMED
    assert told.startswith("drift in tenure_months")
    assert "The change began about 2026-11-01T12:00:00Z" in told
    assert "labelled predictions show no loss beyond the tolerance" in told


def test_the_record_as_json_holds_every_window_and_every_number(made, capsys):
    run(*of(made), "--labels", made / "labels/churn", "--json")

    record = as_json(capsys)
    assert record["alarmed"] is True
    assert len(record["windows"]) == 20
    assert record["windows"][0]["verdict"] == "ok"
    assert record["windows"][-1]["verdict"] == "drift"
    assert record["features"][0]["name"] == "tenure_months"
    assert record["features"][0]["since"] == "2026-11-01T12:00:00Z"
    assert record["coverage"]["rows"] == record["coverage"]["labelled_rows"] == 20 * 150
    assert record["baseline"]["origin"] == "seatrial"


def test_the_folder_gets_the_page_and_model_monitors_files(made, tmp_path, capsys):
    run(*of(made), "--out", tmp_path / "report")

    files = {path.name: path for path in (tmp_path / "report").iterdir()}
    violations = json.loads(files["constraint_violations.json"].read_text())["violations"]
    statistics = json.loads(files["statistics.json"].read_text())
    assert capsys.readouterr().out.endswith(f"report: {files['report.html']}\n")
    assert [item["constraint_check_type"] for item in violations] == ["baseline_drift_check"]
    assert statistics["dataset"]["item_count"] == 3000
    assert [item["name"] for item in statistics["features"]] == ["tenure_months", "plan_type"]


def test_a_loss_of_quality_pages(made, tmp_path, capsys):
    for number in range(6):
        captured, truths = lines_of_hour(number, flipped=True)
        write_lines(tmp_path / "capture" / capture_key(number), captured)
        write_lines(tmp_path / "labels" / capture_key(number), truths)

    code = run("--baseline", made / "baseline", "--window", tmp_path / "capture", "--labels", tmp_path / "labels")

    assert code == ALARMED
    assert "predictions are worse than when the model was validated" in capsys.readouterr().out


def test_a_feed_that_was_broken_for_an_hour_is_told_as_a_fault_that_has_cleared(made, tmp_path, capsys):
    for number in range(4):
        captured, _ = lines_of_hour(number)
        broken = [line.replace(",prepaid", ",").replace(",postpaid", ",") for line in captured]
        write_lines(tmp_path / capture_key(number), broken if number == 1 else captured)

    code = run("--baseline", made / "baseline", "--window", tmp_path, "--json")

    record = as_json(capsys)
    assert code == ALARMED
    assert [window["verdict"] for window in record["windows"]] == ["ok", "schema_violation", "ok", "ok"]
    assert record["incidents"][0]["cleared_at"] == "2026-11-01T03:00:00Z"
    assert record["headline"] == "schema violation: one incident, cleared by the end"
    assert record["meaning"][0].startswith("Rows were not what the model was made for")


def test_lines_that_cannot_be_read_are_quarantined_and_counted_by_reason(made, tmp_path, capsys):
    captured, _ = lines_of_hour(0)
    odd = captured[0].replace('"encoding":"CSV"', '"encoding":"PROTOBUF"', 1)
    write_lines(tmp_path / "capture" / capture_key(0), [captured[0], odd, captured[1][:50], *captured[2:]])

    code = run("--baseline", made / "baseline", "--window", tmp_path / "capture", "--out", tmp_path / "out", "--json")

    quarantined = [json.loads(line) for line in (tmp_path / "out/quarantined.jsonl").read_text().splitlines()]
    assert code == 0
    assert as_json(capsys)["coverage"]["reasons"] == {"line is no JSON": 1, "unknown encoding 'PROTOBUF'": 1}
    assert [item["line"] for item in quarantined] == [2, 3]
    assert quarantined[0]["file"] == capture_key(0)


def test_an_hour_without_files_is_counted_and_no_reason_is_made_up(made, tmp_path, capsys):
    for number in (0, 2):
        write_lines(tmp_path / capture_key(number), lines_of_hour(number)[0])

    code = run("--baseline", made / "baseline", "--window", tmp_path, "--json")

    record = as_json(capsys)
    assert code == 0
    assert [window["verdict"] for window in record["windows"]] == ["ok", "insufficient_data", "ok"]
    assert record["coverage"]["empty_windows"] == 1
    assert any("not known here" in sentence for sentence in record["meaning"])


def test_few_rows_are_no_result(made, tmp_path, capsys):
    write_lines(tmp_path / capture_key(0), lines_of_hour(0, rows=9)[0])

    code = run("--baseline", made / "baseline", "--window", tmp_path)

    assert code == 0
    assert capsys.readouterr().out.startswith("insufficient data: too few rows to judge")


def test_a_single_capture_file_is_one_window(made, capsys):
    code = run(*of(made, f"capture/churn/primary/{capture_key(15)}"), "--labels", made / "labels/churn", "--json")

    record = as_json(capsys)
    assert code == ALARMED
    assert [window["name"] for window in record["windows"]] == ["2026-11-01T15:00:00Z"]
    assert record["coverage"]["labelled_rows"] == 150


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_table_is_judged_by_its_columns_names(made, tmp_path, capsys, form):
    import pyarrow
    import pyarrow.parquet

    sent = list(traffic(7, 400, shift=6.0))
    columns = {
        "plan_type": [item.row[1] for item in sent],
        "subscriber": [f"s{index}" for index in range(400)],
        "tenure_months": [item.row[0] if form == "csv" else float(item.row[0]) for item in sent],
        "prediction": [item.score for item in sent],
        "label": [item.label for item in sent],
    }
    path = tmp_path / f"rows.{form}"
    if form == "csv":
        lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
        write_lines(path, lines)
    elif form == "jsonl":
        rows = zip(*columns.values(), strict=True)
        write_lines(path, [json.dumps(dict(zip(columns, row, strict=True))) for row in rows])
    else:
        pyarrow.parquet.write_table(pyarrow.table(columns), path)

    code = run("--baseline", made / "baseline", "--window", path, "--json")

    record = as_json(capsys)
    assert code == ALARMED
    assert [window["name"] for window in record["windows"]] == ["the whole table"]
    assert record["features"][0]["name"] == "tenure_months"
    assert record["coverage"]["predictions"] == record["coverage"]["labelled_rows"] == 400


def test_a_table_with_times_is_judged_hour_by_hour(made, tmp_path, capsys):
    lines = ["at,tenure_months,plan_type"]
    for number in (0, 1):
        lines += [f"2026-11-01T0{number}:59:59Z,{','.join(item.row)}" for item in traffic(number, 60)]
    path = write_lines(tmp_path / "rows.csv", lines)

    run("--baseline", made / "baseline", "--window", path, "--time-column", "at", "--from", "2026-11-01T01", "--json")

    assert [window["name"] for window in as_json(capsys)["windows"]] == ["2026-11-01T01:00:00Z"]


def test_a_table_without_one_of_the_models_columns_is_a_schema_violation(made, tmp_path, capsys):
    path = write_lines(tmp_path / "rows.csv", ["plan_type,prediction", *["prepaid,0.3"] * 100])

    code = run("--baseline", made / "baseline", "--window", path)

    assert code == ALARMED
    assert "100 of 100 rows have 1 columns, the model takes 2" in capsys.readouterr().out


def test_the_files_of_model_monitor_are_a_baseline_for_inputs(made, capsys):
    code = run("--baseline", made / "monitor", "--window", made / "capture/churn/primary", "--json")

    record = as_json(capsys)
    assert code == ALARMED
    assert record["baseline"]["origin"] == "model-monitor"
    assert record["features"][0]["name"] == "tenure_months"
    assert "prediction" not in [feature["name"] for feature in record["features"]]


def test_it_reads_from_s3_and_finds_the_variant_behind_double_slashes(made, upload, bucket, capsys):
    capture, baseline = f"s3://{bucket}/data-capture", upload(made / "baseline", "models/1")
    labels = upload(made / "labels/churn", "ground-truth/churn")
    upload(made / "capture/churn/primary", "data-capture//churn/primary")

    code = run("--baseline", baseline, "--window", capture, "--labels", labels, "--from", "2026-11-01T10", "--json")

    record = as_json(capsys)
    assert code == ALARMED
    assert (record["windows"][0]["name"], len(record["windows"])) == ("2026-11-01T10:00:00Z", 10)
    assert record["coverage"]["labelled_rows"] == 1500


class Registered:
    """A model package in the registry of moto."""

    def __init__(self, **metadata: str) -> None:
        client = boto3.client("sagemaker")
        client.create_model_package_group(ModelPackageGroupName="churn")
        answer = client.create_model_package(ModelPackageGroupName="churn", CustomerMetadataProperties=metadata)
        self.arn = answer["ModelPackageArn"]


def test_the_baseline_of_a_model_package_is_found_and_its_digest_checked(made, upload, capsys):
    digest = (made / "baseline/baseline.sha256").read_text().strip()
    uri = upload(made / "baseline", "models/1") + "/baseline.json"
    package = Registered(**{BASELINE_URI: uri, BASELINE_DIGEST: digest})

    code = run("--baseline", package.arn, "--window", made / "capture", "--to", "2026-11-01T02", "--json")

    record = as_json(capsys)
    assert code == 0
    assert (record["baseline"]["package_arn"], record["baseline"]["digest"]) == (package.arn, digest)
    assert record["baseline"]["notes"] == []


def test_a_baseline_that_is_not_the_registered_one_is_refused(made, upload, tmp_path, capsys):
    other = write_baseline(tmp_path / "other", made_of_other_rows())
    uri = upload(other, "models/1") + "/baseline.json"
    registered = (made / "baseline/baseline.sha256").read_text().strip()
    package = Registered(**{BASELINE_URI: uri, BASELINE_DIGEST: registered})

    code = run("--baseline", package.arn, "--window", made / "capture")

    assert code == cli.USER_MISTAKE
    assert f"but {registered[:12]}... was recorded when the model was made" in mistake(capsys)


def made_of_other_rows():
    from seatrial.statistics.baseline import build_baseline
    from tests.monitoring.made_capture import SCHEMA

    sent = list(traffic(2, 100))
    return build_baseline(SCHEMA, [item.row for item in sent], [item.score for item in sent], [s.label for s in sent])


def test_a_baseline_whose_bytes_changed_is_refused(made, tmp_path, capsys):
    text = (made / "baseline/baseline.json").read_text()
    (tmp_path / "baseline.json").write_text(text.replace('"rows": 1000', '"rows": 1001'))
    (tmp_path / "baseline.sha256").write_text((made / "baseline/baseline.sha256").read_text())

    code = run("--baseline", tmp_path / "baseline.json", "--window", made / "capture")

    assert code == cli.USER_MISTAKE
    assert "a baseline is never replaced" in mistake(capsys)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--window", "nowhere"), "nowhere: no such file or folder; check the path"),
        (("--window", "gs://bucket/x"), "gs://bucket/x: is neither a path nor s3://bucket/prefix; give one of these"),
        (("--from", "yesterday"), "--from: must be ISO 8601 in UTC such as 2026-11-01T07:00:00Z, got 'yesterday'"),
        (("--from", "2026-11-01T07:30"), "--from: windows are full hours, got '2026-11-01T07:30'; give a full hour"),
        (
            ("--from", "2026-11-02", "--to", "2026-11-01"),
            "--to: must be after --from, got 2026-11-01 after 2026-11-02",
        ),
        (
            ("--from", "2020-01-01", "--to", "2026-01-01"),
            "--to: at most 400 days are judged at once, got 2192; ask for less",
        ),
        (("--alarm-budget", "0"), "--alarm-budget: must be above 0 and at most 365, got 0"),
        (("--minimum-rows", "0"), "--minimum-rows: must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(made, capsys, arguments, sentence):
    code = run(*of(made), *arguments)

    assert (code, mistake(capsys)) == (cli.USER_MISTAKE, sentence)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("rows.csv", b"", "cannot be read as a table: Empty CSV file; repair the file"),
        ("rows.csv", b"tenure_months,plan_type\n", "holds nothing in the period; check --from and --to, or the place"),
        ("rows.csv", b"age\n3\n", "has none of the baseline's columns (tenure_months, plan_type); it has age"),
        (
            "rows.csv",
            b"tenure_months,prediction\n3,high\n",
            "row 1: prediction must be a number, got 'high'; repair the",
        ),
        ("rows.csv", b"tenure_months,prediction,label\n3,1,7\n", "row 1: label must be 0 or 1, got '7'; repair the"),
        ("rows.jsonl", b'{"tenure_months": 3}\n[1]\n', "line 2: must be a JSON object; give JSON Lines"),
        ("rows.jsonl", b'{"tenure_months": "\xff"}\n', "is no text in UTF-8; convert it, or give Parquet"),
        ("rows.parquet", b"PAR1", "cannot be read as a table: "),
        ("rows.txt", b"3,prepaid\n", "is neither data capture nor a table; give a folder of captures"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_with_its_place(made, capsys, name, content, sentence):
    path = made / name
    path.write_bytes(content)

    code = run("--baseline", made / "baseline", "--window", path)

    assert code == cli.USER_MISTAKE
    assert mistake(capsys).startswith(f"{path}: {sentence}")


def test_a_baseline_that_is_none_is_told_with_its_place(made, tmp_path, capsys):
    broken = write_lines(tmp_path / "baseline.json", ['{"schema": {}}'])
    other = write_lines(tmp_path / "other/statistics.json", ['{"features": 3}'])

    codes = [run("--baseline", path, "--window", made / "capture") for path in (broken, other, tmp_path / "other/x")]

    told = capsys.readouterr().err.splitlines()
    assert codes == [cli.USER_MISTAKE] * 3
    assert told[0].startswith(f"seatrial: {broken}: baseline: not a baseline file")
    assert told[1].startswith(
        f"seatrial: {other}: must be an object with a list of features; take a file of Model Monitor"
    )
    assert told[2] == f"seatrial: {tmp_path / 'other/x'}: no such file or folder; check the path"


def test_requests_delivered_twice_and_those_written_after_the_hour_count_once_in_their_own(made, tmp_path, capsys):
    captured, _ = lines_of_hour(0)
    late = [line for line in captured if '"0-1' in line]
    for number, lines in ((0, [*captured[:50], *captured]), (1, lines_of_hour(1)[0])):
        write_lines(tmp_path / capture_key(number, "30-00-000.jsonl"), lines)
    last = [line.replace("2026-11-01T00:00:00Z", "2026-11-01T00:59:58Z").replace('"0-', '"late-') for line in late]
    write_lines(tmp_path / capture_key(1, "00-01-000.jsonl"), last)

    run("--baseline", made / "baseline", "--window", tmp_path, "--json")

    record = as_json(capsys)
    assert [window["rows"] for window in record["windows"]] == [150 + len(late), 150]
    assert record["coverage"]["repeated"] == 50


def test_the_settings_of_an_engagement_are_used_and_options_go_before_them(made, tmp_path, capsys):
    engagement = tmp_path / "engagement.yaml"
    document = yaml.safe_load(Path("engagements/telecom-churn.yaml").read_text())
    document["monitoring"] = {"minimum_rows": 500, "alarm_budget_per_year": 4}
    engagement.write_text(yaml.safe_dump(document))

    run(*of(made), "--engagement", engagement, "--to", "2026-11-01T02", "--json")
    by_engagement = as_json(capsys)
    run(*of(made), "--engagement", engagement, "--to", "2026-11-01T02", "--minimum-rows", "100", "--json")
    by_option = as_json(capsys)

    assert (by_engagement["minimum_rows"], by_engagement["alarm_budget_per_year"]) == (500, 4)
    assert [window["verdict"] for window in by_engagement["windows"]] == ["insufficient_data"] * 2
    assert [window["verdict"] for window in by_option["windows"]] == ["ok"] * 2


def test_a_period_without_any_file_is_the_users_mistake(made, capsys):
    code = run(*of(made), "--from", "2027-01-01", "--to", "2027-01-02")

    assert code == cli.USER_MISTAKE
    assert "holds nothing in the period" in mistake(capsys)


def test_captures_of_two_variants_are_not_mixed(made, tmp_path, capsys):
    for variant in ("blue", "green"):
        write_lines(tmp_path / variant / capture_key(0), lines_of_hour(0)[0])

    code = run("--baseline", made / "baseline", "--window", tmp_path)

    assert code == cli.USER_MISTAKE
    assert "several variants (blue, green); name one of these folders" in mistake(capsys)


def test_a_bucket_that_is_not_there_is_told_with_the_place(made, bucket, capsys):
    code = run("--baseline", made / "baseline", "--window", "s3://elsewhere/capture")

    assert code == cli.USER_MISTAKE
    assert mistake(capsys).startswith("s3://elsewhere/capture: S3 answers: The specified bucket does not exist")
