"""The network: a VPC of our own, or the customer's."""

from constructs import Construct

from seatrial.config import Engagement
from seatrial.constructs import Lake, Network, WorkloadNetwork
from seatrial.constructs.endpoint_services import (
    INGESTION_ACTIONS,
    INTERFACE_ACTIONS,
    SPARK_GATEWAY_ACTIONS,
    emr_buckets,
)
from stacks.base import BaseStack, Target
from stacks.windows import window_spark_of


class NetworkStack(BaseStack):
    """A VPC without a way to the internet, unless NAT gateways are asked for."""

    def __init__(self, scope: Construct, construct_id: str, *, target: Target, lake: Lake) -> None:
        super().__init__(scope, construct_id, target=target, description="network of jobs, endpoints and functions")
        section = target.engagement.network
        self.network = Network(
            self,
            "Network",
            encryption_key=lake.key,
            cidr=str(section.cidr),
            max_azs=section.max_azs,
            nat_gateways=section.nat_gateways,
            flow_log_retention_days=section.flow_log_retention_days,
            interface_services=_interfaces(target.engagement),
            more_actions=_more_actions(target.engagement),
            readable_buckets=emr_buckets(self.region) if target.engagement.processing.engine == "emr" else (),
            prefix_lists=_prefix_lists(target),
            destroy_data=target.engagement.removal.destroy_data,
        )
        self.outputs({"S3EndpointId": self.network.gateway_endpoints["s3"].ref})

    @property
    def workload(self) -> WorkloadNetwork:
        """Where workloads are attached."""
        return self.network.workload


def _prefix_lists(target: Target) -> dict[str, str] | None:
    region = target.engagement.environments[target.environment].region
    given = target.engagement.network.prefix_lists.get(region)
    return given.model_dump() if given else None


def _interfaces(engagement: Engagement) -> list[str]:
    """The services that the functions call, and those of the data layer that are switched on."""
    warehouse = engagement.warehouse
    ingests = engagement.streaming.mode != "none" or engagement.processing.engine != "none"
    optional = {
        # With enhanced VPC routing Redshift looks tables of the lake up through the VPC.
        "glue": engagement.processing.engine != "none" or warehouse.spectrum,
        "emr-serverless": window_spark_of(engagement) != "none",
        "redshift-data": warehouse.kind != "none",
        "redshift-serverless": warehouse.kind == "serverless",
        "sagemaker.featurestore-runtime": engagement.feature_store.enabled and ingests,
    }
    return [*INTERFACE_ACTIONS, *(service for service, used in optional.items() if used)]


def _more_actions(engagement: Engagement) -> dict[str, tuple[str, ...]]:
    """Spark replaces partitions, and UNLOAD with CLEANPATH what it wrote before; ingestion asks for the group."""
    runs_spark = engagement.processing.engine != "none"
    deletes = runs_spark or window_spark_of(engagement) == "own" or engagement.warehouse.kind != "none"
    replaces = SPARK_GATEWAY_ACTIONS if deletes else {}
    return replaces | (INGESTION_ACTIONS if runs_spark and engagement.feature_store.enabled else {})


def workload_network(scope: Construct, *, target: Target, lake: Lake) -> WorkloadNetwork:
    """The stack's VPC, or the existing one of the engagement (then there is no network stack)."""
    given = target.engagement.network.existing
    if given is None:
        return NetworkStack(scope, "Network", target=target, lake=lake).workload
    return WorkloadNetwork.existing(
        lake,
        "ExistingNetwork",
        vpc_id=given.vpc_id,
        subnet_ids=given.subnet_ids,
        availability_zones=given.availability_zones,
        security_group_id=given.security_group_id,
    )
