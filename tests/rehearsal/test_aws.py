"""Calls of the rehearsal that do more than pass a request on."""

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from seatrial.rehearsal.aws import Aws


class BusyFunction:
    """Lambda's client while a function with one reserved instance is busy for some calls."""

    def __init__(self, busy_calls: int, code: str = "TooManyRequestsException") -> None:
        self.busy_calls = busy_calls
        self.code = code
        self.calls = 0

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        if self.calls <= self.busy_calls:
            raise ClientError({"Error": {"Code": self.code, "Message": "Rate Exceeded."}}, "Invoke")
        return {"Payload": io.BytesIO(b'{"action": "start"}')}


def test_a_busy_function_is_asked_again() -> None:
    function = BusyFunction(busy_calls=2)

    answer = Aws(lambda service: function).invoke_function("decide", {})

    assert answer == {"action": "start"}
    assert function.calls == 3


def test_any_other_refusal_is_told_at_once() -> None:
    function = BusyFunction(busy_calls=1, code="ResourceNotFoundException")

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        Aws(lambda service: function).invoke_function("decide", {})

    assert function.calls == 1
