"""Runs Spark jobs as processes of this machine, for EMR's steps and EMR Serverless's job runs alike."""

import contextlib
import gzip
import re
import shlex
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from seatrial.offline.context import CloudContext
from seatrial.offline.sagemaker import logs, storage
from seatrial.offline.sagemaker.container import Container, ContainerSpec
from seatrial.offline.spark import command
from seatrial.offline.spark.api import ApiError
from seatrial.offline.spark.gateway import Gateway
from seatrial.offline.spark.objects import NoSuchPathError, View
from seatrial.offline.spark.releases import spark_for
from seatrial.offline.spark.submission import Submission

JOIN_SECONDS = 10.0
_SH = 'exec "$@" >>"$0/stdout" 2>>"$0/stderr"'
_PYTHON = """#!/bin/sh
exec {python} "$@" >>{log} 2>&1
"""
_CAUSE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Exit)\b|\w[\w. ]*Error:)")


@dataclass
class SparkJob:
    """One run of a submission; `kind`, `name` and the user's own `label` are how the journal tells of it."""

    kind: str
    name: str
    submission: Submission
    release: str
    folder: Path
    label: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    key_arn: str | None = None
    """KMS key of what it writes, when it is not left to the buckets."""
    timeout_seconds: float | None = None
    container: Container | None = None
    stop_asked: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End its processes."""
        self.stop_asked.set()
        if self.container is not None:
            self.container.stop()

    def log(self, name: str) -> Path:
        """Its `stdout` or `stderr`."""
        return self.folder / name


@dataclass(frozen=True)
class End:
    """How a job ended: `reason` is empty after success."""

    succeeded: bool
    seconds: float = 0.0
    reason: str = ""
    stopped: bool = False
    timed_out: bool = False


class Engine:
    """The jobs of one cloud."""

    def __init__(self, context: CloudContext) -> None:
        self.context = context
        self.folder = context.folder / "spark"
        self.stopping = threading.Event()
        self._gateway = Gateway()
        self._jobs: dict[int, SparkJob] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Run `work` on a thread of its own, joined when the cloud stops."""
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End every job's processes and wait for who ran them."""
        self.stopping.set()
        with self._lock:
            jobs, threads = list(self._jobs.values()), list(self._threads)
        for job in jobs:
            job.stop()
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=JOIN_SECONDS)
        self._gateway.stop()

    def run(self, job: SparkJob) -> End:
        """Run a job to its end; never raises."""
        job.folder.mkdir(parents=True, exist_ok=True)
        view = View(self.context, job.folder / "uploads", job.key_arn)
        token = self._gateway.open(view)
        with self._lock:
            self._jobs[id(job)] = job
        try:
            end = self._run(job, view, token)
        except (storage.StorageError, ApiError, NoSuchPathError) as error:
            end = End(False, reason=str(error))
        except Exception as error:
            self.context.journal.record("fault", api=job.kind, error=repr(error), trace=traceback.format_exc())
            end = End(False, reason=f"the offline cloud failed, its journal has the trace: {error!r}")
        finally:
            self._gateway.close(token)
            with self._lock:
                del self._jobs[id(job)]
        self._tell(job, view, end)
        return end

    def _run(self, job: SparkJob, view: View, token: str) -> End:
        spark = spark_for(job.release, self.context.journal)
        local = self._staged(job)
        uris = job.submission.arguments
        # Also buckets that are asked for and not there: the gateway says so, Hadoop would speak of mount tables.
        names = sorted({*self._buckets(), *command.buckets_of(uris)})
        buckets = {name: self._gateway.uri(token, name) for name in names}
        place = command.Place(spark=spark, folder=job.folder, buckets=buckets, input_bytes=_bytes_below(view, uris))
        spec = ContainerSpec(
            folder=job.folder,
            command=("/bin/sh", "-c", _SH, str(job.folder), *command.java_command(local, place, self.context.journal)),
            environment={
                **self.context.environment(),
                **command.environment(job.submission, place),
                "PYSPARK_DRIVER_PYTHON": _driver_python(job, spark.python),
                **job.environment,
            },
        )
        self._note(job)
        container = job.container = Container(spec)
        if job.stop_asked.is_set():
            return End(False, reason="it was cancelled before it began", stopped=True)
        container.start()
        if job.stop_asked.is_set():
            container.stop()
        end = container.wait(job.timeout_seconds)
        reason = "" if end.code == 0 or end.stopped else f"exit code {end.code}: {failure(job)}"
        clean = end.code == 0 and not end.stopped and not end.timed_out
        return End(clean, end.seconds, reason, end.stopped, end.timed_out)

    def _staged(self, job: SparkJob) -> Submission:
        """The submission with its files on this machine; raises `StorageError` when one is not there."""
        s3 = self.context.client("s3")

        def fetch(uri: str) -> str:
            place, _, alias = uri.partition("#")
            path = storage.fetch_file(s3, place, job.folder / "code" / place.rpartition("/")[2])
            return f"{path}#{alias}" if alias else str(path)

        asked = job.submission
        return Submission(
            script=fetch(asked.script),
            arguments=asked.arguments,
            settings=asked.settings,
            py_files=tuple(map(fetch, asked.py_files)),
            files=tuple(map(fetch, asked.files)),
            archives=tuple(map(fetch, asked.archives)),
            jars=tuple(map(fetch, asked.jars)),
        )

    def _buckets(self) -> list[str]:
        return sorted(s3_backends[self.context.account]["aws"].buckets)

    def _note(self, job: SparkJob) -> None:
        journal = self.context.journal
        where = command.master()
        how = "emulated" if where.startswith("local[") else "real"
        journal.fidelity("Spark cluster", how, f"Spark's own code ran the jobs, on {where} of this machine")
        detail = "s3:// is this cloud's S3 through Hadoop's file systems; EMRFS and its tuning are not there"
        journal.fidelity("EMRFS", "emulated", detail)

    def _tell(self, job: SparkJob, view: View, end: End) -> None:
        status = "Completed" if end.succeeded else "Stopped" if end.stopped else "Failed"
        self.context.journal.record(
            "job",
            name=job.name,
            label=job.label or None,
            type=job.kind,
            status=status,
            seconds=end.seconds,
            reason=end.reason or None,
            script=job.submission.script,
            read_bytes=view.read_bytes,
            written_objects=view.written_objects,
            written_bytes=view.written_bytes,
        )

    def upload_log(self, uri: str, path: Path, key_arn: str | None) -> None:
        """Write a log, compressed, where the service would; a bucket that is not there is told, not raised."""
        if self.stopping.is_set():
            return
        content = gzip.compress(path.read_bytes() if path.exists() else b"", compresslevel=1, mtime=0)
        bucket, key = storage.parse_uri(uri)
        try:
            storage.put(self.context.client("s3"), bucket, key, content, key_arn)
        except storage.StorageError as error:
            self.context.journal.record("fault", api="spark logs", error=str(error))


