"""Reads the environment and the event: which endpoint, and which hours are to be judged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from seatrial.contracts import environment
from seatrial.contracts.monitored_source import PAYLOAD_KEY, TABLE, MonitoredSource
from seatrial.decisions.alerting import MonitoringSettings
from seatrial.decisions.monitor_form import Form, FormLimits
from seatrial.statistics.alarm_budget import WINDOWS_PER_YEAR
from seatrial.statistics.monitor import MonitorLimits

HOUR = timedelta(hours=1)
YEAR = timedelta(hours=WINDOWS_PER_YEAR)
EXPLAIN = "explain-"
"""In the name of a job that explains, after the beginning that all jobs share."""
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class EventError(ValueError):
    """The event does not say what to monitor."""


@dataclass(frozen=True, kw_only=True)
class WindowJob:
    """The processing job that reads windows too large for the function, as the stack made it."""

    name_prefix: str
    role_arn: str
    image: str
    instance_type: str
    code_uri: str
    library_uri: str
    kms_key_arn: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]
    max_runtime_seconds: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "WindowJob":
        """Read the object that the construct wrote."""
        fields: dict[str, Any] = {name: tuple(item) if isinstance(item, list) else item for name, item in data.items()}
        return cls(**fields)


@dataclass(frozen=True, kw_only=True)
class WindowSpark:
    """The Spark job that reads windows too large for the processing job, as the stack made it."""

    application_id: str
    role_arn: str
    script_uri: str
    submit_parameters: str
    max_runtime_minutes: int


@dataclass(frozen=True, kw_only=True)
class ExplainJob:
    """The code of the job that explains; all else is as in `WindowJob`."""

    code_uri: str
    library_uri: str


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """The function's environment; a `source` is judged in the place of the endpoint, under a name of its own."""

    endpoint_name: str
    variant_name: str
    capture_bucket: str
    artifacts_bucket: str
    state_table: str
    metric_namespace: str
    event_bus_name: str
    settings: MonitoringSettings
    form_limits: FormLimits = field(default_factory=FormLimits)
    window_job: WindowJob | None = None
    window_spark: WindowSpark | None = None
    explain_job: ExplainJob | None = None
    source: MonitoredSource | None = None

    @classmethod
    def from_environment(cls, values: Mapping[str, str]) -> "Configuration":
        """Read the variables; raises `KeyError` with the name of a missing one, `SettingsError` for bad settings."""
        volume = json.loads(values.get(environment.WINDOW_JOB, "{}"))
        explain = values.get(environment.EXPLAIN_JOB)
        return cls(
            endpoint_name=values[environment.ENDPOINT_NAME],
            variant_name=values[environment.VARIANT_NAME],
            capture_bucket=values[environment.CAPTURE_BUCKET],
            artifacts_bucket=values[environment.ARTIFACTS_BUCKET],
            state_table=values[environment.STATE_TABLE],
            metric_namespace=values[environment.METRIC_NAMESPACE],
            event_bus_name=values.get(environment.EVENT_BUS_NAME, "default"),
            settings=MonitoringSettings.from_json(values.get(environment.MONITORING_SETTINGS, "{}")),
            form_limits=FormLimits.of_mib(**volume["limits"]) if volume else FormLimits(),
            window_job=WindowJob.from_json(volume["job"]) if volume else None,
            explain_job=ExplainJob(**json.loads(explain)) if explain else None,
            window_spark=WindowSpark(**volume["spark"]) if "spark" in volume else None,
        )

    def asked_by(self, event: Mapping[str, Any]) -> "Configuration":
        """The configuration for what an event asks to be judged: the source that it names, else the endpoint.

        The name of a source begins with the endpoint's and a dot, which no endpoint's has. Raises `EventError`.
        """
        if PAYLOAD_KEY not in event:
            return self
        try:
            source = MonitoredSource.from_json(event[PAYLOAD_KEY])
        except ValueError as error:
            raise EventError(f"event.{error}") from error
        settings = replace(
            self.settings,
            allowed_lateness_minutes=source.allowed_lateness_minutes,
            capture_percent=100,
        )
        # Captured lines are streamed; a file of a source is in memory as a whole, which bounds what fits.
        most, own = FormLimits(), self.form_limits
        limits = replace(
            own,
            lambda_bytes=min(own.lambda_bytes, most.lambda_bytes),
            lambda_rows=min(own.lambda_rows, most.lambda_rows),
        )
        name = f"{self.endpoint_name}.{source.name}"
        given = {"endpoint_name": name, "variant_name": source.kind, "settings": settings, "form_limits": limits}
        return replace(self, **given, source=source, explain_job=None)

    @property
    def window_length(self) -> timedelta:
        """Of the windows that are judged."""
        return self.source.length if self.source else HOUR

    def floor(self, moment: datetime) -> datetime:
        """Beginning of the window in which a moment lies."""
        return self.source.floor(moment) if self.source else moment.replace(minute=0, second=0, microsecond=0)

    @property
    def forms(self) -> tuple[Form, ...]:
        """What can read a window, the smallest first; tables need a job's libraries, and no Spark job knows sources."""
        if self.source:
            here: tuple[Form, ...] = () if self.source.kind == TABLE else ("lambda",)
            return (*here, *(("processing",) if self.window_job else ()))
        jobs: dict[Form, object] = {"processing": self.window_job, "spark": self.window_spark}
        return ("lambda", *(form for form, job in jobs.items() if job))

    @property
    def limits(self) -> MonitorLimits:
        """The settings in the words of the statistics."""
        settings = self.settings
        return MonitorLimits(
            windows_per_year=int(YEAR / self.window_length),
            minimum_rows=settings.minimum_rows,
            alarm_budget_per_year=settings.alarm_budget_per_year,
            maximum_missing_share=settings.maximum_missing_share,
            maximum_unknown_share=settings.maximum_unknown_share,
            minimum_effect=settings.minimum_effect,
            unknown_rhythm=settings.unknown_rhythm,
            loss_tolerance=settings.loss_tolerance,
            auc_tolerance=settings.auc_tolerance,
            maximum_repeated_share=settings.maximum_repeated_share,
        )


