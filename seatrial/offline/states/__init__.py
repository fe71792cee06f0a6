"""Step Functions that executes: moto's interpreter on the cloud's clock, its tasks reaching this cloud."""

from seatrial.offline import functions
from seatrial.offline.context import CloudContext
from seatrial.offline.states import executions, integrations, moto_states

__all__ = ["install"]


def install(context: CloudContext) -> None:
    """Let state machines of this cloud execute."""
    running = executions.start(context)
    functions.count_busy(running.is_busy)
    context.stopping.append(integrations.forget_clients)
    moto_states.replace_all()
