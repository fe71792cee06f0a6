"""The function that plans a flow's dates reads its bounds from the environment."""

import pytest

from tests.lambdas.fakes import load_function


@pytest.fixture
def function(monkeypatch):
    monkeypatch.setenv("MAXIMUM_DAYS", "5")
    monkeypatch.setenv("LOOKBACK_DAYS", "1")
    return load_function("flow_dates").handler


def test_answers_the_plan_as_the_state_machine_reads_it(function):
    answer = function.lambda_handler({"from": "2026-01-01", "to": "2026-01-02"}, None)

    assert answer == {
        "dates": ["2026-01-01", "2026-01-02"],
        "first": "2026-01-01",
        "last": "2026-01-02",
        "since": "2025-12-31",
        "after": "2026-01-03",
        "stages": 1000,
    }


def test_an_input_that_cannot_be_is_an_error_with_its_reason(function):
    with pytest.raises(ValueError, match="from, to: must be at most 5 days, got 6; start several flows"):
        function.lambda_handler({"from": "2026-01-01", "to": "2026-01-06"}, None)
