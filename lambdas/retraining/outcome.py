"""Notes how runs end: from the pipeline's event, or by asking when the event was lost."""

from typing import Any

from act import Desk, enter_start, start, tell
from parse import ENDED, ExecutionEnded
from store import Memory

from seatrial.decisions.retraining import Trigger


def record_outcome(event: ExecutionEnded, desk: Desk) -> dict[str, Any]:
    """Clear the run in flight and count whether it brought a model worth registering."""
    if event.status not in ENDED:
        return {"action": "ignore", "reason": f"{event.arn} is {event.status}"}
    memory = desk.store.load()
    if memory.run is None or memory.run.execution_arn != event.arn:
        return {"action": "ignore", "reason": f"{event.arn} is not the run in flight"}
    return _end(memory, event.arn, event.status, desk)[1]


def reconcile(memory: Memory, trigger: Trigger, desk: Desk) -> Memory:
    """The memory corrected for what never came: a run that has ended, or one whose start was cut short.

    The latter may have been started or not; its request token makes starting it again the same either way.
    """
    run = memory.run
    if run is None or run.key == trigger.key:
        return memory
    if run.execution_arn is None:
        start(run, desk)
        return desk.store.load()
    status = desk.aws.execution_status(run.execution_arn)
    if status is not None and status not in ENDED:
        return memory
    return _end(memory, run.execution_arn, status or "Deleted", desk)[0]


def _end(memory: Memory, arn: str, status: str, desk: Desk) -> tuple[Memory, dict[str, Any]]:
    """Ledger, notification and memory in this order: cut short, it is done again until the memory knows."""
    gained = status == "Succeeded"
    after, limit = memory.ended(gained), desk.configuration.settings.breaker_after
    opens = memory.runs_without_gain < limit <= after.runs_without_gain
    gain = "registered a challenger" if gained else "brought no challenger"
    reason = f"the run ended {status} and {gain}; {after.runs_without_gain} runs in a row without gain"
    if opens:
        reason += ": the breaker is open until a person starts a run that brings a gain"
    if memory.run:  # its start may have been cut short before the ledger
        enter_start(memory.run, arn, memory, desk)
    entry = {"action": "outcome", "status": status, "execution_arn": arn, "reason": reason}
    answer = desk.ledger.write_outcome(arn, entry)
    if opens:
        tell(desk, f"Retraining of {desk.configuration.endpoint_name}: breaker open", reason)
    return desk.store.save(after), {**answer, "breaker": opens}
