"""`seatrial data generate`: what it writes and says, and the one line it has for each mistake."""

import io
import json

import pyarrow.dataset as ds
import pytest

from seatrial.cli import main
from seatrial.data import Progress
from seatrial.telecom.account import Account


def generate(place, *more):
    return main(
        ["data", "generate", "--out", str(place), "--subscribers", "40", "--days", "3", "--workers", "1", *more]
    )


def test_writes_an_operator_and_sums_it_up(capsys, tmp_path):
    code = generate(tmp_path / "x", "--seed", "3", "--start", "2026-11-01", "--bad", "0.1", "--late", "0.05")

    out = capsys.readouterr().out
    told = json.loads((tmp_path / "x" / "_generated.json").read_text())
    assert code == 0
    assert out.startswith("40 subscribers, 3 days from 2026-11-01, seed 3: ")
    assert f"events       {told['rows']['events']:>15,} rows" in out
    assert f"late                         {told['events']['faults']['late']:>12,} events spoilt" in out
    assert told["plan"]["faults"]["bad"] == 0.1
    assert ds.dataset(tmp_path / "x/events/cdr").count_rows() == told["rows"]["events"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--subscribers", "0"], "--subscribers: must be from 1 to 8192000000, got 0"),
        (["--days", "0"], "--days: must be from 1 to 3660, got 0"),
        (["--seed", "-1"], "--seed: must be 0 or more, got -1"),
        (["--churn-rate", "2"], "--churn-rate: must be above 0 and at most 0.2 (share of a month), got 2.0"),
        (["--crm-every", "0"], "--crm-every: must be at least 1 (days), got 0"),
        (["--out-of-order", "1.5"], "--out-of-order: must be a share from 0 to 1, got 1.5"),
        (
            ["--late", "0.7", "--bad", "0.7"],
            "--duplicates, late, too-late, out-of-order, bad: must not exceed 1 in all",
        ),
        (["--workers", "0"], "--workers: must be at least 1, got 0"),
        (["--out", "gs://x"], "--out: must be a folder or s3://bucket/prefix, got 'gs://x'"),
        (["--out", "/dev/null/x"], "--out: /dev/null/x cannot be used: "),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, tmp_path, arguments, sentence):
    code = generate(tmp_path / "x", *arguments)

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(f"seatrial: {sentence}")
    assert len(err.splitlines()) == 1


def test_a_folder_that_holds_something_is_left_alone(capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("x")

    code = generate(tmp_path)

    assert code == 2
    assert "is not empty (there is 'mine.txt'): take another, or empty it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("arguments", [["--start", "yesterday"], ["--format", "csv"], ["--days", "many"]])
def test_what_cannot_be_read_ends_with_the_usage(capsys, tmp_path, arguments):
    with pytest.raises(SystemExit) as ended:
        generate(tmp_path / "x", *arguments)

    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_progress_is_a_line_now_and_then_where_there_is_no_terminal():
    stream = io.StringIO()
    progress = Progress(stream)

    progress.show(Account(), 1, 3)
    progress.began -= 20
    progress.show(Account(), 2, 3)
    progress.show(Account(), 3, 3)
    progress.end()

    (line,) = stream.getvalue().splitlines()
    assert line.startswith("2 of 3 parts, 0 events, ")
