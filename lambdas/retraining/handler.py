"""Decides on retraining: each request once, every decision in the ledger with its reason, one run in flight."""

import os
from typing import Any

from act import Desk, start
from adapters import Aws
from aws_lambda_powertools import Logger
from outcome import reconcile, record_outcome
from parse import Configuration, ExecutionEnded, read_event
from publish import count
from store import ConflictError, Ledger, Memory, Run, Store

from seatrial.decisions.retraining import MANUAL, RetrainingDecision, TrainingData, Trigger, decide

ATTEMPTS = 5
logger = Logger(service="retraining")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a verdict, the schedule, a person's request or the end of a run."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Parse, decide, act; a lost race for the memory is decided anew with what the winner wrote."""
    request = read_event(event, configuration)
    desk = Desk(configuration, aws, Store(aws, configuration), Ledger(aws, configuration))
    for _ in range(ATTEMPTS):
        try:
            answer = _answer(request, desk)
        except ConflictError:
            continue
        count(request, answer, configuration)
        logger.info("retraining decided", extra={"answer": answer})
        return answer
    raise ConflictError(f"gave up after {ATTEMPTS} attempts to change the memory")


def _answer(request: Trigger | ExecutionEnded, desk: Desk) -> dict[str, Any]:
    if isinstance(request, ExecutionEnded):
        return record_outcome(request, desk)
    recorded = desk.ledger.find(request)
    if recorded is not None:
        return {**recorded, "duplicate": True}
    return _decide_and_act(request, desk)


def _decide_and_act(trigger: Trigger, desk: Desk) -> dict[str, Any]:
    memory = reconcile(desk.store.load(), trigger, desk)
    if memory.run and memory.run.key == trigger.key:
        # An earlier delivery reserved this run and was cut off before it could write the ledger: take it over.
        return start(memory.run, desk)
    if trigger.kind in desk.configuration.settings.triggers and not trigger.asked:
        heard = memory.noticed(trigger)
        memory = memory if heard is memory else desk.store.save(heard)
    data = desk.aws.training_data(desk.configuration)
    decision = decide(trigger, memory.state, data, desk.configuration.settings)
    if decision.action != "start" or data is None:
        return _refuse(trigger, decision, memory, desk.ledger)
    run = _run(trigger, decision, data)
    desk.store.save(memory.reserved(run))
    return start(run, desk)


def _run(trigger: Trigger, decision: RetrainingDecision, data: TrainingData) -> Run:
    return Run(
        trigger.key,
        trigger.time,
        data.uri,
        data.as_of,
        decision.reason,
        by_hand=trigger.kind == MANUAL,
        kind=trigger.kind,
        trigger_reason=trigger.reason,
        data_digest=data.digest,
    )


def _refuse(trigger: Trigger, decision: RetrainingDecision, memory: Memory, ledger: Ledger) -> dict[str, Any]:
    entry = {"action": decision.action, "rule": decision.rule, "reason": decision.reason}
    return entry if decision.action == "ignore" else ledger.write(trigger, entry, memory.evidence())
