"""What all job kinds share: their life from Create to the last event, and Describe, List and Stop."""

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from seatrial.offline.sagemaker import logs
from seatrial.offline.sagemaker.api import Operation
from seatrial.offline.sagemaker.container import Container, ContainerSpec, Exit, note_isolation
from seatrial.offline.sagemaker.errors import InUseError, SagemakerError, ValidationError, could_not_find
from seatrial.offline.sagemaker.service import Request, Response, Service, epoch_milliseconds, present
from seatrial.offline.sagemaker.simplified import note_job
from seatrial.offline.sagemaker.storage import StorageError

SECONDS_PER_DAY = 86_400


class JobFailedError(Exception):
    """The job ends as Failed with this reason."""


class JobStoppedError(Exception):
    """The job ends as Stopped: it was told to, or its time was over."""


@dataclass
class Job:
    """One job of any kind; `facts` holds what its Describe response adds to the request."""

    kind: "JobKind"
    name: str
    arn: str
    request: Request
    folder: Path
    created: datetime
    status: str = "InProgress"
    reason: str | None = None
    started: datetime | None = None
    ended: datetime | None = None
    modified: datetime | None = None
    seconds: float = 0.0
    """Real seconds that its own processes took."""
    facts: Response = field(default_factory=dict)
    container: Container | None = None
    stop_asked: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class JobKind:
    """How one kind of job is called in the API, and what runs it."""

    name: str
    """Such as "ProcessingJob"."""
    resource: str
    """Such as "processing-job"."""
    log_group: str
    event: str
    check: Callable[[Service, Request], None]
    run: Callable[[Service, Job], None]
    describe: Callable[[Job], Response]

    def key(self, suffix: str) -> str:
        """A member's name, such as `ProcessingJobName`."""
        return f"{self.name}{suffix}"


def operations(kind: JobKind) -> dict[str, Operation]:
    """The Create, Describe, List and Stop operations of a kind."""
    return {
        f"Create{kind.name}": lambda service, request: {kind.key("Arn"): submit(service, kind, request).arn},
        f"Describe{kind.name}": lambda service, request: describe(find(service, kind, request)),
        f"List{kind.name}s": lambda service, request: _list(service, kind, request),
        f"Stop{kind.name}": lambda service, request: _stop(service, find(service, kind, request)),
    }


def submit(service: Service, kind: JobKind, request: Request) -> Job:
    """Start a job; its name must be new."""
    name = request[kind.key("Name")]
    kind.check(service, request)
    arn = service.arn(kind.resource, name)
    with service.lock:
        if (kind.name, name) in service.jobs:
            raise InUseError(f"{kind.name} with name {name} already exists: {arn}")
        job = Job(kind, name, arn, request, service.folder / "jobs" / name, service.now())
        service.jobs[kind.name, name] = job
        service.set_tags(arn, request.get("Tags"))
    _announce(service, job)
    service.run(f"job-{name}", lambda: _live(service, job))
    return job


def find(service: Service, kind: JobKind, request: Request) -> Job:
    """The job that a request names."""
    name = request[kind.key("Name")]
    if (kind.name, name) not in service.jobs:
        raise could_not_find("the requested job", service.arn(kind.resource, name))
    return service.jobs[kind.name, name]


def describe(job: Job) -> Response:
    """The Describe response: the request, the status, and what the kind adds."""
    return {
        **{key: value for key, value in job.request.items() if key != "Tags"},
        **present(
            CreationTime=job.created,
            LastModifiedTime=job.modified or job.created,
            FailureReason=job.reason,
        ),
        job.kind.key("Arn"): job.arn,
        job.kind.key("Status"): job.status,
        **job.kind.describe(job),
    }


def stop_all(service: Service) -> None:
    """End every job's processes; called when the cloud stops."""
    for job in list(service.jobs.values()):
        if not job.done.is_set():
            _ask_to_stop(job)


