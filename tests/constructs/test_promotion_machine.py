"""The promotion's state machine: whole, finite, accepted by an interpreter of Amazon States Language."""

import json

import pytest

from seatrial.constructs.promotion_machine import PromotionSettings, promotion_machine

SETTINGS = PromotionSettings(
    select_arn="arn:aws:lambda:eu-central-1:111111111111:function:select",
    verify_arn="arn:aws:lambda:eu-central-1:111111111111:function:verify",
    stack_name="churn-dev-serving",
    endpoint_name="churn-dev",
    parameter="ModelPackageArn",
    kept_parameters=("BootstrapVersion",),
    state_table="state",
    topic_arn="arn:aws:sns:eu-central-1:111111111111:told",
)
MACHINE = promotion_machine(SETTINGS)
STATES = MACHINE["States"]


def successors(state):
    yield from (rule["Next"] for rule in state.get("Choices", []))
    yield from (catch["Next"] for catch in state.get("Catch", []))
    yield from (state[key] for key in ("Next", "Default") if key in state)


def test_every_state_leads_somewhere_that_exists():
    missing = [(name, to) for name, state in STATES.items() for to in successors(state) if to not in STATES]

    assert missing == []


def test_every_state_is_reachable():
    seen, waiting = set(), [MACHINE["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += successors(STATES[name])

    assert seen == set(STATES)


def test_from_every_state_an_end_can_be_reached():
    ends = {name for name, state in STATES.items() if state.get("End") or state["Type"] in {"Succeed", "Fail"}}
    reaching = set(ends)
    for _ in STATES:
        reaching |= {name for name, state in STATES.items() if reaching & set(successors(state))}

    assert reaching == set(STATES)


def test_the_update_changes_the_model_package_alone():
    parameters = STATES["PromoteStack"]["Parameters"]

    assert parameters["UsePreviousTemplate"] is True
    assert parameters["Parameters"] == [
        {"ParameterKey": "ModelPackageArn", "ParameterValue.$": "$.selection.modelPackageArn"},
        {"ParameterKey": "BootstrapVersion", "UsePreviousValue": True},
    ]


def test_a_busy_stack_is_chosen_for_anew():
    """Somebody else's update may have brought a newer model: what is promoted is decided again."""
    assert STATES["PromoteLater"]["Next"] == "Select"


@pytest.mark.parametrize("name", ["RolledBackEnd", "RolledBackByStackEnd"])
def test_a_roll_back_ends_as_a_failure(name):
    assert STATES[name]["Type"] == "Fail"
    assert STATES[name]["Error"] == "RolledBack"


def test_an_interpreter_accepts_the_definition():
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    program, _ = AmazonStateLanguageParser.parse(json.dumps(MACHINE))

    assert program.start_at.start_at_name == "Select"
