"""CloudFormation, really executed: plans from templates, ordered, checked, rolled back."""

from typing import TYPE_CHECKING

from seatrial.offline.context import CloudContext

if TYPE_CHECKING:
    from seatrial.offline.engine.engine import Engine

_engines: dict[str, "Engine"] = {}


def install(context: CloudContext) -> None:
    """Let the engine answer CloudFormation's API of this cloud."""
    # Imported here: resource types import this package's errors, and the engine imports the resource types.
    from seatrial.offline.engine.api import Api
    from seatrial.offline.engine.engine import Engine
    from seatrial.offline.engine.patches import take_over

    engine = Engine(context)
    _engines.clear()
    _engines[context.url] = engine
    take_over(Api(engine))
    context.stopping.append(engine.stop)
    context.journal.fidelity("S3", "emulated", "access logs are configured but not delivered")
    context.journal.fidelity("S3", "not-proven", "a bucket policy's conditional Deny is not weighed")


def engine_of(context: CloudContext) -> "Engine":
    """The engine of a running cloud."""
    return _engines[context.url]
