"""EMR Serverless's job runs: submitted, started within the capacity, tried again, timed out, cancelled."""

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from seatrial.offline.sagemaker import logs
from seatrial.offline.sagemaker.storage import join_uri
from seatrial.offline.spark import configuration
from seatrial.offline.spark.api import (
    ApiError,
    ConflictError,
    NotEmulatedError,
    NotFoundError,
    Request,
    Response,
    present,
)
from seatrial.offline.spark.applications import Application, Applications, emit, new_id
from seatrial.offline.spark.capacity import Need, limit_of, need_of
from seatrial.offline.spark.engine import End, Engine, SparkJob
from seatrial.offline.spark.submission import Submission, from_job_driver

ENDED = ("SUCCESS", "FAILED", "CANCELLED")
DEFAULT_TIMEOUT_MINUTES = 720
LEAST_TIMEOUT_MINUTES = 5
DEFAULT_QUEUE_MINUTES = 360
DETAILS_LIMIT = 256
LOG_TYPES = {"stdout": "STDOUT", "stderr": "STDERR"}


@dataclass
class Attempt:
    """One try of a job run."""

    number: int
    created: datetime
    state: str = "SUBMITTED"
    details: str = ""
    updated: datetime | None = None


@dataclass
class JobRun:
    """One job run; `request` is the StartJobRun request."""

    id: str
    arn: str
    application: Application
    request: Request
    submission: Submission
    environment: dict[str, str]
    need: Need
    created: datetime
    tags: dict[str, str]
    state: str = "SUBMITTED"
    details: str = ""
    at_work: bool = False
    """Whether it holds capacity of its application."""
    updated: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    seconds: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    job: SparkJob | None = None
    cancel_asked: threading.Event = field(default_factory=threading.Event)

    @property
    def maximum_attempts(self) -> int:
        """How often it is tried at most."""
        return int(self.request.get("retryPolicy", {}).get("maxAttempts", 1))

    @property
    def timeout_minutes(self) -> int:
        """0 stands for no limit."""
        return int(self.request.get("executionTimeoutMinutes", DEFAULT_TIMEOUT_MINUTES))

    @property
    def monitoring(self) -> Request:
        """The job run's monitoring configuration, or the application's."""
        own = self.request.get("configurationOverrides", {}).get("monitoringConfiguration")
        return own if own is not None else self.application.request.get("monitoringConfiguration", {})

    def summary(self) -> Response:
        """What JobRunSummary and JobRun share."""
        last = self.attempts[-1] if self.attempts else None
        return present(
            applicationId=self.application.id,
            name=self.request.get("name"),
            arn=self.arn,
            createdBy=f"arn:aws:iam::{self.arn.split(':')[4]}:root",
            createdAt=self.created,
            updatedAt=self.updated or self.created,
            executionRole=self.request["executionRoleArn"],
            state=self.state,
            stateDetails=self.details[:DETAILS_LIMIT],
            releaseLabel=self.application.request["releaseLabel"],
            mode=self.request.get("mode", "BATCH"),
            attempt=last.number if last else None,
            attemptCreatedAt=last.created if last else None,
            attemptUpdatedAt=(last.updated or last.created) if last else None,
        )

    def describe(self) -> Response:
        """The JobRun structure."""
        hours = self.seconds / 3600
        used = {
            "vCPUHour": round(hours * self.need.vcpu, 3),
            "memoryGBHour": round(hours * self.need.memory_gb, 3),
            "storageGBHour": 0.0,
        }
        return {
            **self.summary(),
            "jobRunId": self.id,
            "jobDriver": self.request["jobDriver"],
            **present(
                configurationOverrides=self.request.get("configurationOverrides"),
                networkConfiguration=self.application.request.get("networkConfiguration"),
                retryPolicy=self.request.get("retryPolicy"),
                startedAt=self.started,
                endedAt=self.ended,
            ),
            "tags": self.tags,
            "executionTimeoutMinutes": self.timeout_minutes,
            "totalExecutionDurationSeconds": round(self.seconds),
            "totalResourceUtilization": used,
            "billedResourceUtilization": used,
        }


