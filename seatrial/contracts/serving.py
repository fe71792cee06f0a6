"""What an endpoint really runs: followed from endpoint to model package through SageMaker's describe calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

BASELINE_URI = "BaselineUri"
BASELINE_DIGEST = "BaselineSha256"
MODEL_DIGEST = "ModelSha256"
CHAMPION_MODEL_URI = "ChampionModelUri"
SMOKE_INPUT_URI = "SmokeInputUri"
SMOKE_OUTPUT_URI = "SmokeOutputUri"
"""Keys of a model package's CustomerMetadataProperties."""
PROBE_PREFIX = "seatrial-probe-"
"""Beginning of the inference id of requests that the promotion makes: they are nobody's, and have no label."""


class ServingApi(Protocol):
    """The calls needed of a SageMaker client."""

    def describe_endpoint(self, *, EndpointName: str) -> Mapping[str, Any]:  # noqa: N803 - AWS's own spelling
        """Describe an endpoint."""
        ...

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> Mapping[str, Any]:  # noqa: N803
        """Describe an endpoint configuration."""
        ...

    def describe_model(self, *, ModelName: str) -> Mapping[str, Any]:  # noqa: N803
        """Describe a model."""
        ...

    def describe_model_package(self, *, ModelPackageName: str) -> Mapping[str, Any]:  # noqa: N803
        """Describe a version in a model package group."""
        ...


@dataclass(frozen=True)
class Serving:
    """The endpoint's state and the model package behind its first variant; `failure` is SageMaker's reason."""

    status: str
    package_arn: str
    failure: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    model_data_uri: str | None = None
    created_at: datetime | None = None
    approval: str = ""
    """Of the package at this moment."""
    modified_at: datetime | None = None
    """When the endpoint last changed: its last update was through."""


class NoModelPackageError(LookupError):
    """The endpoint serves a model that does not come from the model registry."""


def resolve_serving(api: ServingApi, endpoint_name: str) -> Serving:
    """Follow the endpoint to its model package; raises `NoModelPackageError`, and what the client raises."""
    endpoint = api.describe_endpoint(EndpointName=endpoint_name)
    config = api.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    model_name = config["ProductionVariants"][0]["ModelName"]
    arn = package_of_model(api.describe_model(ModelName=model_name))
    if arn is None:
        raise NoModelPackageError(f"endpoint {endpoint_name!r}: model {model_name!r} has no model package")
    package = api.describe_model_package(ModelPackageName=arn)
    return Serving(
        endpoint["EndpointStatus"],
        arn,
        endpoint.get("FailureReason"),
        package.get("CustomerMetadataProperties", {}),
        model_data_uri(package),
        endpoint.get("CreationTime"),
        package.get("ModelApprovalStatus", ""),
        endpoint.get("LastModifiedTime"),
    )


def find_serving(api: ServingApi, endpoint_name: str) -> Serving | None:
    """What the endpoint runs; None before it exists, or when its model is from outside the registry."""
    try:
        return resolve_serving(api, endpoint_name)
    except NoModelPackageError:
        return None
    except Exception as error:
        if is_absent(error):
            return None
        raise


def is_absent(error: Exception) -> bool:
    """Whether a call failed because what it names does not exist.

    SageMaker has no code of its own for that: it answers ValidationException "Could not find endpoint ...". Told by
    the text, because contracts know no AWS library.
    """
    return "could not find" in str(error).lower()


def package_of_model(model: Mapping[str, Any]) -> str | None:
    """The model package that a described model was made from, None for any other model."""
    containers = [model.get("PrimaryContainer"), *model.get("Containers", [])]
    return next((item["ModelPackageName"] for item in containers if item and item.get("ModelPackageName")), None)


def package_version(arn: str) -> int:
    """The version number at the end of a model package's ARN.

    >>> package_version("arn:aws:sagemaker:eu-central-1:111111111111:model-package/churn/12")
    12
    """
    _, _, version = arn.rpartition("/")
    if not version.isdigit():
        raise ValueError(f"model package ARN must end in a version number, got {arn!r}")
    return int(version)


def model_data_uri(package: Mapping[str, Any]) -> str | None:
    """Where a described model package's first container has its artifact."""
    containers = package.get("InferenceSpecification", {}).get("Containers", [])
    return containers[0].get("ModelDataUrl") if containers else None


def invocations_request(
    endpoint_name: str, variant_name: str, start: datetime, end: datetime, period_seconds: int
) -> dict[str, Any]:
    """Arguments of CloudWatch's GetMetricStatistics for the requests that a variant counted in each period."""
    dimensions = {"EndpointName": endpoint_name, "VariantName": variant_name}
    return {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "StartTime": start,
        "EndTime": end,
        "Period": period_seconds,
        "Statistics": ["Sum"],
    }
