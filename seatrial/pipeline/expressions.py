"""What a pipeline definition resolves at run time: references, `Std:Join` and `Std:JsonGet`.

Grammar: definition version "2020-12-01", as the SageMaker SDK (v2 and v3) emits it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class Expression:
    """A value that SageMaker Pipelines fills in when an execution runs."""

    def to_json(self) -> dict[str, Any]:
        """The expression as it stands in the definition."""
        raise NotImplementedError


@dataclass(frozen=True)
class Get(Expression):
    """A reference by path.

    >>> Get("Parameters.InputDataUri").to_json()
    {'Get': 'Parameters.InputDataUri'}
    """

    path: str

    def to_json(self) -> dict[str, Any]:
        """`{"Get": path}`."""
        return {"Get": self.path}


@dataclass(frozen=True)
class Join(Expression):
    """Values joined into one string.

    >>> Join("/", ("s3://bucket", Get("Execution.PipelineExecutionId"))).to_json()["Std:Join"]["On"]
    '/'
    """

    on: str
    values: tuple[Any, ...]

    def to_json(self) -> dict[str, Any]:
        """`{"Std:Join": {"On", "Values"}}`."""
        return {"Std:Join": {"On": self.on, "Values": [render(value) for value in self.values]}}


@dataclass(frozen=True)
class JsonGet(Expression):
    """A value out of a property file that a processing step has written; `path` is dotted."""

    step: str
    property_file: str
    path: str

    def to_json(self) -> dict[str, Any]:
        """`{"Std:JsonGet": {"PropertyFile", "Path"}}`."""
        file = Get(f"Steps.{self.step}.PropertyFiles.{self.property_file}")
        return {"Std:JsonGet": {"PropertyFile": file.to_json(), "Path": self.path}}


class Execution:
    """Facts about the running execution."""

    PipelineName = Get("Execution.PipelineName")
    PipelineArn = Get("Execution.PipelineArn")
    PipelineExecutionId = Get("Execution.PipelineExecutionId")
    PipelineExecutionArn = Get("Execution.PipelineExecutionArn")
    StartDateTime = Get("Execution.StartDateTime")
    CurrentDateTime = Get("Execution.CurrentDateTime")


def render(value: Any) -> Any:
    """Turn expressions, anywhere inside mappings and sequences, into their JSON form; CDK tokens pass through."""
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, Mapping):
        return {key: render(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [render(item) for item in value]
    return value
