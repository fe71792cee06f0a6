"""Intrinsic functions against a fake scope."""

from typing import Any

import pytest

from seatrial.offline.engine.errors import ValidationError
from seatrial.offline.engine.intrinsics import NO_VALUE, references, resolve


class FakeScope:
    """Knows one bucket, one parameter and two conditions."""

    mappings = {"Sizes": {"dev": {"count": "1"}}}

    def ref(self, name: str) -> Any:
        return {"Bucket": "my-bucket", "Environment": "dev", "AWS::Region": "eu-central-1"}[name]

    def attribute(self, logical_id: str, name: str) -> Any:
        return f"{logical_id}/{name}"

    def condition(self, name: str) -> bool:
        return {"Yes": True, "No": False}[name]

    def export(self, name: str) -> Any:
        return f"exported {name}"

    def stack_output(self, stack: str, output: str) -> Any:
        return f"{stack}:{output}"

    def zones(self, region: str) -> list[str]:
        return [f"{region or 'here'}a", f"{region or 'here'}b"]

    def dynamic(self, service: str, reference: str) -> str:
        return f"<{service} {reference}>"


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Bucket"}, "my-bucket"),
        ({"Fn::GetAtt": ["Bucket", "Arn"]}, "Bucket/Arn"),
        ({"Fn::GetAtt": "Bucket.Arn"}, "Bucket/Arn"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Environment"}, 3, True]]}, "a-dev-3-true"),
        (
            {"Fn::Sub": "${Bucket}/${Bucket.Arn}/${!Literal}/${AWS::Region}"},
            "my-bucket/Bucket/Arn/${Literal}/eu-central-1",
        ),
        ({"Fn::Sub": ["${x}!", {"x": {"Ref": "Bucket"}}]}, "my-bucket!"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b"]}]}, "b"),
        ({"Fn::If": ["No", "then", "otherwise"]}, "otherwise"),
        ({"Fn::Equals": [{"Ref": "Environment"}, "dev"]}, True),
        ({"Fn::And": [{"Condition": "Yes"}, {"Fn::Not": [{"Condition": "No"}]}]}, True),
        ({"Fn::Or": [{"Condition": "No"}, {"Condition": "Yes"}]}, True),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Environment"}, "count"]}, "1"),
        ({"Fn::ImportValue": "lake"}, "exported lake"),
        ({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o"}}, "s:o"),
        ({"Fn::GetAZs": ""}, ["herea", "hereb"]),
        ({"Fn::Base64": "ab"}, "YWI="),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, 8]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ("{{resolve:ssm:/name}}!", "<ssm /name>!"),
        ({"Bool": {"aws:SecureTransport": "false"}}, {"Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_resolves(expression: Any, value: Any) -> None:
    assert resolve(expression, FakeScope()) == value


def test_no_value_leaves_its_entry_out() -> None:
    body = {"kept": 1, "gone": {"Ref": "AWS::NoValue"}, "list": [1, {"Fn::If": ["No", 2, {"Ref": "AWS::NoValue"}]}]}

    assert resolve(body, FakeScope()) == {"kept": 1, "list": [1]}
    assert resolve({"Ref": "AWS::NoValue"}, FakeScope()) is NO_VALUE


def test_finds_every_reference() -> None:
    body = {
        "a": {"Ref": "One"},
        "b": [{"Fn::GetAtt": ["Two", "Arn"]}],
        "c": {"Fn::Sub": ["${Three}${x}${Four.Arn}${!Five}", {"x": {"Ref": "Six"}}]},
    }

    assert set(references(body)) == {"One", "Two", "Three", "Four", "Six"}


def test_an_unknown_function_is_an_error() -> None:
    with pytest.raises(ValidationError, match="Fn::Nonsense is not emulated"):
        resolve({"Fn::Nonsense": 1}, FakeScope())


def test_selecting_past_the_end_is_an_error() -> None:
    with pytest.raises(ValidationError, match="cannot select nonexistent value at index 5"):
        resolve({"Fn::Select": [5, ["a"]]}, FakeScope())
