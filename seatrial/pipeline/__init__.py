"""Builds SageMaker pipeline definitions from frozen dataclasses and validates any definition, ours or the SDK's."""

from seatrial.pipeline.conditions import Compare, Condition, In, Not, Or, at_least, at_most, equals
from seatrial.pipeline.definition import Pipeline
from seatrial.pipeline.expressions import Execution, Expression, Get, Join, JsonGet, render
from seatrial.pipeline.mistakes import DefinitionError, Mistake
from seatrial.pipeline.parameters import Parameter
from seatrial.pipeline.steps import (
    CacheConfig,
    CallbackStep,
    ConditionStep,
    EmrStep,
    EndpointConfigStep,
    EndpointStep,
    FailStep,
    LambdaStep,
    ModelStep,
    ProcessingStep,
    PropertyFile,
    RegisterModelStep,
    RetryPolicy,
    Step,
    TrainingStep,
    TransformStep,
    TuningStep,
)
from seatrial.pipeline.validation import check, validate

__all__ = [
    "CacheConfig",
    "CallbackStep",
    "Compare",
    "Condition",
    "ConditionStep",
    "DefinitionError",
    "EmrStep",
    "EndpointConfigStep",
    "EndpointStep",
    "Execution",
    "Expression",
    "FailStep",
    "Get",
    "In",
    "Join",
    "JsonGet",
    "LambdaStep",
    "Mistake",
    "ModelStep",
    "Not",
    "Or",
    "Parameter",
    "Pipeline",
    "ProcessingStep",
    "PropertyFile",
    "RegisterModelStep",
    "RetryPolicy",
    "Step",
    "TrainingStep",
    "TransformStep",
    "TuningStep",
    "at_least",
    "at_most",
    "check",
    "equals",
    "render",
    "validate",
]
