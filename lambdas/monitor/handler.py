"""Monitors the endpoint hour by hour: reads the capture of the window that has just ended, judges it, reports."""

import os
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from decide import Case, judge
from memory import Memory
from parse import HOUR, Configuration, parse_time, windows_to_judge
from publish import publish, publish_run
from report import Judgement, write_report
from store import AlreadyJudgedError, Store
from window_data import read_window

logger = Logger(service="monitor")
aws = Aws()


def lambda_handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Judge the hour before the event's time, and hours before it that were missed."""
    return run(event, Configuration.from_environment(os.environ), aws)


def run(event: dict[str, Any], configuration: Configuration, aws: Aws) -> dict[str, Any]:
    """Parse, judge each window, act; returns the verdict of every window by its start."""
    store = Store(aws, configuration)
    memory, revision = store.load()
    windows = windows_to_judge(event, memory.last_window if memory else None, configuration.settings)
    verdicts = {window: _run_window(window, configuration, aws, store) for window in windows}
    publish_run(parse_time(event["time"]), configuration)
    logger.info("windows judged", extra={"verdicts": verdicts, "revision": revision})
    return {"windows": verdicts}


def _run_window(window: str, configuration: Configuration, aws: Aws, store: Store) -> str:
    judgement = store.judgement(window) or _judge_once(window, configuration, aws, store)
    if judgement is None:
        return "skipped"
    if not judgement.published:
        publish(judgement, configuration, aws)
        store.mark_published(judgement)
    return judgement.detail["verdict"]


def _judge_once(window: str, configuration: Configuration, aws: Aws, store: Store) -> Judgement | None:
    """Judge a window that has no result yet; of two that do so at once only the first is kept."""
    serving = aws.serving(configuration.endpoint_name)
    if serving is None:
        logger.info("nothing to monitor: the endpoint has not been in service yet")
        return None
    if serving.created_at and parse_time(window) + HOUR <= serving.created_at:
        logger.info("nothing to monitor: the window ended before the endpoint was created", extra={"window": window})
        return None
    memory, revision = store.load()
    if memory and memory.last_window and window <= memory.last_window:
        logger.warning("window is older than the last one judged", extra={"window": window})
        return None
    baseline, digest = aws.baseline(serving, configuration.artifacts_bucket)
    recalled = Memory.recall(memory, window, serving.package_arn, digest)
    data = read_window(window, recalled, configuration, aws)
    judgement, after = judge(
        Case(
            window=window,
            data=data,
            baseline=baseline,
            memory=recalled,
            serving=serving,
            configuration=configuration,
        )
    )
    write_report(judgement, configuration, aws)
    try:
        store.commit(judgement, after, revision)
    except AlreadyJudgedError:
        return store.judgement(window)
    return judgement