def _driver_python(job: SparkJob, python: str) -> str:
    """The driver's Python, writing its log itself.

    Spark copies what a script prints on a thread that its own exit cuts off: a script that fails early would fail
    without a word. As with Spark, stdout has the script's errors too.
    """
    path = job.folder / "python"
    path.write_text(_PYTHON.format(python=shlex.quote(python), log=shlex.quote(str(job.log("stdout")))))
    path.chmod(0o755)
    return str(path)


def failure(job: SparkJob) -> str:
    """The error's own line, then the end of the log that holds it; a script's own errors are in stdout."""
    found = [logs.tail(job.log("stdout")), logs.tail(job.log("stderr")), logs.tail(job.folder / "output.log")]
    texts = [text for text in found if text]
    for text in texts:
        causes = [line for line in text.splitlines() if _CAUSE.match(line)]
        if causes:
            return _first(causes[-1], text)
    return _first(texts[0].splitlines()[-1], texts[0]) if texts else "the logs are empty"


def _first(line: str, text: str) -> str:
    return text if text == line else f"{line}\n{text}"


def _bytes_below(view: View, uris: tuple[str, ...]) -> int:
    """Bytes of the objects that the arguments name: a guess at what the job will read."""
    total = 0
    for uri in uris:
        if uri.startswith("s3://"):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            with contextlib.suppress(NoSuchPathError, ClientError):
                total += sum(entry.size for entry in view.below(bucket, key.rstrip("/")))
    return total
