"""Models and endpoint configurations: checked for what they name, not deleted while an endpoint needs them."""

from dataclasses import dataclass
from datetime import datetime

from seatrial.offline.sagemaker import registry
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import NotEmulatedError, ValidationError, could_not_find
from seatrial.offline.sagemaker.service import Request, Response, Service


@dataclass(frozen=True)
class Model:
    """A created model."""

    name: str
    arn: str
    request: Request
    created: datetime


@dataclass(frozen=True)
class EndpointConfig:
    """A created endpoint configuration."""

    name: str
    arn: str
    request: Request
    created: datetime


@dataclass(frozen=True)
class ModelContainer:
    """The one container that a fleet runs, its registry reference resolved."""

    image: str
    data_url: str | None
    environment: dict[str, str]
    isolated: bool


def create_model(service: Service, request: Request) -> Response:
    """CreateModel."""
    name = request["ModelName"]
    arn = service.arn("model", name)
    containers = [request["PrimaryContainer"]] if "PrimaryContainer" in request else request.get("Containers", [])
    if not containers:
        raise ValidationError("PrimaryContainer or Containers: one of them is required")
    with service.lock:
        if name in service.models:
            raise ValidationError(f'Cannot create already existing model "{arn}".')
        for item in containers:
            if "ModelPackageName" in item:
                registry.find(service, item["ModelPackageName"])
            elif "Image" not in item:
                raise ValidationError("a container needs Image or ModelPackageName")
        service.models[name] = Model(name, arn, request, service.now())
        service.set_tags(arn, request.get("Tags"))
    service.emit("SageMaker Model State Change", {"ModelName": name, "ModelArn": arn}, arn)
    return {"ModelArn": arn}


def describe_model(service: Service, request: Request) -> Response:
    """DescribeModel."""
    model = find_model(service, request["ModelName"])
    kept = {key: value for key, value in model.request.items() if key != "Tags"}
    defaults = {"EnableNetworkIsolation": False}
    return {**defaults, **kept, "ModelArn": model.arn, "CreationTime": model.created}


def list_models(service: Service, request: Request) -> Response:
    """ListModels."""
    found = [model for name, model in service.models.items() if request.get("NameContains", "") in name]
    return {
        "Models": [{"ModelName": m.name, "ModelArn": m.arn, "CreationTime": m.created} for m in _sorted(found, request)]
    }


def delete_model(service: Service, request: Request) -> Response:
    """DeleteModel; refused while an endpoint serves it (AWS allows it and breaks the endpoint's next scaling)."""
    model = find_model(service, request["ModelName"])
    for endpoint in service.endpoints.values():
        for name in _configs_of(endpoint):
            config = service.endpoint_configs.get(name)
            if config is not None and model.name in _models_of(config):
                raise ValidationError(f'Cannot delete model "{model.arn}": endpoint "{endpoint.arn}" uses it.')
    del service.models[model.name]
    service.emit("SageMaker Model State Change", {"ModelName": model.name, "ModelArn": model.arn}, model.arn)
    return {}


def create_config(service: Service, request: Request) -> Response:
    """CreateEndpointConfig."""
    name = request["EndpointConfigName"]
    arn = service.arn("endpoint-config", name)
    with service.lock:
        if name in service.endpoint_configs:
            raise ValidationError(f'Cannot create already existing endpoint configuration "{arn}".')
        for variant in request["ProductionVariants"]:
            _check_variant(service, variant)
        if request.get("ShadowProductionVariants") or request.get("AsyncInferenceConfig"):
            raise NotEmulatedError("shadow variants and asynchronous endpoints are not emulated by the offline cloud")
        service.endpoint_configs[name] = EndpointConfig(name, arn, request, service.now())
        service.set_tags(arn, request.get("Tags"))
    return {"EndpointConfigArn": arn}


def describe_config(service: Service, request: Request) -> Response:
    """DescribeEndpointConfig."""
    config = find_config(service, request["EndpointConfigName"])
    kept = {key: value for key, value in config.request.items() if key != "Tags"}
    return {**kept, "EndpointConfigArn": config.arn, "CreationTime": config.created}


def list_configs(service: Service, request: Request) -> Response:
    """ListEndpointConfigs."""
    found = [config for name, config in service.endpoint_configs.items() if request.get("NameContains", "") in name]
    rows = [
        {"EndpointConfigName": c.name, "EndpointConfigArn": c.arn, "CreationTime": c.created}
        for c in _sorted(found, request)
    ]
    return {"EndpointConfigs": rows}


def delete_config(service: Service, request: Request) -> Response:
    """DeleteEndpointConfig; refused while an endpoint is live on it or on its way to it."""
    config = find_config(service, request["EndpointConfigName"])
    for endpoint in service.endpoints.values():
        if config.name in _configs_of(endpoint):
            raise ValidationError(
                f'Cannot delete endpoint configuration "{config.arn}": endpoint "{endpoint.arn}" uses it.'
            )
    del service.endpoint_configs[config.name]
    return {}


def find_model(service: Service, name: str) -> Model:
    """The model of that name."""
    if name not in service.models:
        raise could_not_find("model", service.arn("model", name))
    return service.models[name]


def find_config(service: Service, name: str) -> EndpointConfig:
    """The endpoint configuration of that name."""
    if name not in service.endpoint_configs:
        raise could_not_find("endpoint configuration", service.arn("endpoint-config", name))
    return service.endpoint_configs[name]


def container_of(service: Service, model: Model) -> ModelContainer:
    """What the model's container runs, with the registry's package resolved."""
    request = model.request
    containers = [request["PrimaryContainer"]] if "PrimaryContainer" in request else request["Containers"]
    if len(containers) > 1:
        raise NotEmulatedError("inference pipelines (several Containers) are not emulated by the offline cloud")
    given = containers[0]
    base = {}
    if "ModelPackageName" in given:
        package = registry.find(service, given["ModelPackageName"])
        base = package.facts.get("InferenceSpecification", {}).get("Containers", [{}])[0]
    merged = {**base, **given}
    source = merged.get("ModelDataSource", {}).get("S3DataSource", {})
    return ModelContainer(
        image=merged["Image"],
        data_url=merged.get("ModelDataUrl") or source.get("S3Uri"),
        environment={**base.get("Environment", {}), **given.get("Environment", {})},
        isolated=bool(request.get("EnableNetworkIsolation")),
    )


def _check_variant(service: Service, variant: Request) -> None:
    if "ModelName" not in variant:
        raise NotEmulatedError(
            f"variant {variant['VariantName']}: inference components (no ModelName) are not emulated offline"
        )
    find_model(service, variant["ModelName"])
    if "ServerlessConfig" not in variant and "InstanceType" not in variant:
        raise ValidationError(f"variant {variant['VariantName']}: InstanceType or ServerlessConfig is required")


def _configs_of(endpoint: object) -> list[str]:
    return endpoint.config_names()  # type: ignore[attr-defined]


def _models_of(config: EndpointConfig) -> list[str]:
    return [variant["ModelName"] for variant in config.request["ProductionVariants"]]


def _sorted(found: list, request: Request) -> list:
    return sorted(found, key=lambda item: item.created, reverse=request.get("SortOrder", "Descending") != "Ascending")


OPERATIONS: dict[str, Operation] = {
    "CreateModel": create_model,
    "DescribeModel": describe_model,
    "ListModels": list_models,
    "DeleteModel": delete_model,
    "CreateEndpointConfig": create_config,
    "DescribeEndpointConfig": describe_config,
    "ListEndpointConfigs": list_configs,
    "DeleteEndpointConfig": delete_config,
}
