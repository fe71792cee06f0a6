"""Reads the environment and the four kinds of event that reach this function."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from seatrial.contracts import environment, events
from seatrial.decisions.retraining import MANUAL, SCHEDULE, RetrainingSettings, Trigger

VERDICTS = get_args(events.Verdict)
ENDED = frozenset({"Succeeded", "Failed", "Stopped"})


class EventError(ValueError):
    """The event is none that this function knows."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment."""

    pipeline_name: str
    endpoint_name: str
    raw_bucket: str
    artifacts_bucket: str
    dataset_name: str
    state_table: str
    ledger_table: str
    metric_namespace: str
    notification_topic_arn: str
    settings: RetrainingSettings

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one, `SettingsError` for bad settings."""
        return cls(
            pipeline_name=values[environment.PIPELINE_NAME],
            endpoint_name=values[environment.ENDPOINT_NAME],
            raw_bucket=values[environment.RAW_BUCKET],
            artifacts_bucket=values[environment.ARTIFACTS_BUCKET],
            dataset_name=values[environment.DATASET_NAME],
            state_table=values[environment.STATE_TABLE],
            ledger_table=values[environment.LEDGER_TABLE],
            metric_namespace=values[environment.METRIC_NAMESPACE],
            notification_topic_arn=values[environment.NOTIFICATION_TOPIC_ARN],
            settings=RetrainingSettings.from_json(values.get(environment.RETRAINING_SETTINGS, "{}")),
        )

    @property
    def partition(self) -> str:
        """Partition key of this endpoint's items in both tables."""
        return f"retraining#{self.endpoint_name}"


@dataclass(frozen=True)
class ExecutionEnded:
    """A pipeline execution has come to its end."""

    arn: str
    status: str
    time: datetime


def read_event(event: Mapping[str, Any], configuration: Configuration) -> Trigger | ExecutionEnded:
    """Read a verdict event, a pipeline's status event, the schedule's input or a person's; raises `EventError`."""
    if event.get("source") == events.SOURCE:
        return _verdict(_detail(event), configuration)
    if event.get("source") == "aws.sagemaker":
        return _execution(_detail(event), event.get("time"))
    if event.get("trigger") in (MANUAL, SCHEDULE):
        return _request(event)
    raise EventError(f"event: source must be {events.SOURCE!r} or trigger 'schedule' or 'manual', got {dict(event)!r}")


def parse_time(text: object) -> datetime:
    """Read ISO 8601; a time without a zone is UTC."""
    if not isinstance(text, str):
        raise EventError(f"event.time: must be an ISO 8601 time, got {text!r}")
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (OverflowError, ValueError) as error:
        raise EventError(f"event.time: must be an ISO 8601 time, got {text!r}") from error


def _detail(event: Mapping[str, Any]) -> dict[str, Any]:
    detail = event.get("detail")
    if not isinstance(detail, Mapping):
        raise EventError(f"event.detail: must be an object, got {detail!r}")
    return dict(detail)


def _verdict(detail: dict[str, Any], configuration: Configuration) -> Trigger:
    try:
        verdict = events.MonitoringVerdict.from_detail(detail)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EventError(f"event.detail: is no verdict of version {events.VERDICT_VERSION}: {error}") from error
    if verdict.endpoint_name != configuration.endpoint_name:
        named = verdict.endpoint_name
        raise EventError(f"event.detail.endpoint_name: must be {configuration.endpoint_name!r}, got {named!r}")
    if verdict.verdict not in VERDICTS:
        raise EventError(f"event.detail.verdict: must be one of {', '.join(VERDICTS)}, got {verdict.verdict!r}")
    key = f"{verdict.verdict}:{verdict.window_start}"
    return Trigger(verdict.verdict, key, parse_time(verdict.window_end), str(verdict.sentence))


def _execution(detail: dict[str, Any], time: object) -> ExecutionEnded:
    arn, status = detail.get("pipelineExecutionArn"), detail.get("currentPipelineExecutionStatus")
    if not isinstance(arn, str) or not isinstance(status, str):
        raise EventError(f"event.detail: needs pipelineExecutionArn and currentPipelineExecutionStatus, got {detail!r}")
    return ExecutionEnded(arn, status, parse_time(detail.get("executionEndTime") or time))


def _request(event: Mapping[str, Any]) -> Trigger:
    kind, time = event["trigger"], parse_time(event.get("time"))
    reason = str(event.get("reason") or ("the schedule is due" if kind == SCHEDULE else "asked for by hand"))
    key = f"{kind}:{time:%Y-%m-%dT%H:%M:%SZ}" + (f":{reason}" if kind == MANUAL else "")
    return Trigger(kind, key, time, reason)
