"""`seatrial status` as a command: one line and exit code 2 for what the user can put right."""

import pytest

from seatrial.cli import main

ENGAGEMENT = """\
name: telecom-churn
owner: a@example.com
environments:
  dev: {account: "111111111111", region: eu-central-1}
"""


@pytest.fixture
def engagement(tmp_path, monkeypatch):
    """An engagement, and an environment without any credentials."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    path = tmp_path / "engagement.yaml"
    path.write_text(ENGAGEMENT)
    return str(path)


def test_without_credentials_it_says_what_to_give(engagement, capsys):
    code = main(["status", "--engagement", engagement])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert err.startswith(
        "seatrial: status: AWS cannot be asked: Unable to locate credentials: give AWS credentials, or"
    )
    assert len(err.splitlines()) == 1


def test_an_environment_that_the_engagement_has_not_is_told(engagement, capsys):
    assert main(["status", "--engagement", engagement, "--environment", "prod"]) == 2
    assert "has no 'prod', only dev" in capsys.readouterr().err


@pytest.mark.parametrize("number", ["0", "101", "many"])
def test_a_number_out_of_bounds_is_told(engagement, capsys, number):
    with pytest.raises(SystemExit, match="2"):
        main(["status", "--engagement", engagement, "--windows", number])

    assert f"must be a number from 1 to 100, got {number!r}" in capsys.readouterr().err
