"""Endpoints: created, described, updated and deleted through the API; the deployments themselves are elsewhere."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from seatrial.offline.sagemaker import models
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.errors import ValidationError, could_not_find
from seatrial.offline.sagemaker.fleet import Fleet, FleetError
from seatrial.offline.sagemaker.models import EndpointConfig
from seatrial.offline.sagemaker.service import Request, Response, Service, epoch_milliseconds, present, short_id

STATE_EVENT = "SageMaker Endpoint State Change"
DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"
_EVENT_STATUS = {
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "SystemUpdating": "SYSTEM_UPDATING",
    "RollingBack": "ROLLING_BACK",
    "InService": "IN_SERVICE",
    "Deleting": "DELETING",
    "Failed": "FAILED",
    "UpdateRollbackFailed": "UPDATE_ROLLBACK_FAILED",
}


@dataclass
class Generation:
    """The fleets of one endpoint configuration, by variant name."""

    config: EndpointConfig
    fleets: dict[str, Fleet]

    def stop(self, service: Service | None) -> None:
        """End every process."""
        for fleet in self.fleets.values():
            fleet.stop(service)


@dataclass
class Endpoint:
    """One endpoint: `live` answers; `incoming` gets `share` of the traffic while a deployment shifts it."""

    name: str
    arn: str
    config_name: str
    created: datetime
    modified: datetime
    status: str = "Creating"
    reason: str | None = None
    live: Generation | None = None
    incoming: Generation | None = None
    share: float = 0.0
    target_config: str | None = None
    deployment_config: Request | None = None
    deployment_started: datetime | None = None
    counters: dict[str, float] = field(default_factory=dict)
    """Running sums that split traffic exactly: by variant, and "share" for the incoming generation."""

    def config_names(self) -> list[str]:
        """Every configuration that the endpoint needs now."""
        return [name for name in (self.config_name, self.target_config) if name]


def create(service: Service, request: Request) -> Response:
    """CreateEndpoint."""
    name = request["EndpointName"]
    arn = service.arn("endpoint", name)
    config = models.find_config(service, request["EndpointConfigName"])
    with service.lock:
        if name in service.endpoints:
            raise ValidationError(f'Cannot create already existing endpoint "{arn}".')
        now = service.now()
        endpoint = Endpoint(name, arn, config.name, now, now, deployment_config=request.get("DeploymentConfig"))
        service.endpoints[name] = endpoint
        service.set_tags(arn, request.get("Tags"))
    announce(service, endpoint)
    service.run(f"endpoint-{name}", lambda: _bring_up(service, endpoint, config))
    return {"EndpointArn": arn}


def describe(service: Service, request: Request) -> Response:
    """DescribeEndpoint."""
    endpoint = find(service, request["EndpointName"])
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "ProductionVariants": variant_summaries(endpoint.live, share=1.0 - endpoint.share),
        **present(
            FailureReason=endpoint.reason,
            DataCaptureConfig=_capture_summary(endpoint),
            LastDeploymentConfig=endpoint.deployment_config,
            PendingDeploymentSummary=pending_summary(endpoint),
        ),
    }


def list_endpoints(service: Service, request: Request) -> Response:
    """ListEndpoints."""
    found = [e for e in list(service.endpoints.values()) if request.get("NameContains", "") in e.name]
    found = [e for e in found if request.get("StatusEquals", e.status) == e.status]
    found.sort(key=lambda e: e.created, reverse=request.get("SortOrder", "Descending") == "Descending")
    rows = [
        {
            "EndpointName": e.name,
            "EndpointArn": e.arn,
            "CreationTime": e.created,
            "LastModifiedTime": e.modified,
            "EndpointStatus": e.status,
        }
        for e in found
    ]
    return {"Endpoints": rows}


def delete(service: Service, request: Request) -> Response:
    """DeleteEndpoint; refused while a creation or update is under way."""
    endpoint = find(service, request["EndpointName"])
    with service.lock:
        if endpoint.status in ("Creating", "Updating", "RollingBack"):
            raise ValidationError(f'Cannot delete endpoint "{endpoint.arn}" while it is {endpoint.status}.')
        endpoint.status = "Deleting"
    set_status(service, endpoint, "Deleting")
    for generation in (endpoint.live, endpoint.incoming):
        if generation is not None:
            generation.stop(service)
    with service.lock:
        service.endpoints.pop(endpoint.name, None)
    announce(service, endpoint)
    return {}


def update_weights(service: Service, request: Request) -> Response:
    """UpdateEndpointWeightsAndCapacities: at once in traffic, InService again a moment later."""
    endpoint = find(service, request["EndpointName"])
    generation = require_in_service(endpoint)
    for wanted in request["DesiredWeightsAndCapacities"]:
        fleet = generation.fleets.get(wanted["VariantName"])
        if fleet is None:
            raise ValidationError(f"variant {wanted['VariantName']!r} is not one of {sorted(generation.fleets)}")
        fleet.weight = float(wanted.get("DesiredWeight", fleet.weight))
        fleet.instances = int(wanted.get("DesiredInstanceCount", fleet.instances))
    set_status(service, endpoint, "Updating")
    service.context.clock.after(1, lambda: set_status(service, endpoint, "InService"))
    return {"EndpointArn": endpoint.arn}


def find(service: Service, name: str) -> Endpoint:
    """The endpoint of that name."""
    if name not in service.endpoints:
        raise could_not_find("endpoint", service.arn("endpoint", name))
    return service.endpoints[name]


def require_in_service(endpoint: Endpoint) -> Generation:
    """What the endpoint runs; refuses any state in which AWS accepts no change."""
    if endpoint.status != "InService" or endpoint.live is None:
        raise ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}": it is {endpoint.status}.')
    return endpoint.live


def start_generation(service: Service, endpoint: Endpoint, config: EndpointConfig) -> Generation:
    """Start one process for each variant; raises `FleetError` with nothing left running."""
    generation = Generation(config, {})
    try:
        for variant in config.request["ProductionVariants"]:
            fleet = _fleet(service, endpoint, variant)
            generation.fleets[fleet.variant] = fleet
            fleet.start(service)
    except FleetError:
        generation.stop(service)
        raise
    return generation


def set_status(service: Service, endpoint: Endpoint, status: str, reason: str | None = None) -> None:
    """Change the status and say so on EventBridge and in the journal."""
    endpoint.status, endpoint.reason, endpoint.modified = status, reason, service.now()
    service.context.journal.record(
        "endpoint", name=endpoint.name, status=status, reason=reason, config=endpoint.config_name, share=endpoint.share
    )
    announce(service, endpoint)


def announce(service: Service, endpoint: Endpoint, detail_type: str = STATE_EVENT) -> None:
    """Emit an event about the endpoint."""
    detail: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config_name,
        "ProductionVariants": variant_summaries(endpoint.live, share=1.0 - endpoint.share),
        "EndpointStatus": _EVENT_STATUS[endpoint.status],
        "CreationTime": epoch_milliseconds(endpoint.created),
        "LastModifiedTime": epoch_milliseconds(endpoint.modified),
        "Tags": service.tags.get(endpoint.arn, {}),
        **present(FailureReason=endpoint.reason, PendingDeploymentSummary=pending_summary(endpoint)),
    }
    service.emit(detail_type, detail, endpoint.arn)


def variant_summaries(generation: Generation | None, *, share: float) -> list[Response]:
    """The variants as DescribeEndpoint lists them."""
    if generation is None:
        return []
    return [
        {
            "VariantName": fleet.variant,
            "DeployedImages": [{"SpecifiedImage": fleet.container.image, "ResolvedImage": fleet.container.image}],
            "CurrentWeight": round(fleet.weight * share, 6),
            "DesiredWeight": fleet.weight,
            "CurrentInstanceCount": fleet.instances,
            "DesiredInstanceCount": fleet.instances,
        }
        for fleet in generation.fleets.values()
    ]


def pending_summary(endpoint: Endpoint) -> Response | None:
    """The deployment under way, None when there is none."""
    if endpoint.target_config is None:
        return None
    return present(
        EndpointConfigName=endpoint.target_config,
        StartTime=endpoint.deployment_started,
        ProductionVariants=variant_summaries(endpoint.incoming, share=endpoint.share) or None,
    )


def _bring_up(service: Service, endpoint: Endpoint, config: EndpointConfig) -> None:
    try:
        endpoint.live = start_generation(service, endpoint, config)
    except FleetError as error:
        if not service.stopping.is_set():
            set_status(service, endpoint, "Failed", str(error)[:1024])
        return
    set_status(service, endpoint, "InService")


def _fleet(service: Service, endpoint: Endpoint, variant: Request) -> Fleet:
    try:
        model = models.find_model(service, variant["ModelName"])
        container = models.container_of(service, model)
    except Exception as error:
        raise FleetError(str(error)) from error
    name = f"{variant['VariantName']}-{short_id(8)}"
    return Fleet(
        endpoint=endpoint.name,
        variant=variant["VariantName"],
        model=model.name,
        container=container,
        folder=service.folder / "endpoints" / endpoint.name / name,
        instances=int(variant.get("InitialInstanceCount", 1)),
        weight=float(variant.get("InitialVariantWeight", 1.0)),
    )


def _capture_summary(endpoint: Endpoint) -> Response | None:
    if endpoint.live is None:
        return None
    capture = endpoint.live.config.request.get("DataCaptureConfig")
    if capture is None:
        return None
    enabled = capture.get("EnableCapture", False)
    return present(
        EnableCapture=enabled,
        CaptureStatus="Started" if enabled else "Stopped",
        CurrentSamplingPercentage=capture["InitialSamplingPercentage"],
        DestinationS3Uri=capture["DestinationS3Uri"],
        KmsKeyId=capture.get("KmsKeyId", ""),
    )


OPERATIONS: dict[str, Operation] = {
    "CreateEndpoint": create,
    "DescribeEndpoint": describe,
    "ListEndpoints": list_endpoints,
    "DeleteEndpoint": delete,
    "UpdateEndpointWeightsAndCapacities": update_weights,
}
