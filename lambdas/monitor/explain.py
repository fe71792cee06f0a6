"""Has a job explain the last days' answers, and tells whether the explanations and the fairness of the model hold."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

from adapters import Aws, StoredObject
from capture import files_by_hour
from parse import EXPLAIN, Configuration, ExplainJob, event_time, format_time, parse_time
from publish import publish_explanations
from store import Store
from volume import Work, job_request

from seatrial.contracts import layout, model_monitor
from seatrial.contracts.events import ExplanationVerdict
from seatrial.contracts.serving import BASELINE_URI, Serving

logger = logging.getLogger("monitor")
DAYS = 7
"""Answers of a week say more than those of an hour; each of its hours brings a sample of 200 rows."""
HOUR_BYTES = 4 * 1024 * 1024
"""Of an hour's capture; the file that passes it is the last, for more than a sample is not explained."""
ASKED_FILE, FOUND_FILE, TOLD_FILE = "asked.json", "found.json", "verdict.json"
OUTPUT = "/opt/ml/processing/output/explanation"
NAME_TIME = "%Y%m%d%H"
STARTED = "started"
ENDED = frozenset({"Completed", "Failed", "Stopped"})


def explain(event: Mapping[str, Any], configuration: Configuration, aws: Aws) -> str:
    """Start a job for the week before the event's hour, or tell what a job has found; returns a word for the log."""
    if event.get("explain"):
        return _start(f"{_beginning(configuration)}{event_time(event):{NAME_TIME}}", configuration, aws)
    detail = event["detail"]
    return _tell(detail["ProcessingJobName"], detail["ProcessingJobStatus"], configuration, aws)


def finish(configuration: Configuration, aws: Aws) -> dict[str, str]:
    """Tell what jobs have found whose end was not told: SageMaker's events may be lost; words for the log by job.

    A job that was noted but never started is started.
    """
    if configuration.explain_job is None:
        return {}
    store = Store(aws, configuration)
    words: dict[str, str] = {}
    for name in store.open_explanations():
        status = aws.processing_status(name)
        if status is None:
            words[name] = _start(name, configuration, aws)
            if words[name] != STARTED:
                store.close_explanation(name)
        elif status in ENDED:
            words[name] = _tell(name, status, configuration, aws)
    return words


def _beginning(configuration: Configuration) -> str:
    """Of the names of jobs that explain."""
    if configuration.window_job is None:
        raise ValueError("explanations: the stack made no job for them")
    return f"{configuration.window_job.name_prefix}{EXPLAIN}"


def _end(name: str, configuration: Configuration) -> datetime:
    """Of the period that a job looks at: its name says it."""
    return datetime.strptime(name.removeprefix(_beginning(configuration)), NAME_TIME).replace(tzinfo=UTC)


def _start(name: str, configuration: Configuration, aws: Aws) -> str:
    window_job, job, end = configuration.window_job, configuration.explain_job, _end(name, configuration)
    if window_job is None or job is None:
        raise ValueError("explanations: the stack made no job for them")
    serving, memory = aws.serving(configuration.endpoint_name), Store(aws, configuration).load()[0]
    if serving is None or memory is None or memory.package_arn != serving.package_arn:
        logger.info("nothing to explain: no window of the model that serves has been judged yet")
        return "nothing to explain"
    start = max(end - timedelta(days=DAYS), parse_time(memory.since))
    asked = {"package_arn": serving.package_arn, "start": format_time(start), "end": format_time(end)}
    prefix = layout.explanation_prefix(configuration.endpoint_name, end)
    aws.put(configuration.artifacts_bucket, prefix + ASKED_FILE, json.dumps(asked))
    if "AnalysisUri" not in serving.metadata:
        why = "the model was registered without AnalysisUri: there is nothing to compare its explanations with"
        return _publish(asked, {"verdict": "failed", "sentence": why}, prefix, configuration, aws)
    hours = {hour: items for hour, items in files_by_hour(start, configuration, aws).items() if start <= hour < end}
    capture = [item for _, items in sorted(hours.items()) for item in _first(items)]
    if not capture:
        found = {"verdict": "insufficient_data", "sentence": "insufficient_data: nothing was captured in the period"}
        return _publish(asked, found, prefix, configuration, aws)
    manifests = {"capture": capture, "labels": _labels(start, end, configuration, aws)}
    work = _work(serving, asked, manifests, prefix, (job, configuration, aws))
    Store(aws, configuration).open_explanation(name)
    aws.start_processing(job_request(name, window_job, work))
    return STARTED


