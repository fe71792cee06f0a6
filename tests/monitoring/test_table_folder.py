"""Tables in many files and windows of a day: what the command makes of partitions, and what it refuses."""

import json

import pytest

from seatrial import cli
from tests.monitoring.made_capture import capture_key, hour, lines_of_hour, traffic, write_lines


def run(*arguments: object) -> int:
    return cli.main(["monitor", "run", *map(str, arguments)])


@pytest.fixture
def table(tmp_path):
    """Two files a day for the first and the third day, and a marker."""
    for day in (0, 2):
        for part in range(2):
            rows = [f"{item.row[0]},{item.row[1]},{item.score}" for item in traffic(day + part, 60)]
            place = tmp_path / "scored" / f"date={hour(24 * day):%Y-%m-%d}" / f"part-{part}.csv"
            write_lines(place, ["tenure_months,plan_type,prediction", *rows])
    (tmp_path / "scored" / "_temporary").mkdir()
    write_lines(tmp_path / "scored" / "_temporary" / "part-9.csv", ["nothing"])
    return tmp_path / "scored"


def test_each_partition_is_a_window_and_a_day_without_files_an_empty_one(made, table, capsys):
    code = run(
        "--baseline", made / "baseline", "--window", table, "--partition", "date=%Y-%m-%d/", "--each", "day", "--json"
    )

    windows = json.loads(capsys.readouterr().out)["windows"]
    assert code == 0
    assert [(item["name"], item["rows"], item["files"]) for item in windows] == [
        ("2026-11-01T00:00:00Z", 120, 2),
        ("2026-11-02T00:00:00Z", 0, 0),
        ("2026-11-03T00:00:00Z", 120, 2),
    ]


def test_without_a_partition_all_files_are_one_window(made, table, capsys):
    run("--baseline", made / "baseline", "--window", table, "--json")

    (window,) = json.loads(capsys.readouterr().out)["windows"]
    assert (window["start"], window["rows"]) == (None, 240)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--partition", "dt=%Y-%m-%d/"],
            "has no files of rows below dt=%Y-%m-%d/; check --partition, --from and --to",
        ),
        (["--partition", "date=%Y-%m-%d/", "--labels", "."], "--labels: a table holds its own labels"),
        (["--each", "day", "--from", "2026-11-01T05:00:00Z"], "--from: windows are full days, got 2026-11-01T05:00Z"),
    ],
)
def test_what_cannot_be_judged_is_told(made, table, capsys, arguments, sentence):
    code = run("--baseline", made / "baseline", "--window", table, *arguments)

    assert code == cli.USER_MISTAKE
    assert sentence in capsys.readouterr().err


def test_an_endpoint_s_capture_is_judged_by_the_hour(made, tmp_path, capsys):
    captured, _ = lines_of_hour(0, 20)
    write_lines(tmp_path / capture_key(0), captured)

    code = run("--baseline", made / "baseline", "--window", tmp_path, "--each", "day")

    assert code == cli.USER_MISTAKE
    assert "an endpoint's capture is judged by the hour; leave --each out" in capsys.readouterr().err
