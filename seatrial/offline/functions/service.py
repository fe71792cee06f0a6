"""The functions of one running cloud: their warm processes, and one invocation from event to answer and log."""

import json
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction, lambda_backends
from moto.core.exceptions import JsonRESTError

from seatrial.offline.context import CloudContext
from seatrial.offline.functions import logs, packages
from seatrial.offline.functions.worker import Answer, Launch, Worker

UNRESERVED_CONCURRENCY = 8
"""Processes of one function at a time when it reserves nothing: an account's 1,000, cut to a workstation."""


class FunctionError(Exception):
    """A function ended with an unhandled error; `document` is what Lambda answers, `log` the lines it wrote."""

    def __init__(self, name: str, document: Any, log: tuple[str, ...]) -> None:
        self.document = document
        self.log = log
        kind = document.get("errorType", "Error") if isinstance(document, dict) else "Error"
        message = document.get("errorMessage", document) if isinstance(document, dict) else document
        super().__init__(f"function {name}: {kind}: {message}")


class ThrottledError(Exception):
    """All the concurrency that the function reserves is in use."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One finished run of a function; `payload` is JSON text, `error` None or what `FunctionError` in Lambda says."""

    request_id: str
    payload: str
    error: str | None
    log: tuple[str, ...]


class Functions:
    """Warm processes by function; one instance for each running cloud."""

    def __init__(self, context: CloudContext) -> None:
        self.context = context
        self.folder = context.folder / "functions"
        self.settle: Callable[[], Any] = lambda: None
        """Waits until no asynchronous work is at hand; set once everything that works is there."""
        self._idle: dict[str, list[Worker]] = defaultdict(list)
        self._busy: dict[str, int] = defaultdict(int)
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def find(self, name_or_arn: str) -> LambdaFunction:
        """A function by name, ARN or qualified ARN; raises moto's ResourceNotFound error."""
        name, _, qualifier = name_or_arn.rpartition(":function:")[2].partition(":")
        backend = lambda_backends[self.context.account][self.context.region]
        return backend.get_function(name, qualifier or None)

    def run(self, function: LambdaFunction, event: str, *, trigger: str) -> Invocation:
        """Run one event to its end; raises `ThrottledError` when no process may be used."""
        worker = self._take(function)
        request_id = str(uuid.uuid4())
        try:
            answer = worker.invoke(
                event,
                request_id=request_id,
                arn=function.function_arn,
                timeout_seconds=float(function.timeout),
            )
        finally:
            self._give_back(function, worker)
        answer = _within_memory(answer, int(function.memory_size), request_id)
        return self._finish(function, worker, answer, request_id, trigger)

    def is_busy(self) -> bool:
        """Whether any function runs at this moment."""
        with self._lock:
            return any(self._busy.values())

    def discard(self, name: str) -> None:
        """End the idle processes of a function that changed or was deleted."""
        with self._lock:
            workers = self._idle.pop(name, [])
        self._end(workers)

    def stop(self) -> None:
        """End every process."""
        with self._lock:
            self._stopped = True
            self._idle.clear()
            workers = list(self._workers)
        self._end(workers)

    def _take(self, function: LambdaFunction) -> Worker:
        name = function.function_name
        reserved = function.reserved_concurrency
        limit = UNRESERVED_CONCURRENCY if reserved is None else int(reserved)
        with self._lock:
            throttled = self._stopped or self._busy[name] >= limit
            self._busy[name] += not throttled
        if throttled:
            _count_throttle(self.context, name)
            raise ThrottledError(f"function {name}: all of its concurrency of {limit} is in use")
        try:
            return self._warm(name, self._launch(function))
        except BaseException:
            with self._lock:
                self._busy[name] -= 1
            raise

    def _warm(self, name: str, launch: Launch) -> Worker:
        with self._lock:
            stale = [worker for worker in self._idle[name] if worker.launch != launch]
            fresh = [worker for worker in self._idle[name] if worker.launch == launch]
            self._idle[name] = fresh[:-1]
        self._end(stale)
        if fresh:
            return fresh[-1]
        worker = Worker(launch, self.context.clock)
        with self._lock:
            self._workers.add(worker)
        return worker

    def _give_back(self, function: LambdaFunction, worker: Worker) -> None:
        name = function.function_name
        with self._lock:
            self._busy[name] -= 1
            # A function may be deleted while it runs: then nobody would ever end its process.
            alive = worker.alive and not self._stopped and self._is_there(function)
            if alive:
                self._idle[name].append(worker)
        if not alive:
            self._end([worker])

    def _is_there(self, function: LambdaFunction) -> bool:
        try:
            return self.find(function.function_arn) is not None
        except JsonRESTError:
            return False

    def _end(self, workers: list[Worker]) -> None:
        for worker in workers:
            worker.kill()
            with self._lock:
                self._workers.discard(worker)

    def _launch(self, function: LambdaFunction) -> Launch:
        backend = lambda_backends[function.account_id][function.region]
        code = packages.unpack(function.code_bytes, self.folder / "code")
        paths: list[Path] = []
        for layer in function.layers:
            version = backend.layers_versions_by_arn(layer["Arn"])
            if version is not None:
                paths += packages.layer_paths(packages.unpack(version.code_bytes, self.folder / "layers"))
        paths.append(packages.runtime_libraries(self.folder / "runtime"))
        scratch = self.folder / "tmp" / function.function_name
        return Launch(code=code, paths=tuple(paths), environment=self._environment(function, code), scratch=scratch)

    def _environment(self, function: LambdaFunction, code: Path) -> tuple[tuple[str, str], ...]:
        name = function.function_name
        reserved = {
            "_HANDLER": str(function.handler),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_LOG_GROUP_NAME": logs.group_of(function),
            "AWS_LAMBDA_LOG_STREAM_NAME": logs.stream_of(function),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "LAMBDA_TASK_ROOT": str(code),
        }
        defaults = {
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "TMPDIR": str(self.folder / "tmp" / name),
            "POWERTOOLS_TRACE_DISABLED": "true",
            "AWS_XRAY_SDK_ENABLED": "false",
        }
        own = {key: str(value) for key, value in function.environment_vars.items()}
        return tuple(sorted({**defaults, **own, **self.context.environment(), **reserved}.items()))

    def _finish(
        self, function: LambdaFunction, worker: Worker, answer: Answer, request_id: str, trigger: str
    ) -> Invocation:
        report = logs.report(function, answer, request_id)
        logs.write(self.context, function, answer.lines, report, request_id)
        _count(self.context, function.function_name, answer)
        self.context.journal.record(
            "function",
            name=function.function_name,
            trigger=trigger,
            status="succeeded" if answer.ok else "failed",
            error=None if answer.ok else answer.payload[:2000],
            seconds=round(answer.seconds, 3),
            init_seconds=round(answer.init_seconds, 3),
            memory_mib=answer.memory_kib // 1024,
            request_id=request_id,
        )
        error = None if answer.ok else "Unhandled"
        return Invocation(request_id=request_id, payload=answer.payload, error=error, log=(*answer.lines, *report))