def run_container(service: Service, job: Job, spec: ContainerSpec, timeout_seconds: float) -> Exit:
    """Run one process of the job, log to CloudWatch, and raise when it was stopped or its time was over."""
    note_isolation(service.context.journal, isolated=spec.isolated)
    note_job(service.context.journal, job.request)
    container = Container(spec)
    job.container = container
    if job.stop_asked.is_set():
        raise JobStoppedError("the job was stopped")
    container.start()
    if job.stop_asked.is_set():
        container.stop()
    end = container.wait(timeout_seconds)
    job.seconds += end.seconds
    stream = f"{job.name}/algo-1-{int(job.created.timestamp())}"
    if not service.stopping.is_set():
        logs.publish(service, job.kind.log_group, stream, spec.log)
    if end.stopped:
        raise JobStoppedError("the job was stopped")
    if end.timed_out:
        raise JobStoppedError(f"the job exceeded MaxRuntimeInSeconds={timeout_seconds:g}")
    return end


def maximum_runtime(request: Request) -> float:
    """Seconds after which the job is stopped."""
    return float(request.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", SECONDS_PER_DAY))


def environment(service: Service, job: Job, *, isolated: bool) -> dict[str, str]:
    """What any job finds in its environment; an isolated one has neither credentials nor an endpoint."""
    region = {"AWS_REGION": service.context.region, "AWS_DEFAULT_REGION": service.context.region}
    reach = {} if isolated else {**service.context.environment(), "S3_ENDPOINT_URL": service.context.url}
    return {**region, **reach, **job.request.get("Environment", {})}


def isolation(request: Request) -> bool:
    """Whether the request asks for network isolation, wherever its kind puts the switch."""
    return bool(request.get("EnableNetworkIsolation") or request.get("NetworkConfig", {}).get("EnableNetworkIsolation"))


def _live(service: Service, job: Job) -> None:
    job.started = service.now()
    try:
        job.kind.run(service, job)
        job.status = "Completed"
    except JobStoppedError as stopped:
        job.status, job.reason = "Stopped", str(stopped)
    except (JobFailedError, StorageError, SagemakerError) as failure:
        job.status, job.reason = "Failed", str(failure)[:1024]
    except Exception:
        job.status, job.reason = "Failed", f"InternalServerError: {traceback.format_exc()[-900:]}"
    job.ended = job.modified = service.now()
    _close(service, job)


def _close(service: Service, job: Job) -> None:
    try:
        service.context.journal.record(
            "job",
            name=job.name,
            job_kind=job.kind.name,
            status=job.status,
            seconds=job.seconds,
            reason=job.reason,
            folder=str(job.folder),
        )
        if not service.stopping.is_set():
            _announce(service, job)
    finally:
        job.done.set()


def _announce(service: Service, job: Job) -> None:
    times = {key: value for key, value in describe(job).items() if isinstance(value, datetime)}
    detail = {**describe(job), **{key: epoch_milliseconds(value) for key, value in times.items()}}
    service.emit(job.kind.event, detail, job.arn)


def _stop(service: Service, job: Job) -> Response:
    if job.done.is_set():
        raise ValidationError(
            f"The request was rejected because the {job.kind.resource.replace('-', ' ')} is in status {job.status}."
        )
    job.status = "Stopping"
    service.run(f"stop-{job.name}", lambda: _ask_to_stop(job))
    return {}


def _ask_to_stop(job: Job) -> None:
    job.stop_asked.set()
    if job.container is not None:
        job.container.stop()


def _list(service: Service, kind: JobKind, request: Request) -> Response:
    jobs = [job for (name, _), job in service.jobs.items() if name == kind.name and _matches(job, request)]
    jobs.sort(key=lambda job: job.created, reverse=request.get("SortOrder", "Descending") == "Descending")
    return {f"{kind.name}Summaries": [_summary(job) for job in jobs[: request.get("MaxResults", 100)]]}


def _matches(job: Job, request: Request) -> bool:
    status = request.get("StatusEquals", job.status)
    return status == job.status and request.get("NameContains", "") in job.name


def _summary(job: Job) -> Response:
    full = describe(job)
    names = ("Name", "Arn", "Status")
    times = {name: full[name] for name in ("CreationTime", "LastModifiedTime") if name in full}
    ends = {name: full[name] for name in (job.kind.key("EndTime"), "TrainingEndTime") if name in full}
    return {**{job.kind.key(name): full[job.kind.key(name)] for name in names}, **times, **ends, **_extras(job, full)}


def _extras(job: Job, full: Response) -> Response:
    if job.kind.name != "HyperParameterTuningJob":
        return {}
    names = ("TrainingJobStatusCounters", "ObjectiveStatusCounters")
    strategy = job.request["HyperParameterTuningJobConfig"]["Strategy"]
    return {**{name: full[name] for name in names}, "Strategy": strategy}
