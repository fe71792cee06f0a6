"""Pipeline steps as frozen dataclasses; `arguments` are the service's request in its own terms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from seatrial.pipeline.conditions import Condition
from seatrial.pipeline.expressions import Get, JsonGet, render

ExceptionType = Literal[
    "Step.SERVICE_FAULT",
    "Step.THROTTLING",
    "SageMaker.JOB_INTERNAL_ERROR",
    "SageMaker.CAPACITY_ERROR",
    "SageMaker.RESOURCE_LIMIT",
]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When and how often a step is tried again; exactly one of the two limits is given."""

    exceptions: tuple[ExceptionType, ...]
    interval_seconds: int = 1
    backoff_rate: float = 2.0
    maximum_attempts: int | None = None
    expire_after_minutes: int | None = None

    def __post_init__(self) -> None:
        if (self.maximum_attempts is None) == (self.expire_after_minutes is None):
            raise ValueError("retry policy: give exactly one of maximum_attempts and expire_after_minutes")

    def to_json(self) -> dict[str, Any]:
        """The policy as it stands in the definition."""
        limits = {"MaxAttempts": self.maximum_attempts, "ExpireAfterMin": self.expire_after_minutes}
        return {
            "BackoffRate": self.backoff_rate,
            "IntervalSeconds": self.interval_seconds,
            **{name: value for name, value in limits.items() if value is not None},
            "ExceptionType": list(self.exceptions),
        }


@dataclass(frozen=True, kw_only=True)
class CacheConfig:
    """Reuse of an earlier run with the same arguments; `expire_after` is an ISO 8601 duration such as "P30D"."""

    enabled: bool = True
    expire_after: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The configuration as it stands in the definition."""
        expiry = {"ExpireAfter": self.expire_after} if self.expire_after else {}
        return {"Enabled": self.enabled, **expiry}


@dataclass(frozen=True, kw_only=True)
class PropertyFile:
    """A JSON file in one of a processing step's outputs that conditions may read."""

    name: str
    output: str
    path: str

    def to_json(self) -> dict[str, Any]:
        """The file as it stands in the definition."""
        return {"PropertyFileName": self.name, "OutputName": self.output, "FilePath": self.path}


@dataclass(frozen=True, kw_only=True)
class Step:
    """What all steps have in common. `depends_on` names steps beyond those that the arguments refer to."""

    type: ClassVar[str]
    name: str
    display_name: str | None = None
    description: str | None = None
    depends_on: "tuple[Step | str, ...]" = ()

    def property(self, path: str) -> Get:
        """A reference to a property of this step's describe response, e.g. `ModelArtifacts.S3ModelArtifacts`."""
        return Get(f"Steps.{self.name}.{path}")

    def request(self) -> dict[str, Any]:
        """The step's `Arguments`."""
        raise NotImplementedError

    def extras(self) -> dict[str, Any]:
        """Members beside `Arguments` that only this type of step has."""
        return {}

    def to_json(self) -> dict[str, Any]:
        """The step as it stands in the definition."""
        names = [step if isinstance(step, str) else step.name for step in self.depends_on]
        optional = {"DisplayName": self.display_name, "Description": self.description, "DependsOn": names}
        head = {"Name": self.name, "Type": self.type, "Arguments": self.request()}
        return {**head, **{name: value for name, value in optional.items() if value}, **self.extras()}


@dataclass(frozen=True, kw_only=True)
class JobStep(Step):
    """A step that is one API request."""

    arguments: Mapping[str, Any]
    retries: tuple[RetryPolicy, ...] = ()
    cache: CacheConfig | None = None

    def request(self) -> dict[str, Any]:
        """The API request with its expressions rendered."""
        return render(self.arguments)

    def extras(self) -> dict[str, Any]:
        """Retry policies and cache configuration."""
        found: dict[str, Any] = {"RetryPolicies": [policy.to_json() for policy in self.retries]} if self.retries else {}
        return {**found, **({"CacheConfig": self.cache.to_json()} if self.cache else {})}


@dataclass(frozen=True, kw_only=True)
class ProcessingStep(JobStep):
    """`CreateProcessingJob` without the job name."""

    type: ClassVar[str] = "Processing"
    property_files: tuple[PropertyFile, ...] = ()

    def output(self, name: str) -> Get:
        """The S3 URI of one of this step's outputs."""
        return self.property(f"ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")

    @property
    def exit_message(self) -> Get:
        """What the container wrote into /opt/ml/output/message; who refers to it fails when nothing was written."""
        return self.property("ExitMessage")

    def json(self, property_file: str, path: str) -> JsonGet:
        """A value out of one of this step's property files."""
        return JsonGet(self.name, property_file, path)

    def extras(self) -> dict[str, Any]:
        """Also the property files."""
        files = [file.to_json() for file in self.property_files]
        return {**super().extras(), **({"PropertyFiles": files} if files else {})}


