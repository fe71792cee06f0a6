"""Definitions written with the SageMaker SDK: names filled in, every job put into the VPC and under the key (pure)."""

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seatrial.constructs.definitions import Definition, encrypted_by_hardware, steps
from seatrial.constructs.errors import ConstructError

UNUSED = "not used by this definition"
PLACEHOLDER = re.compile(r"\$\{seatrial/([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class JobDefaults:
    """What a job gets when its definition says nothing; values may be CDK tokens."""

    subnet_ids: Sequence[str]
    security_group_ids: Sequence[str]
    kms_key_arn: str
    max_runtime_seconds: int = 86_400


def substitute(node: Any, values: Mapping[str, str]) -> Any:
    """Replace each `${seatrial/name}` by its value; raises `ConstructError` on a name that has none.

    >>> substitute({"Role": "${seatrial/role}"}, {"role": "arn"})
    {'Role': 'arn'}
    """
    if isinstance(node, str):
        return PLACEHOLDER.sub(lambda match: _value(match.group(1), values), node)
    if isinstance(node, Mapping):
        return {key: substitute(value, values) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [substitute(value, values) for value in node]
    return node


def secured(definition: Definition, defaults: JobDefaults) -> dict[str, Any]:
    """A copy in which each job is in the VPC, encrypts traffic, volume and output, and has a time limit.

    What the definition says itself stays; `EnableNetworkIsolation` is not added, because a script that installs or
    downloads something would fail without the network.
    """
    result = copy.deepcopy(dict(definition))
    for step in steps(result):
        fill = _FILLERS.get(step["Type"])
        if fill is not None:
            fill(step["Arguments"], defaults)
    return result


def with_parameters(definition: Definition, names: Sequence[str]) -> dict[str, Any]:
    """A copy that takes text parameters of these names: SageMaker refuses to start with one that is not declared.

    >>> with_parameters({"Parameters": [], "Steps": []}, ["Reason"])["Parameters"]
    [{'Name': 'Reason', 'Type': 'String', 'DefaultValue': 'not used by this definition'}]
    """
    declared = [*definition.get("Parameters", ())]
    types = {parameter["Name"]: parameter["Type"] for parameter in declared}
    wrong = [name for name in names if types.get(name, "String") != "String"]
    if wrong:
        raise ConstructError(
            f"definition: parameter {wrong[0]!r} must be of type String, it is given as text; got {types[wrong[0]]!r}"
        )
    added = [{"Name": name, "Type": "String", "DefaultValue": UNUSED} for name in names if name not in types]
    return {**definition, "Parameters": [*declared, *added]}


def _value(name: str, values: Mapping[str, str]) -> str:
    if name not in values:
        known = ", ".join(f"${{seatrial/{key}}}" for key in sorted(values))
        raise ConstructError(f"definition: ${{seatrial/{name}}} is not known, use one of {known or 'none'}")
    return values[name]


def _vpc(defaults: JobDefaults) -> dict[str, list[str]]:
    return {"Subnets": [*defaults.subnet_ids], "SecurityGroupIds": [*defaults.security_group_ids]}


def _volume(resources: dict[str, Any], defaults: JobDefaults) -> None:
    if not encrypted_by_hardware(resources):
        resources.setdefault("VolumeKmsKeyId", defaults.kms_key_arn)


def _processing(job: dict[str, Any], defaults: JobDefaults) -> None:
    network = job.setdefault("NetworkConfig", {})
    network.setdefault("VpcConfig", _vpc(defaults))
    network.setdefault("EnableInterContainerTrafficEncryption", True)
    cluster = job.setdefault("ProcessingResources", {}).setdefault("ClusterConfig", {})
    _volume(cluster, defaults)
    job.setdefault("StoppingCondition", {}).setdefault("MaxRuntimeInSeconds", defaults.max_runtime_seconds)
    if job.get("ProcessingOutputConfig", {}).get("Outputs"):
        job["ProcessingOutputConfig"].setdefault("KmsKeyId", defaults.kms_key_arn)


def _training(job: dict[str, Any], defaults: JobDefaults) -> None:
    job.setdefault("VpcConfig", _vpc(defaults))
    job.setdefault("EnableInterContainerTrafficEncryption", True)
    _volume(job.setdefault("ResourceConfig", {}), defaults)
    job.setdefault("OutputDataConfig", {}).setdefault("KmsKeyId", defaults.kms_key_arn)
    job.setdefault("StoppingCondition", {}).setdefault("MaxRuntimeInSeconds", defaults.max_runtime_seconds)


def _tuning(job: dict[str, Any], defaults: JobDefaults) -> None:
    _training(job.setdefault("TrainingJobDefinition", {}), defaults)


def _transform(job: dict[str, Any], defaults: JobDefaults) -> None:
    _volume(job.setdefault("TransformResources", {}), defaults)
    job.setdefault("TransformOutput", {}).setdefault("KmsKeyId", defaults.kms_key_arn)


_FILLERS = {"Processing": _processing, "Training": _training, "Tuning": _tuning, "Transform": _transform}
