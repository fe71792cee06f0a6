"""Conditions of a `Condition` step; the conditions of one step are ANDed."""

from dataclasses import dataclass
from typing import Any, Literal

from seatrial.pipeline.expressions import render

Comparison = Literal["Equals", "GreaterThan", "GreaterThanOrEqualTo", "LessThan", "LessThanOrEqualTo"]


@dataclass(frozen=True)
class Compare:
    """`left` compared with `right`."""

    type: Comparison
    left: Any
    right: Any

    def to_json(self) -> dict[str, Any]:
        """The condition as it stands in the definition."""
        return {"Type": self.type, "LeftValue": render(self.left), "RightValue": render(self.right)}


@dataclass(frozen=True)
class In:
    """`value` is one of `values`."""

    value: Any
    values: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """The condition as it stands in the definition."""
        return {"Type": "In", "QueryValue": render(self.value), "Values": render(self.values)}


@dataclass(frozen=True)
class Not:
    """The negation of a condition."""

    condition: "Condition"

    def to_json(self) -> dict[str, Any]:
        """The condition as it stands in the definition."""
        return {"Type": "Not", "Condition": self.condition.to_json()}


@dataclass(frozen=True)
class Or:
    """At least one of the conditions holds."""

    conditions: tuple["Condition", ...]

    def to_json(self) -> dict[str, Any]:
        """The condition as it stands in the definition."""
        return {"Type": "Or", "Conditions": [condition.to_json() for condition in self.conditions]}


Condition = Compare | In | Not | Or


def equals(left: Any, right: Any) -> Compare:
    """`left` equals `right`."""
    return Compare("Equals", left, right)


def at_least(left: Any, right: Any) -> Compare:
    """`left` is greater than or equal to `right`."""
    return Compare("GreaterThanOrEqualTo", left, right)


def at_most(left: Any, right: Any) -> Compare:
    """`left` is less than or equal to `right`."""
    return Compare("LessThanOrEqualTo", left, right)
