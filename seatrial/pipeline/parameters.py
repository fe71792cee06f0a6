"""Pipeline parameters: what may differ from one execution to the next."""

from dataclasses import dataclass
from typing import Any, Literal

from seatrial.pipeline.expressions import Expression


@dataclass(frozen=True, kw_only=True)
class Parameter(Expression):
    """A parameter; used as a value, it is a reference to itself.

    >>> Parameter(name="Reason", type="String", default="manual").declaration()
    {'Name': 'Reason', 'Type': 'String', 'DefaultValue': 'manual'}
    """

    name: str
    type: Literal["String", "Integer", "Float", "Boolean"] = "String"
    default: Any = None
    allowed: tuple[str, ...] = ()
    """The only values an execution may give (strings only)."""

    def to_json(self) -> dict[str, Any]:
        """A reference to this parameter."""
        return {"Get": f"Parameters.{self.name}"}

    def declaration(self) -> dict[str, Any]:
        """The entry in the definition's `Parameters`."""
        entry: dict[str, Any] = {"Name": self.name, "Type": self.type}
        if self.default is not None:
            entry["DefaultValue"] = self.default
        if self.allowed:
            entry["EnumValues"] = list(self.allowed)
        return entry
