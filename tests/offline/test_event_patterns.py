from typing import Any

import pytest

from seatrial.offline.event_patterns import matches

EVENT = {
    "source": "aws.sagemaker",
    "detail": {
        "ModelApprovalStatus": "Approved",
        "version": 3,
        "flag": True,
        "nothing": None,
        "address": "10.0.0.7",
        "items": [{"name": "a", "size": 1}, {"name": "b", "size": 9}],
        "tags": ["red", "green"],
    },
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["aws.sagemaker"]}, True),
        ({"source": ["aws.s3", "aws.sagemaker"]}, True),
        ({"source": ["aws.s3"]}, False),
        ({"detail": {"ModelApprovalStatus": ["Approved"], "version": [3]}}, True),
        ({"detail": {"version": ["3"]}}, False),
        ({"detail": {"flag": [True]}}, True),
        ({"detail": {"flag": [1]}}, False),
        ({"detail": {"nothing": [None]}}, True),
        ({"detail": {"tags": ["green"]}}, True),
        ({"detail": {"items": {"name": ["b"]}}}, True),
        ({"detail": {"items": {"name": ["c"]}}}, False),
        ({"detail": {"absent": [{"exists": False}]}}, True),
        ({"detail": {"version": [{"exists": False}]}}, False),
        ({"detail": {"items": [{"exists": True}]}}, False),
        ({"source": [{"prefix": "aws."}]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "AWS."}}]}, True),
        ({"source": [{"suffix": "maker"}]}, True),
        ({"source": [{"equals-ignore-case": "AWS.SageMaker"}]}, True),
        ({"source": [{"wildcard": "aws.*mak*"}]}, True),
        ({"source": [{"wildcard": "aws.\\*"}]}, False),
        ({"detail": {"version": [{"numeric": [">", 1, "<=", 3]}]}}, True),
        ({"detail": {"version": [{"numeric": ["=", 4]}]}}, False),
        ({"detail": {"address": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"source": [{"anything-but": ["aws.s3", "aws.sns"]}]}, True),
        ({"source": [{"anything-but": {"prefix": "aws."}}]}, False),
        ({"detail": {"tags": [{"anything-but": "red"}]}}, False),
        ({"detail": {"absent": [{"anything-but": "red"}]}}, False),
        ({"$or": [{"source": ["aws.s3"]}, {"detail": {"version": [3]}}]}, True),
        ({"detail": {"$or": [{"version": [1]}, {"flag": [False]}]}}, False),
    ],
)
def test_matches_as_eventbridge_does(pattern: dict[str, Any], expected: bool) -> None:
    assert matches(pattern, EVENT) is expected


def test_an_unknown_comparison_is_named() -> None:
    with pytest.raises(NotImplementedError, match="'sounds-like'"):
        matches({"source": [{"sounds-like": "sage"}]}, EVENT)
