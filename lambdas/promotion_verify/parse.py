"""Reads the environment and the state machine's input."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.contracts import environment


class EventError(ValueError):
    """The input does not name the model package that was asked for."""


@dataclass(frozen=True)
class Configuration:
    """The function's environment."""

    endpoint_name: str

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        return cls(values[environment.ENDPOINT_NAME])


def wanted_package(event: Mapping[str, Any]) -> str:
    """ARN of the model package that the endpoint should serve now."""
    arn = event.get("modelPackageArn")
    if not isinstance(arn, str) or not arn:
        raise EventError(f"event.modelPackageArn: must be the ARN of a model package, got {arn!r}")
    return arn
