"""Spark offline: EMR's clusters and steps and EMR Serverless's applications and job runs, with jobs that really run."""

from moto.emr import urls as emr_urls
from moto.emrserverless import urls as serverless_urls

from seatrial.offline import patches
from seatrial.offline.context import CloudContext
from seatrial.offline.spark import emr_operations, serverless_operations
from seatrial.offline.spark.api import Api
from seatrial.offline.spark.applications import Applications
from seatrial.offline.spark.emr import Emr
from seatrial.offline.spark.engine import Engine
from seatrial.offline.spark.job_runs import JobRuns

__all__ = ["install"]


def install(context: CloudContext) -> None:
    """Answer EMR's and EMR Serverless's APIs for this cloud, with an empty account."""
    engine = Engine(context)
    emr = Api("emr", emr_operations.operations(Emr(engine)))
    applications = Applications(context)
    runs = JobRuns(engine, applications)
    serverless = Api("emr-serverless", serverless_operations.operations(applications, runs))
    patches.replace(emr_urls, "url_paths", {"{0}/$": emr.answer_json})
    patches.replace(serverless_urls, "url_paths", serverless.rest_paths())
    context.stopping.append(engine.stop)
