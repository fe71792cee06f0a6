"""The promotion's state machine: whole, finite, accepted by an interpreter of Amazon States Language."""

import dataclasses
import json
from fnmatch import fnmatchcase

import pytest

from seatrial.constructs.promotion_machine import PromotionSettings, promotion_machine
from seatrial.decisions.promotion import Approved, PromotionRequest, select

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
    assert STATES["PromoteLater"]["Next"] == "Look"
    assert STATES["LookAtResources"]["Next"] == "Select"


@pytest.mark.parametrize("cause", ["Rate exceeded (Service: CloudFormation)", "Throttling: too many requests"])
@pytest.mark.parametrize("name", ["Promote", "Restore"])
def test_a_throttled_update_is_tried_later(name, cause):
    matching = [
        rule["Next"] for rule in STATES[f"{name}Refused"]["Choices"] if fnmatchcase(cause, rule["StringMatches"])
    ]

    assert matching[0] == f"{name}Later"


def test_an_edit_of_the_serving_package_ends_without_a_message():
    serving = Approved("package/2", 2)
    decision = select(
        PromotionRequest(event_id="e", time="t", requested_arn="package/2", approved=[serving], serving=serving)
    )
    (then,) = [rule["Next"] for rule in STATES["ShallProceed"]["Choices"] if rule["Variable"] == "$.selection.quiet"]

    assert (decision.proceed, decision.quiet) == (False, True)
    assert STATES[then]["Type"] == "Pass"
    assert STATES[then]["End"] is True


def test_the_time_limit_covers_a_promotion_and_both_ways_back():
    slow = promotion_machine(dataclasses.replace(SETTINGS, longest_update_seconds=10_800))

    assert slow["TimeoutSeconds"] >= 4 * 10_800
    assert slow["TimeoutSeconds"] > MACHINE["TimeoutSeconds"]


@pytest.mark.parametrize("name", ["RolledBackEnd", "RolledBackByStackEnd", "RolledBackForReasonEnd"])
def test_a_roll_back_ends_as_a_failure(name):
    assert STATES[name]["Type"] == "Fail"
    assert STATES[name]["Error"] == "RolledBack"


def test_people_are_told_of_a_roll_back_even_when_its_reason_cannot_be_read():
    told = {STATES[name]["Catch"][0]["Next"] for name in ("WhyRolledBack", "Explain")}

    assert told == {"RolledBackByStack"}
    assert STATES["RolledBackByStack"]["Next"] == "RolledBackByStackTold"


def test_an_interpreter_accepts_the_definition():
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    program, _ = AmazonStateLanguageParser.parse(json.dumps(MACHINE))

    assert program.start_at.start_at_name == "Look"


def test_no_state_says_null_because_cdk_drops_it_from_the_template():
    silenced = [name for name, state in STATES.items() if None in state.values()]

    assert silenced == []
