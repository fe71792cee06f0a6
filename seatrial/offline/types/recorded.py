"""Types that are recorded and nothing else."""

from collections.abc import Mapping
from typing import Any

from seatrial.offline.types.base import Call, Handler, Made
from seatrial.offline.types.record_only import RECORD_ONLY_TYPES


class RecordOnly(Handler):
    """Gives the resource an id; nothing is made."""

    def create(self, call: Call) -> Made:
        """Record it."""
        call.rest()
        return Made(call.name(128))

    def update(self, call: Call, physical_id: str, old: Mapping[str, Any]) -> Made:
        """Record it."""
        del call, old
        return Made(physical_id)

    def delete(self, call: Call, physical_id: str) -> None:
        """Forget it."""


HANDLERS: dict[str, Handler] = {name: RecordOnly() for name in RECORD_ONLY_TYPES}
