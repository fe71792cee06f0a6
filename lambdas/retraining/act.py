"""Starts a reserved run: the same request token each time, so that a start cut short is taken over, not repeated."""

import hashlib
from dataclasses import dataclass
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from parse import Configuration
from store import Ledger, Memory, Run, Store

REFUSALS = frozenset({"ResourceLimitExceeded", "ResourceNotFound", "ValidationException", "AccessDeniedException"})
"""Answers that a retry does not change."""
logger = Logger(service="retraining")


def request_token(configuration: Configuration, run: Run) -> str:
    """The idempotency token of a run, from what it is."""
    content = f"{configuration.pipeline_name}|{configuration.endpoint_name}|{run.key}|{run.data_uri}"
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass(frozen=True)
class Desk:
    """What deciding and starting work with."""

    configuration: Configuration
    aws: Aws
    store: Store
    ledger: Ledger


def start(run: Run, desk: Desk) -> dict[str, Any]:
    """Start the pipeline, remember the execution, tell the operators, enter the ledger.

    The ledger comes last: what was cut short before is done again, so an operator may be told twice but never not.
    """
    configuration, aws, store = desk.configuration, desk.aws, desk.store
    parameters = {
        "InputDataUri": run.data_uri,
        "TriggerReason": _parameter(run.trigger.told),
        **({"InputDataDigest": run.data_digest} if run.data_digest else {}),
    }
    champion = aws.champion_model_uri(configuration.endpoint_name)
    if champion:
        parameters["ChampionModelUri"] = champion
    try:
        arn = aws.start_pipeline(configuration.pipeline_name, request_token(configuration, run), run.reason, parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] not in REFUSALS:
            raise
        return _give_up(run, desk, str(error))
    memory = store.load()
    if memory.run and memory.run.key == run.key:
        memory = store.save(memory.started(arn))
    tell(desk, f"Retraining of {configuration.endpoint_name}", run.reason)
    return enter_start(run, arn, memory, desk)


def enter_start(run: Run, arn: str, memory: Memory, desk: Desk) -> dict[str, Any]:
    """Enter into the ledger that a run was started; once, however often it is done."""
    entry = {"action": "start", "rule": "all", "reason": run.reason, "execution_arn": arn, "data_uri": run.data_uri}
    return desk.ledger.write(run.trigger, entry, memory.evidence())


def tell(desk: Desk, subject: str, message: str) -> None:
    """Notify; that nobody can be told never changes what is done."""
    try:
        desk.aws.notify(desk.configuration.notification_topic_arn, subject, message)
    except (ClientError, BotoCoreError):
        logger.exception("nobody could be notified", extra={"notification": message})


def _give_up(run: Run, desk: Desk, message: str) -> dict[str, Any]:
    memory = desk.store.load()
    if memory.run and memory.run.key == run.key:
        memory = desk.store.save(memory.released())
    entry = {"action": "refuse", "rule": "service", "reason": f"SageMaker refused to start the pipeline: {message}"}
    return desk.ledger.write(run.trigger, entry, memory.evidence())


def _parameter(text: str) -> str:
    """A pipeline parameter holds at most 1,024 characters; a job's argument, where it ends up, 256."""
    return text[:250]
