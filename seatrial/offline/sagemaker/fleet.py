"""A fleet: the one local process that stands for a variant's instances, and kept-alive connections to it."""

import contextlib
import queue
import secrets
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from seatrial.offline.sagemaker import logs, storage
from seatrial.offline.sagemaker.container import OPT_ML, Container, ContainerSpec
from seatrial.offline.sagemaker.images import note_version, parse_image
from seatrial.offline.sagemaker.models import ModelContainer
from seatrial.offline.sagemaker.programs_table import stage
from seatrial.offline.sagemaker.service import Service
from seatrial.offline.wire import Wire

STARTUP_SECONDS = 300.0
INVOCATION_SECONDS = 60.0
SUBMIT_DIRECTORY = "SAGEMAKER_SUBMIT_DIRECTORY"


class FleetError(Exception):
    """The container does not start; the sentence becomes the endpoint's FailureReason."""


@dataclass(frozen=True)
class Answer:
    """What the container answered."""

    status: int
    content_type: str
    body: bytes
    custom_attributes: str | None = None


@dataclass
class Fleet:
    """One variant's process under one endpoint configuration."""

    endpoint: str
    variant: str
    model: str
    container: ModelContainer
    folder: Path
    instances: int
    weight: float
    port: int = 0
    process: Container | None = None
    _idle: "queue.LifoQueue[Wire]" = field(default_factory=queue.LifoQueue)
    _restarting: threading.Lock = field(default_factory=threading.Lock)

    def start(self, service: Service) -> None:
        """Fetch the model, start the process and wait for its ping; raises `FleetError` with the log's end."""
        try:
            image = parse_image(self.container.image)
            self._fetch(service)
        except Exception as error:
            raise FleetError(str(error)) from error
        note_version(service.context.journal, image)
        service.context.journal.fidelity(
            f"{image.repository} endpoint", "aws-code", "AWS's sagemaker-inference toolkit ran the model's code"
        )
        with service.context.journal.working("model"):
            self._spawn(service, image.family.name)
            self._wait_for_ping(service)

    def invoke(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send one request to the process; raises OSError when it cannot answer."""
        wire = self._take()
        try:
            reply = wire.post("/invocations", body, headers)
        except BaseException:
            wire.close()
            raise
        self._idle.put(wire)
        return Answer(
            reply.status,
            reply.headers.get("content-type", "application/octet-stream"),
            reply.body,
            reply.headers.get("x-amzn-sagemaker-custom-attributes"),
        )

    def revive(self, service: Service) -> None:
        """Start the process again when it has died, as SageMaker restarts a container."""
        if self.process is None or self.process.alive() or not self._restarting.acquire(blocking=False):
            return
        try:
            self.process.stop()
            self.start(service)
        except FleetError as error:
            service.context.journal.record("endpoint", name=self.endpoint, status="RestartFailed", reason=str(error))
        finally:
            self._restarting.release()

    def stop(self, service: Service | None = None) -> None:
        """End the process; its log goes to CloudWatch when a service is given."""
        while not self._idle.empty():
            self._idle.get_nowait().close()
        if self.process is not None:
            self.process.stop()
            if service is not None and self.process.spec.log.exists():
                self._publish_log(service)

    def _take(self) -> Wire:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return Wire(self.port, timeout_seconds=INVOCATION_SECONDS)

    def _fetch(self, service: Service) -> None:
        ml = self.folder / "ml"
        (ml / "model").mkdir(parents=True, exist_ok=True)
        s3 = service.context.client("s3")
        if self.container.data_url:
            archive = storage.fetch_file(s3, self.container.data_url, self.folder / "model.tar.gz")
            storage.unpack(archive, ml / "model")
        source = self.container.environment.get(SUBMIT_DIRECTORY, "")
        if source.startswith("s3://"):
            storage.unpack(storage.fetch_file(s3, source, self.folder / "sourcedir.tar.gz"), ml / "code")

    def _spawn(self, service: Service, family: str) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(128)
            self.port = listener.getsockname()[1]
            descriptor = listener.fileno()
            program = stage("endpoint_server.py", self.folder)
            spec = ContainerSpec(
                folder=self.folder,
                command=(sys.executable, program, str(descriptor), family),
                environment=self._environment(service),
                isolated=self.container.isolated,
                inherit=(descriptor,),
            )
            self.process = Container(spec)
            self.process.start()

    def _environment(self, service: Service) -> dict[str, str]:
        given = dict(self.container.environment)
        if given.get(SUBMIT_DIRECTORY, "").startswith("s3://"):
            given[SUBMIT_DIRECTORY] = f"{OPT_ML}/code"
        region = {"AWS_REGION": service.context.region, "AWS_DEFAULT_REGION": service.context.region}
        reach = {} if self.container.isolated else service.context.environment()
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        return {**region, **reach, **threads, **given}

    def _wait_for_ping(self, service: Service) -> None:
        deadline = time.monotonic() + STARTUP_SECONDS
        while time.monotonic() < deadline and not service.stopping.is_set():
            if self._ping():
                return
            if self.process is None or not self.process.alive():
                break
            time.sleep(0.05)
        self.stop(service)
        end = logs.tail(self.folder / "output.log", lines=5, characters=500)
        raise FleetError(
            f"The primary container for production variant {self.variant} did not pass the ping health check. "
            f"Please check CloudWatch logs for this endpoint. Log ends: {end}"
        )

    def _ping(self) -> bool:
        # The socket listens before the model is loaded, so this waits in the backlog until it is.
        with contextlib.suppress(OSError), contextlib.closing(Wire(self.port, timeout_seconds=STARTUP_SECONDS)) as wire:
            return wire.get("/ping").status == 200
        return False

    def _publish_log(self, service: Service) -> None:
        if not service.stopping.is_set():
            stream = f"{self.variant}/i-{secrets.token_hex(8)}"
            logs.publish(service, f"/aws/sagemaker/Endpoints/{self.endpoint}", stream, self.folder / "output.log")
