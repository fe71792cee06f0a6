"""The command and the function judge the same windows alike: same verdicts, same evidence, to the last bit."""

import json

import pytest

from seatrial import cli
from tests.lambdas.harbour import BASELINE, Harbour


@pytest.fixture
def harbour(cloud: None) -> Harbour:
    return Harbour()


def test_the_command_says_of_every_window_what_the_function_said(
    harbour: Harbour, capsys: pytest.CaptureFixture
) -> None:
    for hour in range(8):
        harbour.traffic(hour, shift=0.0 if hour < 5 else 4.0)
        harbour.run(hour)
    capsys.readouterr()

    arguments = ["--baseline", BASELINE, "--window", "s3://capture/data-capture/churn/primary"]
    code = cli.main(["monitor", "run", *arguments, "--labels", "s3://capture/ground-truth/churn", "--json"])

    windows = json.loads(capsys.readouterr().out)["windows"]
    function = [harbour.verdict(hour) for hour in range(8)]
    assert code == 1
    assert [item["verdict"] for item in windows] == [item["verdict"] for item in function]
    assert "drift" in [item["verdict"] for item in windows]
    assert [item["drift"] for item in windows] == [item["drift_statistic"] for item in function]
    assert [item["quality"] for item in windows] == [item["quality_loss_statistic"] for item in function]
    assert [item["labelled_rows"] for item in windows] == [item["labelled_rows"] for item in function]
    assert [item["findings"] for item in windows] == [item["findings"] for item in function]
    assert windows[-1]["root_cause"] == function[-1]["root_cause"]
