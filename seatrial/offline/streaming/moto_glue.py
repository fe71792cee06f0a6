"""Moto's Glue keeps the catalog; what would start work there answers that it is not emulated."""

from typing import Any

from moto.glue.responses import GlueResponse

from seatrial.offline import patches

STARTS_WORK = ("start_crawler", "start_job_run", "start_trigger", "start_workflow_run", "create_dev_endpoint")


def start() -> None:
    """Refuse what moto answers although nothing happens."""
    for name in STARTS_WORK:
        patches.replace(GlueResponse, name, _refuse)


def _refuse(self: GlueResponse) -> Any:
    del self
    raise NotImplementedError("crawlers and jobs of Glue do not run here: register tables, run Spark jobs on EMR")