@dataclass(frozen=True, kw_only=True)
class TrainingStep(JobStep):
    """`CreateTrainingJob` without the job name."""

    type: ClassVar[str] = "Training"

    @property
    def model_artifact(self) -> Get:
        """The S3 URI of model.tar.gz."""
        return self.property("ModelArtifacts.S3ModelArtifacts")


@dataclass(frozen=True, kw_only=True)
class TuningStep(JobStep):
    """`CreateHyperParameterTuningJob` without the job name."""

    type: ClassVar[str] = "Tuning"

    @property
    def best_training_job(self) -> Get:
        """The name of the best training job; its artifact lies under `<output path>/<name>/output/`."""
        return self.property("BestTrainingJob.TrainingJobName")


@dataclass(frozen=True, kw_only=True)
class TransformStep(JobStep):
    """`CreateTransformJob` without the job name."""

    type: ClassVar[str] = "Transform"


@dataclass(frozen=True, kw_only=True)
class ModelStep(JobStep):
    """`CreateModel` without the model name."""

    type: ClassVar[str] = "Model"


@dataclass(frozen=True, kw_only=True)
class RegisterModelStep(JobStep):
    """`CreateModelPackage` into a group."""

    type: ClassVar[str] = "RegisterModel"


@dataclass(frozen=True, kw_only=True)
class EndpointConfigStep(JobStep):
    """`CreateEndpointConfig`."""

    type: ClassVar[str] = "EndpointConfig"


@dataclass(frozen=True, kw_only=True)
class EndpointStep(JobStep):
    """`CreateEndpoint` (or update)."""

    type: ClassVar[str] = "Endpoint"


@dataclass(frozen=True, kw_only=True)
class EmrStep(JobStep):
    """A step on an EMR cluster that exists."""

    type: ClassVar[str] = "EMR"
    cluster_id: str

    def request(self) -> dict[str, Any]:
        """The cluster and the step's configuration."""
        return {"ClusterId": render(self.cluster_id), "StepConfig": render(self.arguments)}


@dataclass(frozen=True, kw_only=True)
class EmrServerlessStep(JobStep):
    """A job run of an EMR Serverless application that exists; `arguments` are `StartJobRun`'s without both members."""

    type: ClassVar[str] = "EMRServerless"
    application_id: str
    role_arn: str

    def request(self) -> dict[str, Any]:
        """As the SDK's `EMRServerlessStep` has it: the role beside the job as well as in it."""
        own = {"applicationId": render(self.application_id), "executionRoleArn": render(self.role_arn)}
        return {
            "ApplicationId": own["applicationId"],
            "ExecutionRoleArn": own["executionRoleArn"],
            "JobConfig": {**render(self.arguments), **own},
        }


@dataclass(frozen=True, kw_only=True)
class CallStep(JobStep):
    """A step that hands its inputs to something of ours and reads named outputs back (`name -> type`)."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Literal["String", "Integer", "Boolean", "Float"]] = field(default_factory=dict)

    def output(self, name: str) -> Get:
        """One of the outputs."""
        return self.property(f"OutputParameters['{name}']")

    def extras(self) -> dict[str, Any]:
        """Also the declared outputs."""
        outputs = [{"OutputName": name, "OutputType": kind} for name, kind in self.outputs.items()]
        return {**super().extras(), "OutputParameters": outputs}


@dataclass(frozen=True, kw_only=True)
class LambdaStep(CallStep):
    """A Lambda function; `arguments` is its event."""

    type: ClassVar[str] = "Lambda"
    function_arn: str

    def extras(self) -> dict[str, Any]:
        """Also the function."""
        return {"FunctionArn": render(self.function_arn), **super().extras()}


@dataclass(frozen=True, kw_only=True)
class CallbackStep(CallStep):
    """A message on a queue; the execution waits for the answer."""

    type: ClassVar[str] = "Callback"
    queue_url: str

    def extras(self) -> dict[str, Any]:
        """Also the queue."""
        return {"SqsQueueUrl": render(self.queue_url), **super().extras()}


@dataclass(frozen=True, kw_only=True)
class ConditionStep(Step):
    """Runs `if_steps` when all conditions hold, `else_steps` otherwise."""

    type: ClassVar[str] = "Condition"
    conditions: tuple[Condition, ...]
    if_steps: tuple[Step, ...] = ()
    else_steps: tuple[Step, ...] = ()

    def request(self) -> dict[str, Any]:
        """Conditions and both branches."""
        return {
            "Conditions": [condition.to_json() for condition in self.conditions],
            "IfSteps": [step.to_json() for step in self.if_steps],
            "ElseSteps": [step.to_json() for step in self.else_steps],
        }


@dataclass(frozen=True, kw_only=True)
class FailStep(Step):
    """Ends the execution as failed."""

    type: ClassVar[str] = "Fail"
    message: Any

    def request(self) -> dict[str, Any]:
        """The message."""
        return {"ErrorMessage": render(self.message)}
