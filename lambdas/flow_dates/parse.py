"""Reads the environment, and what the state machine asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.contracts import environment as names


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment."""

    flow_name: str
    table: str
    maximum_days: int
    lookback_days: int
    stage_count: int

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one."""
        return cls(
            flow_name=values[names.FLOW_NAME],
            table=values[names.FLOW_TABLE],
            maximum_days=int(values[names.MAXIMUM_DAYS]),
            lookback_days=int(values[names.LOOKBACK_DAYS]),
            stage_count=int(values[names.STAGE_COUNT]),
        )


@dataclass(frozen=True)
class Request:
    """The flow's input, the execution that asks, and one that held a date and has ended (empty: none)."""

    input: Mapping[str, Any]
    execution: str
    ended: str

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Request":
        """Read what the state Plan, or PlanAgain, hands over."""
        return cls(event["input"], event["execution"], event.get("ended", ""))
