"""A pipeline: its parameters and steps, and the definition that SageMaker Pipelines reads."""

import json
from dataclasses import dataclass
from typing import Any

from seatrial.pipeline.parameters import Parameter
from seatrial.pipeline.steps import Step

VERSION = "2020-12-01"


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Pure data; the same pipeline gives the same definition, whatever the machine.

    >>> Pipeline(parameters=(), steps=()).to_definition()["Version"]
    '2020-12-01'
    """

    parameters: tuple[Parameter, ...]
    steps: tuple[Step, ...]

    def to_definition(self) -> dict[str, Any]:
        """The definition as a dict; values may be CDK tokens, to be serialized by `stack.to_json_string`."""
        experiment = {"ExperimentName": {"Get": "Execution.PipelineName"}}
        trial = {"TrialName": {"Get": "Execution.PipelineExecutionId"}}
        return {
            "Version": VERSION,
            "Metadata": {},
            "Parameters": [parameter.declaration() for parameter in self.parameters],
            "PipelineExperimentConfig": {**experiment, **trial},
            "Steps": [step.to_json() for step in self.steps],
        }

    def to_json(self) -> str:
        """The definition as text (no tokens inside)."""
        return json.dumps(self.to_definition(), indent=1)
