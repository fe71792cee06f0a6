"""CloudFormation, really executed: plans from templates, ordered, checked, rolled back."""

from seatrial.offline.context import CloudContext
from seatrial.offline.engine.api import Api
from seatrial.offline.engine.engine import Engine
from seatrial.offline.engine.patches import take_over

_engines: dict[str, Engine] = {}


def install(context: CloudContext) -> None:
    """Let the engine answer CloudFormation's API of this cloud."""
    engine = Engine(context)
    _engines.clear()
    _engines[context.url] = engine
    take_over(Api(engine))
    context.stopping.append(engine.stop)


def engine_of(context: CloudContext) -> Engine:
    """The engine of a running cloud."""
    return _engines[context.url]
