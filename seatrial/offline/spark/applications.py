"""EMR Serverless's applications: their life, by calls, by the jobs that they get, and by the cloud's clock."""

import secrets
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from seatrial.offline import events
from seatrial.offline.context import CloudContext
from seatrial.offline.spark.api import (
    ApiError,
    ConflictError,
    NotEmulatedError,
    NotFoundError,
    Request,
    Response,
    present,
)
from seatrial.offline.spark.releases import spark_version

DEFAULT_IDLE_MINUTES = 15
SOURCE = "aws.emr-serverless"
STOPPED = ("CREATED", "STOPPED")
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"


def new_id() -> str:
    """An id as EMR Serverless makes them, such as `00f5abebgd4icg01`."""
    return "00f" + "".join(secrets.choice(_ALPHABET) for _ in range(13))


@dataclass
class Application:
    """One application; `request` holds what Create and Update gave it."""

    id: str
    arn: str
    request: Request
    created: datetime
    updated: datetime
    tags: dict[str, str]
    state: str = "CREATING"
    details: str = ""
    running: set[str] = field(default_factory=set)
    """Job runs that are not over."""
    idle_since: datetime | None = None

    def describe(self) -> Response:
        """The Application structure of the API."""
        copied = (
            "name",
            "releaseLabel",
            "initialCapacity",
            "maximumCapacity",
            "networkConfiguration",
            "runtimeConfiguration",
            "monitoringConfiguration",
            "workerTypeSpecifications",
            "interactiveConfiguration",
            "schedulerConfiguration",
            "diskEncryptionConfiguration",
            "imageConfiguration",
        )
        return {
            **self.summary(),
            **present(**{name: self.request.get(name) for name in copied}),
            "applicationId": self.id,
            "tags": self.tags,
            "autoStartConfiguration": {"enabled": self.starts_itself},
            "autoStopConfiguration": self.auto_stop,
        }

    def summary(self) -> Response:
        """The ApplicationSummary structure of the API."""
        return present(
            id=self.id,
            name=self.request.get("name"),
            arn=self.arn,
            releaseLabel=self.request["releaseLabel"],
            type="Spark",
            state=self.state,
            stateDetails=self.details or None,
            createdAt=self.created,
            updatedAt=self.updated,
            architecture=self.request.get("architecture", "X86_64"),
        )

    @property
    def starts_itself(self) -> bool:
        """Whether a job run starts the application."""
        return self.request.get("autoStartConfiguration", {}).get("enabled", True)

    @property
    def auto_stop(self) -> Response:
        """When the application stops by itself."""
        own = self.request.get("autoStopConfiguration", {})
        return {"enabled": True, "idleTimeoutMinutes": DEFAULT_IDLE_MINUTES, **own}


