"""The function that plans a flow's dates, and claims them for one execution at a time."""

from types import SimpleNamespace

import pytest

from seatrial.contracts import environment as names
from tests.lambdas.fakes import FakeTables, load_function

ENVIRONMENT = {
    names.FLOW_NAME: "telecom-dev",
    names.FLOW_TABLE: "claims",
    names.MAXIMUM_DAYS: "5",
    names.LOOKBACK_DAYS: "1",
    names.STAGE_COUNT: "4",
}
ONE, OTHER = (f"arn:aws:states:eu-central-1:111111111111:execution:flow:{name}" for name in ("one", "other"))


@pytest.fixture(scope="module")
def function():
    return load_function("flow_dates")


@pytest.fixture
def ask(function):
    """Ask as the state machine does; the table is the same for all questions of a test."""
    aws, configuration = (
        SimpleNamespace(dynamodb=FakeTables()),
        function.parse.Configuration.from_environment(ENVIRONMENT),
    )

    def asked(flow_input, execution=ONE, **more):
        return function.handler.run({"input": flow_input, "execution": execution, **more}, configuration, aws)

    return asked


def test_answers_the_plan_as_the_state_machine_reads_it(ask):
    assert ask({"from": "2026-01-01", "to": "2026-01-02"}) == {
        "dates": ["2026-01-01", "2026-01-02"],
        "first": "2026-01-01",
        "last": "2026-01-02",
        "since": "2025-12-31",
        "after": "2026-01-03",
        "stages": 1000,
        "from_stage": 1,
        "silent_feeds": "stop",
        "held": "",
        "owner": "",
    }


def test_an_input_that_cannot_be_is_an_error_with_its_reason(ask):
    with pytest.raises(ValueError, match="from, to: must be at most 5 days, got 6; start several flows"):
        ask({"from": "2026-01-01", "to": "2026-01-06"})


def test_a_stage_that_the_flow_does_not_have_is_refused(ask):
    with pytest.raises(ValueError, match="from_stage: must be at most 4, the last stage that runs, got 5"):
        ask({"date": "2026-01-01", "from_stage": 5})


@pytest.mark.parametrize("flow_input", [{"date": "2026-01-03"}, {"from": "2026-01-01", "to": "2026-01-05"}])
def test_a_date_of_another_execution_is_told_with_its_owner(ask, flow_input):
    ask({"from": "2026-01-02", "to": "2026-01-03"})

    again = ask(flow_input, OTHER)

    assert again["owner"] == ONE
    assert again["held"] in {"2026-01-01", "2026-01-02"}


def test_late_data_of_the_days_before_is_claimed_as_well(ask):
    ask({"date": "2026-01-02"})

    assert ask({"date": "2026-01-01"}, OTHER)["held"] == "2026-01-01"
    assert ask({"date": "2026-01-04"}, OTHER)["owner"] == ""


def test_the_same_execution_may_ask_again(ask):
    ask({"date": "2026-01-02"})

    assert ask({"date": "2026-01-02"})["owner"] == ""


def test_an_execution_that_has_ended_owns_nothing_any_more(ask):
    ask({"from": "2026-01-01", "to": "2026-01-03"})

    taken = ask({"date": "2026-01-02"}, OTHER, ended=ONE)

    assert taken["owner"] == ""
    assert ask({"date": "2026-01-02"})["owner"] == OTHER


def test_a_claim_that_went_away_in_between_is_made(function):
    class Forgetful(FakeTables):
        """Its items expire as soon as somebody was refused because of them."""

        def get_item(self, **_):
            self.items.clear()
            return {}

    aws, configuration = (
        SimpleNamespace(dynamodb=Forgetful()),
        function.parse.Configuration.from_environment(ENVIRONMENT),
    )
    function.handler.run({"input": {"date": "2026-01-02"}, "execution": ONE}, configuration, aws)

    answer = function.handler.run({"input": {"date": "2026-01-02"}, "execution": OTHER}, configuration, aws)

    assert answer["owner"] == ""