def _count(context: CloudContext, name: str, answer: Answer) -> None:
    from seatrial.offline.alarms import service_metrics

    service_metrics.count_invocation(context, name, failed=not answer.ok, seconds=answer.seconds)


def _count_throttle(context: CloudContext, name: str) -> None:
    from seatrial.offline.alarms import service_metrics

    service_metrics.count_throttle(context, name)


def _within_memory(answer: Answer, limit_mib: int, request_id: str) -> Answer:
    if answer.memory_kib <= limit_mib * 1024:
        return answer
    message = f"RequestId: {request_id} Error: Runtime exited with error: signal: killed"
    payload = json.dumps({"errorType": "Runtime.OutOfMemory", "errorMessage": message})
    why = f"{answer.memory_kib // 1024} MiB were used of {limit_mib}"
    return Answer(
        ok=False,
        payload=payload,
        seconds=answer.seconds,
        memory_kib=answer.memory_kib,
        init_seconds=answer.init_seconds,
        lines=(*answer.lines, message, why),
    )


_current: list[Functions] = []


def current() -> Functions:
    """The functions of the running cloud."""
    return _current[-1]


def start(context: CloudContext) -> Functions:
    """Begin with no process, for a cloud that starts."""
    functions = Functions(context)
    _current[:] = [functions]
    context.stopping.append(functions.stop)
    return functions
