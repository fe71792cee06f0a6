"""The cloud around the warehouse: its clock, its clients, its S3 and its Iceberg catalog."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from seatrial.offline.context import CloudContext
from seatrial.offline.warehouse.lake.storage import Storage


@dataclass(frozen=True)
class CloudLake:
    """What databases are given as their `Lake`."""

    context: CloudContext

    def now(self) -> datetime:
        """The cloud's time."""
        return self.context.clock.now()

    def client(self, service: str) -> Any:
        """A client of the cloud."""
        return self.context.client(service)

    @property
    def storage(self) -> Storage:
        """S3, with copies below the run folder."""
        return Storage(self.context.client("s3"), self.context.folder / "warehouse" / "objects")
