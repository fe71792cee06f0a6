"""Provisioned clusters: moto keeps their records; here they hold databases, pause, resume, and follow schedules."""

from typing import Any

from botocore.exceptions import ClientError
from moto.glue.responses import GlueResponse
from moto.redshift.models import RedshiftBackend
from moto.redshift.responses import RedshiftResponse

from seatrial.offline import patches
from seatrial.offline.warehouse.service import Service

_services: list[Service] = []
_REDSHIFT = [
    "create_cluster_snapshot",
    "copy_cluster_snapshot",
    "restore_from_cluster_snapshot",
    "enable_snapshot_copy",
    "create_snapshot_copy_grant",
    "modify_snapshot_copy_retention_period",
]
_GLUE = [
    "create_crawler",
    "start_crawler",
    "create_job",
    "start_job_run",
    "create_session",
    "create_trigger",
    "start_trigger",
    "create_dev_endpoint",
    "create_ml_transform",
    "start_workflow_run",
    "create_workflow",
    "create_connection",
]
_REASON = "moto answers, and nothing would happen"


def install(service: Service) -> None:
    """Let clusters of moto hold databases of ours, and refuse what moto only pretends."""
    _services[:] = [service]
    service.cluster_status = lambda name: _status(service, name)
    patches.replace(RedshiftBackend, "delete_cluster", _delete_cluster)
    for owner, label, names in ((RedshiftResponse, "redshift", _REDSHIFT), (GlueResponse, "glue", _GLUE)):
        for name in names:
            patches.replace(owner, name, _refusal(f"{label} {name}"))


def _refusal(what: str) -> Any:
    def refuse(*arguments: Any, **keywords: Any) -> Any:
        raise NotImplementedError(f"{what}: {_REASON}")

    return refuse


def _status(service: Service, name: str) -> dict[str, Any] | None:
    try:
        found = service.context.client("redshift").describe_clusters(ClusterIdentifier=name)["Clusters"][0]
    except ClientError:
        return None
    return {"status": found["ClusterStatus"], "database": found["DBName"], "user": found["MasterUsername"]}


def _delete_cluster(backend: RedshiftBackend, **kwargs: Any) -> Any:
    deleted = patches.original(RedshiftBackend, "delete_cluster")(backend, **kwargs)
    _services[-1].drop(f"cluster/{kwargs.get('cluster_identifier')}")
    return deleted
