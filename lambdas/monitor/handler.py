"""Monitors the endpoint hour by hour: reads the capture of the window that has just ended, judges it, reports."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters import Aws
from aws_lambda_powertools import Logger
from capture import find_files
from decide import Case, judge
from explain import explain, finish
from late import Champion, Revision, judge_again, late_windows, with_files
from memory import Memory
from parse import HOUR, Configuration, event_time, is_about_explanations, parse_time, windows_to_judge
from publish import publish, publish_run
from report import Judgement, write_report
from source_window import copied_to, digest_of, known_baseline
from store import AlreadyJudgedError, Store
from volume import StillReadingError
from window_data import Reading, read_window

from seatrial.contracts.monitored_source import MonitoredSource
from seatrial.contracts.serving import BASELINE_URI, Serving

logger = Logger(service="monitor")
aws = Aws()
READING = "reading"
"""In the place of a verdict: a job reads the window; later windows wait for it, for they are judged in order."""
LEAST_MILLISECONDS = 90_000
"""Time that must be left to begin with another window; what is not reached is left to the next run."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Judge the window before the event's time, and windows before it that were missed."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)
    configuration = Configuration.from_environment(os.environ).asked_by(event)
    return run(event, configuration, aws, remaining or unlimited)


def unlimited() -> int:
    """Milliseconds left where nothing limits them."""
    return 10 * LEAST_MILLISECONDS


def run(
    event: dict[str, Any], configuration: Configuration, aws: Aws, remaining: Callable[[], int] = unlimited
) -> dict[str, Any]:
    """Parse, judge each window, act; returns the verdict of every window by its start."""
    if is_about_explanations(event, configuration):
        return {"explanations": explain(event, configuration, aws)}
    store = Store(aws, configuration)
    memory, revision = store.load()
    if memory and memory.committed:
        _tell(store.judgement(memory.committed), configuration, aws, store)
    windows = windows_to_judge(event, memory.last_window if memory else None, configuration)
    verdicts: dict[str, str] = {}
    for window in windows:
        if not verdicts or remaining() >= LEAST_MILLISECONDS:
            verdicts[window] = _run_window(window, configuration, aws, store)
        if verdicts.get(window) == READING:
            break
    verdicts |= _run_late(configuration, aws, store, remaining)
    publish_run(event_time(event), configuration)
    explained = finish(configuration, aws)
    logger.info("windows judged", extra={"verdicts": verdicts, "revision": revision, "explained": explained})
    return {"windows": verdicts, **({"explanations": explained} if explained else {})}


def _run_window(window: str, configuration: Configuration, aws: Aws, store: Store) -> str:
    try:
        judgement = store.judgement(window) or _judge_once(window, configuration, aws, store)
    except StillReadingError as reading:
        logger.info(str(reading))
        return READING
    if judgement is None:
        return "skipped"
    _tell(judgement, configuration, aws, store)
    return judgement.detail["verdict"]


def _tell(judgement: Judgement | None, configuration: Configuration, aws: Aws, store: Store) -> None:
    """Publish a result that has not been published: also one of a run that ended between its record and its event."""
    if judgement is not None and not judgement.published:
        publish(judgement, configuration, aws)
        store.mark_published(judgement)


def _judge_once(window: str, configuration: Configuration, aws: Aws, store: Store) -> Judgement | None:
    """Judge a window that has no result yet; of two that do so at once only the first is kept."""
    champion = _champion(window, configuration, aws)
    memory, revision = store.load()
    if champion is None:
        return None
    if memory and memory.last_window and window <= memory.last_window:
        logger.warning("window is older than the last one judged", extra={"window": window})
        return None
    recalled = Memory.recall(memory, window, champion.serving.package_arn, champion.digest)
    files = find_files(window, configuration, aws)
    place = (configuration, aws, champion.baseline_uri, champion.outcomes)
    data = read_window(Reading(window, champion.baseline, recalled, *place))
    judgement, after = judge(
        Case(
            window=window,
            data=data,
            baseline=champion.baseline,
            memory=recalled,
            serving=champion.serving,
            configuration=configuration,
        )
    )
    write_report(judgement, configuration, aws)
    read = data.capture_files or files.keys
    return _commit(judgement, with_files(after, window, read, configuration), revision, store)


def _champion(window: str, configuration: Configuration, aws: Aws) -> Champion | None:
    """What serves, with its baseline, or the baseline of a source; None while there is nothing to monitor."""
    if configuration.source:
        return _of_source(configuration.source, configuration, aws)
    serving = aws.serving(configuration.endpoint_name)
    if serving is None:
        logger.info("nothing to monitor: the endpoint has not been in service yet")
        return None
    if serving.created_at and parse_time(window) + HOUR <= serving.created_at:
        logger.info("nothing to monitor: the window ended before the endpoint was created", extra={"window": window})
        return None
    return Champion(serving, *aws.baseline(serving, configuration.artifacts_bucket))


def _of_source(source: MonitoredSource, configuration: Configuration, aws: Aws) -> Champion:
    """In the place of what serves: the baseline of a source, which stands for the model that it was made with."""
    known = known_baseline(source.baseline, aws)
    digest = digest_of(known.baseline)
    place = {BASELINE_URI: copied_to(configuration, digest)}
    serving = Serving("InService", f"{source.baseline.uri}#{digest[:16]}", metadata=place)
    return Champion(serving, known.baseline, digest, known.judges_outcomes)


def _commit(judgement: Judgement, memory: Memory, revision: int, store: Store) -> Judgement | None:
    try:
        store.commit(judgement, replace(memory, committed=judgement.window), revision)
    except AlreadyJudgedError:
        return store.judgement(judgement.window)
    return judgement


def _run_late(configuration: Configuration, aws: Aws, store: Store, remaining: Callable[[], int]) -> dict[str, str]:
    """Give windows with late files a revised result; returns their verdicts."""
    verdicts: dict[str, str] = {}
    memory, _ = store.load()
    for window in late_windows(memory, configuration, aws) if memory else ():
        if remaining() < LEAST_MILLISECONDS:
            break
        try:
            judgement = _revise(window, configuration, aws, store)
        except StillReadingError as reading:
            logger.info(str(reading))
            verdicts[window] = READING
            continue
        if judgement is not None:
            _tell(judgement, configuration, aws, store)
            verdicts[window] = judgement.detail["verdict"]
    return verdicts


def _revise(window: str, configuration: Configuration, aws: Aws, store: Store) -> Judgement | None:
    memory, revision = store.load()
    known, champion = store.judgement(window), _champion(window, configuration, aws)
    if memory is None or known is None or champion is None or champion.serving.package_arn != memory.package_arn:
        return None
    files = find_files(window, configuration, aws)
    judgement, after = judge_again(Revision(window, memory, champion, files, configuration, aws), known)
    if judgement is None:
        store.remember(after, revision)
        return None
    write_report(judgement, configuration, aws)
    return _commit(judgement, after, revision, store)
