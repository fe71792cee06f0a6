"""Parsing templates, parameters, and the order of resources."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.parameters import choose_values, effective_values
from seatrial.offline.engine.plan import check_references, order
from seatrial.offline.engine.template import Definition, Template, parse_template

YAML = """
Description: short tags
Parameters:
  Since: {Type: String, Default: 2026-01-01}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Sub "${AWS::StackName}-queue"
      KmsMasterKeyId: !GetAtt Key.Arn
      Tags: [{Key: since, Value: !Ref Since}]
"""


def template(**parameters: dict[str, object]) -> Template:
    return Template("", parameters, mappings={}, conditions={}, rules={}, resources={}, outputs={})


def test_reads_yaml_with_short_tags_and_leaves_dates_as_text() -> None:
    parsed = parse_template(YAML)

    properties = parsed.resources["Queue"].properties
    assert properties["QueueName"] == {"Fn::Sub": "${AWS::StackName}-queue"}
    assert properties["KmsMasterKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}
    assert parsed.parameters["Since"]["Default"] == "2026-01-01"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "JSON not well-formed"),
        ("a: [", "YAML not well-formed"),
        ("[]", "unsupported structure"),
        ("{}", "At least one Resources member must be defined"),
        ('{"Resources": {"A": {}}}', "Every Resources object must contain a Type"),
        ('{"Resources": {"A": {"Type": "T", "Propertys": {}}}}', "Invalid template resource property 'Propertys' in A"),
        ('{"Transform": "X", "Resources": {}}', "Transform is not emulated"),
    ],
)
def test_refuses_a_broken_template(text: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        parse_template(text)


def test_refuses_a_reference_to_nothing() -> None:
    body = '{"Resources": {"A": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "B"}}}}}'

    with pytest.raises(ValidationError, match=r"Unresolved resource dependencies \[B\] in the Resources block"):
        check_references(parse_template(body))


def test_refuses_a_circle() -> None:
    definitions = {"A": Definition("A", "T", depends_on=("B",)), "B": Definition("B", "T", depends_on=("A",))}

    with pytest.raises(ValidationError, match=r"Circular dependency between resources: \[A, B\]"):
        order(definitions)


@given(st.lists(st.sets(st.integers(0, 9), max_size=4), max_size=10))
def test_dependencies_always_come_first(needs: list[set[int]]) -> None:
    definitions = {
        f"R{number}": Definition(f"R{number}", "T", depends_on=tuple(f"R{other}" for other in others if other < number))
        for number, others in enumerate(needs)
    }

    result = order(definitions)

    place = {name: position for position, name in enumerate(result)}
    assert set(place) == set(definitions)
    assert all(place[other] < place[name] for name in definitions for other in definitions[name].depends_on)


def test_values_come_from_the_request_then_the_previous_then_the_default() -> None:
    declared = template(
        A={"Type": "String", "Default": "a"}, B={"Type": "Number", "Default": 5}, C={"Type": "CommaDelimitedList"}
    )
    given_values = [{"ParameterKey": "A", "UsePreviousValue": True}, {"ParameterKey": "C", "ParameterValue": "x, y"}]

    values = choose_values(declared, given_values, {"A": "before"})

    assert values == {"A": "before", "B": "5", "C": "x, y"}
    assert effective_values(declared, values, lambda name: None)["C"] == ["x", "y"]


@pytest.mark.parametrize(
    ("declaration", "value", "sentence"),
    [
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", r"must be one of AllowedValues: \[a, b\]"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "A", "must match pattern"),
        ({"Type": "String", "MinLength": 2}, "a", "at least 2 characters"),
        ({"Type": "Number"}, "many", "must be a number, got 'many'"),
        ({"Type": "Number", "MaxValue": 3}, "4", "not greater than 3"),
    ],
)
def test_refuses_a_value_that_breaks_a_constraint(declaration: dict[str, object], value: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        choose_values(template(P=declaration), [{"ParameterKey": "P", "ParameterValue": value}], {})


def test_refuses_missing_and_unknown_parameters() -> None:
    with pytest.raises(ValidationError, match=r"Parameters: \[P\] must have values"):
        choose_values(template(P={"Type": "String"}), [], {})
    with pytest.raises(ValidationError, match=r"Parameters: \[Q\] do not exist in the template"):
        choose_values(template(), [{"ParameterKey": "Q", "ParameterValue": "1"}], {})