class Applications:
    """The applications of one account."""

    def __init__(self, context: CloudContext) -> None:
        self.context = context
        self.by_id: dict[str, Application] = {}
        self.lock = threading.RLock()
        self._tokens: dict[str, tuple[Request, str]] = {}

    def find(self, application_id: str) -> Application:
        """An application; raises `NotFoundError`."""
        if application_id not in self.by_id:
            raise NotFoundError(f"Application {application_id} does not exist")
        return self.by_id[application_id]

    def create(self, request: Request) -> Application:
        """CreateApplication; the same token gives the same application."""
        _check(request)
        with self.lock:
            known = self._tokens.get(request["clientToken"])
            if known is not None:
                if known[0] != request:
                    raise ConflictError("clientToken was used with another request")
                return self.find(known[1])
            now = self.context.clock.now()
            own = new_id()
            arn = f"arn:aws:emr-serverless:{self.context.region}:{self.context.account}:/applications/{own}"
            kept = {name: value for name, value in request.items() if name not in ("tags", "clientToken")}
            application = Application(own, arn, kept, now, now, dict(request.get("tags", {})))
            self.by_id[own] = application
            self._tokens[request["clientToken"]] = (request, own)
            self._tell(application, None)
            self.change(application, "CREATED")
        self._note(request)
        return application

    def update(self, application: Application, request: Request) -> None:
        """UpdateApplication: only while it is stopped."""
        with self.lock:
            self._require(application, STOPPED)
            changes = {name: value for name, value in request.items() if name not in ("applicationId", "clientToken")}
            _check({**application.request, **changes})
            application.request.update(changes)
            application.updated = self.context.clock.now()

    def start(self, application: Application) -> None:
        """StartApplication; starting a started one changes nothing."""
        with self.lock:
            if application.state == "STARTED":
                return
            self._require(application, STOPPED)
            self.change(application, "STARTING")
            self.change(application, "STARTED")
            self.watch_idleness(application)

    def stop(self, application: Application, details: str = "") -> None:
        """StopApplication: not while job runs are at work."""
        with self.lock:
            if application.state in STOPPED:
                return
            if application.running:
                raise ApiError(
                    f"Application {application.id} has job runs that are not finished: "
                    f"{', '.join(sorted(application.running))}"
                )
            self.change(application, "STOPPING")
            application.details = details
            self.change(application, "STOPPED")

    def delete(self, application: Application) -> None:
        """DeleteApplication: only while it is stopped; it is described as TERMINATED afterwards."""
        with self.lock:
            self._require(application, STOPPED)
            self.change(application, "TERMINATED")

    def change(self, application: Application, state: str) -> None:
        """Put the application into a state and tell EventBridge."""
        before, application.state = application.state, state
        application.updated = self.context.clock.now()
        self._tell(application, before)

    def watch_idleness(self, application: Application) -> None:
        """Stop the application when it has had no job run for as long as it says, by the cloud's clock."""
        stop = application.auto_stop
        if not stop["enabled"] or application.running:
            return
        application.idle_since = since = self.context.clock.now()

        def end() -> None:
            with self.lock:
                if application.state == "STARTED" and application.idle_since == since and not application.running:
                    self.stop(application, "AutoStopped after idle timeout")

        self.context.clock.at(since + timedelta(minutes=stop["idleTimeoutMinutes"]), end)

    def _require(self, application: Application, states: tuple[str, ...]) -> None:
        if application.state not in states:
            raise ApiError(
                f"Application {application.id} must be in of the following statuses [{', '.join(states)}]. "
                f"Current status: {application.state}"
            )

    def _tell(self, application: Application, before: str | None) -> None:
        detail = {
            "applicationId": application.id,
            "applicationName": application.request.get("name", ""),
            "arn": application.arn,
            "releaseLabel": application.request["releaseLabel"],
            "state": application.state,
            "type": "SPARK",
            "createdAt": _stamp(application.created),
            "updatedAt": _stamp(application.updated),
            "autoStartConfig": {"enabled": application.starts_itself},
            "autoStopConfig": application.auto_stop,
            **({"previousState": before} if before else {}),
        }
        emit(self.context, "EMR Serverless Application State Change", detail)

    def _note(self, request: Request) -> None:
        detail = "applications have no workers: capacity is counted, architecture and network are kept only"
        self.context.journal.fidelity("EMR Serverless workers", "not-proven", detail)
        if request.get("imageConfiguration"):
            detail = "the custom image was not run: jobs ran with this machine's Python and libraries"
            self.context.journal.fidelity("EMR Serverless custom image", "not-proven", detail)


def emit(context: CloudContext, detail_type: str, detail: dict[str, Any]) -> None:
    """Put an event of EMR Serverless on the default bus."""
    events.emit(context, source=SOURCE, detail_type=detail_type, detail=detail, resources=[detail["arn"]])


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check(request: Request) -> None:
    spark_version(request["releaseLabel"])
    if request["type"].lower() != "spark":
        raise NotEmulatedError(f"type {request['type']!r}: the offline cloud runs applications of type Spark")
