"""The warehouse and the query service of the offline cloud: Redshift's Data API and Athena really run their SQL."""

from seatrial.offline import routes
from seatrial.offline.context import CloudContext
from seatrial.offline.warehouse import clusters, json_api
from seatrial.offline.warehouse.athena.api import Athena
from seatrial.offline.warehouse.data_api import DataApi
from seatrial.offline.warehouse.serverless import Serverless
from seatrial.offline.warehouse.service import Service

__all__ = ["install", "service_of"]

_services: list[Service] = []


def install(context: CloudContext) -> None:
    """Answer for Redshift, Redshift Serverless, the Redshift Data API and Athena, with an empty account."""
    service = Service(context)
    _services[:] = [service]
    clusters.install(service)
    parts = {
        "RedshiftData": ("redshift-data", DataApi(service).operations, "ValidationException"),
        "AmazonAthena": ("athena", Athena(service).operations, "InvalidRequestException"),
        "RedshiftServerless": ("redshift-serverless", Serverless(service).operations, "ValidationException"),
    }
    for prefix, (name, operations, invalid) in parts.items():
        routes.add_service(prefix, json_api.application(name, operations, context.journal, invalid))
    context.stopping.append(service.stop)


def service_of(context: CloudContext) -> Service:
    """The warehouses of the running cloud."""
    del context
    return _services[-1]