class JobRuns:
    """The job runs of one account."""

    def __init__(self, engine: Engine, applications: Applications) -> None:
        self.engine = engine
        self.context = engine.context
        self.applications = applications
        self.by_id: dict[str, JobRun] = {}
        self._tokens: dict[tuple[str, str], tuple[Request, str]] = {}
        self._changed = threading.Condition(applications.lock)

    def find(self, application_id: str, job_run_id: str) -> JobRun:
        """A job run; raises `NotFoundError`."""
        run = self.by_id.get(job_run_id)
        if run is None or run.application.id != application_id:
            raise NotFoundError(f"Job run {job_run_id} of application {application_id} does not exist")
        return run

    def start(self, request: Request) -> JobRun:
        """StartJobRun; the same token gives the same job run."""
        application = self.applications.find(request["applicationId"])
        token = (application.id, request["clientToken"])
        with self._changed:
            known = self._tokens.get(token)
            if known is not None:
                if known[0] != request:
                    raise ConflictError("clientToken was used with another request")
                return self.by_id[known[1]]
            run = self._new(application, request)
            if application.state != "STARTED":
                if not application.starts_itself:
                    raise ConflictError(f"Application {application.id} is {application.state}: start it first")
                self.applications.start(application)
            application.running.add(run.id)
            self.by_id[run.id] = run
            self._tokens[token] = (request, run.id)
            self._tell(run, None)
        self.engine.spawn(f"job-run-{run.id}", lambda: self._live(run))
        return run

    def cancel(self, run: JobRun) -> None:
        """CancelJobRun; one that is over stays as it is."""
        with self._changed:
            if run.state in ENDED:
                return
            run.cancel_asked.set()
            if run.state != "CANCELLING":
                self._change(run, "CANCELLING")
            self._changed.notify_all()
            job = run.job
        if job is not None:
            self.engine.spawn(f"cancel-{run.id}", job.stop)

    def wake(self) -> None:
        """Let job runs that wait for capacity look whether the cloud stops."""
        with self._changed:
            self._changed.notify_all()

    def _new(self, application: Application, request: Request) -> JobRun:
        if request.get("mode", "BATCH") != "BATCH":
            raise NotEmulatedError(f"mode {request['mode']}: the offline cloud runs job runs of mode BATCH")
        if 0 < request.get("executionTimeoutMinutes", 0) < LEAST_TIMEOUT_MINUTES:
            raise ApiError(f"RunTimeout must be at least {LEAST_TIMEOUT_MINUTES} minutes.")
        if application.state == "TERMINATED":
            raise ApiError(f"Application {application.id} is terminated. Cannot start job run.")
        if "sparkSubmit" not in request.get("jobDriver", {}):
            raise NotEmulatedError("jobDriver: the offline cloud runs sparkSubmit only")
        overrides = request.get("configurationOverrides", {}).get("applicationConfiguration", ())
        entries = configuration.merged(application.request.get("runtimeConfiguration", ()), overrides)
        settings, environment = configuration.read(entries, self.context.journal)
        submission = from_job_driver(request["jobDriver"]["sparkSubmit"]).with_defaults(settings)
        own = new_id()
        return JobRun(
            id=own,
            arn=f"{application.arn}/jobruns/{own}",
            application=application,
            request=request,
            submission=submission,
            environment=environment,
            need=need_of(submission.settings),
            created=self.context.clock.now(),
            tags=dict(request.get("tags", {})),
        )

    def _live(self, run: JobRun) -> None:
        self._proceed(run, "PENDING")
        try:
            if self._admitted(run):
                self._try_until_done(run)
        finally:
            self._release(run)

    def _admitted(self, run: JobRun) -> bool:
        """Wait for its turn and for room for a driver and one executor; False when that will never be."""
        limit = limit_of(run.application.request.get("maximumCapacity"))
        if not run.need.fits(limit):
            why = f"the job run needs at least {run.need}, the application's maximum capacity is {limit}"
            self._end(run, "FAILED", f"ApplicationMaxCapacityExceededException: {why}")
            return False
        scheduler = run.application.request.get("schedulerConfiguration", {})
        minutes = scheduler.get("queueTimeoutMinutes", DEFAULT_QUEUE_MINUTES)
        deadline = run.created + timedelta(minutes=minutes)
        with self._changed:
            while not run.cancel_asked.is_set() and not self.engine.stopping.is_set():
                active = [one.need for one in self.by_id.values() if one.application is run.application and one.at_work]
                if len(active) >= scheduler.get("maxConcurrentRuns", float("inf")):
                    self._proceed(run, "QUEUED")
                    if self.context.clock.now() > deadline:
                        self._end(run, "FAILED", f"the job run was queued for longer than {minutes} minutes")
                        return False
                else:
                    self._proceed(run, "SCHEDULED")
                    if (sum(active, Need(0, 0)) + run.need).fits(limit):
                        run.at_work, run.started = True, self.context.clock.now()
                        return True
                self._changed.wait(timeout=1.0)
        self._end(run, "CANCELLED", "")
        return False

    def _release(self, run: JobRun) -> None:
        with self._changed:
            run.at_work = False
            run.application.running.discard(run.id)
            self._changed.notify_all()
            if run.application.state == "STARTED" and not self.engine.stopping.is_set():
                self.applications.watch_idleness(run.application)

    def _try_until_done(self, run: JobRun) -> None:
        for number in range(1, run.maximum_attempts + 1):
            attempt = Attempt(number, self.context.clock.now(), "RUNNING")
            run.attempts.append(attempt)
            self._proceed(run, "RUNNING")
            end = self._attempt(run, attempt)
            run.seconds += end.seconds
            attempt.state = "SUCCESS" if end.succeeded else "CANCELLED" if end.stopped or end.timed_out else "FAILED"
            attempt.details, attempt.updated = _details(run, end), self.context.clock.now()
            if end.succeeded or end.stopped or end.timed_out or self.engine.stopping.is_set():
                break
        if end.timed_out:
            self._proceed(run, "CANCELLING")
        self._end(run, attempt.state, attempt.details)

    def _attempt(self, run: JobRun, attempt: Attempt) -> End:
        folder = self.engine.folder / run.application.id / run.id / str(attempt.number)
        run.job = SparkJob(
            kind="EMRServerlessJobRun",
            name=f"{run.application.id}/{run.id}",
            submission=run.submission,
            release=run.application.request["releaseLabel"],
            folder=folder,
            label=run.request.get("name") or "",
            environment=run.environment,
            timeout_seconds=run.timeout_minutes * 60 or None,
        )
        if run.cancel_asked.is_set():
            run.job.stop_asked.set()
        end = self.engine.run(run.job)
        self._keep_logs(run, attempt, folder)
        return end

    def _keep_logs(self, run: JobRun, attempt: Attempt, folder: Path) -> None:
        own = f"applications/{run.application.id}/jobs/{run.id}"
        # Later attempts have a folder of their own: docs.aws.amazon.com/emr/.../jobs-resiliency.html
        tries = f"/attempts/{attempt.number}" if run.maximum_attempts > 1 else ""
        place = f"{own}{tries}/SPARK_DRIVER"
        bucket = run.monitoring.get("s3MonitoringConfiguration", {})
        if bucket.get("logUri"):
            for name in LOG_TYPES:
                uri = join_uri(bucket["logUri"], place, f"{name}.gz")
                self.engine.upload_log(uri, folder / name, bucket.get("encryptionKeyArn"))
        watch = run.monitoring.get("cloudWatchLoggingConfiguration", {})
        if watch.get("enabled") and not self.engine.stopping.is_set():
            group = watch.get("logGroupName", "/aws/emr-serverless")
            prefix = watch.get("logStreamNamePrefix", "")
            for name in LOG_TYPES:
                stream = f"{prefix}/{place}/{name}" if prefix else f"{place}/{name}"
                logs.publish_lines(self.context, group, stream, folder / name)

    def _proceed(self, run: JobRun, state: str) -> None:
        with self._changed:
            if not run.cancel_asked.is_set() and run.state != state:
                self._change(run, state)

    def _end(self, run: JobRun, state: str, details: str) -> None:
        with self._changed:
            if run.cancel_asked.is_set() and state != "SUCCESS":
                state, details = "CANCELLED", details or "cancelled by request"
            run.details, run.ended = details, self.context.clock.now()
            self._change(run, state)

    def _change(self, run: JobRun, state: str) -> None:
        before, run.state = run.state, state
        run.updated = self.context.clock.now()
        self._tell(run, before)

    def _tell(self, run: JobRun, before: str | None) -> None:
        facts = run.summary()
        detail = {
            "jobRunId": run.id,
            "applicationId": run.application.id,
            "arn": run.arn,
            "releaseLabel": facts["releaseLabel"],
            "state": run.state,
            "createdBy": facts["createdBy"],
            "createdAt": facts["createdAt"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "updatedAt": facts["updatedAt"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            **({"jobRunName": run.request["name"]} if run.request.get("name") else {}),
            **({"previousState": before} if before else {}),
        }
        emit(self.context, "EMR Serverless Job Run State Change", detail)


def _details(run: JobRun, end: End) -> str:
    if end.timed_out:
        return f"Job run exceeded its execution timeout of {run.timeout_minutes} minutes"
    if end.stopped:
        return "cancelled by request"
    return (
        f"Job failed, please check complete logs in configured logging destination. {end.reason}" if end.reason else ""
    )