def _first(items: Sequence[StoredObject]) -> list[StoredObject]:
    """An hour's first files, up to the one that passes the bound."""
    before = accumulate((item.size for item in items), initial=0)
    return [item for item, size in zip(items, before, strict=False) if size < HOUR_BYTES]


def _labels(start: datetime, end: datetime, configuration: Configuration, aws: Aws) -> list[StoredObject]:
    """Ground truth of the period's hours."""
    name = configuration.endpoint_name
    first = layout.ground_truth_hour_prefix(name, start)
    found = aws.objects(configuration.capture_bucket, layout.ground_truth_prefix(name), first)
    hours = [(layout.hour_of_key(item.key), item) for item in found]
    return [item for hour, item in hours if hour is not None and start <= hour < end]


def _work(
    serving: Serving,
    asked: Mapping[str, str],
    manifests: Mapping[str, Sequence[StoredObject]],
    prefix: str,
    surroundings: tuple[ExplainJob, Configuration, Aws],
) -> Work:
    """Write the manifests, and say what the job does."""
    job, configuration, aws = surroundings
    bucket = configuration.artifacts_bucket
    folder = serving.metadata[BASELINE_URI].rpartition("/")[0]
    inputs = {"model": (str(serving.model_data_uri), "S3Prefix"), "baseline": (f"{folder}/", "S3Prefix")}
    for name, items in manifests.items():
        if items:
            manifest = [{"prefix": f"s3://{configuration.capture_bucket}/"}, *(item.key for item in items)]
            aws.put(bucket, f"{prefix}{name}.manifest", json.dumps(manifest))
            inputs[name] = (f"s3://{bucket}/{prefix}{name}.manifest", "ManifestFile")
    return Work(
        code_uri=job.code_uri,
        library_uri=job.library_uri,
        image=aws.image(serving.package_arn),
        inputs=inputs,
        output={"S3Uri": f"s3://{bucket}/{prefix.rstrip('/')}", "LocalPath": OUTPUT, "S3UploadMode": "EndOfJob"},
        size=sum(item.size for items in manifests.values() for item in items),
        arguments=("--from", asked["start"], "--to", asked["end"]),
    )


def _tell(name: str, status: str, configuration: Configuration, aws: Aws) -> str:
    """Publish what the job found, and forget the job; what has been told is not told again."""
    word = _tell_once(name, status, configuration, aws)
    Store(aws, configuration).close_explanation(name)
    return word


def _tell_once(name: str, status: str, configuration: Configuration, aws: Aws) -> str:
    prefix = layout.explanation_prefix(configuration.endpoint_name, _end(name, configuration))
    bucket = configuration.artifacts_bucket
    asked = aws.read(bucket, prefix + ASKED_FILE)
    if asked is None or aws.read(bucket, prefix + TOLD_FILE) is not None:
        logger.info("%s: was not asked for, or has been told", name)
        return "told before"
    text = aws.read(bucket, prefix + FOUND_FILE) if status == "Completed" else None
    failed = {"verdict": "failed"}
    found = json.loads(text) if text else failed | {"sentence": f"the job {name} failed: {aws.failure(name)}"}
    return _publish(json.loads(asked), found, prefix, configuration, aws)


def _publish(
    asked: Mapping[str, str], found: Mapping[str, Any], prefix: str, configuration: Configuration, aws: Aws
) -> str:
    """Event and metrics first: a run that ends in between tells again, never not at all."""
    from seatrial.contracts.clarify import ANALYSIS_FILE  # once a week: no cold start needs it

    place = f"s3://{configuration.artifacts_bucket}/{prefix}"
    files = {"analysis_uri": ANALYSIS_FILE, "violations_uri": model_monitor.VIOLATIONS_FILE}
    named: dict[str, Any] = {name: place + file for name, file in files.items()} if "rows" in found else {}
    verdict = ExplanationVerdict(
        endpoint_name=configuration.endpoint_name,
        variant_name=configuration.variant_name,
        model_package_arn=asked["package_arn"],
        period_start=asked["start"],
        period_end=asked["end"],
        severity="none" if found["verdict"] in {"ok", "insufficient_data"} else "ticket",
        **named,
        **found,
    )
    publish_explanations(verdict.to_detail(), configuration, aws)
    aws.put(configuration.artifacts_bucket, prefix + TOLD_FILE, json.dumps(asdict(verdict), sort_keys=True, indent=1))
    logger.info("explanations: %s", verdict.sentence)
    return verdict.verdict
