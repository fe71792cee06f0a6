"""What a pipeline definition asks for: its steps, its roles and the settings that every job must carry (pure)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.constructs.errors import ConstructError
from seatrial.contracts.instances import has_local_storage

Definition = Mapping[str, Any]
JOB_STEPS = ("Processing", "Training", "Tuning", "Transform")
STEP_ACTIONS: dict[str, tuple[str, ...]] = {
    "Processing": ("CreateProcessingJob", "DescribeProcessingJob", "StopProcessingJob"),
    "Training": ("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"),
    "Tuning": (
        "CreateHyperParameterTuningJob",
        "DescribeHyperParameterTuningJob",
        "ListTrainingJobsForHyperParameterTuningJob",
        "StopHyperParameterTuningJob",
    ),
    "Transform": ("CreateTransformJob", "DescribeTransformJob", "StopTransformJob"),
    "Model": ("CreateModel", "DescribeModel"),
    "RegisterModel": ("CreateModelPackage", "DescribeModelPackage"),
    "Condition": (),
    "Fail": (),
    "EMRServerless": (),
}
STEP_RESOURCES: dict[str, str] = {
    "Processing": "processing-job",
    "Training": "training-job",
    "Tuning": "hyper-parameter-tuning-job",
    "Transform": "transform-job",
    "Model": "model",
}


def parse(definition: Definition | str) -> Definition:
    """The definition as a mapping; raises `ConstructError` when the text is no pipeline definition."""
    if not isinstance(definition, str):
        return definition
    try:
        parsed = json.loads(definition)
    except json.JSONDecodeError as error:
        raise ConstructError(f"definition: not JSON ({error}), give what pipeline.definition() returned") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("Steps"), list):
        raise ConstructError("definition: has no list 'Steps', give what the SDK's pipeline.definition() returned")
    return parsed


def steps(definition: Definition) -> Iterator[Definition]:
    """Every step, those inside conditions included."""
    for step in definition.get("Steps", ()):
        yield step
        if step["Type"] == "Condition":
            arguments = step["Arguments"]
            for branch in ("IfSteps", "ElseSteps"):
                yield from steps({"Steps": arguments.get(branch, ())})


def step_types(definition: Definition) -> list[str]:
    """The kinds of step in use, in alphabetical order; raises on one that the pipeline role cannot run."""
    found = sorted({step["Type"] for step in steps(definition)})
    unknown = [kind for kind in found if kind not in STEP_ACTIONS]
    if unknown:
        raise ConstructError(f"definition: steps of type {unknown[0]!r} are not supported, only {list(STEP_ACTIONS)}")
    return found


def role_arns(definition: Definition) -> list[str]:
    """The roles that SageMaker's own jobs and models run as."""
    own = (step for step in steps(definition) if step["Type"] != "EMRServerless")
    return sorted({arn for step in own for arn in _values(step["Arguments"], _ROLE_KEYS)})


_ROLE_KEYS = ("RoleArn", "ExecutionRoleArn")


def _values(node: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in {"IfSteps", "ElseSteps"}:
                continue
            if key in keys and isinstance(value, str):
                yield value
            else:
                yield from _values(value, keys)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _values(value, keys)


def isolation_mistakes(definition: Definition) -> list[str]:
    """What each job lacks of: VPC, network isolation, encrypted traffic, encrypted volumes and output, a time limit."""
    return [
        f"step {step['Name']!r}: {what} is missing"
        for step in steps(definition)
        if step["Type"] in JOB_STEPS
        for what in _lacks(step["Type"], step["Arguments"])
    ]


def _lacks(kind: str, arguments: Definition) -> list[str]:
    if kind == "Transform":
        wanted = {"TransformResources.VolumeKmsKeyId": ("TransformResources", "VolumeKmsKeyId")}
        wanted["TransformOutput.KmsKeyId"] = ("TransformOutput", "KmsKeyId")
        return [name for name, path in wanted.items() if not _has(arguments, path)]
    job = arguments.get("TrainingJobDefinition", arguments) if kind == "Tuning" else arguments
    paths = _PROCESSING if kind == "Processing" else _TRAINING
    missing: list[str] = [".".join(path) for path in paths if not _has(job, path)]
    if kind == "Processing":
        outputs = job.get("ProcessingOutputConfig", {}).get("Outputs", ())
        if outputs and not _at(job, ("ProcessingOutputConfig", "KmsKeyId")):
            missing.append("ProcessingOutputConfig.KmsKeyId")
    return missing


_TRAINING = (
    ("VpcConfig",),
    ("EnableNetworkIsolation",),
    ("EnableInterContainerTrafficEncryption",),
    ("ResourceConfig", "VolumeKmsKeyId"),
    ("OutputDataConfig", "KmsKeyId"),
    ("StoppingCondition", "MaxRuntimeInSeconds"),
)
_PROCESSING = (
    ("NetworkConfig", "VpcConfig"),
    ("NetworkConfig", "EnableNetworkIsolation"),
    ("NetworkConfig", "EnableInterContainerTrafficEncryption"),
    ("ProcessingResources", "ClusterConfig", "VolumeKmsKeyId"),
    ("StoppingCondition", "MaxRuntimeInSeconds"),
)


def encrypted_by_hardware(resources: Definition) -> bool:
    """Whether the instances of a cluster or resource configuration have disks of their own, which take no key."""
    kind = resources.get("InstanceType")
    return isinstance(kind, str) and has_local_storage(kind)


def has_own_disks(definition: Definition) -> bool:
    """Whether a job of the definition runs on instances whose volumes SageMaker refuses a key for."""
    return any(_own_disks(step["Arguments"]) for step in steps(definition) if step["Type"] in JOB_STEPS)


def longest_runtime_seconds(definition: Definition, otherwise: int) -> int:
    """The longest time limit of a job of the definition; one that is given at run time counts as `otherwise`."""
    limits = [_at(job, ("StoppingCondition", "MaxRuntimeInSeconds")) for _, job in _jobs(definition)]
    return max((limit if isinstance(limit, int) else otherwise for limit in limits), default=otherwise)


def all_have_output_keys(definition: Definition) -> bool:
    """Whether every job names a key for its output; one without output need not."""
    paths = {"Processing": "ProcessingOutputConfig"}
    return all(_at(job, (paths.get(kind, "OutputDataConfig"), "KmsKeyId")) for kind, job in _jobs(definition))


def _jobs(definition: Definition) -> Iterator[tuple[str, Definition]]:
    """Kind and request of every processing and training job, also of those that a tuning starts."""
    for step in steps(definition):
        if step["Type"] in JOB_STEPS and step["Type"] != "Transform":
            yield step["Type"], step["Arguments"].get("TrainingJobDefinition", step["Arguments"])


def _own_disks(node: Any) -> bool:
    if isinstance(node, Mapping):
        return encrypted_by_hardware(node) or any(map(_own_disks, node.values()))
    return isinstance(node, list | tuple) and any(map(_own_disks, node))


def _has(arguments: Definition, path: tuple[str, ...]) -> bool:
    if _at(arguments, path):
        return True
    resources = _at(arguments, path[:-1])
    return path[-1] == "VolumeKmsKeyId" and isinstance(resources, Mapping) and encrypted_by_hardware(resources)


def _at(node: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node