def windows_to_judge(event: Mapping[str, Any], last_window: str | None, configuration: Configuration) -> list[str]:
    """Starts of the windows to judge, oldest first: from the last judged to the newest that the watermark has passed.

    The watermark is the event's time less the allowed lateness: a window that ended later is left to the next run.
    """
    length = configuration.window_length
    newest = _watermark(event, configuration) - length
    if last_window is None or parse_time(last_window) >= newest:
        return [format_time(newest)]
    first = max(parse_time(last_window) + length, newest - length * (configuration.settings.catch_up_windows - 1))
    return [format_time(first + length * index) for index in range((newest - first) // length + 1)]


def parse_time(text: str) -> datetime:
    """Read ISO 8601; a time without a zone is UTC."""
    time = datetime.fromisoformat(text)
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def format_time(time: datetime) -> str:
    """Write ISO 8601 UTC to the second."""
    return time.strftime(TIME_FORMAT)


def is_about_explanations(event: Mapping[str, Any], configuration: Configuration) -> bool:
    """Whether the schedule asks for explanations, or a job that explained has ended."""
    job = configuration.window_job
    if configuration.explain_job is None or job is None:
        return False
    ended = str(event.get("detail", {}).get("ProcessingJobName", ""))
    return bool(event.get("explain")) or ended.startswith(f"{job.name_prefix}{EXPLAIN}")


def event_time(event: Mapping[str, Any]) -> datetime:
    """The event's time in UTC; raises `EventError`."""
    text = event.get("time")
    if not isinstance(text, str):
        raise EventError(f"event.time: must be an ISO 8601 time, got {text!r}")
    try:
        return parse_time(text)
    except ValueError as error:
        raise EventError(f"event.time: must be an ISO 8601 time, got {text!r}") from error


def _watermark(event: Mapping[str, Any], configuration: Configuration) -> datetime:
    """The newest end of a window that lies at least the allowed lateness before the event's time."""
    late = event_time(event) - timedelta(minutes=configuration.settings.allowed_lateness_minutes)
    return configuration.floor(late)
