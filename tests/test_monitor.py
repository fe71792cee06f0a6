"""`seatrial monitor simulate` as a user meets it."""

import json

from seatrial import cli

SMALL = ["monitor", "simulate", "--days", "1", "--streams", "1", "--rows-per-window", "100"]


def test_the_cost_of_settings_is_printed_as_a_table(capsys):
    code = cli.main([*SMALL, "--regime", "independent"])

    told = capsys.readouterr().out
    assert code == 0
    assert told.startswith("independent: expect 0.0 false pages a year (at most ")
    assert "one feature moves by 0.3 sd" in told
    assert "100% of the labels become noise" in told


def test_the_cost_of_settings_is_printed_as_json(capsys):
    code = cli.main([*SMALL, "--json", "--regime", "seasonal"])

    told = json.loads(capsys.readouterr().out)
    assert code == 0
    assert [item["regime"] for item in told["regimes"]] == ["seasonal"]
    assert told["regimes"][0]["drift_delays"][2]["change"] == "one feature moves by 1 sd"


def test_settings_without_sense_are_the_user_s_mistake(capsys):
    code = cli.main(["monitor", "simulate", "--features", "0"])

    assert code == cli.USER_MISTAKE
    assert capsys.readouterr().err == "seatrial: features: must be at least 1, got 0\n"
